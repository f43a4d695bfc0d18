"""Handle events of the stream ``parcels``, many together.

    parcel.changed   match the parcel to an order, merge it into the ledger, write the order back
    order.check      recheck one order, whether or not it lags
    order.check ""   the marker that ends a recovery

    read ──> match ──> look at the orders ──> merge (one change per order) ──> markers ──> write back, each order once

Each event ends with an outcome of its own: what concerns one of them leaves the others alone.

While the tenant is recovering, the ledger may know less than Afterbuy shows. Then events are merged and nothing is
written. The marker stands behind everything that the recovery sweep found. It waits until no older event is left on the
stream, then ends the recovery and enqueues a check of every order that lags. Delayed events (waiting for a match or for
a key) do not hold it up: should one of them be a parcel that Afterbuy shows and the ledger does not know, the field is
not ours and nothing is written over it.

An order with a problem that may be cured meanwhile is rechecked whenever one of its parcels changes its class (label,
in transit, delivered), so a few times at most.

No event can slip through in between: a handler merges first and reads then whether the tenant is recovering, the marker
ends the recovery first and looks for lagging orders then.

A recovery knows of nothing before the moment from which its sweep read, the *horizon*. A webhook's event that is older,
about an order that the ledger does not hold, is refused as too old: the order may have been forgotten, and a person may
have changed it since. During a recovery such an event waits until the horizon is known. Events of a sweep show what is
so now, and an order that the ledger holds merges anything.

An event of an order that was erased on request (a tombstone) is done: it changes nothing and is counted.

A parcel without a matching order is delayed for up to an hour after it was first seen, because a webhook may overtake
the answer to our own push. Then it is counted as foreign.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from aftersend.errors import AftersendError, Later, Rejected, Transient
from aftersend.ledger.documents import EntryLook
from aftersend.ledger.entry import Entry
from aftersend.ledger.match import Foreign, Match, Unmatched, find
from aftersend.ledger.merge import merge
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import Recovery, TenantState
from aftersend.observe.logs import get_logger
from aftersend.order_ids import is_order_id
from aftersend.runs import OrderCheck
from aftersend.sendcloud.lenient import EARLIEST_MS
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend.stream.event import Event, seconds_of, text_of
from aftersend.stream.handling import Outcome
from aftersend.stream.stream import Stream
from aftersend_writer.batcher import OrderBatcher, OrderRequest
from aftersend_writer.rules.ledger_updates import needs_recheck
from aftersend_writer.rules.ownership import Mac

FOREIGN_AFTER: Final = 3600.0
_MATCH_RETRY_DELAY: Final = 60.0
_MARKER_RETRY_DELAY: Final = 1.0
_RECOVERY_RETRY_DELAY: Final = 30.0
_LATE_MS: Final = 3_600_000
"""Sendcloud sends a webhook within seconds of the change; a later one may come from before any horizon."""
_ANY_LAG: Final = -86_400_000
"""Lagging for more than minus one day: every lagging order, even if the clocks of two hosts differ."""
_DATA: Final[Mapping[str, type[ParcelEvent | OrderCheck]]] = {
    "parcel.changed": ParcelEvent,
    "order.check": OrderCheck,
}


@dataclass(slots=True)
class EventProgress:
    """An event on its way through a batch."""

    event: Event
    data: ParcelEvent | OrderCheck | None = None
    outcome: Outcome = None
    order: str = ""
    """The order that it is about."""
    recheck: bool = False
    """Read the order from Afterbuy whether or not it lags."""
    lags: bool = False
    classes: tuple[ParcelClass | None, ParcelClass | None] = (None, None)
    """The class of the parcel before and after the merge."""

    @property
    def parcel(self) -> ParcelEvent:
        """The parcel as it was reported."""
        assert isinstance(self.data, ParcelEvent)  # noqa: S101 - for the type checker
        return self.data


@dataclass(frozen=True, slots=True)
class ParcelEventHandler:
    """Handler of batches of the stream ``parcels``. ``clock`` returns seconds since 1970."""

    ledger: Ledger
    state: TenantState
    stream: Stream
    batcher: OrderBatcher
    mac: Mac
    pickup_matters: bool
    on_foreign: Callable[[], None]
    """Called for each event of a parcel that is not ours."""
    on_too_old: Callable[[], None]
    """Called for each event that is refused as too old."""
    on_forgotten: Callable[[], None]
    """Called for each event of a parcel whose order was erased on request."""
    is_tag_due: Callable[[Entry], bool] = lambda entry: False  # noqa: ARG005 - the name is the explanation
    """Whether Afterbuy has to get, or to lose, the tag of a problem."""
    on_written: Callable[[ParcelEvent], None] = lambda parcel: None  # noqa: ARG005 - the name is the explanation
    """Called for each event that was written back."""
    clock: Callable[[], float] = time.time

    async def __call__(self, events: Sequence[Event]) -> Sequence[Outcome]:
        """Handle events; None means done, the type of an error decides what else."""
        progress = [_read(event) for event in events]
        may_recover = await self._match_and_merge([each for each in progress if isinstance(each.data, ParcelEvent)])
        for each in progress:
            if isinstance(each.data, OrderCheck):
                await self._check(each, each.data)
                may_recover = True
        due = [each for each in progress if each.outcome is None and (each.recheck or each.lags)]
        if due and not (may_recover and await self.state.recovering()):
            await self._write_back(due)
        return [each.outcome for each in progress]

    async def _match_and_merge(self, parcels: Sequence[EventProgress]) -> bool:
        """Return False if the tenant was seen not to be recovering; the writer looks again before it writes.

        The opposite proves nothing: a recovery that ended before the merge has not seen what was merged.
        """
        matched: list[EventProgress] = []
        for each, found in zip(parcels, await find([each.parcel for each in parcels], self.ledger), strict=True):
            match found:
                case Match(order):
                    each.order = order
                    matched.append(each)
                case Foreign():
                    self.on_foreign()
                case Unmatched():
                    self._wait_for_match(each)
                case _:
                    each.outcome = found
        looks = await self.ledger.look(sorted({each.order for each in matched}))
        await self._merge([each for each in matched if self._may_merge(each, looks[each.order])], looks)
        return any(look.recovery.is_running for look in looks.values())

    async def _merge(self, parcels: Sequence[EventProgress], looks: Mapping[str, EntryLook]) -> None:
        together = _by_order(parcels)
        entries = await self.ledger.change_each(
            {order: partial(self._merged, some) for order, some in together.items()},
            known={order: entry for order in together if not isinstance(entry := looks[order].entry, AftersendError)},
        )
        for order, some in together.items():
            entry = entries[order]
            for each in some:
                if isinstance(entry, AftersendError):
                    each.outcome = entry
                elif entry.is_forgotten:
                    self.on_forgotten()
                else:
                    has_moved = each.classes[0] is not each.classes[1]
                    each.recheck = (needs_recheck(entry) and has_moved) or self.is_tag_due(entry)
                    each.lags = entry.applied != entry.observed

    def _merged(self, parcels: Sequence[EventProgress], entry: Entry) -> Entry:
        """Return the entry with all parcels of its order in it; notes their classes, of the last try."""
        for each in parcels:
            after = merge(entry, each.parcel, self.mac, pickup_matters=self.pickup_matters)
            each.classes = _class_in(entry, each.parcel), _class_in(after, each.parcel)
            entry = after
        return entry

    async def _write_back(self, due: Sequence[EventProgress]) -> None:
        """Write each order back once, for all of its events."""
        together = _by_order(due)
        requests = [
            OrderRequest(order, any(each.recheck for each in some), [each.event.traceparent for each in some])
            for order, some in together.items()
        ]
        for some, error in zip(together.values(), await self.batcher.write_back(requests), strict=True):
            for each in some:
                each.outcome = Transient("cancelled") if isinstance(error, asyncio.CancelledError) else error  # type: ignore[assignment]
                if error is None and each.lags:
                    self.on_written(each.parcel)

    def _may_merge(self, each: EventProgress, look: EntryLook) -> bool:
        """Refuse an event of a forgotten order; ``Later`` while a recovery has yet to find out which those are."""
        is_known = look.entry is not None or each.event.source != "webhook"
        if is_known or not _is_beyond(each.parcel, look.recovery):
            return True
        if look.recovery.is_running:
            each.outcome = Later("recovering", retry_after=_RECOVERY_RETRY_DELAY)
        else:
            get_logger().warning("event_too_old", order=each.order, parcel=each.parcel.parcel)
            self.on_too_old()
        return False

    def _wait_for_match(self, unmatched: EventProgress) -> None:
        first = seconds_of(unmatched.event.first)
        if first is not None and self.clock() - first < FOREIGN_AFTER:
            unmatched.outcome = Later("no_match_yet", retry_after=_MATCH_RETRY_DELAY)
        else:
            self.on_foreign()

    async def _check(self, each: EventProgress, check: OrderCheck) -> None:
        if not check.order:
            try:
                await self._end_recovery(each.event, check)
            except AftersendError as error:
                each.outcome = error
        elif is_order_id(check.order):
            each.order, each.recheck = check.order, True
        else:
            each.outcome = Rejected("malformed_data", path="order")

    async def _end_recovery(self, marker: Event, check: OrderCheck) -> None:
        if check.restored != (await self.state.get("restored") or ""):
            return  # a backup was restored since this sweep began, and another sweep follows
        if await self.state.get("sweep.cursor") is None or await self._has_older_event(marker):
            raise Later("recovering", retry_after=_MARKER_RETRY_DELAY)
        if check.since:
            await self.state.set("horizon", str(check.since))
        await self.state.set("recovered", "1")
        checks = [OrderCheck(order) async for order in self.ledger.lagging(_ANY_LAG)]
        await self.stream.add_many("order.check", "system", checks)

    async def _has_older_event(self, marker: Event) -> bool:
        """Return True if a parcel event that is not newer than the marker is still on the stream, pending or not."""
        async for _, fields in self.stream.entries():
            if text_of(fields, b"type") == "parcel.changed" and text_of(fields, b"first") <= marker.first:
                return True
        return False


def _read(event: Event) -> EventProgress:
    kind = _DATA.get(event.type)
    if kind is None:
        return EventProgress(event, outcome=Rejected("unknown_type", path="type"))
    try:
        return EventProgress(event, event.read(kind))
    except AftersendError as error:
        return EventProgress(event, outcome=error)


def _by_order(progress: Iterable[EventProgress]) -> Mapping[str, Sequence[EventProgress]]:
    together: dict[str, list[EventProgress]] = defaultdict(list)
    for each in progress:
        together[each.order].append(each)
    return together


def _class_in(entry: Entry, parcel: ParcelEvent) -> ParcelClass | None:
    state = entry.parcels.get(parcel.parcel)
    return state.klass if state else None


def _is_beyond(parcel: ParcelEvent, recovery: Recovery) -> bool:
    """Return whether an event is older than what the last recovery knows, or may be older during one."""
    time = parcel.received if parcel.time is None or parcel.time < EARLIEST_MS else parcel.time
    if recovery.is_running:
        return time < parcel.received - _LATE_MS
    return recovery.horizon is not None and time < recovery.horizon
