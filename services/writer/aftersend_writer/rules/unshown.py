"""Rounds after which Afterbuy does not show what it accepted: so many per order, observed revision and day (UTC).

A round is one try of an event: read, update, read, at most two updates. After ``MAX_ROUNDS`` of them the order gets the
problem ``not_shown`` and its event is done; for the rest of that day the order is only read. The ledger entry holds the
count, so a restarted writer goes on with it. A new label is a new ``observed`` and has rounds of its own.
"""

from typing import Final

from msgspec.structs import replace

from aftersend.ledger.entry import Entry, Unshown

MAX_ROUNDS: Final = 4
_DAY_MS: Final = 86_400_000


def rounds_today(entry: Entry, *, now: int) -> int:
    """Return how many rounds of today, for what is observed now, Afterbuy did not show; ``now`` in ms."""
    known = entry.unshown
    is_current = known is not None and (known.observed, known.day) == (entry.observed, now // _DAY_MS)
    return known.rounds if known is not None and is_current else 0


def unshown(entry: Entry, *, observed: int, now: int) -> Entry:
    """Count one more round, which was about this ``observed``; if the order has moved on, it does not matter."""
    if entry.observed != observed:
        return entry
    rounds = rounds_today(entry, now=now) + 1
    return replace(entry, unshown=Unshown(observed=observed, day=now // _DAY_MS, rounds=rounds))
