"""``DataFilter`` of GetSoldItems: reading and applying it, as strictly as the error list allows.

Filters are combined by AND. ``OrderID`` and ``RangeID`` become the way by which orders are looked up, all others become
predicates, so that a page costs as much as the orders it has to look at and no more.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lxml import etree

from aftersend_sandbox.afterbuy.xml import AfterbuyError, content, read_moment
from aftersend_sandbox.switches import Switches
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder, OrderBook

Predicate = Callable[[AfterbuyOrder], bool]

LARGEST: Final = 2_147_483_647
MOST_FILTERS: Final = 5
MOST_VALUES: Final = 500

DATES: Final[dict[str, Callable[[AfterbuyOrder], Iterable[datetime | None]]]] = {
    "AuctionEndDate": lambda order: [item.ended_at or order.ordered_at for item in order.items] or [order.ordered_at],
    "FeedbackDate": lambda order: [order.feedback_at],
    "PayDate": lambda order: [order.payment.paid_at],
    "ShippingDate": lambda order: [order.shipping.dispatched_at],
    "InvoiceDate": lambda order: [order.payment.invoice_date],
    "ModDate": lambda order: [max(order.modified_at or order.ordered_at, order.visible_from or order.ordered_at)],
    "XmlDate": lambda order: [order.xml_at],
    "MailDate": lambda order: [order.mail_at],
    "ReminderDate": lambda order: [order.reminder_at],
}
"""The moments of an order that each date field looks at; one inside the range is enough."""

DEFAULTS: Final[dict[str, Predicate]] = {
    "NewAuctions": lambda order: order.feedback_at is None,
    "ReadyToShip": lambda order: order.payment.paid_at is not None and order.shipping.dispatched_at is None,
    "CompletedAuctions": lambda order: order.shipping.dispatched_at is not None,
    "PaidAuctions": lambda order: order.payment.paid_at is not None,
    "InvoicePrinted": lambda order: order.payment.invoice_date is not None,
}
"""Values of DefaultFilter; each may be negated by ``not_``. NoXMLDate stands alone."""

_TEXTS: Final[dict[str, Callable[[AfterbuyOrder], Iterable[str]]]] = {
    "Tag": lambda order: order.tags,
    "UserDefinedFlag": lambda order: [str(item.flag) for item in order.items],
    "AfterbuyUserID": lambda order: [str(order.billing.user_id)],
    "AfterbuyUserEmail": lambda order: [order.billing.mail],
    "InvoiceNumber": lambda order: [order.invoice_number],
    "ShopId": lambda order: [order.external_order],
    "AlternativeItemNumber1": lambda order: [item.sku for item in order.items],
    "AlternativeItemNumber2": lambda order: [item.anr for item in order.items],
}
"""Filters that compare one text, and what they compare it with."""


@dataclass(slots=True)
class Selection:
    """Which orders a call wants."""

    ids: set[int] | None = None
    first: int = 0
    last: int | None = None
    predicates: list[Predicate] = field(default_factory=list)
    dated: str = ""
    """Field of a DateFilter, if there is one."""

    def of(self, book: OrderBook, *, descending: bool) -> Iterator[AfterbuyOrder]:
        """Yield the matching orders by id."""
        for order in self._candidates(book, descending=descending):
            if all(matches(order) for matches in self.predicates):
                yield order

    def _candidates(self, book: OrderBook, *, descending: bool) -> Iterator[AfterbuyOrder]:
        if self.ids is None:
            yield from book.between(self.first, self.last, descending=descending)
            return
        if 0 in self.ids:
            yield from (order for order in book if not order.is_order)
        for order_id in sorted(self.ids, reverse=descending):
            order = book.get(order_id)
            if order and order_id >= self.first and (self.last is None or order_id <= self.last):
                yield order


def read_filters(root: "etree._Element", switches: Switches) -> Selection:
    """Parse the filters of a request; raises AfterbuyError 17, 22, 30, 36 or 50."""
    filters = root.findall("DataFilter/Filter")
    if len(filters) > MOST_FILTERS:
        raise AfterbuyError(36)
    if len(root.findall("DataFilter/Filter/FilterValues/FilterValue")) > MOST_VALUES:
        raise AfterbuyError(50)
    selection = Selection()
    for each in filters:
        _apply(each, selection, switches)
    return selection


def _apply(each: "etree._Element", selection: Selection, switches: Switches) -> None:
    name = content(each, "FilterName") or ""
    values = [(value.text or "").strip() for value in each.findall("FilterValues/FilterValue")]
    if name == "OrderID":
        wanted = {_number(value, too_large=17) for value in values}
        selection.ids = wanted if selection.ids is None else selection.ids & wanted
        if not wanted:
            raise AfterbuyError(30)
    elif name == "RangeID":
        _apply_range(each, selection, switches)
    elif name == "DateFilter":
        selection.predicates.append(_dated(each, values, switches))
        selection.dated = values[0]
    elif name == "DefaultFilter":
        selection.predicates.append(_default(_one(values), switches))
    elif name == "Plattform":
        selection.predicates.append(_platform(_one(values)))
    elif name in _TEXTS:
        selection.predicates.append(_text(name, values if name in {"ShopId", "InvoiceNumber"} else [_one(values)]))
    else:
        raise AfterbuyError(30)


def _one(values: list[str]) -> str:
    if len(values) != 1 or not values[0]:
        raise AfterbuyError(30)
    return values[0]


def _number(text: str | None, *, too_large: int) -> int:
    if not text or not text.isdecimal():
        raise AfterbuyError(30)
    if int(text) > LARGEST:
        raise AfterbuyError(too_large)
    return int(text)


def _apply_range(each: "etree._Element", selection: Selection, switches: Switches) -> None:
    """Open ends are written as no ValueTo, as 0, or as a number larger than any id."""
    first = _number(content(each, "FilterValues/ValueFrom"), too_large=22)
    selection.first = max(selection.first, first + (switches.range_id == "exclusive"))
    last = content(each, "FilterValues/ValueTo") or "0"
    if not last.isdecimal():
        raise AfterbuyError(30)
    if 0 < int(last) <= LARGEST:
        selection.last = int(last)


def _dated(each: "etree._Element", values: list[str], switches: Switches) -> Predicate:
    name = _one(values)
    moments = _edited if name == "ModDate" and switches.mod_date == "edits" else DATES.get(name)
    start_text, end_text = content(each, "FilterValues/DateFrom"), content(each, "FilterValues/DateTo")
    if moments is None or not start_text:
        raise AfterbuyError(30)
    try:
        start = read_moment(start_text)
        end = read_moment(end_text) if end_text else None
    except ValueError:
        raise AfterbuyError(30) from None
    ends = () if switches.date_filter == "inclusive" else (start, end)

    def is_inside(moment: datetime) -> bool:
        return start <= moment and (end is None or moment <= end) and moment.replace(microsecond=0) not in ends

    return lambda order: any(moment is not None and is_inside(moment) for moment in moments(order))


def _edited(order: AfterbuyOrder) -> Iterable[datetime | None]:
    return [order.modified_at or order.ordered_at]


def _default(value: str, switches: Switches) -> Predicate:
    known: dict[str, Predicate] = {"NoXMLDate": lambda order: order.xml_at is None, **DEFAULTS}
    known |= {f"not_{name}": _negated(matches) for name, matches in DEFAULTS.items()}
    if switches.filter_case == "ignored":
        known, value = {name.lower(): matches for name, matches in known.items()}, value.lower()
    if value not in known:
        raise AfterbuyError(30)
    return known[value]


def _negated(matches: Predicate) -> Predicate:
    return lambda order: not matches(order)


def _platform(value: str) -> Predicate:
    wanted = value.lower()
    negated = wanted.startswith("not_")
    wanted = wanted.removeprefix("not_").replace("amazonsc", "amazon")

    def matches(order: AfterbuyOrder) -> bool:
        own = order.platform or (order.items[0].platform if order.items else "")
        return (own.lower() == wanted) != negated

    return matches


def _text(name: str, values: list[str]) -> Predicate:
    wanted, texts_of = set(values), _TEXTS[name]
    return lambda order: not wanted.isdisjoint(texts_of(order))
