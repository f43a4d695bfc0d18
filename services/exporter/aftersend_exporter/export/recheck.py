"""The follow-up of a run: orders that the window did not show are read again by their OrderID.

Two kinds: *watched* ones (held, refused, or not finished for reasons that pass), and *open* ones, which Sendcloud has
and nobody has labelled yet; the latter because they may have been changed, held or cancelled in Afterbuy. After
``catchUpDays`` both are given up: a person should look. An order that Afterbuy does not have any more is changed
after transfer if Sendcloud has it; otherwise it waits for its end like any other.
"""

from collections.abc import AsyncIterator, Iterable
from functools import partial

from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.confirm import open_entries
from aftersend_exporter.export.page_processor import PageProcessor, withdraw
from aftersend_exporter.rules import transitions
from aftersend_exporter.rules.transitions import GONE

_CHUNK = 100


async def recheck_known_orders(processor: PageProcessor) -> None:
    """Read watched and open orders that this run has not seen; trouble with Afterbuy leaves them for the next run."""
    await _follow(processor, processor.context.ledger.watched())
    await _follow(processor, _open(processor.context, dry_run=processor.dry_run))


async def _follow(processor: PageProcessor, orders: AsyncIterator[str]) -> None:
    chunk: list[str] = []
    async for order in orders:
        if int(order) not in processor.seen:
            chunk.append(order)
        if len(chunk) == _CHUNK:
            await recheck(processor, chunk)
            chunk = []
    if chunk:
        await recheck(processor, chunk)


async def recheck(processor: PageProcessor, orders: list[str]) -> None:
    """Read these orders by OrderID and work them off."""
    try:
        async for page in processor.context.afterbuy.orders_by_id(orders):
            await processor.process(page)
    except AftersendError as error:
        processor.stats.record_error(error)
        processor.stats.everything_read = False
        return
    await _gone(processor, (order for order in orders if int(order) not in processor.seen))


async def _gone(processor: PageProcessor, orders: Iterable[str]) -> None:
    """Afterbuy does not know them any more."""
    for order in orders:
        processor.seen.add(int(order))
        processor.stats.record_decision(order, "skip", GONE)
        processor.stats.skipped[GONE] += 1 if processor.resend_refused else 0
        if processor.dry_run:
            continue
        entry = await withdraw(processor.context, order, reason=GONE)
        if entry.watched:
            entry = await processor.context.ledger.change(order, partial(_gone_for, context=processor.context))
        processor.stats.watched += 1 if entry.watched else 0


def _gone_for(entry: Entry, *, context: ExportContext) -> Entry:
    return transitions.gone(entry, now=context.now_ms(), recheck_period_ms=context.recheck_period_ms)


async def _open(context: ExportContext, *, dry_run: bool) -> AsyncIterator[str]:
    """Transferred orders without a label; those that wait too long are reported and not read any more."""
    now = context.now_ms()
    async for entry in open_entries(context):
        if now - entry.since < context.recheck_period_ms:
            yield entry.order
        elif not dry_run:
            await context.ledger.change(entry.order, partial(transitions.overdue, now=now))
