"""Client of Sendcloud: push orders by v3, read parcels by v2 (the webhook's own object), or by v3 where v2 is closed.

Its methods are the calls of the bridge. One call is in ``exchange``, paging in ``lists``, the mapping of a parcel in
``parcel`` and ``shipment``, the mapping of a refusal in ``errors``.

Reads go through ``repeat``, page by page, so a list goes on at the page that failed. A push does not: only its caller
knows whether it may be sent again.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeVar

import aiohttp
import msgspec

from aftersend.call_retries import Repeat, once
from aftersend.errors import Bug
from aftersend.observe.meter import CallMeter
from aftersend.sendcloud.credentials import SendcloudCredentials
from aftersend.sendcloud.errors import BatchRejected, Malformed
from aftersend.sendcloud.exchange import TIMEOUT, SendcloudExchange, SendcloudRequest, SendcloudResponse
from aftersend.sendcloud.limits import Limit, RateBucket
from aftersend.sendcloud.lists import IntegrationList, OrderList, Pagination, ParcelList, PushResult
from aftersend.sendcloud.model import SENDCLOUD, Integration, IntegrationChange, ParcelEvent, PushOrder
from aftersend.sendcloud.parcel import swept_event
from aftersend.sendcloud.shipment import ShipmentList, StatusIds, StatusList, shipped_events

__all__ = ["BatchRejected", "ParcelPage", "SendcloudClient", "SendcloudCredentials"]

MAX_BATCH_SIZE: Final = 100
_ORDERS_PER_PAGE: Final = "200"
_SHIPMENTS_PER_PAGE: Final = "100"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ParcelPage:
    """A page of parcels as the events that webhooks would bring, without number and returns included."""

    events: tuple[ParcelEvent, ...]
    date: datetime | None
    """Sendcloud's clock when it answered (``Date`` header), UTC; None if it is missing or unreadable."""
    unreadable: int
    """Parcels that could not be decoded."""
    names_returns: bool = True
    """False for v3: a return looks like any other parcel of its order."""


