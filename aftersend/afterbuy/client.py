"""What the bridge wants from Afterbuy: orders of a window, orders by id, updates, customs data, the time.

Paging. GetSoldItems answers at most 250 sold items. The next page is the same request from LastOrderID on. Whether that
range includes its start nobody could verify, so orders already seen are dropped. It ends when HasMoreItems says so, or
when neither LastOrderID nor the highest OrderID of the page leads further.

Level of detail. Level 0 means "all sections" as far as clients of others show. If a page lacks a section in every
order, it is asked for again with all sections named, and so are the pages after it, if that helped. If it did not,
reading a window fails loudly: an export without buyers would skip every order without a word.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import aiohttp

from aftersend.afterbuy import writing
from aftersend.afterbuy.answer import AnswerReader, Element
from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.afterbuy.errors import read_refusal, write_refusal
from aftersend.afterbuy.exchange import PATIENCE, Exchange
from aftersend.afterbuy.model import AFTERBUY, AfterbuyClock, OrderChange, Page, ProductCustoms
from aftersend.afterbuy.numbers import Unreadable, read_time
from aftersend.afterbuy.reading import read_product
from aftersend.afterbuy.sold_items import SoldItems
from aftersend.errors import Bug, Transient
from aftersend.observe.meter import CallMeter

__all__ = ["AfterbuyClient", "AfterbuyCredentials"]

ORDERS_PER_CALL: Final = 100
_UTC: Final = ZoneInfo("UTC")


class AfterbuyClient:
    """One merchant's Afterbuy account. Keys are asked for at each call, so that a rotated secret is in use at once."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        credentials: Callable[[], AfterbuyCredentials],
        meter: CallMeter,
        patience: aiohttp.ClientTimeout = PATIENCE,
    ) -> None:
        self._credentials = credentials
        self._exchange = Exchange(session, url=url, meter=meter, patience=patience)
        self._detail = writing.DEFAULT_DETAIL

    async def clock(self) -> AfterbuyClock:
        """Afterbuy's clock; also the check that credentials work, and the probe of the circuit breaker."""
        envelope = await self._exchange.ask(writing.get_time(self._credentials()), AnswerReader(), judge=read_refusal)
        try:
            moment = read_time(envelope.fields.get("afterbuyuniversaltimestamp", ""), _UTC)
            moment = moment or read_time(envelope.fields.get("afterbuytimestamp", ""))
        except Unreadable:
            moment = None
        if moment is None:
            raise Transient("no_time", upstream=AFTERBUY, path="AfterbuyUniversalTimeStamp")
        return AfterbuyClock(universal=moment.astimezone(UTC))

    async def orders_between(self, start: datetime, end: datetime, *, date_field: str) -> AsyncIterator[Page]:
        """Orders whose date lies in the window, page by page, ascending by OrderID. Times are asked in Berlin time.

        Raises ``Bug`` ("section_missing") if no order of a page has a section that the mapping needs.
        """
        async for sold in self._pages(writing.dates(date_field, start, end), complete=True):
            yield sold.page()

    async def orders_by_id(self, ids: Sequence[str]) -> AsyncIterator[Page]:
        """These orders, as far as Afterbuy still has them; orders that were not asked for are left out."""
        for some in _in_parts(ids, ORDERS_PER_CALL):
            wanted = frozenset(some)
            async for sold in self._pages(writing.order_ids(some)):
                yield sold.only(wanted).page()

    async def update(self, changes: Sequence[OrderChange]) -> None:
        """Write fields and tags of up to 150 orders in one call.

        Returns after plain success only. ``Rejected`` names the order if the call held just one; after any error of a
        call with several orders nobody knows which of them were written.
        """
        changes = [change for change in changes if not change.is_empty]
        if not changes:
            return
        order = changes[0].order_id if len(changes) == 1 else ""
        document = writing.update_sold_items(self._credentials(), changes)
        await self._exchange.ask(document, AnswerReader(), judge=partial(write_refusal, order=order))

    async def products(self, ids: Iterable[str]) -> dict[str, ProductCustoms]:
        """Customs data by ProductID; products that Afterbuy does not know are absent."""
        found: dict[str, ProductCustoms] = {}

        def take(element: Element) -> None:
            if product := read_product(element):
                found[product.product_id] = product

        for some in _in_parts(ids, writing.MAX_SHOP_ITEMS):
            document = writing.get_products(self._credentials(), some)
            await self._exchange.ask(document, AnswerReader("Product", take), judge=read_refusal)
        return found

    async def _pages(self, wanted: writing.Filter, *, complete: bool = False) -> AsyncIterator[SoldItems]:
        seen: set[str] = set()
        position: int | None = 0
        while position is not None:
            sold = await self._sold_items((wanted, writing.from_order(position)) if position else (wanted,))
            if complete and (lacking := sold.lacking()):
                raise Bug("section_missing", upstream=AFTERBUY, path=lacking)
            fresh = sold.since(position, seen)
            if not fresh.is_empty:
                yield fresh
            position = sold.next_position(position, has_news=not fresh.is_empty)
            seen = {order_id for order_id in seen | fresh.ids() if int(order_id) >= (position or 0)}

    async def _sold_items(self, filters: Sequence[writing.Filter]) -> SoldItems:
        sold = await self._ask_sold_items(filters, self._detail)
        if not sold.lacking() or self._detail == writing.EVERY_SECTION:
            return sold
        sold = await self._ask_sold_items(filters, writing.EVERY_SECTION)
        if not sold.lacking():
            self._detail = writing.EVERY_SECTION
        return sold

    async def _ask_sold_items(self, filters: Sequence[writing.Filter], detail: int) -> SoldItems:
        sold = SoldItems()
        document = writing.get_sold_items(self._credentials(), filters, detail=detail)
        envelope = await self._exchange.ask(document, AnswerReader("Order", sold.take), judge=read_refusal)
        sold.conclude(envelope)
        return sold


def _in_parts(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Each id once, in the order given, in lists of at most ``size``."""
    unique = list(dict.fromkeys(ids))
    return (unique[start : start + size] for start in range(0, len(unique), size))
