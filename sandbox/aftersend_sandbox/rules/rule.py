"""One rule with its count of cases and its violations."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_NAMED = 20
"""How many offending orders a rule names; the count is always complete."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What was checked and where it failed; a rule that met no case is not kept: it proves nothing."""

    name: str
    text: str
    checked: int
    violations: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """True if there were cases and none was violated."""
        return self.checked > 0 and not self.violations

    def as_json(self) -> dict[str, Any]:
        """Return it for the control API."""
        return {
            "name": self.name,
            "text": self.text,
            "checked": self.checked,
            "violated": len(self.violations),
            "kept": self.kept,
            "orders": list(self.violations[:MAX_NAMED]),
        }


Case = tuple[str, bool]
"""(OrderID or parcel id, whether the rule was kept)"""


def rule(name: str, text: str, cases: Iterable[Case]) -> RuleResult:
    """Count the cases and collect what was violated."""
    found = list(cases)
    return RuleResult(name, text, len(found), tuple(key for key, kept in found if not kept))
