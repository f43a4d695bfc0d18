"""The floor of the export: parse a page, make JSON, POST in hundreds; the next page is read meanwhile."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import msgspec
from aiohttp import BasicAuth, ClientSession
from lxml import etree

from benchmarks.floors.afterbuy import from_id, sold_items
from benchmarks.worker import Stopwatch, Task, answer_tasks

_URL = os.environ.get("BENCH_UPSTREAM", "")
_ADDRESS = {
    "name": "LastName",
    "address_line_1": "Street",
    "postal_code": "PostalCode",
    "city": "City",
    "country_code": "CountryISO",
    "email": "Mail",
    "phone_number": "Phone",
}


async def work(_: Task) -> Task:
    """Export everything."""
    async with ClientSession(auth=BasicAuth("public", "secret")) as session:
        watch, sent, waiting, pushes = Stopwatch(), 0, list[dict[str, object]](), list[asyncio.Task[None]]()
        more, reading = "1", asyncio.create_task(sold_items(session, f"{_URL}/afterbuy/ABInterface.aspx", from_id("1")))
        while more == "1":
            orders, more, last = await reading
            if more == "1":
                following = from_id(str(int(last) + 1))
                reading = asyncio.create_task(sold_items(session, f"{_URL}/afterbuy/ABInterface.aspx", following))
            waiting += map(_mapped, orders)
            sent += len(orders)
            while len(waiting) >= 100:
                pushes.append(asyncio.create_task(_push(session, waiting[:100])))
                del waiting[:100]
        await asyncio.gather(*pushes, _push(session, waiting))
        return watch.over(sent)


async def _push(session: ClientSession, orders: list[dict[str, object]]) -> None:
    if orders:
        body = msgspec.json.encode(orders)
        async with session.post(f"{_URL}/api/v3/orders", data=body) as response:
            assert response.status == 201, response.status
            await response.read()


def _mapped(order: "etree._Element") -> dict[str, object]:
    number, address = order.findtext("OrderID"), order.find("BuyerInfo/BillingAddress")
    assert address is not None
    items = list(_items(order))
    weight = sum(item["measurement"]["weight"]["value"] for item in items if "measurement" in item)
    total = {"value": _decimal(order.findtext("PaymentInfo/FullAmount", "")), "currency": "EUR"}
    return {
        "order_id": f"afterbuy-{number}",
        "order_number": number,
        "order_details": {
            "integration": {"id": 7},
            "status": {"code": "open", "message": "open"},
            "order_created_at": order.findtext("OrderDate"),
            "order_items": items,
        },
        "payment_details": {"total_price": total, "status": {"code": "paid", "message": "paid"}},
        "shipping_address": {name: address.findtext(field) for name, field in _ADDRESS.items()},
        "shipping_details": {
            "delivery_indicator": order.findtext("ShippingInfo/ShippingMethod"),
            "measurement": {"weight": {"value": weight or 3.0, "unit": "kg"}},
        },
    }


def _items(order: "etree._Element") -> "Iterator[dict[str, Any]]":
    for item in order.iterfind("SoldItems/SoldItem"):
        price, quantity = _decimal(item.findtext("ItemPrice", "")), int(item.findtext("ItemQuantity", ""))
        found: dict[str, Any] = {
            "name": item.findtext("ItemTitle"),
            "quantity": quantity,
            "unit_price": {"value": price, "currency": "EUR"},
            "total_price": {"value": price * quantity, "currency": "EUR"},
            "item_id": item.findtext("ItemID"),
            "sku": item.findtext("AlternativeItemNumber"),
        }
        if weight := item.findtext("ItemWeight"):
            found["measurement"] = {"weight": {"value": _decimal(weight), "unit": "kg"}}
        yield found


def _decimal(text: str) -> float:
    return float(text.replace(",", "."))


if __name__ == "__main__":
    asyncio.run(answer_tasks(work))
