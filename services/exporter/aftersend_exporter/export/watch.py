"""Watching orders: their ledger entries say that the next run reads them again, and why."""

from collections.abc import Callable
from functools import partial

from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.rules import outcomes, transitions


async def change_timed(context: ExportContext, order: str, change: Callable[..., Entry]) -> Entry:
    """Change an entry by a transition that gives orders up after the recheck period."""
    now, period = context.now_ms(), context.recheck_period_ms
    return await context.ledger.change(order, partial(change, now=now, recheck_period_ms=period))


async def watch(recorder: RunRecorder, order: str, *, reason: str) -> None:
    """Watch an order, and count it unless it is given up."""
    entry = await change_timed(recorder.context, order, partial(transitions.watched, reason=reason))
    recorder.stats.watched += 1 if entry.watched else 0


async def put_off(recorder: RunRecorder, order: str, error: AftersendError) -> None:
    """Leave an order for the next run, because a question about it met an error."""
    recorder.stats.record_error(error)
    outcome = outcomes.later(order)
    recorder.record(outcome)
    await watch(recorder, order, reason=outcome.reason)
