"""Makes the picture of the sandbox page for the README: a real sandbox in the middle of a day, in a real browser.

Run it from the root of the repository: ``.venv/bin/python docs/images/capture.py [--dark] [FILE]``; it needs Debian's
Chromium (``apt-get install chromium``). The exporter's part is played here by pushing the orders straight to the
simulated Sendcloud, and the writer's part by typing the numbers into the simulated Afterbuy, both over HTTP.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from aiohttp import web
from playwright.async_api import async_playwright

from aftersend_sandbox.seed.account import seeded_world
from aftersend_sandbox.seed.scenarios import SCENARIOS
from aftersend_sandbox.server import Sandbox, running
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.world import INTEGRATION_ID

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DAY = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)
SIZE = {"width": 1500, "height": 980}
LARGEST = 300_000


async def main(target: Path, *, dark: bool) -> None:
    """Serve a world, live a day in it, take the picture."""
    world = seeded_world(300, now=DAY, seed=5)
    world.sendcloud.save_seconds = 0
    async with mailbox() as url, running(world) as sandbox, aiohttp.ClientSession(sandbox.url) as session:
        ours = world.sendcloud.integrations[INTEGRATION_ID]
        ours.webhook_url, ours.webhook_active = url, True
        await live_a_day(sandbox, session)
        while sandbox.webhook_sender.unfinished:  # noqa: ASYNC110 - nothing else happens here
            await asyncio.sleep(0.05)
        await picture(sandbox.url, target, dark=dark)


@asynccontextmanager
async def mailbox() -> AsyncIterator[str]:
    """Takes webhooks, as the webhook service does; yields its address."""

    async def take(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/sendcloud", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/sendcloud"
    finally:
        await runner.cleanup()


async def live_a_day(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """Orders go out, labels are printed, parcels move, numbers come back; some of each."""
    chance = Random(4)  # noqa: S311 - a picture, no secret
    orders = [each for each in sandbox.world.afterbuy.orders if SCENARIOS[each.scenario].travels]
    travelling = [each for each in orders if chance.random() < 0.93]  # noqa: PLR2004 - some have just come in
    for first in range(0, len(travelling), 100):
        await push(session, travelling[first : first + 100])
    for order in chance.sample(travelling, k=len(travelling) * 7 // 10):
        await ship(sandbox, session, order, chance)


async def push(session: aiohttp.ClientSession, orders: list[AfterbuyOrder]) -> None:
    """What the exporter does, for up to a hundred orders."""
    headers = {"Authorization": aiohttp.encode_basic_auth("sandbox-public", "sandbox-secret")}
    async with session.post("/api/v3/orders", json=list(map(incoming, orders)), headers=headers) as answer:
        answer.raise_for_status()


def incoming(order: AfterbuyOrder) -> dict[str, Any]:
    """An incoming order, as little of it as the picture needs."""
    address = order.shipping_address or order.billing
    address = address if address.city else order.billing
    weight = sum(float(item.weight or 0) * max(item.quantity, 0) for item in order.items)
    kleinpaket = SCENARIOS[order.scenario].kleinpaket
    name = f"{address.first_name} {address.last_name}"
    body = {
        "order_id": f"afterbuy-{order.order_id}",
        "order_number": str(order.order_id),
        "order_details": {
            "integration": {"id": INTEGRATION_ID},
            "status": {"code": "unshipped", "message": "Unshipped"},
            "order_created_at": order.ordered_at.isoformat(),
            "order_items": [
                {
                    "name": item.title,
                    "quantity": item.quantity,
                    "total_price": {"value": float(item.price * item.quantity), "currency": "EUR"},
                }
                for item in order.items
                if item.quantity > 0
            ],
            "tags": ["Kleinpaket"] if kleinpaket else [],
        },
        "payment_details": {
            "total_price": {"value": float(order.payment.full_amount or 0), "currency": "EUR"},
            "status": {"code": "paid", "message": "Paid"},
        },
        "shipping_address": {
            "name": name,
            "address_line_1": address.street,
            "postal_code": address.postal_code,
            "city": address.city,
            "country_code": address.country_iso or {"UK": "GB", "A": "AT"}[address.country],
        },
        "shipping_details": {
            "delivery_indicator": "Kleinpaket" if kleinpaket else order.shipping.method,
            "measurement": {"weight": {"value": round(weight, 3) or 3.0, "unit": "kg"}},
        },
    }
    if SCENARIOS[order.scenario].customs:
        body["customs_details"] = {
            "commercial_invoice_number": str(order.order_id),
            "shipment_type": "commercial_goods",
        }
    return body


async def ship(sandbox: Sandbox, session: aiohttp.ClientSession, order: AfterbuyOrder, chance: Random) -> None:
    """Print the labels of an order; most numbers have come back, some parcels have moved on."""

    async def control(path: str, body: dict[str, Any]) -> None:
        async with session.post(f"/control/{path}", json=body) as answer:
            answer.raise_for_status()

    key, number = f"afterbuy-{order.order_id}", str(order.order_id)
    await control(f"incoming/{key}/labels", {"count": chance.choices((1, 2), (9, 1))[0]})
    if chance.random() < 0.06:  # noqa: PLR2004 - now and then another carrier is chosen
        await control(f"incoming/{key}/relabel", {})
    live = [each for each in sandbox.world.sendcloud.parcels.of_number(number) if not each.cancelled]
    status = chance.choices((None, 22, 11), (6, 3, 1))[0]
    if status:
        await control(f"incoming/{key}/move", {"status": status})
    if chance.random() < 0.92:  # noqa: PLR2004 - the others are on their way
        await control(f"orders/{number}/number", {"number": ", ".join(each.tracking_number for each in live)})
        await control(f"orders/{number}/tags", {"add": "Sendcloud abgeschlossen"})


async def picture(url: str, target: Path, *, dark: bool) -> None:
    """Open the page and take its picture."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = await browser.new_page(viewport=SIZE, color_scheme="dark" if dark else "light")
        await page.goto(url)
        await page.wait_for_selector("#rows tr")
        await page.screenshot(path=target)
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).with_name("sandbox.png"))
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    asyncio.run(main(given.file, dark=given.dark))
    size = given.file.stat().st_size
    print(f"{given.file}: {size // 1000} kB")
    if size > LARGEST:
        raise SystemExit("the picture is larger than 300 kB")
