"""The second look of a run, for orders that Afterbuy shows later than their own date (see ``rules.late_orders``).

    the first run      looks up the highest OrderID, after its window
    every other run    reads, after its window, what is new by OrderID, then what changed; two calls if that is nothing

An error of Afterbuy makes the run partial. ``facts`` are stored only if the run is complete, so a run that read a part
of it changes nothing for the next one.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from aftersend.afterbuy.model import Order, Page, highest_id
from aftersend.errors import AftersendError
from aftersend.ledger.tenant_state import StateField, TenantState
from aftersend.order_ids import is_order_id
from aftersend_exporter.export.page_processor import PageProcessor
from aftersend_exporter.rules import outcomes, transitions
from aftersend_exporter.rules.eligibility import TRANSFER
from aftersend_exporter.rules.late_orders import MAX_AT_ONCE, LateOrders, late_orders
from aftersend_exporter.run_stats import MAX_NAMED


@dataclass(slots=True)
class SecondLook:
    """The second look of one run."""

    processor: PageProcessor
    asked: LateOrders
    highest: int | None = None
    """The highest OrderID that it has seen."""
    past: list[str] = field(default_factory=list)
    too_late: list[str] = field(default_factory=list)
    """OrderIDs of open orders."""

    async def read(self) -> None:
        """Process what is new and what changed, as far as it goes; the first run only looks up where new begins."""
        afterbuy = self.processor.context.afterbuy
        if self.asked.highest is not None:
            await self._process_all(self._new(afterbuy.orders_from(self.asked.highest)))
        elif self.processor.recorder.stats.window_read and not self.processor.recorder.dry_run:
            await self._find_highest()
        if self.asked.changed is not None:
            await self._process_all(afterbuy.orders_changed(self.asked.changed.start, self.asked.changed.end))
        if 0 < len(self.past) <= MAX_AT_ONCE:
            await self._process_past()

    async def report(self) -> None:
        """Count the orders that are too late, and report each, unless they are many."""
        context, recorder = self.processor.context, self.processor.recorder
        recorder.stats.read += len(self.too_late)
        for order in self.too_late:
            recorder.record(outcomes.too_late(order))
        if recorder.dry_run:
            return
        if len(self.past) > MAX_AT_ONCE:
            context.log.warning("past_orders_left_out", count=len(self.past), orders=self.past[:MAX_NAMED])
        if len(self.too_late) <= MAX_AT_ONCE:
            for order in self.too_late:
                await context.ledger.change(order, partial(transitions.too_late, now=context.now_ms()))

    def facts(self) -> Iterator[tuple[StateField, str]]:
        """List what the next run begins with, beside the start of this one."""
        window = self.processor.recorder.stats.start
        if self.asked.changed is None and window is not None:
            yield "export.first", str(int(window.timestamp() * 1000))
        highest = self.highest or self.asked.highest or highest_id(self.processor.seen)
        if highest:
            yield "export.highest", str(highest)

    async def _find_highest(self) -> None:
        try:
            self.highest = await self.processor.context.afterbuy.highest_order_id()
        except AftersendError as error:
            self._fail(error)
        else:
            self.processor.context.log.info("second_look_begins", order=self.highest)

    async def _new(self, pages: AsyncIterator[Page]) -> AsyncIterator[Page]:
        """Record the highest OrderID; not of changed orders, beside which new ones may be unseen."""
        async for page in pages:
            self.highest = highest_id([self.highest or 0, *page.order_ids])
            yield page.only(self.asked.is_new)

    async def _process_all(self, pages: AsyncIterator[Page]) -> None:
        try:
            async for page in pages:
                await self._process(page)
        except AftersendError as error:
            self._fail(error)

    async def _process(self, page: Page) -> None:
        verdicts = [(order, self.asked.verdict(order)) for order in page.orders]
        self.past += await self._open(order for order, verdict in verdicts if verdict == "past")
        self.too_late += await self._open(order for order, verdict in verdicts if verdict == "too_late")
        goes = {order.order_id for order, verdict in verdicts if verdict == "goes"}
        goes |= {each.order_id for each in page.unreadable if self.asked.verdict_on_unreadable(each) == "goes"}
        await self.processor.process(page.only(goes.__contains__))

    async def _open(self, orders: Iterable[Order]) -> list[str]:
        """Return which of these would go and are not dispatched; none that this run or the ledger knows."""
        transferable = [order.order_id for order in orders if self._would_go(order)]
        known = await self.processor.context.ledger.get_many(transferable) if transferable else {}
        return [order for order in transferable if order not in known]

    def _would_go(self, order: Order) -> bool:
        number, decision = int(order.order_id), self.processor.decide(order)
        is_unknown = number not in self.processor.seen and number not in self.processor.labelled
        is_clear = decision == TRANSFER and not self.processor.unclear_path(order, decision)
        return is_unknown and is_clear and not order.is_dispatched

    async def _process_past(self) -> None:
        try:
            async for page in self.processor.context.afterbuy.orders_by_id(self.past):
                await self.processor.process(page)
        except AftersendError as error:
            self._fail(error)

    def _fail(self, error: AftersendError) -> None:
        stats = self.processor.recorder.stats
        stats.record_error(error)
        stats.everything_read = False


async def second_look(processor: PageProcessor, *, started: datetime) -> SecondLook:
    """Take the second look of a run, after its window."""
    context = processor.context
    state = context.state
    asked = late_orders(
        now=started,
        zone=context.zone,
        rules=context.tenant.spec.export.window,
        last_start=await state.moment("export.start"),
        highest=await _highest(state),
        first=await state.moment("export.first"),
    )
    look = SecondLook(processor, asked)
    await look.read()
    return look


async def _highest(state: TenantState) -> int | None:
    stored = await state.get("export.highest")
    return highest_id([stored]) if stored and is_order_id(stored) else None