class SendcloudClient:
    """One account. ``url`` is the API's address without version; ``credentials`` is called before each request."""

    def __init__(  # noqa: PLR0913 - everything a client depends on, by name
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        credentials: Callable[[], SendcloudCredentials],
        meter: CallMeter,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
        clock: Callable[[], float] = time.time,
        new_bucket: Callable[[Limit], RateBucket] = RateBucket,
    ) -> None:
        self._exchange = SendcloudExchange(
            session, url=url, credentials=credentials, meter=meter, timeout=timeout, new_bucket=new_bucket
        )
        self._clock = clock
        self.repeat: Repeat = once

    def repeating(self, repeat: Repeat) -> "SendcloudClient":
        """Return this client with reads that go through ``repeat``; both share connections and rate limits."""
        client = copy(self)
        client.repeat = repeat
        return client

    async def integrations(self) -> list[Integration]:
        """Read all integrations of the account."""
        response = await self._read(SendcloudRequest("GET", "/v3/integrations", IntegrationList))
        cleaned = [listed.clean() for listed in response.content.data]
        return [integration for integration in cleaned if integration.id]

    async def change_integration(self, integration: int, change: IntegrationChange) -> None:
        """Change settings of an integration. Whether they are in effect, only reading it again shows.

        ``Rejected`` if a value is refused, ``CredentialsRefused`` if these keys may not change it.
        """
        request = SendcloudRequest(
            *("PATCH", "/v3/integrations/{id}", msgspec.Raw),
            values={"id": str(integration)},
            body=msgspec.json.encode(change),
            batch=0,
        )
        await self._exchange.send(request)

    async def push(self, orders: Sequence[PushOrder]) -> None:
        """Create or update up to 100 incoming orders: all or nothing, and ``BatchRejected`` names those at fault.

        To return means accepted. Sendcloud saves asynchronously, so the orders must be confirmed later.
        """
        if not orders:
            return
        if len(orders) > MAX_BATCH_SIZE:
            raise Bug("batch_too_large", upstream=SENDCLOUD)
        body = msgspec.json.encode(orders)
        await self._exchange.send(SendcloudRequest("POST", "/v3/orders", PushResult, body=body, batch=len(orders)))

    async def has_order(self, order_id: str, integration: int) -> bool:
        """Return True if Sendcloud has saved this order; hits are compared, because filters may be ignored."""
        async for page in self._orders(integration, {"order_id": order_id}):
            if order_id in page:
                return True
        return False

    async def order_ids(self, integration: int) -> AsyncIterator[list[str]]:
        """Read the ``order_id`` of every incoming order of an integration, page by page, newest first."""
        async for page in self._orders(integration, {}):
            yield page

    async def parcels(self, updated_after: datetime) -> AsyncIterator[ParcelPage]:
        """Read the parcels that changed since then (aware), page by page."""
        moment = updated_after.astimezone(UTC).isoformat(timespec="seconds")
        async for page in self._parcels({"updated_after": moment}):
            yield page

    async def parcels_of(self, order_number: str) -> tuple[ParcelEvent, ...]:
        """Read all parcels with this order number, returns included."""
        pages = [page async for page in self._parcels({"order_number": order_number})]
        return tuple(event for page in pages for event in page.events if event.order_number == order_number)

    async def shipped_parcels(self, updated_after: datetime, *, integration: int) -> AsyncIterator[ParcelPage]:
        """Read by v3 the parcels of an integration that changed since then (aware), page by page."""
        moment = updated_after.astimezone(UTC).isoformat(timespec="seconds")
        async for page in self._shipments(integration, {"updated_after": moment}):
            yield page

    async def shipped_parcels_of(self, order_number: str, *, integration: int) -> tuple[ParcelEvent, ...]:
        """Read by v3 all parcels of an integration with this order number, returns perhaps included."""
        pages = [page async for page in self._shipments(integration, {"order_number": order_number})]
        return tuple(event for page in pages for event in page.events if event.order_number == order_number)

    async def _shipments(self, integration: int, wanted: Mapping[str, str]) -> AsyncIterator[ParcelPage]:
        listed = await self._read(SendcloudRequest("GET", "/v3/parcels/statuses", StatusList))
        pages = Pagination({"integration_id": str(integration), "page_size": _SHIPMENTS_PER_PAGE, **wanted})
        while pages.more:
            response = await self._read(SendcloudRequest("GET", "/v3/shipments", ShipmentList, query=pages.query))
            yield self._shipment_page(response, listed.content.ids)
            pages.follow(response.next_url)

    async def _orders(self, integration: int, wanted: Mapping[str, str]) -> AsyncIterator[list[str]]:
        pages = Pagination({"integration": str(integration), "page_size": _ORDERS_PER_PAGE, **wanted})
        while pages.more:
            response = await self._read(SendcloudRequest("GET", "/v3/orders", OrderList, query=pages.query))
            yield [name for order in response.content.data if (name := order.id_within(integration))]
            pages.follow(response.next_url)

    async def _parcels(self, wanted: Mapping[str, str]) -> AsyncIterator[ParcelPage]:
        pages = Pagination(wanted)
        while pages.more:
            response = await self._read(SendcloudRequest("GET", "/v2/parcels", ParcelList, query=pages.query))
            yield self._page(response)
            pages.follow(response.content.next)

    async def _read(self, request: SendcloudRequest[_T]) -> SendcloudResponse[_T]:
        return await self.repeat(SENDCLOUD, partial(self._exchange.send, request))

    def _page(self, response: SendcloudResponse[ParcelList]) -> ParcelPage:
        received = int(self._clock() * 1000)
        listed = response.content.parcels
        events: list[ParcelEvent] = []
        for parcel in listed:
            with suppress(Malformed):
                events.append(swept_event(parcel, received=received))
        return ParcelPage(
            events=tuple(events),
            date=response.date,
            unreadable=len(listed) - len(events),
        )

    def _shipment_page(self, response: SendcloudResponse[ShipmentList], statuses: StatusIds) -> ParcelPage:
        received = int(self._clock() * 1000)
        found = list(shipped_events(response.content.data, statuses=statuses, received=received))
        events = tuple(event for event in found if event is not None)
        return ParcelPage(events=events, date=response.date, unreadable=len(found) - len(events), names_returns=False)
