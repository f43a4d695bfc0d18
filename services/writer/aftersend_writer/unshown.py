"""Count the rounds after which Afterbuy does not show what it accepted, per order and day (UTC).

A round is one try of an event: read, update, read, at most two updates. After ``MAX_ROUNDS`` of them the order gets the
problem ``not_shown`` and its event is done; for the rest of that day the order is only read. The counts are kept in
memory: after a restart the problem itself says whether the day's rounds are over, as long as it began on that day.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from aftersend.ledger.entry import Entry

MAX_ROUNDS: Final = 4
_DAY_SECONDS: Final = 86_400


class UnshownRounds:
    """The counts of one tenant's orders. ``clock`` returns seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._day = 0
        self._rounds: Counter[str] = Counter()

    def is_spent(self, entry: Entry) -> bool:
        """True if this order must not be updated again today."""
        since = entry.problem.since / 1000 if entry.problem and entry.problem.code == "not_shown" else 0
        return self._today()[entry.order] >= MAX_ROUNDS or _day(since) == self._day

    def count(self, order_id: str) -> bool:
        """Count one round; True if it was the last one of today."""
        rounds = self._today()
        rounds[order_id] += 1
        return rounds[order_id] >= MAX_ROUNDS

    def clear(self, order_id: str) -> None:
        """Forget the rounds of an order that Afterbuy shows as it should be, or that has another problem."""
        self._rounds.pop(order_id, None)

    def _today(self) -> Counter[str]:
        if self._day != (day := _day(self._clock())):
            self._day = day
            self._rounds.clear()
        return self._rounds


def _day(seconds: float) -> int:
    return int(seconds // _DAY_SECONDS)
