"""The indexes: sorted sets of OrderIDs, updated by the same script that writes the entry.

=====================  ==========================  ===========================================
index                  score (ms)                  who is in it
=====================  ==========================  ===========================================
``orders``             last change                 every entry
``watched``            since when                  orders that are read again in every run
``open``               last push                   transferred (accepted or confirmed), without label
``lagging``            since when                  Afterbuy does not show yet what was observed
``tagged``             since when                  orders that got a tag in Afterbuy because of a problem
``problem-<code>``     since when                  orders that a person must look at
``notice-<code>``      since when                  orders that were sent without data that may be missed
=====================  ==========================  ===========================================
"""

from typing import get_args

from aftersend.ledger.entry import Entry, NoticeCode, ProblemCode

PROBLEM_CODES: tuple[ProblemCode, ...] = get_args(ProblemCode)
NOTICE_CODES: tuple[NoticeCode, ...] = get_args(NoticeCode)
PROBLEM_INDEXES = tuple(f"problem-{code}" for code in PROBLEM_CODES)
NOTICE_INDEXES = tuple(f"notice-{code}" for code in NOTICE_CODES)
INDEXES = ("orders", "watched", "open", "lagging", "tagged", *PROBLEM_INDEXES, *NOTICE_INDEXES)
INDEX_PLACES = {name: place for place, name in enumerate(INDEXES, start=1)}
"""As the script counts them."""
_OPEN = ("accepted", "confirmed")


def positions(entry: Entry) -> dict[str, int]:
    """Return index name -> score, for the indexes that the entry stands in."""
    found = {"orders": entry.touched}
    if entry.watched:
        found["watched"] = entry.watched
    if entry.state in _OPEN:
        found["open"] = entry.pushed
    if entry.lagging:
        found["lagging"] = entry.lagging
    if entry.problem_tag is not None:
        found["tagged"] = entry.problem_tag.since
    if entry.problem is not None:
        found[f"problem-{entry.problem.code}"] = entry.problem.since
    for notice in entry.notices:
        name = f"notice-{notice.code}"
        found[name] = min(found.get(name, notice.since), notice.since)
    return found
