"""Write back: make Afterbuy show what the ledger observed, for one order or for up to a hundred at once.

    lease ─> ledger entry ─> read the order from Afterbuy ─> compare ──> nothing to write: update the ledger
                                     ▲                          │
                                     └── write what differs <───┘  (lease checked right before)

After every write the order is read again, and the ledger takes over only what the order shows: a success answer proves
little. It ends when there is nothing left to write. So a lost answer, a crash at any step or a repetition costs one
more read and changes nothing.

What is not shown at once is read again after ``LATE_SECONDS``, written once more at most, and read. If it is still not
shown, the event is delivered again later, and after four such rounds a day it ends with the problem ``not_shown``:
calls without effect are not repeated without end, and they are no sign of an outage for the circuit breaker.

Tags of problems follow in the same way (``tag_update``). Of many orders, leases and entries together take one round
trip to Redis, observations another, and each reading is one call to Afterbuy. Updates go out side by side, each call
with at most ``ORDERS_PER_UPDATE``: one refusal concerns so many.

After an answer other than plain success to a call with several orders it is unknown which of them were written: all of
them are read again and written singly. A refusal of one order leads to a read and a write in parts. If the outcome is
unknown (time-out, broken connection), the update ends with that error, and the event is delivered again later.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

from msgspec.structs import replace

from aftersend.afterbuy.model import Order, OrderChange, Page, UnreadableOrder
from aftersend.errors import AftersendError, Transient
from aftersend.ledger.entry import Entry
from aftersend.ledger.store import HeldOrder, Ledger
from aftersend.loops import side_by_side
from aftersend.observe.traces import add_link
from aftersend.redis.lease import lease_held
from aftersend.tenant.document import WriteBack
from aftersend_writer.order_update import Granularity, OrderUpdate, is_answer
from aftersend_writer.rules.diff import Rules
from aftersend_writer.rules.ledger_updates import applied
from aftersend_writer.rules.ownership import Mac
from aftersend_writer.rules.unshown import MAX_ROUNDS, rounds_today, unshown
from aftersend_writer.tag_update import tag_updates

ORDERS_PER_UPDATE: Final = 20
MAX_CONCURRENT_UPDATES: Final = 5
"""Calls of one round."""
MAX_READS: Final = 6
"""Reads of an order: batch, single, parts, once more for what got lost, and room for one surprise."""
LATE_SECONDS: Final = 2.0
"""How long a success may take to be shown."""
_ROUND_SECONDS: Final = (5.0, 300.0, 1800.0)
"""Seconds between the rounds of a day: Afterbuy may show after half an hour what it accepted."""


class AfterbuyOrders(Protocol):
    """Afterbuy's client as far as the writer needs it."""

    def orders_by_id(self, ids: Sequence[str]) -> AsyncIterator[Page]:
        """Return the orders with these ids, as far as they exist."""

    async def update(self, changes: Sequence[OrderChange]) -> None:
        """Write; raises on anything but plain success."""


class WriteBackMeter(Protocol):
    """The metrics of written orders."""

    def record_success(self) -> None:
        """Count an order that Afterbuy shows as it should be."""

    def record_race_window(self, seconds: float) -> None:
        """Record the time from the read that a write is based on to the answer of that write."""


