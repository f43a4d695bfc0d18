"""A running sandbox whose clock stands still, raw calls to both of its APIs, and a receiver of webhooks."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import aiohttp
from aiohttp import web

from aftersend_sandbox.clock import SandboxClock
from aftersend_sandbox.server import Sandbox, running
from aftersend_sandbox.world.afterbuy_account import (
    AfterbuyAddress,
    AfterbuyItem,
    AfterbuyOrder,
    Payment,
    Product,
    Shipping,
)
from aftersend_sandbox.world.world import INTEGRATION_ID, World

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
TAG = "Sendcloud abgeschlossen"
TOKENS = "<PartnerToken>sandbox-partner</PartnerToken><AccountToken>sandbox-account</AccountToken>"
AUTH = {"Authorization": aiohttp.encode_basic_auth("sandbox-public", "sandbox-secret")}


def small_world(**positions: str) -> World:
    """Five orders 101 to 105, a day apart, the youngest of today; the clock stands at NOW until it is advanced."""
    world = World(clock=SandboxClock(base=NOW.timestamp))
    world.sendcloud.save_seconds = 0
    for name, value in positions.items():
        world.switches.turn(name, value)
    for number in range(1, 6):
        world.afterbuy.orders.add(an_order(100 + number, ordered_at=NOW - timedelta(days=5 - number)))
    world.afterbuy.products[7] = Product(7, "Tasse", Decimal("0.35"), hs_code="69120025", origin="PT")
    return world


def an_order(order_id: int, **fields: Any) -> AfterbuyOrder:
    billing = AfterbuyAddress("Jörg", "Müller & Söhne", "", "Am Weg 5", "", "53111", "Bonn", mail="joerg@example.org")
    items = [
        AfterbuyItem(
            order_id, 'Tasse <blau> & "rot"', 2, Decimal("9.9"), Decimal("0.34"), platform="ebay", product_id=7
        ),
        AfterbuyItem(order_id + 5000, "Teller", 1, Decimal("1112.3"), None, platform="ebay"),
    ]
    fields.setdefault("ordered_at", NOW)
    fields.setdefault("payment", Payment(paid_at=NOW, already_paid=Decimal("1132.1"), full_amount=Decimal("1132.1")))
    fields.setdefault("shipping", Shipping(method="DHL Paket", cost=Decimal("4.9")))
    return AfterbuyOrder(order_id, billing=billing, items=items, **fields)


PUSHED: dict[str, Any] = {
    "order_id": "afterbuy-101",
    "order_number": "101",
    "order_details": {
        "integration": {"id": INTEGRATION_ID},
        "status": {"code": "unshipped", "message": "Unshipped"},
        "order_created_at": "2026-11-24T09:00:00+01:00",
        "order_items": [
            {
                "name": "Tasse",
                "quantity": 2,
                "total_price": {"value": 19.8, "currency": "EUR"},
                "unit_price": {"value": 9.9, "currency": "EUR"},
                "measurement": {"weight": {"value": 0.34, "unit": "kg"}},
            }
        ],
    },
    "payment_details": {
        "total_price": {"value": 19.8, "currency": "EUR"},
        "status": {"code": "paid", "message": "Paid"},
    },
    "shipping_address": {
        "name": "Jörg Müller",
        "address_line_1": "Am Weg 5",
        "postal_code": "53111",
        "city": "Bonn",
        "country_code": "DE",
    },
}


def a_push(number: int | str = 101, **changes: Any) -> dict[str, Any]:
    """A valid v3 order; ``changes`` are put at paths such as ``order_details__notes``."""
    order = deepcopy(PUSHED)
    order["order_id"], order["order_number"] = f"afterbuy-{number}", str(number)
    for path, value in changes.items():
        *way, last = path.split("__")
        place: Any = order
        for step in way:
            place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return order


@dataclass(slots=True)
class Door:
    """Raw calls to a running sandbox."""

    sandbox: Sandbox
    http: aiohttp.ClientSession

    @property
    def world(self) -> World:
        return self.sandbox.world

    async def afterbuy(
        self, call: str, body: str = "", *, level: str = "", tokens: str = TOKENS, language: str = "DE"
    ) -> ET.Element:
        """One call; the parsed answer."""
        name = f"<CallName>{call}</CallName>" if call else ""
        depth = f"<DetailLevel>{level}</DetailLevel>" if level else ""
        own = f"{tokens}{name}{depth}<ErrorLanguage>{language}</ErrorLanguage>"
        return ET.fromstring(await self.raw(f"<Request><AfterbuyGlobal>{own}</AfterbuyGlobal>{body}</Request>"))

    async def raw(self, document: str | bytes) -> str:
        async with self.http.post(self.sandbox.afterbuy_url, data=document) as answer:
            assert answer.status == 200
            return await answer.text()

    async def sold(self, filters: str = "", extra: str = "", **how: str) -> ET.Element:
        return await self.afterbuy("GetSoldItems", f"{extra}<DataFilter>{filters}</DataFilter>", **how)

    async def update(self, *orders: str) -> ET.Element:
        body = "".join(f"<Order>{each}</Order>" for each in orders)
        return await self.afterbuy("UpdateSoldItems", f"<Orders>{body}</Orders>")

    async def sendcloud(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Status and JSON (None if there is no body)."""
        more.setdefault("headers", AUTH)
        async with self.http.request(method, f"{self.sandbox.sendcloud_url}{path}", **more) as answer:
            body = await answer.text()
            return answer.status, json.loads(body) if body else None

    async def push(self, *orders: Any) -> tuple[int, Any]:
        return await self.sendcloud("POST", "/v3/orders", json=list(orders))

    async def control(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        async with self.http.request(method, f"{self.sandbox.url}/control/{path}", json=body or None) as answer:
            return answer.status, await answer.json()

    async def webhooks_done(self) -> None:
        """Wait until nothing is due or under way."""
        while self.sandbox.webhook_sender.under_way:
            await asyncio.sleep(0.005)


@asynccontextmanager
async def a_sandbox(world: World | None = None, **positions: str) -> AsyncIterator[Door]:
    """A running sandbox around the small world (or a given one) with switches turned."""
    world = world or small_world()
    for name, value in positions.items():
        world.switches.turn(name, value)
    async with running(world) as sandbox, aiohttp.ClientSession() as http:
        yield Door(sandbox, http)


@dataclass(slots=True)
class Receiver:
    """Receives webhooks and answers as configured."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Statuses of the next answers; 200 when it is used up."""
    judges: bool = False
    """Answer 401 to what the key of the sandbox has not signed, and 400 to what is no JSON."""
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.signatures.append(request.headers["Sendcloud-Signature"])
        if self.judges:
            return web.Response(status=self._verdict())
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    def _verdict(self) -> int:
        if not Receiver(bodies=self.bodies[-1:], signatures=self.signatures[-1:]).signed_with("sandbox-signature-key"):
            return 401
        return 200 if is_json(self.bodies[-1]) else 400

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.bodies]

    def statuses(self) -> list[int]:
        return [each["parcel"]["status"]["id"] for each in self.documents()]

    def signed_with(self, key: str) -> bool:
        wanted = [hmac.new(key.encode(), each, hashlib.sha256).hexdigest() for each in self.bodies]
        return wanted == self.signatures


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


@asynccontextmanager
async def a_receiver(world: World) -> AsyncIterator[Receiver]:
    """A receiver that our integration's webhooks go to."""
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/webhook", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    ours = world.sendcloud.integrations[INTEGRATION_ID]
    ours.webhook_url, ours.webhook_active = receiver.url, True
    try:
        yield receiver
    finally:
        await runner.cleanup()


def a_filter(name: str, *values: str, **bounds: str) -> str:
    """One ``Filter`` of GetSoldItems."""
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in bounds.items())
    inner += "".join(f"<FilterValue>{escape(value)}</FilterValue>" for value in values)
    return f"<Filter><FilterName>{name}</FilterName><FilterValues>{inner}</FilterValues></Filter>"


def codes(answer: ET.Element) -> list[int]:
    """Error codes wherever they stand."""
    return [int(each.text or 0) for each in answer.iter("ErrorCode")]


def listed(answer: ET.Element) -> list[int]:
    """OrderIDs of a page."""
    return [int(each.findtext("OrderID") or 0) for each in answer.iter("Order")]
