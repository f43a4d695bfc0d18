"""Care for entries that were delivered before, so that one that crashes its consumer takes no other along.

    delivery                  handled
    1                         beside others, as a part of a batch
    2                         in a group of at most ten, with nothing else in flight
    3 and later               alone, with nothing else in flight
    after five deaths alone   not at all: it becomes a dead letter (``poison``)

A killed process leaves a whole batch behind, of which one entry is the cause at most. In groups they are through soon;
if one group dies again, its entries go on one by one. The entries that were delivered least often come first, so that
none waits for the repeated deaths of another. A released entry (delivery count 0) is as good as new.

Pure: the consumer claims and handles.
"""

from collections.abc import Sequence
from typing import Final

from aftersend.stream.pending_entries import IdleEntry, StreamEntry

SHARED_DELIVERIES: Final = 1
"""The first delivery, perhaps beside others, is no evidence against an entry."""
GROUP_DELIVERIES: Final = 1
"""The next ones take place in groups."""
MAX_GROUP_SIZE: Final = 10
MAX_LONELY_DELIVERIES: Final = 5


def released(idle: Sequence[IdleEntry]) -> list[IdleEntry]:
    """Return the entries that were released."""
    return [found for found in idle if found.deliveries == 0]


def next_group(idle: Sequence[IdleEntry]) -> list[IdleEntry]:
    """Return the entries that are handled next, with nothing else in flight; empty if there are none."""
    again = sorted((found for found in idle if found.deliveries), key=lambda found: found.deliveries)
    group = [found for found in again if found.deliveries < SHARED_DELIVERIES + GROUP_DELIVERIES]
    return group[:MAX_GROUP_SIZE] or again[:1]


def is_poison(entry: StreamEntry) -> bool:
    """Return whether an entry that was just claimed has ended its process too often while it was alone."""
    return entry.deliveries > SHARED_DELIVERIES + GROUP_DELIVERIES + MAX_LONELY_DELIVERIES
