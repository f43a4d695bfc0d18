"""Rules of the tags that orders with a problem carry: which names would hold an order for good, and which codes exist.

An order whose problem's tag stands in ``export.only.notTags`` would not be sent while it has the problem, and the
problem would not end; one whose tag stands in ``export.only.tags`` would not be wanted any more as soon as it ends.
Names are compared in any letter case, without blanks around them; the API server folds ASCII letters only.
"""

from collections.abc import Iterable
from typing import Final

from aftersend.tenant.document import Spec, WriteBack

TAGGED_PROBLEMS: Final = (
    *("rejected", "not_saved", "deleted_in_sendcloud", "given_up", "changed_after_transfer", "withdrawn"),
    *("conflict", "tag_refused", "not_shown", "too_late"),
)
"""Every problem but ``unreadable``."""
CODES_CURE: Final = f"use codes of problems: {', '.join(TAGGED_PROBLEMS)}"
CODES_CEL: Final = f"!has(self.problemTags) || self.problemTags.all(code, code in {list(TAGGED_PROBLEMS)})"
SAME_CURE: Final = "a problem's tag cannot be writeBack.tag: use another name in writeBack.{field} or writeBack.tag"
HOLDS_CURE: Final = (
    "a problem's tag would hold the order for good: use another name in writeBack.{field},"
    " or take it out of export.only.{wanted}"
)
LISTS: Final = ("tags", "notTags")
FIELDS: Final = ("problemTag", "problemTags")


def same_cel(field: str) -> str:
    """Return the rule that no tag of ``field`` is ``writeBack.tag``."""
    if field == "problemTag":
        return f"{_folded('self.problemTag')} == '' || {_folded('self.problemTag')} != {_folded('self.tag')}"
    one = _folded("self.problemTags[code]")
    return f"!has(self.problemTags) || self.problemTags.all(code, {one} == '' || {one} != {_folded('self.tag')})"


def holds_cel(field: str, wanted: str) -> str:
    """Return the rule that no tag of ``field`` stands in ``export.only.<wanted>``."""
    names, back = f"self.export.only.{wanted}", "self.writeBack.problemTag"
    if field == "problemTag":
        return f"!has({names}) || !{names}.exists(name, {_folded('name')} == {_folded(back)})"
    found = f"{names}.exists(name, {_folded('name')} == {_folded(f'{back}s[code]')})"
    return f"!has({names}) || !has({back}s) || {back}s.all(code, !{found})"


def has_known_codes(section: WriteBack) -> bool:
    """Return whether every code is that of a problem."""
    return section.problem_tags.keys() <= set(TAGGED_PROBLEMS)


def is_other_tag(field: str, section: WriteBack) -> bool:
    """Return whether no tag of ``field`` is ``writeBack.tag``."""
    return not folded(_tags(field, section)) & folded([section.tag])


def holds_no_order(field: str, wanted: str, section: Spec) -> bool:
    """Return whether no tag of ``field`` stands in ``export.only.<wanted>``."""
    only = section.export.only
    return not folded(_tags(field, section.write_back)) & folded(only.tags if wanted == "tags" else only.not_tags)


def folded(names: Iterable[str]) -> set[str]:
    """Return names as they are compared, without blank ones."""
    return {name.strip().casefold() for name in names} - {""}


def _tags(field: str, section: WriteBack) -> list[str]:
    return [section.problem_tag] if field == "problemTag" else list(section.problem_tags.values())


def _folded(text: str) -> str:
    return f"{text}.trim().lowerAscii()"
