"""The least age of an order (``export.only.minAgeMinutes``): time for a buyer to cancel, or to combine orders.

It counts from OrderDate. Where that is absent, not understood or still to come, it counts from when the order was first
seen: that is since when it is watched, or now. An order that was sent before is never too young: the merchant may set
the least age later than that, and a change must not wait.
"""

from datetime import UTC, datetime, timedelta

from aftersend.afterbuy.model import Order
from aftersend.ledger.entry import Entry
from aftersend.tenant.document import Only


def is_too_young(order: Order, *, only: Only, entry: Entry | None, now: datetime) -> bool:
    """Return whether the order must wait; ``entry`` is what the ledger knows of it."""
    if not only.min_age_minutes or (entry is not None and entry.fingerprint):
        return False
    return now - _beginning(order, entry=entry, now=now) < timedelta(minutes=only.min_age_minutes)


def _beginning(order: Order, *, entry: Entry | None, now: datetime) -> datetime:
    if order.ordered_at is not None and order.ordered_at <= now:
        return order.ordered_at
    return datetime.fromtimestamp(entry.watched / 1000, UTC) if entry is not None and entry.watched else now
