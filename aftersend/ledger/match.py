"""Match a parcel to an order: by three ways in sequence, never by tracking number, name or address.

1. The parcel id is known from an earlier event.
2. ``external_order_id`` carries our prefix: it is the ``order_id`` that we pushed.
3. ``order_number`` is that of exactly one order that we sent, or that was erased on request. A v2 parcel does not
   name its integration, so this way is closed to parcels with an ``external_order_id`` of another system.

An ``external_order_id`` that equals the parcel's own id means "none" in Sendcloud's terms. A parcel that matches no
order yet is ``Unmatched``: a webhook may overtake the response to our own push.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend.order_ids import is_order_id, order_id_of
from aftersend.sendcloud.model import ParcelEvent

_SENT = ("pushing", "accepted", "confirmed", "labelled", "forgotten")


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

    async def orders_of(self, parcel_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the orders that parcels are known to belong to; unknown parcels are left out."""

    async def get_each(self, order_ids: Sequence[str]) -> Mapping[str, Entry | AftersendError | None]:
        """Return the entries of orders, each or what prevented it."""


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


async def find(events: Sequence[ParcelEvent], ledger: LedgerLookups) -> list[MatchResult | AftersendError]:
    """Look up what ``match`` needs for many parcels, in two round trips, and decide for each.

    An event may make known, for others beside it, whose its parcel is.
    """
    known = await ledger.orders_of([event.parcel for event in events])
    numbers = {event.order_number for event in events if event.parcel not in known and _counts_by_number(event)}
    entries = await ledger.get_each(sorted(numbers))
    found = [_decide(event, known, entries) for event in events]
    pairs = reversed(list(zip(events, found, strict=True)))  # the first one counts
    beside = {event.parcel: each.order for event, each in pairs if isinstance(each, Match)}
    return [_decide(event, beside, entries) for event in events] if beside else found


def _decide(
    event: ParcelEvent, known: Mapping[str, str], entries: Mapping[str, Entry | AftersendError | None]
) -> MatchResult | AftersendError:
    numbered = entries.get(event.order_number) if _counts_by_number(event) else None
    if isinstance(numbered, AftersendError) and event.parcel not in known:
        return numbered
    return match(event, known=known.get(event.parcel), numbered=numbered if isinstance(numbered, Entry) else None)


def _counts_by_number(event: ParcelEvent) -> bool:
    return not _external(event) and is_order_id(event.order_number)


def _external(event: ParcelEvent) -> str:
    return "" if event.external_order_id == event.parcel else event.external_order_id
