"""The simulated Afterbuy behind a real socket, with orders to write to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from aftersend.afterbuy.client import AfterbuyClient, AfterbuyCredentials
from aftersend.observe.meter import NoMeter
from aftersend_sandbox.afterbuy.server import PATH, AfterbuyServer
from aftersend_sandbox.faults import ArmedFault
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyItem, AfterbuyOrder
from aftersend_sandbox.world.world import World

ORDERED = datetime(2026, 11, 24, 8, tzinfo=UTC)


@dataclass(slots=True)
class SimulatedAccount:
    """One simulated account and a real client for it."""

    world: World
    client: AfterbuyClient
    url: str

    def order(self, order_id: int, **fields: Any) -> AfterbuyOrder:
        """Add an order."""
        address = AfterbuyAddress(
            first_name="Erna", last_name="Muster", street="Weg 1", postal_code="70173", city="Stuttgart"
        )
        items = [AfterbuyItem(order_id * 10 + 1, "Teekanne"), AfterbuyItem(order_id * 10 + 2, "Becher")]
        order = AfterbuyOrder(order_id, ORDERED, address, items, **fields)
        self.world.afterbuy.orders.add(order)
        return order

    def fault(self, kind: str, *calls: str, **how: Any) -> None:
        """Arm a fault."""
        self.world.faults.arm("afterbuy", kind, ArmedFault(calls=calls, **how))

    def calls(self, name: str) -> int:
        """The number of complete requests of one kind."""
        return self.world.journal.calls[f"afterbuy {name}"]


@asynccontextmanager
async def shop() -> AsyncIterator[SimulatedAccount]:
    """A simulated Afterbuy, empty."""
    world = World()
    app = web.Application()
    AfterbuyServer(world).add_to(app)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url(PATH))
        keys = AfterbuyCredentials(world.credentials.partner_token, world.credentials.account_token)
        timeout = aiohttp.ClientTimeout(total=60)
        yield SimulatedAccount(
            world, AfterbuyClient(session, url=url, credentials=lambda: keys, meter=NoMeter(), timeout=timeout), url
        )
