"""What a backup is made of: one kind of record per kind of thing.

Not keys of Redis but what they mean: a backup of one server fits any other, with or without RedisJSON, and indexes and
look-ups, which follow from the orders, cannot disagree with them. Left out is what belongs to running processes:
leases, results of runs, groups and their consumers, notes on when something was last looked at.
"""

from typing import Final, Literal, get_args

import msgspec

from aftersend.ledger.store import SavedOrder
from aftersend.ledger.tenant_state import StateField
from aftersend.stream.stream import StreamName

EventPlace = Literal["stream", "delayed", "dead"]
NOT_KEPT: Final[frozenset[StateField]] = frozenset({"recovered", "restored"})
"""They tell about the ledger that is there, not about the one that is saved."""
KEPT_FACTS: Final[tuple[StateField, ...]] = tuple(name for name in get_args(StateField) if name not in NOT_KEPT)


class SavedFacts(msgspec.Struct, frozen=True, tag="facts"):
    """The small facts of the tenant; they come first, so the sweep's cursor is older than everything behind it."""

    state: dict[str, str]


class SavedEvent(msgspec.Struct, frozen=True, tag="event"):
    """An event that was waiting, being handled, delayed or dead."""

    stream: StreamName
    place: EventPlace
    fields: dict[bytes, bytes]
    due: float = 0.0
    """Delayed ones: ms since 1970."""
    opened: bool = False
    """The data in it is plain; what nobody can open is kept as it is."""


Record = SavedFacts | SavedEvent | SavedOrder
