"""What was stored and what was refused within the last hour, for ``/readyz?verbose``.

Counted by minute, so a flood of unsigned requests costs no memory.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aftersend.stream.event import rfc3339

_MINUTES: Final = 60
_SHOWN: Final = {"stored": "Stored", "wrong_signature": "Refused"}
"""Outcomes that a person must be able to compare, and their names."""


@dataclass(slots=True)
class RecentWebhooks:
    """Counts of one process and tenant."""

    clock: Callable[[], float] = time.time
    _counts: dict[str, Counter[int]] = field(default_factory=lambda: {outcome: Counter() for outcome in _SHOWN})
    """By outcome, then by minute."""
    _last: dict[str, float] = field(default_factory=dict)
    _refused_since: float = 0.0

    def record(self, outcome: str) -> None:
        """Count one webhook; outcomes that are not shown are ignored."""
        if outcome in _SHOWN:
            now = self.clock()
            if outcome == "wrong_signature" and not self.refused_since():
                self._refused_since = now
            self._last[outcome] = now
            minute = int(now // 60)
            if minute not in self._counts[outcome]:
                self._forget(outcome, now)
            self._counts[outcome][minute] += 1

    def fact(self) -> dict[str, object]:
        """Return the counts of the last hour, and the times of the last one of each."""
        now, found = self.clock(), dict[str, object]()
        for outcome, name in _SHOWN.items():
            self._forget(outcome, now)
            found[name.lower()] = self._counts[outcome].total()
            if outcome in self._last:
                found[f"last{name}"] = rfc3339(self._last[outcome])
        return found

    def refused_since(self) -> str:
        """Return when the first of the refused was refused, without an hour between any two; empty if none was."""
        self._forget("wrong_signature", self.clock())
        return rfc3339(self._refused_since) if self._counts["wrong_signature"] else ""

    def _forget(self, outcome: str, now: float) -> None:
        counts = self._counts[outcome]
        for minute in [minute for minute in counts if minute <= now // 60 - _MINUTES]:
            del counts[minute]
