"""The whole order as Sendcloud gets it."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from aftersend.afterbuy.model import Order, ProductCustoms
from aftersend.sendcloud.model import PushOrder
from aftersend.tenant.document import Customs, DeliveryRules, Export, Weight
from aftersend_exporter.rules.order_mapping import fingerprint, push_order
from tests.support.order_kit import HOME, NOW, an_item, an_order


def pushed(order: Order, rules: Export | None = None, *products: ProductCustoms) -> PushOrder:
    known = {product.product_id: product for product in products}
    return push_order(order, integration=7, rules=rules or Export(), products=known, now=NOW)


def wire(order: Order, rules: Export | None = None, *products: ProductCustoms) -> Any:
    return msgspec.json.decode(msgspec.json.encode(pushed(order, rules, *products)))


def test_an_ordinary_order_on_the_wire() -> None:
    assert wire(an_order()) == {
        "order_id": "afterbuy-4711",
        "order_number": "4711",
        "order_details": {
            "integration": {"id": 7},
            "status": {"code": "unshipped", "message": "Unshipped"},
            "order_created_at": "2026-11-23T18:00:00+01:00",
            "order_updated_at": "2026-11-24T09:30:00.000+00:00",
            "order_items": [
                {
                    "name": "Blumentopf",
                    "quantity": 1,
                    "unit_price": {"value": 12.5, "currency": "EUR"},
                    "total_price": {"value": 12.5, "currency": "EUR"},
                    "item_id": "900",
                    "sku": "BT-1",
                    "measurement": {"weight": {"value": 0.75, "unit": "kg"}},
                }
            ],
        },
        "payment_details": {
            "total_price": {"value": 17.49, "currency": "EUR"},
            "status": {"code": "paid", "message": "Paid"},
        },
        "shipping_address": {
            "name": "Erika Erfunden",
            "address_line_1": "Ahornweg 7 b",
            "postal_code": "50667",
            "city": "Köln",
            "country_code": "DE",
            "email": "erika@example.org",
            "phone_number": "0221 000000",
        },
        "customer_details": {
            "name": "Erika Erfunden",
            "email": "erika@example.org",
            "phone_number": "0221 000000",
        },
        "shipping_details": {
            "delivery_indicator": "DHL Paket",
            "measurement": {"weight": {"value": 0.75, "unit": "kg"}},
        },
    }


@pytest.mark.parametrize(
    ("weights", "rules", "kg", "indicator", "tags"),
    [
        (["0.5", "1"], Weight(), 1.5, "DHL Paket", None),
        (["0.5", None], Weight(), 0.5, "DHL Paket", None),
        (["500", None], Weight(unit="g"), 0.5, "DHL Paket", None),
        ([None, "0"], Weight(), 3.0, "Kleinpaket", ["Kleinpaket"]),
        ([None], Weight(default=1.5, label="Warensendung"), 1.5, "Warensendung", ["Warensendung"]),
    ],
)
def test_weight_and_label(weights: list[str | None], rules: Weight, kg: float, indicator: str, tags: Any) -> None:
    items = [an_item(weight=Decimal(weight) if weight else None) for weight in weights]
    order = wire(an_order(*items), Export(weight=rules))
    assert order["shipping_details"]["measurement"]["weight"] == {"value": kg, "unit": "kg"}
    assert order["shipping_details"]["delivery_indicator"] == indicator
    assert order["order_details"].get("tags") == tags


def test_items_without_weight_carry_none() -> None:
    items = wire(an_order(an_item(weight=None), an_item()))["order_details"]["order_items"]
    assert ["measurement" in item for item in items] == [False, True]


@pytest.mark.parametrize(
    ("method", "rules", "expected"),
    [
        ("DHL Paket", DeliveryRules(), "DHL Paket"),
        ("", DeliveryRules(), None),
        ("DHL Paket", DeliveryRules(indicator="none"), None),
        ("x" * 300, DeliveryRules(), "x" * 255),
    ],
)
def test_delivery_indicator(method: str, rules: DeliveryRules, expected: str | None) -> None:
    details = wire(an_order(shipping_method=method), Export(delivery=rules))["shipping_details"]
    assert details.get("delivery_indicator") == expected
    assert "ship_with" not in details


def test_a_fixed_option_only_if_the_merchant_names_one() -> None:
    details = wire(an_order(), Export(delivery=DeliveryRules(option_code="dhl_de:paket")))["shipping_details"]
    assert details["ship_with"] == {
        "type": "shipping_option_code",
        "properties": {"shipping_option_code": "dhl_de:paket"},
    }


def test_customs_outside_the_union() -> None:
    there = replace(HOME, country="CH", postal_code="8001", city="Zürich")
    rules = Export(customs=Customs(hs_code="9503.00"))
    known = ProductCustoms("77", hs_code="691200", origin_country="PT")
    order = wire(an_order(an_item(product_id="77"), an_item(), shipping=there), rules, known)
    assert order["customs_details"] == {
        "commercial_invoice_number": "4711",
        "shipment_type": "commercial_goods",
        "export_type": "commercial_b2c",
    }
    assert [(i["hs_code"], i["country_of_origin"]) for i in order["order_details"]["order_items"]] == [
        ("691200", "PT"),
        ("9503.00", "DE"),
    ]


def test_no_customs_data_within_the_union() -> None:
    order = wire(an_order(an_item(product_id="77")), None, ProductCustoms("77", hs_code="691200"))
    assert "customs_details" not in order
    assert "hs_code" not in order["order_details"]["order_items"][0]


def test_unpaid_orders_say_so() -> None:
    assert wire(an_order(already_paid=Decimal(0)))["payment_details"]["status"]["code"] == "unpaid"


def test_an_order_without_date_gets_the_present_one() -> None:
    assert wire(an_order(ordered_at=None))["order_details"]["order_created_at"] == "2026-11-24T09:30:00+00:00"


def print_of(order: Order, rules: Export | None = None) -> str:
    return fingerprint(pushed(order, rules), mac=lambda plain: hashlib.blake2b(plain, key=b"k").hexdigest())


def test_an_upgrade_sends_no_unchanged_order_again() -> None:
    """The fingerprint as version 0.1 made it; if it changes, every open order is pushed once more."""

    def mac(plain: bytes) -> str:
        return hashlib.blake2b(plain, key=b"k", digest_size=16).hexdigest()

    assert fingerprint(pushed(an_order()), mac=mac) == "fe43efb304d8c765e951b683e0344b48"


def test_the_fingerprint_is_that_of_what_is_sent() -> None:
    assert print_of(an_order()) == print_of(an_order())
    later = datetime(2026, 12, 1, tzinfo=UTC)
    undated = push_order(an_order(ordered_at=None), integration=7, rules=Export(), products={}, now=later)
    assert fingerprint(undated, mac=lambda plain: plain.decode()) == fingerprint(
        pushed(an_order(ordered_at=None)), mac=lambda plain: plain.decode()
    )


@pytest.mark.parametrize(
    "changed",
    [
        an_order(an_item(quantity=2)),
        an_order(an_item(), an_item(item_id="901")),
        an_order(shipping=replace(HOME, street="Ahornweg 8")),
        an_order(shipping_method="Abholung"),
        an_order(already_paid=Decimal(0)),
        an_order(an_item(weight=Decimal(2))),
    ],
)
def test_what_matters_for_shipping_changes_the_fingerprint(changed: Order) -> None:
    assert print_of(changed) != print_of(an_order())


@pytest.mark.parametrize(
    "same",
    [
        an_order(tags=frozenset({"Sendcloud abgeschlossen"})),
        an_order(vorgangs_infos=("x", "", "")),
        an_order(an_item(), an_item(item_id="5", quantity=-1)),
        an_order(ordered_at=NOW),
    ],
)
def test_what_does_not_matter_changes_nothing(same: Order) -> None:
    assert print_of(same) == print_of(an_order())


def test_another_currency_can_be_asked_for() -> None:
    order = an_order(an_item(currency="CHF", original_price=Decimal(11)))
    assert wire(order)["payment_details"]["total_price"] == {"value": 11.0, "currency": "CHF"}
    fallback = push_order(order, integration=7, rules=Export(), products={}, now=NOW, currency="EUR")
    assert fallback.payment_details.total_price.currency == "EUR"
    assert fallback.order_details.order_items[0].total_price.value == 12.5
