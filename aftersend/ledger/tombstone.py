"""The tombstone of an erased order: what has to stay so that nothing of the order comes back. Pure.

It holds the OrderID, Sendcloud's ids of its parcels and the time of the erasure, and lives for 90 days like any entry.
The ids are kept as they are: the OrderID must be, or no export could recognise the order; a hash of a parcel id would
hide nothing from those who have the key, and cost every event a second look-up.

    export    not sent again (``next_action``)           merge, changes   a tombstone stays as it is (``LedgerChanges``)
    sweep     its parcels are dropped (``forwarder``)    restore          neither entry nor events return (``join``)
    writer    events of its parcels are done, unapplied  backups          it is in all later ones
"""

from collections.abc import Iterable

from aftersend.ledger.entry import Entry, ParcelState


def tombstone(entry: Entry, *, parcels: Iterable[str] = (), now: int) -> Entry:
    """Return what replaces an entry; ``parcels`` are ids of further parcels of the order, ``now`` is in ms."""
    ids = dict.fromkeys([*entry.parcels, *parcels])
    since = entry.since if entry.is_forgotten else now
    return Entry(
        order=entry.order,
        state="forgotten",
        since=since,
        revision=entry.revision,
        touched=entry.touched,
        parcels={parcel: ParcelState() for parcel in ids},
    )
