"""Checks of orders that the writer gets without an event, each order once in a while.

Where problems have a tag in Afterbuy, every run ends with a check of each order whose problem began or ended since: the
exporter finds and ends problems, and only the writer writes to Afterbuy.
"""

from collections.abc import AsyncIterator
from typing import Final

from aftersend.ledger.problem_tag import is_tag_due
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.runs import OrderCheck
from aftersend_exporter.context import ExportContext

_REPEAT_SECONDS: Final = 3600


async def check_tags(context: ExportContext) -> None:
    """Enqueue a check of every order whose problem began or ended since Afterbuy got its tag."""
    due = [OrderCheck(order=order) async for order in _tags_due(context)]
    await context.parcels.add_many("order.check", "system", due)


async def not_checked_within(context: ExportContext, order: str, *, seconds: int) -> bool:
    """Return whether this order was not checked within the last ``seconds``, and remember that it is now."""
    redis = context.parcels.redis
    key = Keys(context.tenant.identity).key("checked", order)
    with guarded():
        return bool(await redis.set(key, b"1", nx=True, ex=seconds))


async def _tags_due(context: ExportContext) -> AsyncIterator[str]:
    settings = context.tenant.spec.write_back
    has_tags = bool(settings.problem_tag or settings.problem_tags)
    for orders in (context.ledger.tagged(), *((context.ledger.problems(),) if has_tags else ())):
        async for entry in context.ledger.entries(orders):
            if is_tag_due(entry, settings) and await not_checked_within(context, entry.order, seconds=_REPEAT_SECONDS):
                yield entry.order
