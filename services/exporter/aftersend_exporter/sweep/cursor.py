"""The cursor of the sweep, pure: up to where changed parcels have been read. All times in seconds since 1970.

    read from    last cursor - overlap
    next cursor  max(last cursor, min(``Date`` of the first page, own clock))

The earlier one of two clocks counts: a cursor that is too early costs a page that is read twice, one that is too late
would skip every change in between. So nothing is skipped as long as one of the two is not ahead by more than the
overlap.

A cursor beyond the own clock, or before 2020, was left by a wrong clock. It counts as none, which heals it: without a
cursor the sweep reads back ``catch_up`` seconds, and leaves none before that.
"""

from datetime import UTC, datetime
from typing import Final

MAX_SKEW: Final = 300.0
"""From this difference of two clocks on, one of them is wrong."""
_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC).timestamp()


def usable(cursor: float | None, *, now: float) -> float | None:
    """Return the stored cursor, or None if it cannot be right."""
    return cursor if cursor is not None and _EARLIEST <= cursor <= now else None


def read_from(last: float | None, *, now: float, overlap: float, catch_up: float) -> float:
    """Return the moment from which on changes are read; ``last`` is a usable cursor."""
    return now - catch_up if last is None else last - overlap


def next_cursor(last: float | None, *, date: float | None, now: float, catch_up: float) -> float:
    """Return the cursor after all pages; ``now`` is the own clock before the first one was requested."""
    reached = now if date is None else min(date, now)
    return max(reached, now - catch_up if last is None else last)
