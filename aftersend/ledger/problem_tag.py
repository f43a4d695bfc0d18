"""The tag that an order carries in Afterbuy while it has a problem: which one, and whether Afterbuy has to be changed.

A problem is known by its code and its begin. The entry keeps for which problem the tag was set, so it is set once per
problem, and a person who removes it has the last word. When the problem ends, or another one takes its place, what was
set is removed. An ``unreadable`` order is left alone, and notices never have a tag.
"""

from typing import Final

from aftersend.ledger.entry import Entry, ProblemTag
from aftersend.tenant.document import WriteBack

UNTAGGED: Final = "unreadable"


def wanted_tag(entry: Entry, settings: WriteBack) -> ProblemTag | None:
    """Return the tag of the present problem; None if there is no problem, or it has no tag."""
    problem = entry.problem
    if problem is None or problem.code == UNTAGGED:
        return None
    name = settings.problem_tags.get(problem.code, settings.problem_tag).strip()
    return ProblemTag(name, problem.code, problem.since) if name else None


def is_tag_due(entry: Entry, settings: WriteBack) -> bool:
    """Return whether a problem began or ended since Afterbuy got its tag."""
    known, wanted = entry.problem_tag, wanted_tag(entry, settings)
    return problem_of(known) != problem_of(wanted)


def problem_of(tag: ProblemTag | None) -> tuple[str, int] | None:
    """Return which problem a tag stands for."""
    return (tag.code, tag.since) if tag else None
