"""Changes of many entries that repeat until each has got through, or has met an error.

    known or read ──> the function ──┬── something to write ──> written, or the revision has moved: read it again
                                     └── nothing ──> settled, if it was read; else read it

A tombstone is settled as it is, whatever the function says. Pure: the store reads and writes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from aftersend.errors import AftersendError, Transient
from aftersend.ledger.documents import EntryWrite
from aftersend.ledger.entry import Entry

Change = Callable[[Entry], Entry]
"""Pure: it may be applied several times."""
Known = Mapping[str, Entry | None]
"""Entries as the caller read them; None = it saw none."""
NOTHING_KNOWN: Final[Known] = {}


class LedgerChanges:
    """A change for each of many orders."""

    def __init__(self, changes: Mapping[str, Change], known: Known) -> None:
        self._changes = changes
        self._known = {order_id: known[order_id] for order_id in changes if order_id in known}
        self._settled: dict[str, Entry | AftersendError] = {}

    @property
    def pending(self) -> list[str]:
        """Orders whose change has not got through."""
        return [order_id for order_id in self._changes if order_id not in self._settled]

    @property
    def unread(self) -> list[str]:
        """Those of them that have to be read."""
        return [order_id for order_id in self.pending if order_id not in self._known]

    def writes(self, read: Mapping[str, Entry | AftersendError | None], *, now: int) -> list[EntryWrite]:
        """Apply the functions to the entries that were read or are known; return what has to be written."""
        self._settled |= {order_id: error for order_id, error in read.items() if isinstance(error, AftersendError)}
        entries: dict[str, Entry | None] = {**self._known}
        entries |= {order_id: entry for order_id, entry in read.items() if not isinstance(entry, AftersendError)}
        found = {order_id: self._write(order_id, entry, now) for order_id, entry in entries.items()}
        self._settled |= {
            order_id: entries[order_id] or Entry(order=order_id)
            for order_id, write in found.items()
            if write is None and order_id in read
        }
        self._known = {}
        return [write for write in found.values() if write is not None]

    def record(self, writes: Sequence[EntryWrite], results: Sequence[bool | Transient]) -> None:
        """Take the results of writing; where the revision has moved, the change starts again."""
        for write, result in zip(writes, results, strict=True):
            if result:
                self._settled[write.after.order] = result if isinstance(result, AftersendError) else write.after

    def results(self) -> dict[str, Entry | AftersendError]:
        """Return, for each order, what is stored now, or what prevented its change."""
        busy = Transient("ledger_busy", upstream="redis")
        return {order_id: self._settled.get(order_id, busy) for order_id in self._changes}

    def _write(self, order_id: str, before: Entry | None, now: int) -> EntryWrite | None:
        """Return what the change writes; None if it leaves the entry as it is."""
        known = before or Entry(order=order_id)
        after = known if known.is_forgotten else self._changes[order_id](known)
        if after == known:
            return None
        return EntryWrite(before, msgspec.structs.replace(after, revision=known.revision + 1, touched=now))
