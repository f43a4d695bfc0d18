"""Match a parcel to an order: by three ways in sequence, never by tracking number, name or address.

1. The parcel id is known from an earlier event.
2. ``external_order_id`` carries our prefix: it is the ``order_id`` that we pushed.
3. ``order_number`` is that of exactly one order that we sent. A v2 parcel does not name its integration, so this
   way is closed to parcels with an ``external_order_id`` of another system.

An ``external_order_id`` that equals the parcel's own id means "none" in Sendcloud's terms. A parcel that matches no
order yet is ``Unmatched``: a webhook may overtake the response to our own push.
"""

from dataclasses import dataclass
from typing import Protocol

from aftersend.ledger.entry import Entry
from aftersend.order_ids import is_order_id, order_id_of
from aftersend.sendcloud.model import ParcelEvent

_SENT = ("pushing", "accepted", "confirmed", "labelled")


@dataclass(frozen=True, slots=True)
class Match:
    """The parcel belongs to this order."""

    order: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """The parcel belongs to an order of another system."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """The parcel matches no order yet."""


MatchResult = Match | Foreign | Unmatched


class LedgerLookups(Protocol):
    """The look-ups that matching needs from the ledger."""

    async def order_of(self, parcel_id: str) -> str | None:
        """Return the order that a parcel is known to belong to."""

    async def get(self, order_id: str) -> Entry | None:
        """Return the entry of an order."""


def match(event: ParcelEvent, *, known: str | None, numbered: Entry | None) -> MatchResult:
    """Decide: ``known`` is the order of its parcel id, ``numbered`` the entry that its order number names."""
    external = _external(event)
    if known is not None:
        return Match(known)
    if external:
        order = order_id_of(external)
        return Match(order) if order else Foreign()
    if numbered is not None and (numbered.state in _SENT or numbered.pushed):
        return Match(numbered.order)
    return Unmatched()


async def find(event: ParcelEvent, ledger: LedgerLookups) -> MatchResult:
    """Look up what ``match`` needs, and decide."""
    known = await ledger.order_of(event.parcel)
    by_number = known is None and not _external(event) and is_order_id(event.order_number)
    numbered = await ledger.get(event.order_number) if by_number else None
    return match(event, known=known, numbered=numbered)


def _external(event: ParcelEvent) -> str:
    return "" if event.external_order_id == event.parcel else event.external_order_id
