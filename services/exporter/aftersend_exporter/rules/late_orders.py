"""Orders that Afterbuy shows later than their own date: what a run asks for besides its window, and what goes of it.

The window finds an order by its own date. A split order, a marketplace's order that was pending, or an import shortly
before an outage appears when that day is over. So a second look finds what is *new*, by OrderIDs above the highest one
ever seen, and what *changed* since the last complete run, by ModDate::

    own date                new          changed
    ─────────────────────   ──────────   ───────────────────────────────────────────────────────
    absent                  left out     left out
    before ``notBefore``    left out     left out
    within catchUpDays      goes         goes; if it is before the tenant's first window: the past
    older                   too late     left out

What goes is decided like an order of the window, so nothing is sent twice. The past goes, too, and what is too late is
reported, once, if it is *open*: it would be transferred, is not dispatched, and the ledger does not know it. More than
``MAX_AT_ONCE`` open orders of either kind in one run are no late ones, but an import or a bulk change of old orders:
they are logged and counted, and neither go nor become problems.

Three facts say where to begin (``export.start``, ``export.highest``, ``export.first``). Only a complete run sets them:
after a partial or failed one, the next run looks from where the last complete one did.

- A **new tenant** has none. Its first run looks up the highest OrderID, and begins there: what was there before is the
  past, and floods nothing.
- After a **restore**, the older of the live and the saved facts count. What is looked at again is in the ledger, or
  goes to Sendcloud under the same key as before.
- With a **lost Redis** and no backup the tenant is new again, as its window is: the past floods nothing. What appeared
  while nothing was recorded, with a date before the window, goes by ``trigger export --order``; the log names the
  OrderID above which nothing is missed (``second_look_begins``).
- A **tenant of an earlier version**, or its backup, has only the start of its last run: what is new since then is found
  because it changed, and the highest OrderID is looked up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from aftersend.afterbuy.model import Order, UnreadableOrder
from aftersend.order_ids import is_order_id
from aftersend.tenant.document import DateField, Window
from aftersend_exporter.rules.window import Period, catch_up_start, first_moment, midnight, widened

Verdict = Literal["goes", "past", "too_late", "left_out"]

MAX_AT_ONCE: Final = 50
_OVERLAP: Final = timedelta(hours=1)
"""Changes are asked for from so much before the last complete run: the clocks of both sides need not agree."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LateOrders:
    """What one run asks for besides its window, and the limits of what goes."""

    highest: int | None
    """The highest OrderID ever seen; None = not known, so nothing is new."""
    changed: Period | None
    """The span of ModDate; None in the first run."""
    oldest: datetime
    """What is dated before is older than ``catchUpDays``."""
    not_before: datetime | None
    first: datetime | None
    """The start of the tenant's first window, if it is known."""
    date_field: DateField

    def verdict(self, order: Order) -> Verdict:
        """Look up the table; the own date is that of ``dateField``, because an order without it is not due yet.

        A new order whose date is not understood goes: it cannot be old by much.
        """
        if "OrderDate" in order.unclear:
            return "goes" if self.is_new(order.order_id) else "left_out"
        return self._verdict(order.order_id, order.ordered_at, own=_own_date(order, self.date_field))

    def verdict_on_unreadable(self, order: UnreadableOrder) -> Verdict:
        """Look up the table; a new order whose date is not readable goes: it becomes a problem of its own."""
        if order.ordered_at is None:
            return "goes" if self.is_new(order.order_id) else "left_out"
        verdict = self._verdict(order.order_id, order.ordered_at, own=order.ordered_at)
        return "goes" if verdict == "goes" else "left_out"

    def _verdict(self, order_id: str, ordered: datetime | None, *, own: datetime | None) -> Verdict:
        if not is_order_id(order_id) or ordered is None or own is None:
            return "left_out"
        if self.not_before is not None and ordered < self.not_before:
            return "left_out"
        if own < self.oldest:
            return "too_late" if self.is_new(order_id) else "left_out"
        is_past = self.first is not None and own < self.first and not self.is_new(order_id)
        return "past" if is_past else "goes"

    def is_new(self, order_id: str) -> bool:
        """Return whether the OrderID is above the highest one; one that is no OrderID is not."""
        return self.highest is not None and is_order_id(order_id) and int(order_id) > self.highest


def late_orders(
    *,
    now: datetime,
    zone: ZoneInfo,
    rules: Window,
    last_start: datetime | None,
    highest: int | None,
    first: datetime | None,
) -> LateOrders:
    """Return what a run asks for; ``last_start`` is the start of the last run that read everything."""
    oldest = catch_up_start(now=now, zone=zone, rules=rules)
    changed = None
    if last_start is not None:
        end = midnight(now.astimezone(zone).date() + _DAY, zone=zone)
        changed = widened(Period(max(last_start - _OVERLAP, oldest), end))
    return LateOrders(
        highest=highest,
        changed=changed,
        oldest=oldest,
        not_before=first_moment(rules, zone=zone),
        first=first,
        date_field=rules.date_field,
    )


def _own_date(order: Order, date_field: DateField) -> datetime | None:
    """Return the date that decides when an order is due; None if it is not due, or if the answer does not show it."""
    match date_field:
        case "PayDate":
            return order.paid_at
        case "FeedbackDate":
            return order.feedback_at
        case "InvoiceDate":
            return order.invoiced_at
        case "XmlDate":
            return None
        case _:
            return order.ordered_at
