"""Orders whose Afterbuy side lags: have the writer look at them again, in case their event is gone.

Normally an event that cannot be applied comes back by itself; but it may have died after a day, or been lost with a
server. So an order that lags for ten minutes gets an ``order.check``, unless events are waiting unread (then the
writer is behind and will come to it), and not more often than every six hours.
"""

from typing import Final

from aftersend.runs import OrderCheck
from aftersend.stream.connection import guarded
from aftersend.stream.keys import Keys
from aftersend_exporter.desk import Desk

LAGS_AFTER_MS: Final = 10 * 60 * 1000
_BEHIND_SECONDS: Final = 600
_AGAIN_SECONDS: Final = 6 * 3600


async def check_lagging(desk: Desk, *, traceparent: str = "") -> int:
    """Enqueue the checks that are due; returns how many."""
    if await desk.parcels.oldest_age() > _BEHIND_SECONDS:
        return 0
    due = [OrderCheck(order=order) async for order in desk.ledger.lagging(LAGS_AFTER_MS) if await _first(desk, order)]
    await desk.parcels.add_many("order.check", "sweep", due, traceparent=traceparent)
    return len(due)


async def _first(desk: Desk, order: str) -> bool:
    """True if this order was not checked lately."""
    redis = desk.parcels.redis
    key = Keys(desk.tenant.identity).key("checked", order)
    with guarded():
        return bool(await redis.set(key, b"1", nx=True, ex=_AGAIN_SECONDS))
