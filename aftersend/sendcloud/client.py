"""The Sendcloud client: orders go out by v3, parcels come back by v2 (the webhook's own object).

Its methods are the calls that the bridge makes. How one call works stands in ``exchange``, how pages are followed in
``lists``, what a parcel becomes in ``parcel``, what a refusal means in ``errors``.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import aiohttp
import msgspec

from aftersend.errors import Bug
from aftersend.observe.meter import CallMeter
from aftersend.sendcloud.credentials import SendcloudCredentials
from aftersend.sendcloud.errors import BatchRejected, Malformed
from aftersend.sendcloud.exchange import PATIENCE, Answer, Exchange, Question
from aftersend.sendcloud.lists import Accepted, IntegrationList, OrderList, Pages, ParcelList
from aftersend.sendcloud.model import SENDCLOUD, Integration, ParcelEvent, PushOrder
from aftersend.sendcloud.parcel import swept_event

__all__ = ["BatchRejected", "ParcelPage", "SendcloudClient", "SendcloudCredentials"]

LARGEST_BATCH: Final = 100
_ORDERS_PER_PAGE: Final = "200"


@dataclass(frozen=True, slots=True)
class ParcelPage:
    """A page of parcels: events as a webhook would bring them, those without number and returns included."""

    events: tuple[ParcelEvent, ...]
    date: datetime
    """Sendcloud's clock when it answered (``Date`` header), aware; our own where it told none."""
    unreadable: int
    """Parcels that could not be decoded."""


class SendcloudClient:
    """One account. ``url`` is the API's address without version; ``credentials`` is asked before each call."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        credentials: Callable[[], SendcloudCredentials],
        meter: CallMeter,
        patience: aiohttp.ClientTimeout = PATIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._exchange = Exchange(session, url=url, credentials=credentials, meter=meter, patience=patience)
        self._clock = clock

    async def integrations(self) -> list[Integration]:
        """All integrations of the account."""
        answer = await self._exchange.ask(Question("GET", "/v3/integrations", IntegrationList))
        cleaned = [listed.clean() for listed in answer.content.data]
        return [integration for integration in cleaned if integration.id]

    async def push(self, orders: Sequence[PushOrder]) -> None:
        """Create or update up to 100 incoming orders: all or nothing, and ``BatchRejected`` names those to blame.

        To return means accepted. Sendcloud saves later, so somebody must look for the orders later.
        """
        if not orders:
            return
        if len(orders) > LARGEST_BATCH:
            raise Bug("batch_too_large", upstream=SENDCLOUD)
        body = msgspec.json.encode(orders)
        await self._exchange.ask(Question("POST", "/v3/orders", Accepted, body=body, batch=len(orders)))

    async def has_order(self, order_id: str, integration: int) -> bool:
        """Whether Sendcloud has saved this order; hits are compared, because filters may be ignored."""
        async for page in self._orders(integration, {"order_id": order_id}):
            if order_id in page:
                return True
        return False

    async def order_ids(self, integration: int) -> AsyncIterator[list[str]]:
        """The ``order_id`` of every incoming order of an integration, page by page, newest first."""
        async for page in self._orders(integration, {}):
            yield page

    async def parcels(self, updated_after: datetime) -> AsyncIterator[ParcelPage]:
        """The parcels that changed since then (aware), page by page."""
        moment = updated_after.astimezone(UTC).isoformat(timespec="seconds")
        async for page in self._parcels({"updated_after": moment}):
            yield page

    async def parcels_of(self, order_number: str) -> tuple[ParcelEvent, ...]:
        """All parcels with this order number, returns included."""
        pages = [page async for page in self._parcels({"order_number": order_number})]
        return tuple(event for page in pages for event in page.events if event.order_number == order_number)

    async def _orders(self, integration: int, wanted: Mapping[str, str]) -> AsyncIterator[list[str]]:
        pages = Pages({"integration": str(integration), "page_size": _ORDERS_PER_PAGE, **wanted})
        while pages.more:
            answer = await self._exchange.ask(Question("GET", "/v3/orders", OrderList, query=pages.query))
            yield [name for order in answer.content.data if (name := order.id_within(integration))]
            pages.follow(answer.next_url)

    async def _parcels(self, wanted: Mapping[str, str]) -> AsyncIterator[ParcelPage]:
        pages = Pages(wanted)
        while pages.more:
            answer = await self._exchange.ask(Question("GET", "/v2/parcels", ParcelList, query=pages.query))
            yield self._page(answer)
            pages.follow(answer.content.next)

    def _page(self, answer: Answer[ParcelList]) -> ParcelPage:
        now = self._clock()
        listed = answer.content.parcels
        events: list[ParcelEvent] = []
        for parcel in listed:
            with suppress(Malformed):
                events.append(swept_event(parcel, received=int(now * 1000)))
        return ParcelPage(
            events=tuple(events),
            date=answer.date or datetime.fromtimestamp(now, UTC),
            unreadable=len(listed) - len(events),
        )
