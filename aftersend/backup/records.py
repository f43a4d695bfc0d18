"""The records of a backup: facts, events, orders.

Not keys of Redis but their meaning: a backup of one server fits any other, with or without RedisJSON, and indexes and
look-ups, which follow from the orders, cannot disagree with them. Left out is what belongs to running processes:
leases, results of runs, consumer groups, times of the last check of an order.
"""

from typing import Final, get_args

import msgspec

from aftersend.ledger.saved_order import SavedOrder
from aftersend.ledger.tenant_state import StateField
from aftersend.stream.stored_events import EventPlace
from aftersend.stream.stream import StreamName

NOT_KEPT: Final[frozenset[StateField]] = frozenset({"recovered", "restored"})
"""They describe the ledger that is there, not the one that is saved."""
KEPT_FACTS: Final[tuple[StateField, ...]] = tuple(name for name in get_args(StateField) if name not in NOT_KEPT)


class SavedFacts(msgspec.Struct, frozen=True, tag="facts"):
    """The small facts of the tenant; they come first, so the sweep's cursor is older than everything behind it."""

    state: dict[str, str]
    days: dict[str, dict[str, int]] = {}
    """The daily counters: YYYY-MM-DD -> field -> count; none in backups of older releases."""
    audit: dict[str, float] = {}
    """The audit trail: records as they are encoded, each with its time in ms."""


class SavedEvent(msgspec.Struct, frozen=True, tag="event"):
    """An event that was waiting, being handled, delayed or dead."""

    stream: StreamName
    place: EventPlace
    fields: dict[bytes, bytes]
    due: float = 0.0
    """Delayed ones: ms since 1970."""
    opened: bool = False
    """The data in it is plain; data that cannot be opened is kept as it is."""


Record = SavedFacts | SavedEvent | SavedOrder
