"""One page of GetSoldItems, and where the next one starts. No I/O here."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final, Self, TypeVar

from aftersend.afterbuy.answer import Envelope
from aftersend.afterbuy.model import Order, Page, UnreadableOrder, highest_id
from aftersend.afterbuy.numbers import Unreadable, read_flag, read_whole
from aftersend.afterbuy.reading import read_order
from aftersend.afterbuy.records import Element

NEEDED: Final = ("BuyerInfo", "SoldItems", "ShippingInfo")
"""Sections without which no order can be transferred."""

ReadOrder = Callable[[Element], Order | UnreadableOrder]
_T = TypeVar("_T")


@dataclass(slots=True)
class SoldItemsPage:
    """Orders of one page, filled while the answer streams in."""

    read: ReadOrder = read_order
    orders: list[Order] = field(default_factory=list)
    unreadable: list[UnreadableOrder] = field(default_factory=list)
    last: int = 0
    """LastOrderID, 0 if absent."""
    is_last: bool = False
    """HasMoreItems is 0; if it is absent, the next page shows whether there is more."""

    def take(self, element: Element) -> None:
        """Add one ``Order`` element."""
        order = self.read(element)
        if isinstance(order, UnreadableOrder):
            self.unreadable.append(order)
        else:
            self.orders.append(order)

    def read_paging(self, envelope: Envelope) -> None:
        """Read the paging fields of the envelope."""
        has_more = _lenient(read_flag, envelope.fields.get("hasmoreitems", ""))
        self.is_last = has_more is False or self.is_empty
        self.last = _lenient(read_whole, envelope.fields.get("lastorderid", "")) or 0

    @property
    def is_empty(self) -> bool:
        """True without any order."""
        return not (self.orders or self.unreadable)

    def ids(self) -> set[str]:
        """Return the OrderIDs of this page; items that are no order yet carry 0 and have none."""
        return ({order.order_id for order in self.orders} | {order.order_id for order in self.unreadable}) - {"0"}

    def highest(self) -> int | None:
        """Return the highest OrderID of the account from a descending page; None if the page does not show it."""
        listed = [int(order.order_id) for order in self.orders if order.order_id != "0"]
        is_descending = len(listed) > 1 and listed[0] > listed[-1]
        return highest_id(self.ids()) if is_descending or self.is_last else None

    def next_position(self, position: int, *, has_news: bool) -> int | None:
        """Return where the page after this one starts, None if there is none; ``position`` is where this one started.

        LastOrderID as a rule. If a page is not in the order of its ids, LastOrderID may not advance or go back; the
        highest OrderID of the page is the next position then.
        """
        highest = max((int(order_id) for order_id in self.ids()), default=0)
        candidates = (self.last, highest) if has_news else (highest,)
        return None if self.is_last else next((each for each in candidates if each > position), None)

    def sections(self) -> frozenset[str]:
        """Return the sections that any order of this page has."""
        return frozenset[str]().union(*(order.sections for order in self.orders))

    def missing_section(self) -> str:
        """Return the first needed section that no order of this page has, or an empty text."""
        return missing_section(self.sections()) if self.orders else ""

    def without_seen(self, position: int, seen: AbstractSet[str]) -> Self:
        """Drop orders that earlier pages brought: those below the requested range, and those in it."""
        return self._filtered(lambda each: each == "0" or (int(each) >= position and each not in seen))

    def only(self, wanted: AbstractSet[str]) -> Self:
        """Drop orders that were not requested."""
        return self._filtered(lambda order_id: order_id in wanted)

    def page(self) -> Page:
        """Return the page as callers get it."""
        return Page(tuple(self.orders), tuple(self.unreadable))

    def _filtered(self, is_wanted: Callable[[str], bool]) -> Self:
        return replace(
            self,
            orders=[each for each in self.orders if is_wanted(each.order_id)],
            unreadable=[each for each in self.unreadable if is_wanted(each.order_id)],
        )


def missing_section(present: AbstractSet[str]) -> str:
    """Return the first needed section that is not among these, or an empty text."""
    return next((section for section in NEEDED if section not in present), "")


def _lenient(read: Callable[[str], _T | None], text: str) -> _T | None:
    try:
        return read(text)
    except Unreadable:
        return None