class OrderWriter:
    """Writes the orders of one tenant back. ``clock`` returns seconds since 1970."""

    def __init__(  # noqa: PLR0913 - everything that a write depends on, by name
        self,
        *,
        ledger: Ledger,
        afterbuy: AfterbuyOrders,
        settings: WriteBack,
        mac: Mac,
        meter: WriteBackMeter,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._afterbuy = afterbuy
        self._clock = clock
        self._meter = meter
        self._pause = pause
        self._rules = Rules(settings, mac, lambda: datetime.fromtimestamp(clock(), UTC))

    async def write_batch(self, orders: Mapping[str, bool]) -> dict[str, AftersendError | None]:
        """Write these orders back; True as value rechecks an order that does not lag. Returns the error of each."""
        outcomes: dict[str, AftersendError | None] = dict.fromkeys(orders)
        async with self._ledger.hold(orders) as held:
            for order_id in orders:
                entry = held[order_id].look.entry if order_id in held else lease_held()
                outcomes[order_id] = entry if isinstance(entry, AftersendError) else None
            found = [self._update(order, recheck=orders[order_id]) for order_id, order in held.items()]
            updates = [update for update in found if update is not None]
            await self._run_round(updates)
            now = self._now()
            await self._settle_tags(updates, now=now)
            outcomes |= await self._update_ledger(updates, now=now)
        return outcomes

    def _update(self, held: HeldOrder, *, recheck: bool) -> OrderUpdate | None:
        """Return the update of an order that lags, or is to be rechecked; None during a recovery.

        Its entry may come from a backup then, and the end of the recovery checks all that lags.
        """
        entry = held.look.entry
        if held.look.recovery.is_running or not isinstance(entry, Entry) or not _is_due(entry, recheck=recheck):
            return None
        add_link(entry.trace)  # the push, hours ago
        return OrderUpdate(held.lease, entry, reads_only=rounds_today(entry, now=self._now()) >= MAX_ROUNDS)

    async def _run_round(self, updates: list[OrderUpdate]) -> None:
        await self._read_and_write(updates)
        late = [update for update in updates if update.is_open and update.is_late]
        if late:
            await self._pause(LATE_SECONDS)
            for update in late:
                update.resume()
            await self._read_and_write(late)
        for update in updates:
            if update.is_open:
                self._end_without_effect(update)

    async def _read_and_write(self, updates: Sequence[OrderUpdate]) -> None:
        for _ in range(MAX_READS):
            await self._read([update for update in updates if update.is_active])
            unfinished = [update for update in updates if update.is_active]
            if not unfinished:
                return
            await self._write(unfinished)

    def _end_without_effect(self, update: OrderUpdate) -> None:
        update.lacks_effect = True
        rounds = rounds_today(update.entry, now=self._now()) + 1
        if rounds >= MAX_ROUNDS:
            update.end_unshown()
        else:  # without upstream: an answered call is no failure of the circuit
            update.error = Transient("not_shown", retry_after=_ROUND_SECONDS[rounds - 1])

    async def _read(self, updates: Sequence[OrderUpdate]) -> None:
        if not updates:
            return
        began = self._clock()
        try:
            shown = await self._fetch([update.order_id for update in updates])
        except AftersendError as error:
            _fail(updates, error)
            return
        for update in updates:
            update.read_at = began
            update.evaluate(shown.get(update.order_id), self._rules)

    async def _fetch(self, ids: list[str]) -> dict[str, Order | UnreadableOrder]:
        shown: dict[str, Order | UnreadableOrder] = {}
        async for page in self._afterbuy.orders_by_id(ids):
            shown |= {order.order_id: order for order in page.orders}
            shown |= {order.order_id: order for order in page.unreadable}
        return shown

    async def _write(self, updates: Sequence[OrderUpdate]) -> None:
        together = [update for update in updates if update.granularity is Granularity.BATCH]
        alone = [update for update in updates if update.granularity is not Granularity.BATCH]
        if len(together) > 1:
            starts = range(0, len(together), ORDERS_PER_UPDATE)
            calls = [self._write_together(together[start : start + ORDERS_PER_UPDATE]) for start in starts]
            await side_by_side(calls, most=MAX_CONCURRENT_UPDATES)
        else:
            alone += together
        await side_by_side(map(self._write_alone, alone), most=MAX_CONCURRENT_UPDATES)

    async def _write_together(self, updates: list[OrderUpdate]) -> None:
        lost = await self._check_leases(updates)
        for update in updates:
            update.error = lost.get(update.order_id)
        ready = [update for update in updates if update.is_open]
        try:
            await self._send(ready, [update.change for update in ready])
        except AftersendError as error:
            if not is_answer(error):
                _fail(ready, error)
            for update in ready:
                update.granularity = Granularity.SINGLE
        else:
            for update in ready:
                update.mark_accepted(update.change)

    async def _write_alone(self, update: OrderUpdate) -> None:
        if update.granularity is Granularity.PARTS:
            await self._write_parts(update)
            return
        try:
            await self._send_one(update, update.change)
        except AftersendError as error:
            if is_answer(error):
                update.granularity = Granularity.PARTS
            else:
                update.error = error

    async def _write_parts(self, update: OrderUpdate) -> None:
        for part in update.parts():
            try:
                await self._send_one(update, part)
            except AftersendError as error:
                if not is_answer(error):
                    update.error = error
                elif part.add_tags:
                    update.tag_tried = True
                elif part.parcel_labels:
                    update.labels_refused = True
                else:
                    update.reject(error)
                if not update.is_open:
                    return

    async def _send_one(self, update: OrderUpdate, change: OrderChange) -> None:
        await update.lease.check()
        await self._send([update], [change])
        update.mark_accepted(change)

    async def _send(self, updates: Sequence[OrderUpdate], changes: Sequence[OrderChange]) -> None:
        """Write, and record for how long a person's edit could have been overwritten, whatever the answer is."""
        try:
            await self._afterbuy.update(changes)
        finally:
            for update in updates:
                self._meter.record_race_window(self._clock() - update.read_at)

    async def _settle_tags(self, updates: Sequence[OrderUpdate], *, now: int) -> None:
        """Set and remove the tags of problems that began or ended; an error leaves that to the next event."""
        found = [(update, self._observed(update, update.entry, now=now)) for update in updates if update.observation]
        tags = list(tag_updates(found, self._rules.settings))
        await self._read_and_write(tags)
        for each in tags:
            each.hand_over()

    async def _update_ledger(self, updates: Sequence[OrderUpdate], *, now: int) -> dict[str, AftersendError | None]:
        """Store the observations while the leases are held; returns what prevented each order, here or before."""
        found = [update for update in updates if update.observation is not None or update.lacks_effect]
        errors: dict[str, AftersendError] = {**await self._check_leases(found)}
        held = {update.order_id: update for update in found if update.order_id not in errors}
        changes = {order_id: partial(self._observed, update, now=now) for order_id, update in held.items()}
        known = {order_id: update.entry for order_id, update in held.items()}
        for order_id, stored in (await self._ledger.change_each(changes, known=known)).items():
            if isinstance(stored, AftersendError):
                errors[order_id] = stored
            elif held[order_id].is_success:
                self._meter.record_success()
        return {update.order_id: update.error or errors.get(update.order_id) for update in updates}

    def _observed(self, update: OrderUpdate, entry: Entry, *, now: int) -> Entry:
        """Return the entry with what this round found out."""
        if update.lacks_effect:
            entry = unshown(entry, observed=update.entry.observed, now=now)
        if update.observation is None:
            return entry
        shown = applied(entry, update.observation, mac=self._rules.mac, now=now)
        return replace(shown, problem_tag=update.tagged[0]) if update.tagged else shown

    async def _check_leases(self, updates: Sequence[OrderUpdate]) -> dict[str, Transient]:
        """Check and renew leases; returns what is wrong with those that are not ours any more."""
        results = await self._ledger.check_leases([update.lease for update in updates])
        return {update.order_id: lost for update, lost in zip(updates, results, strict=True) if lost is not None}

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _is_due(entry: Entry, *, recheck: bool) -> bool:
    """Return whether an order lags or is to be rechecked; one that was erased on request is never read."""
    return not entry.is_forgotten and (recheck or entry.applied != entry.observed)


def _fail(updates: Sequence[OrderUpdate], error: AftersendError) -> None:
    for update in updates:
        update.error = error
