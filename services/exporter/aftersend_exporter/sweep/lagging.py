"""Checks of orders without an event: those whose write-back lags, and those with a problem that a person may cure.

Normally an event that cannot be applied is retried; but it may be a dead letter by now, or lost with a server. So an
order that lags for ten minutes gets an ``order.check``, unless events are waiting unread (then the writer is behind and
will get to it), and not more often than every six hours.

Some problems end without any event, because a person corrects Afterbuy: clears a field that is in conflict, or creates
the tag that was refused; or because Afterbuy shows at last what it accepted. Such orders are checked every hour, as
long as orders are rechecked at all.
"""

from collections.abc import AsyncIterator
from typing import Final

from aftersend.ledger.entry import ProblemCode
from aftersend.runs import OrderCheck
from aftersend_exporter.context import ExportContext
from aftersend_exporter.order_checks import not_checked_within

LAGS_AFTER_MS: Final = 10 * 60 * 1000
_BACKLOG_SECONDS: Final = 600
_LAGGING_REPEAT_SECONDS: Final = 6 * 3600
_CURABLE_REPEAT_SECONDS: Final = 3600
CURABLE: Final[tuple[ProblemCode, ...]] = ("conflict", "tag_refused", "not_shown")
"""Problems that end in Afterbuy without any event."""


async def check_lagging(context: ExportContext, *, traceparent: str = "") -> int:
    """Enqueue the checks that are due and return their number."""
    if await context.parcels.oldest_age() > _BACKLOG_SECONDS:
        return 0
    due = [OrderCheck(order=order) async for order in _due(context)]
    await context.parcels.add_many("order.check", "sweep", due, traceparent=traceparent)
    return len(due)


async def _due(context: ExportContext) -> AsyncIterator[str]:
    async for order in context.ledger.lagging(LAGS_AFTER_MS):
        if await not_checked_within(context, order, seconds=_LAGGING_REPEAT_SECONDS):
            yield order
    async for order in context.ledger.problems(*CURABLE):
        if await _is_rechecked(context, order) and await not_checked_within(
            context, order, seconds=_CURABLE_REPEAT_SECONDS
        ):
            yield order


async def _is_rechecked(context: ExportContext, order: str) -> bool:
    """Return whether the problem is younger than the recheck period."""
    entry = await context.ledger.get(order)
    return (
        entry is not None
        and entry.problem is not None
        and context.now_ms() - entry.problem.since < context.recheck_period_ms
    )
