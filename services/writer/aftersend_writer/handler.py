"""Handle one event of the stream ``parcels``.

    parcel.changed   match the parcel to an order, merge it into the ledger, write the order back
    order.check      recheck one order, whether or not it lags
    order.check ""   the marker that ends a recovery

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

A parcel without a matching order is delayed for up to an hour after it was first seen, because a webhook may overtake
the answer to our own push. Then it is counted as foreign.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aftersend.errors import Later, Rejected
from aftersend.ledger.entry import Entry
from aftersend.ledger.match import Foreign, Match, find
from aftersend.ledger.merge import merge
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.logs import get_logger
from aftersend.order_ids import is_order_id
from aftersend.runs import OrderCheck
from aftersend.sendcloud.lenient import EARLIEST_MS
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend.stream.event import Event, seconds_of, text_of
from aftersend.stream.stream import Stream
from aftersend_writer.batcher import OrderBatcher
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


@dataclass(frozen=True, slots=True)
class ParcelEventHandler:
    """Handler of the stream ``parcels``. ``clock`` returns seconds since 1970."""

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
    on_written: Callable[[ParcelEvent], None] = lambda parcel: None  # noqa: ARG005 - the name is the explanation
    """Called for each event that was written back."""
    clock: Callable[[], float] = time.time

    async def __call__(self, event: Event) -> None:
        """Handle one event; returning means done, the type of the error decides what else."""
        handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "parcel.changed": self._parcel,
            "order.check": self._check,
        }
        handler = handlers.get(event.type)
        if handler is None:
            raise Rejected("unknown_type", path="type")
        await handler(event)

    async def _parcel(self, event: Event) -> None:
        parcel = event.read(ParcelEvent)
        match await find(parcel, self.ledger):
            case Match(order) if event.source == "webhook" and await self._is_too_old(order, parcel):
                get_logger().warning("event_too_old", order=order, parcel=parcel.parcel)
                self.on_too_old()
            case Match(order):
                await self._merge(order, parcel)
            case Foreign():
                self.on_foreign()
            case _:
                self._wait_for_match(event)

    async def _merge(self, order: str, parcel: ParcelEvent) -> None:
        classes: list[ParcelClass | None] = []  # before and after, of the last attempt: a conflict repeats the change

        def merged(entry: Entry) -> Entry:
            after = merge(entry, parcel, self.mac, pickup_matters=self.pickup_matters)
            classes[:] = [
                state.klass if (state := each.parcels.get(parcel.parcel)) else None for each in (entry, after)
            ]
            return after

        entry = await self.ledger.change(order, merged)
        recheck = needs_recheck(entry) and classes[0] is not classes[1]
        lags = entry.applied != entry.observed
        if (recheck or lags) and not await self.state.recovering():
            await self.batcher.write_back(order, recheck=recheck)
            if lags:
                self.on_written(parcel)

    async def _is_too_old(self, order: str, parcel: ParcelEvent) -> bool:
        """Return True for an event of a forgotten order; ``Later`` while a recovery has yet to find out."""
        time = parcel.received if parcel.time is None or parcel.time < EARLIEST_MS else parcel.time
        recovering = await self.state.recovering()
        horizon = await self.state.moment("horizon")
        beyond = time < parcel.received - _LATE_MS if recovering else horizon and time < horizon.timestamp() * 1000
        if not beyond or await self.ledger.get(order) is not None:
            return False
        if recovering:
            raise Later("recovering", retry_after=_RECOVERY_RETRY_DELAY)
        return True

    def _wait_for_match(self, event: Event) -> None:
        first = seconds_of(event.first)
        if first is not None and self.clock() - first < FOREIGN_AFTER:
            raise Later("no_match_yet", retry_after=_MATCH_RETRY_DELAY)
        self.on_foreign()

    async def _check(self, event: Event) -> None:
        check = event.read(OrderCheck)
        order = check.order
        if not order:
            await self._end_recovery(event, check)
        elif not is_order_id(order):
            raise Rejected("malformed_data", path="order")
        elif not await self.state.recovering():
            await self.batcher.write_back(order, recheck=True)

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
