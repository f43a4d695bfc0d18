"""How many free calls are left today.

Afterbuy includes 50,000 calls a day; what follows beyond nobody could verify, so nothing is refused here: the figure is
shown and an alert watches it. A day is a day in Berlin. Every process counts its own calls, since it started or since
midnight, whichever is later.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

from aftersend.afterbuy.numbers import BERLIN

CALLS_PER_DAY: Final = 50_000


def _now() -> datetime:
    return datetime.now(UTC)


class DailyBudget:
    """Counts calls per Berlin day."""

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._day: date | None = None
        self._spent = 0

    def spend(self) -> int:
        """Count one call; returns how many are left today, never below 0."""
        today = self._clock().astimezone(BERLIN).date()
        if today != self._day:
            self._day, self._spent = today, 0
        self._spent += 1
        return max(CALLS_PER_DAY - self._spent, 0)
