"""The rules of the way out: which orders go to Sendcloud, and what they say there."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from aftersend_sandbox.rules import expected
from aftersend_sandbox.rules.rule import Case
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.world import INTEGRATION_ID, World


def all_arrive(world: World) -> Iterator[Case]:
    """Every open order of today and yesterday, and every one that is shown later than its own date."""
    for order in expected.must_go(world):
        yield str(order.order_id), expected.incoming(world, order) is not None


def none_too_many(world: World) -> Iterator[Case]:
    """Held, marketplace-fulfilled, without address, not an order, too old."""
    for order in expected.must_stay(world):
        yield str(order.order_id), expected.incoming(world, order) is None


def none_doubled(world: World) -> Iterator[Case]:
    """Each incoming order belongs to one order in Afterbuy, by both ids."""
    for (integration, order_id), saved in world.sendcloud.orders.items():
        if integration == INTEGRATION_ID:
            number = saved.order_number
            known = number.isdigit() and world.afterbuy.orders.get(int(number)) is not None
            yield number, known and order_id == f"afterbuy-{number}"


def addresses(world: World) -> Iterator[Case]:
    """Shipping before billing; street with its number as the merchant keeps it."""
    for order, body in expected.transferred(world):
        wanted, sent = expected.address_of(order), body["shipping_address"]
        same = (sent["address_line_1"], sent["postal_code"], sent["city"], sent["country_code"]) == (
            wanted.street.strip(),
            wanted.postal_code.strip(),
            wanted.city.strip(),
            expected.country(wanted),
        )
        named = (wanted.last_name or wanted.company) in sent["name"]
        company = not wanted.company or wanted.company in (sent.get("company_name"), sent["name"])
        second = (sent.get("address_line_2") or "") == wanted.street2.strip()
        yield str(order.order_id), same and named and company and second


def post_numbers(world: World) -> Iterator[Case]:
    """The Postnummer of a Packstation or Postfiliale in its own field, if it is taken; no other order has one."""
    for order, body in expected.transferred(world):
        sent = (body.get("service_point_details") or {}).get("post_number", "")
        yield str(order.order_id), sent == expected.post_number(world, order)


def items(world: World) -> Iterator[Case]:
    """Exactly the positions that the merchant sends himself, with their quantities and prices."""
    for order, body in expected.transferred(world):
        sent = [(item["quantity"], _cents(item["unit_price"]["value"])) for item in _items(body)]
        wanted = [(item.quantity, _cents(expected.price(item))) for item in expected.shipped_items(order)]
        yield str(order.order_id), sorted(sent) == sorted(wanted)


def totals(world: World) -> Iterator[Case]:
    """The total of what is shipped: without what a marketplace sends, vouchers taken off."""
    for order, body in expected.transferred(world):
        wanted = expected.total(order)
        if wanted is not None:
            yield str(order.order_id), _cents(body["payment_details"]["total_price"]["value"]) == _cents(wanted)


def payments(world: World) -> Iterator[Case]:
    """Cash on delivery is asked for where the order says so, and nowhere else."""
    for order, body in expected.transferred(world):
        asked = body["payment_details"].get("is_cash_on_delivery", False)
        yield str(order.order_id), asked == (order.payment.function in expected.COD)


def contacts(world: World) -> Iterator[Case]:
    """The buyer's mail address alone, or none if it is unusable."""
    for order, body in expected.transferred(world):
        yield str(order.order_id), body["shipping_address"].get("email", "") == expected.mail(order)


def states(world: World) -> Iterator[Case]:
    """State or province by its code, however it is written."""
    for order, body in expected.transferred(world):
        state = expected.address_of(order).state
        if state:
            yield str(order.order_id), body["shipping_address"].get("state_province_code") == expected.STATES[state]


def currencies(world: World) -> Iterator[Case]:
    """One currency per order."""
    for order, body in expected.transferred(world):
        found = {item["total_price"]["currency"] for item in _items(body)}
        found.add(body["payment_details"]["total_price"]["currency"])
        yield str(order.order_id), len(found) == 1


