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
from aftersend_exporter.context import Desk
from aftersend_exporter.export.confirm import open_entries
from aftersend_exporter.export.page_processor import PageWorker, withdraw
from aftersend_exporter.rules import transitions

_CHUNK = 100
GONE = "gone"
"""Path of the problem of an order that vanished from Afterbuy."""


async def follow_up(worker: PageWorker) -> None:
    """Read watched and open orders that this run has not seen; trouble with Afterbuy leaves them for the next run."""
    await _follow(worker, worker.desk.ledger.watched())
    await _follow(worker, _open(worker.desk, dry=worker.dry))


async def _follow(worker: PageWorker, orders: AsyncIterator[str]) -> None:
    chunk: list[str] = []
    async for order in orders:
        if int(order) not in worker.seen:
            chunk.append(order)
        if len(chunk) == _CHUNK:
            await read_again(worker, chunk)
            chunk = []
    if chunk:
        await read_again(worker, chunk)


async def read_again(worker: PageWorker, orders: list[str]) -> None:
    """Read these orders by OrderID and work them off."""
    try:
        async for page in worker.desk.afterbuy.orders_by_id(orders):
            await worker.work(page)
    except AftersendError as error:
        worker.tally.trouble(error)
        worker.tally.everything_read = False
        return
    await _gone(worker, (order for order in orders if int(order) not in worker.seen))


async def _gone(worker: PageWorker, orders: Iterable[str]) -> None:
    """Afterbuy does not know them any more."""
    for order in orders:
        worker.seen.add(int(order))
        worker.tally.note(order, "skip", GONE)
        worker.tally.skipped[GONE] += 1 if worker.insist else 0
        if worker.dry:
            continue
        entry = await withdraw(worker.desk, order, reason=GONE)
        if entry.watched:
            entry = await worker.desk.ledger.change(order, partial(_expired, desk=worker.desk))
        worker.tally.watched += 1 if entry.watched else 0


def _expired(entry: Entry, *, desk: Desk) -> Entry:
    return transitions.expired(entry, now=desk.now_ms(), patience=desk.patience, reason=GONE)


async def _open(desk: Desk, *, dry: bool) -> AsyncIterator[str]:
    """Transferred orders without a label; those that wait too long are reported and not read any more."""
    now = desk.now_ms()
    async for entry in open_entries(desk):
        if now - entry.since < desk.patience:
            yield entry.order
        elif not dry:
            await desk.ledger.change(entry.order, partial(transitions.overdue, now=now))
