"""An entry as a backup keeps it."""

import msgspec

from aftersend.ledger.entry import Entry


class SavedOrder(msgspec.Struct, frozen=True, tag="order"):
    """An entry as a backup keeps it."""

    entry: Entry
    sealed_until: int = 0
    """ms; when its sealed part expires; 0 = it has none."""
    unreadable: bool = False
    """Its sealed part could not be opened and is left out."""

    def unexpired(self, now: int) -> Entry:
        """Return the entry, without its sealed part if that has expired since."""
        return self.entry if self.sealed_until > now else msgspec.structs.replace(self.entry, details={})