def weights(world: World) -> Iterator[Case]:
    """The total is the sum of the pieces; a weight of zero is never sent."""
    for order, body in expected.transferred(world):
        total = _total_weight(order)
        if total:
            pieces = [item["measurement"]["weight"]["value"] for item in _items(body) if "measurement" in item]
            sent = Decimal(str(body["shipping_details"]["measurement"]["weight"]["value"]))
            yield str(order.order_id), sent == total and all(piece > 0 for piece in pieces)


def small_parcels(world: World) -> Iterator[Case]:
    """No weight at all: 3 kg, and "Kleinpaket" as delivery indicator and tag."""
    for order, body in expected.transferred(world):
        if not _total_weight(order):
            details = body["shipping_details"]
            weight = details["measurement"]["weight"]
            yield (
                str(order.order_id),
                (weight["value"], weight["unit"]) == (3, "kg")
                and details["delivery_indicator"] == "Kleinpaket"
                and "Kleinpaket" in body["order_details"].get("tags", ()),
            )


def indicators(world: World) -> Iterator[Case]:
    """The shipping method is the delivery indicator that shipping rules match."""
    for order, body in expected.transferred(world):
        if _total_weight(order) and order.shipping.method:
            yield str(order.order_id), body["shipping_details"].get("delivery_indicator") == order.shipping.method


def customs(world: World) -> Iterator[Case]:
    """Outside the EU: invoice number, kind of shipment and of buyer, and the products' own data for each item."""
    for order, body in expected.transferred(world):
        if expected.abroad(expected.address_of(order)):
            details = body.get("customs_details", {})
            complete = details.get("commercial_invoice_number") == str(order.order_id)
            complete &= details.get("shipment_type") == "commercial_goods"
            buyer = "commercial_b2b" if order.billing.is_merchant else "commercial_b2c"
            complete &= details.get("export_type", "commercial_b2c") == buyer
            yield str(order.order_id), complete and _origins(world, order) == sorted(_sent_origins(body))


def no_customs(world: World) -> Iterator[Case]:
    """Inside the EU nothing is declared, unless a marketplace says that the goods come from outside."""
    for order, body in expected.transferred(world):
        imported = any(item.tax_reference.startswith("IM") for item in order.items)
        if not imported and not expected.abroad(expected.address_of(order)):
            yield str(order.order_id), "customs_details" not in body


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["order_details"]["order_items"]
    return found


def _cents(value: object) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _total_weight(order: AfterbuyOrder) -> Decimal:
    return sum((item.weight * item.quantity for item in expected.shipped_items(order) if item.weight), Decimal(0))


def _origins(world: World, order: AfterbuyOrder) -> list[tuple[str, str]]:
    products = [world.afterbuy.products.get(item.product_id or 0) for item in expected.shipped_items(order)]
    declared = expected.DECLARED
    return sorted(
        (declared.get(p.hs_code, p.hs_code), declared.get(p.origin, p.origin or "DE")) if p else ("", "DE")
        for p in products
    )


def _sent_origins(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item.get("hs_code", ""), item.get("country_of_origin", "")) for item in _items(body)]


RULES = (
    ("arrive", "every open order of today and yesterday, or shown later, is in Sendcloud", all_arrive),
    ("hold", "held, marketplace-fulfilled, address-less and older orders stay away", none_too_many),
    ("identity", "each incoming order is one order in Afterbuy, under afterbuy-<OrderID>", none_doubled),
    ("address", "shipping address before billing, street and number as kept", addresses),
    ("post-number", "the Postnummer of a Packstation or Postfiliale in its own field", post_numbers),
    ("items", "the merchant's own items, quantities and prices", items),
    ("currency", "one currency per order", currencies),
    ("total", "the total of what is shipped, vouchers taken off", totals),
    ("payment", "cash on delivery where the order says so", payments),
    ("contact", "a usable mail address or none", contacts),
    ("state", "state or province by its code, however it is written", states),
    ("weight", "weights are per piece, the total is their sum", weights),
    ("kleinpaket", "no weight at all: 3 kg and Kleinpaket", small_parcels),
    ("indicator", "the shipping method is the delivery indicator", indicators),
    ("customs", "outside the EU: invoice number, HS code and origin", customs),
    ("no-customs", "inside the EU nothing is declared", no_customs),
)
