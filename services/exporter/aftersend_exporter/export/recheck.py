"""Rechecks: orders that the window did not show are read again by their OrderID.

Two kinds: *watched* ones (held, refused, or not finished for reasons that pass), and *open* ones, which Sendcloud has
without a label yet; the latter because they may have been changed, held or cancelled in Afterbuy. After ``catchUpDays``
both are given up: a person should look. An order that Afterbuy does not have any more is changed after transfer if
Sendcloud has it; otherwise it is watched until it is given up.
"""

from collections.abc import AsyncIterator
from functools import partial

from aftersend.errors import AftersendError
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.page_processor import PageProcessor
from aftersend_exporter.rules import transitions
from aftersend_exporter.rules.outcomes import gone

_CHUNK = 100


async def recheck_known_orders(processor: PageProcessor) -> None:
    """Read watched and open orders that this run has not seen; an error of Afterbuy leaves them for the next run."""
    await _recheck_all(processor, processor.context.ledger.watched())
    await _recheck_all(processor, _open(processor.context, dry_run=processor.recorder.dry_run))


async def _recheck_all(processor: PageProcessor, orders: AsyncIterator[str]) -> None:
    chunk: list[str] = []
    async for order in orders:
        if int(order) not in processor.seen:
            chunk.append(order)
        if len(chunk) == _CHUNK:
            await recheck(processor, chunk)
            chunk = []
    if chunk:
        await recheck(processor, chunk)


async def recheck(processor: PageProcessor, orders: list[str]) -> bool:
    """Read these orders by OrderID and process them; those that Afterbuy does not have are gone.

    Returns False if Afterbuy did not answer for all of them.
    """
    stats = processor.recorder.stats
    try:
        async for page in processor.context.afterbuy.orders_by_id(orders):
            await processor.process(page)
    except AftersendError as error:
        stats.record_error(error)
        stats.everything_read = False
        return False
    for order in orders:
        if int(order) not in processor.seen:
            processor.seen.add(int(order))
            if processor.resend_refused:
                stats.count("skipped", [order], reason=transitions.GONE)
            await processor.settle(gone(order))
    return True


async def _open(context: ExportContext, *, dry_run: bool) -> AsyncIterator[str]:
    """List transferred orders without a label; those that wait too long are reported and not read any more."""
    now = context.now_ms()
    async for entry in context.ledger.entries(context.ledger.open()):
        if now - entry.since < context.recheck_period_ms:
            yield entry.order
        elif not dry_run:
            await context.ledger.change(entry.order, partial(transitions.overdue, now=now))
