"""Orders that the writer should look at again, although no event requires it.

Normally an event that cannot be applied comes back by itself; but it may have died after a day, or been lost with a
server. So an order that lags for ten minutes gets an ``order.check``, unless events are waiting unread (then the
writer is behind and will come to it), and not more often than every six hours.

Some problems end without any event, because a person puts Afterbuy in order: clears a field that is in conflict, or
creates the tag that was refused. Such orders are looked at again every hour, as long as orders are followed at all.
"""

from collections.abc import AsyncIterator
from typing import Final

from aftersend.ledger.entry import ProblemCode
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.runs import OrderCheck
from aftersend_exporter.context import ExportContext

LAGS_AFTER_MS: Final = 10 * 60 * 1000
_BEHIND_SECONDS: Final = 600
_LAGGING_AGAIN_SECONDS: Final = 6 * 3600
_CURABLE_AGAIN_SECONDS: Final = 3600
CURABLE: Final[tuple[ProblemCode, ...]] = ("conflict", "tag_refused")
"""Problems that a person cures in Afterbuy without any event."""


async def check_lagging(context: ExportContext, *, traceparent: str = "") -> int:
    """Enqueue the checks that are due; returns how many."""
    if await context.parcels.oldest_age() > _BEHIND_SECONDS:
        return 0
    due = [OrderCheck(order=order) async for order in _due(context)]
    await context.parcels.add_many("order.check", "sweep", due, traceparent=traceparent)
    return len(due)


async def _due(context: ExportContext) -> AsyncIterator[str]:
    async for order in context.ledger.lagging(LAGS_AFTER_MS):
        if await _first(context, order, again=_LAGGING_AGAIN_SECONDS):
            yield order
    async for order in context.ledger.problems(*CURABLE):
        if await _is_followed(context, order) and await _first(context, order, again=_CURABLE_AGAIN_SECONDS):
            yield order


async def _is_followed(context: ExportContext, order: str) -> bool:
    """True until the problem is older than orders are followed."""
    entry = await context.ledger.get(order)
    return (
        entry is not None
        and entry.problem is not None
        and context.now_ms() - entry.problem.since < context.recheck_period_ms
    )


async def _first(context: ExportContext, order: str, *, again: int) -> bool:
    """True if this order was not checked within the last ``again`` seconds."""
    redis = context.parcels.redis
    key = Keys(context.tenant.identity).key("checked", order)
    with guarded():
        return bool(await redis.set(key, b"1", nx=True, ex=again))
