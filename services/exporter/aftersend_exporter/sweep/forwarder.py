"""Put events of parcels that may be ours on the writer's stream.

An ordinary sweep drops parcels that match nothing in the ledger, and those of which the ledger knows all and Afterbuy
shows it: most of what is read, since each sweep reaches back behind the last one. While the tenant is *recovering* the
ledger may know too little, so only what is certainly foreign is dropped.

v3 does not say which parcel is a return, and a return has the number of its order. So an unknown parcel of an order
that has a collected one is not forwarded: it waits for its webhook, which says what it is.

Parcels of an order that was erased on request are dropped, or their numbers would be on the stream once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend.ledger.match import Foreign, Match, MatchResult, find
from aftersend.ledger.merge import Mac, merge
from aftersend.order_ids import order_id_of
from aftersend.sendcloud.client import ParcelPage
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend.sendcloud.status import parcel_class, picked_up
from aftersend_exporter.context import ExportContext
from aftersend_exporter.run_stats import RunStats

Drop = Literal["irrelevant", "foreign", "forgotten", "known", "waits_for_webhook"]
Entries = Mapping[str, Entry | AftersendError | None]


@dataclass(frozen=True, slots=True)
class PageForwarder:
    """The forwarder of one sweep."""

    context: ExportContext
    stats: RunStats
    recovering: bool
    traceparent: str
    _collected: set[str] = field(default_factory=set, init=False)
    """Order numbers of which this sweep has forwarded a collected parcel."""

    async def forward(self, page: ParcelPage) -> None:
        """Put events of parcels that may be ours on the stream."""
        matches = await self._match(page.events)
        orders = sorted({found.order for found in matches if isinstance(found, Match)})
        entries = await self.context.ledger.get_each(orders)
        events = []
        for event, found in zip(page.events, matches, strict=True):
            dropped = self._drop(event, found, entries, names_returns=page.names_returns)
            if dropped is None:
                events.append(event)
            self.stats.count("unchanged" if dropped else "sent", [_order(event, found)], reason=dropped or "")
        await self.context.parcels.add_many("parcel.changed", "sweep", events, traceparent=self.traceparent)
        self.stats.read += len(page.events) + page.unreadable
        if page.unreadable:
            self.stats.count("rejected", [""] * page.unreadable, reason="unreadable")
            self.context.log.warning("parcels_unreadable", count=page.unreadable)

    async def _match(self, events: Sequence[ParcelEvent]) -> list[MatchResult | None]:
        """Match what is relevant; None for the rest."""
        relevant = [event for event in events if is_relevant(event)]
        found = iter(await find(relevant, self.context.ledger))
        return [_matched(next(found)) if is_relevant(event) else None for event in events]

    def _drop(
        self, event: ParcelEvent, found: MatchResult | None, entries: Entries, *, names_returns: bool
    ) -> Drop | None:
        """Return why an event is dropped; None if it is forwarded."""
        if found is None:
            return "irrelevant"
        if isinstance(found, Foreign) if self.recovering else not isinstance(found, Match):
            return "foreign"
        entry = entries.get(found.order) if isinstance(found, Match) else None
        if isinstance(entry, Entry) and entry.is_forgotten:
            return "forgotten"
        if not names_returns and self._may_be_return(event, found, entry):
            self.context.log.warning("parcel_waits_for_webhook", order=_order(event, found), parcel=event.parcel)
            return "waits_for_webhook"
        return "known" if not self.recovering and is_known(event, entry, self._mac) else None

    def _may_be_return(self, event: ParcelEvent, found: MatchResult, entry: Entry | AftersendError | None) -> bool:
        if isinstance(entry, AftersendError):
            raise entry
        number = found.order if isinstance(found, Match) else event.order_number
        if may_be_return(event, entry, collected=number in self._collected):
            return True
        if picked_up(parcel_class(event.status)):
            self._collected.add(number)
        return False

    def _mac(self, text: str) -> str:
        """Return the keyed mark of a number or a link, as the writer makes it."""
        return self.context.keyring.mac(text.encode(), purpose="parcel")


def is_relevant(event: ParcelEvent) -> bool:
    """Apply the webhook's rule: no returns, and without a number only cancellations."""
    cancelled = parcel_class(event.status) is ParcelClass.CANCELLED
    return not event.is_return and (bool(event.number) or cancelled)


def is_known(event: ParcelEvent, entry: Entry | AftersendError | None, mac: Mac) -> bool:
    """Return whether the ledger holds all that an event says, and Afterbuy shows it; an unreadable entry does not."""
    return isinstance(entry, Entry) and entry.applied == entry.observed and merge(entry, event, mac) is entry


def may_be_return(event: ParcelEvent, entry: Entry | None, *, collected: bool) -> bool:
    """Return whether a parcel of v3 is unknown and its order has a collected one; ``collected`` by this sweep."""
    parcels = entry.parcels if entry else {}
    return event.parcel not in parcels and (
        collected or any(parcel.is_picked_up and not parcel.is_return for parcel in parcels.values())
    )


def _matched(found: MatchResult | AftersendError) -> MatchResult:
    if isinstance(found, AftersendError):
        raise found
    return found


def _order(event: ParcelEvent, found: MatchResult | None) -> str:
    """Return the OrderID of a parcel, empty for those of other systems."""
    return found.order if isinstance(found, Match) else order_id_of(event.external_order_id)
