"""Client of Afterbuy: orders of a window, new and changed orders, orders by id, updates, customs data, the time.

Paging. GetSoldItems answers at most 250 sold items. The next page is the same request from LastOrderID on. Whether that
range includes its start is unverified, so orders already seen are dropped. It ends at HasMoreItems 0, or when neither
LastOrderID nor the highest OrderID of the page advances.

Level of detail. Level 0 means "all sections" in the code of other clients. If a page lacks a section in every order, it
is requested again with all sections named, and so are the pages after it, if that helped. If it did not, reading a
window fails with ``Bug``: an export without buyers would silently skip every order.

Repeats. Reads of orders and products go through ``repeat``; each try reads its page anew, so paging goes on at the page
that failed. The clock is read once: a probe must not wait.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import aiohttp

from aftersend.afterbuy import writing
from aftersend.afterbuy.answer import AnswerReader
from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.afterbuy.errors import read_refusal, write_refusal
from aftersend.afterbuy.exchange import TIMEOUT, AfterbuyExchange
from aftersend.afterbuy.model import AFTERBUY, AfterbuyClock, OrderChange, Page, ProductCustoms
from aftersend.afterbuy.numbers import Unreadable, read_time
from aftersend.afterbuy.products import read_product
from aftersend.afterbuy.reading import read_order, read_written_order
from aftersend.afterbuy.records import Element
from aftersend.afterbuy.sold_items import ReadOrder, SoldItemsPage, missing_section
from aftersend.call_retries import Repeat, once
from aftersend.errors import Bug, Transient
from aftersend.observe.meter import CallMeter

__all__ = ["AfterbuyClient", "AfterbuyCredentials"]

ORDERS_PER_CALL: Final = 100
_UTC: Final = ZoneInfo("UTC")


@dataclass(slots=True)
class _Detail:
    """The level of detail that orders are requested with; learned once for the account."""

    level: int = writing.DEFAULT_DETAIL


class AfterbuyClient:
    """One account. ``credentials`` is called before each request, so that a rotated secret is in use at once."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        credentials: Callable[[], AfterbuyCredentials],
        meter: CallMeter,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
        read: ReadOrder = read_order,
    ) -> None:
        """``read`` maps what the caller needs of an order."""
        self._credentials = credentials
        self._read = read
        self._exchange = AfterbuyExchange(session, url=url, meter=meter, timeout=timeout)
        self.repeat: Repeat = once
        self._detail = _Detail()

    def repeating(self, repeat: Repeat) -> "AfterbuyClient":
        """Return this client with reads that go through ``repeat``; both share connections and budget."""
        client = copy(self)
        client.repeat = repeat
        return client

    async def clock(self) -> AfterbuyClock:
        """Read Afterbuy's clock; also the check that credentials work, and the probe of the circuit breaker."""
        envelope = await self._exchange.send(
            writing.get_time(self._credentials()), AnswerReader(), find_refusal=read_refusal
        )
        try:
            moment = read_time(envelope.fields.get("afterbuyuniversaltimestamp", ""), _UTC)
            moment = moment or read_time(envelope.fields.get("afterbuytimestamp", ""))
        except Unreadable:
            moment = None
        if moment is None:
            raise Transient("no_time", upstream=AFTERBUY, path="AfterbuyUniversalTimeStamp")
        return AfterbuyClock(universal=moment.astimezone(UTC))

    async def orders_between(self, start: datetime, end: datetime, *, date_field: str) -> AsyncIterator[Page]:
        """Read orders whose date lies in the window, page by page, ascending by OrderID. Times are sent in Berlin time.

        Raises ``Bug`` ("section_missing") if several orders were read and none has a section that the mapping needs. A
        single order without it is a matter of that order.
        """
        async for sold in self._pages(writing.date_filter(date_field, start, end), complete=True):
            yield sold.page()

    async def orders_from(self, order_id: int) -> AsyncIterator[Page]:
        """Read orders from this OrderID on, ascending. Whether the order itself comes, too, is unverified."""
        async for sold in self._pages(start=max(order_id, 1)):
            yield sold.page()

    async def orders_changed(self, start: datetime, end: datetime) -> AsyncIterator[Page]:
        """Read orders that were changed between two moments, whatever their own date, ascending by OrderID."""
        async for sold in self._pages(writing.date_filter("ModDate", start, end)):
            yield sold.page()

    async def highest_order_id(self) -> int | None:
        """Look up the highest OrderID by one call; None without orders, or if the page does not descend."""
        filters = (writing.range_filter(1),)
        ask = partial(self._ask_sold_items, filters, self._detail.level, descending=True, read=read_written_order)
        sold = await self.repeat(AFTERBUY, ask)
        return sold.highest()

    async def orders_by_id(self, ids: Sequence[str]) -> AsyncIterator[Page]:
        """Read these orders, as far as Afterbuy still has them; orders that were not requested are dropped."""
        for some in _chunks(ids, ORDERS_PER_CALL):
            wanted = frozenset(some)
            async for sold in self._pages(writing.order_id_filter(some)):
                yield sold.only(wanted).page()

    async def update(self, changes: Sequence[OrderChange]) -> None:
        """Write fields and tags of up to 150 orders in one call.

        Returns after plain success only. ``Rejected`` names the order if the call held just one; after any error of a
        call with several orders it is unknown which of them were written.
        """
        changes = [change for change in changes if not change.is_empty]
        if not changes:
            return
        order = changes[0].order_id if len(changes) == 1 else ""
        document = writing.update_sold_items(self._credentials(), changes)
        await self._exchange.send(document, AnswerReader(), find_refusal=partial(write_refusal, order=order))

    async def products(self, ids: Iterable[str]) -> dict[str, ProductCustoms]:
        """Read customs data by ProductID; products that Afterbuy does not know are absent."""
        found: dict[str, ProductCustoms] = {}

        def take(element: Element) -> None:
            if product := read_product(element):
                found[product.product_id] = product

        for some in _chunks(ids, writing.MAX_SHOP_ITEMS):
            await self.repeat(AFTERBUY, partial(self._ask_products, some, take))
        return found

    async def _pages(
        self, *filters: writing.Filter, start: int = 0, complete: bool = False
    ) -> AsyncIterator[SoldItemsPage]:
        seen: set[str] = set()
        sections, count = frozenset[str](), 0
        position: int | None = start
        while position is not None:
            sold = await self._sold_items((*filters, writing.range_filter(position)) if position else filters)
            sections, count = sections | sold.sections(), count + len(sold.orders)
            if complete and count > 1 and (missing := missing_section(sections)):
                raise Bug("section_missing", upstream=AFTERBUY, path=missing)
            fresh = sold.without_seen(position, seen)
            if not fresh.is_empty:
                yield fresh
            position = sold.next_position(position, has_news=not fresh.is_empty)
            seen = {order_id for order_id in seen | fresh.ids() if int(order_id) >= (position or 0)}

    async def _sold_items(self, filters: Sequence[writing.Filter]) -> SoldItemsPage:
        ask = partial(self._ask_sold_items, filters)
        sold = await self.repeat(AFTERBUY, partial(ask, self._detail.level))
        if not sold.missing_section() or self._detail.level == writing.EVERY_SECTION:
            return sold
        sold = await self.repeat(AFTERBUY, partial(ask, writing.EVERY_SECTION))
        if not sold.missing_section():
            self._detail.level = writing.EVERY_SECTION
        return sold

    async def _ask_sold_items(
        self,
        filters: Sequence[writing.Filter],
        detail: int,
        *,
        descending: bool = False,
        read: ReadOrder | None = None,
    ) -> SoldItemsPage:
        sold = SoldItemsPage(read or self._read)
        document = writing.get_sold_items(self._credentials(), filters, detail=detail, descending=descending)
        envelope = await self._exchange.send(document, AnswerReader("Order", sold.take), find_refusal=read_refusal)
        sold.read_paging(envelope)
        return sold

    async def _ask_products(self, ids: Iterable[str], take: Callable[[Element], None]) -> None:
        document = writing.get_products(self._credentials(), ids)
        await self._exchange.send(document, AnswerReader("Product", take), find_refusal=read_refusal)


def _chunks(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Split ids into lists of at most ``size``, each id once, in the order given."""
    unique = list(dict.fromkeys(ids))
    return (unique[start : start + size] for start in range(0, len(unique), size))
