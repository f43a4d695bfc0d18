"""Positions and prices: what is shipped, in one currency."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from aftersend.afterbuy.model import ProductCustoms
from aftersend.tenant.document import Customs, Export
from aftersend_exporter.rules.items import money, order_currency, order_items, order_total, products_of, shipped_items
from tests.support.order_kit import RULES, an_item, an_order


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"item_id": "1"}, {"item_id": "2", "quantity": 0}, {"item_id": "3", "quantity": -1}], ["1"]),
        ([{"item_id": "1", "item_type": 201}, {"item_id": "2"}], ["2"]),
        ([{"item_id": "1"}, {"item_id": "2", "price": Decimal(-10)}], ["1"]),
        ([{"item_id": "1"}, {"item_id": "2", "original_price": Decimal(-10), "currency": "CHF"}], ["1"]),
        ([{"item_id": "1", "price": Decimal(0)}, {"item_id": "2", "price": Decimal("-0.01")}], ["1"]),
        ([{"item_id": "1", "item_type": 301}, {"item_id": "2", "item_type": 501}], []),
        ([{"item_id": "1", "price": Decimal(-1)}, {"item_id": "2", "price": Decimal(-2)}], []),
        ([{"item_id": "1", "price": Decimal(-1), "quantity": -1}, {"item_id": "2", "price": Decimal(0)}], ["2"]),
        ([{"item_id": "1", "title": "Gutschein", "price": Decimal(50)}], ["1"]),
        (
            [{"item_id": "1", "title": "Rabatt", "price": Decimal("-4.99"), "weight": Decimal(1)}, {"item_id": "2"}],
            ["2"],
        ),
        ([{"item_id": "1", "price": None}, {"item_id": "2", "price": Decimal("-0.00")}], ["1", "2"]),
        ([{"item_id": "1", "price": None, "original_price": Decimal(-3), "currency": "USD"}, {"item_id": "2"}], ["2"]),
        ([{"item_id": "1", "item_type": 201, "price": Decimal(-5)}, {"item_id": "2"}], ["2"]),
        ([{"item_id": "1", "item_type": 101}, {"item_id": "2", "item_type": None}], ["1", "2"]),
    ],
)
def test_shipped_items(items: Sequence[dict[str, Any]], expected: list[str]) -> None:
    order = an_order(*(an_item(**item) for item in items))
    assert [item.item_id for item in shipped_items(order)] == expected


def only_item(**different: Any) -> Any:
    return order_items(an_order(an_item(**different)), currency="EUR", rules=RULES, customs=None)[0]


def test_unit_and_total_price() -> None:
    item = only_item(price=Decimal("12.50"), quantity=3)
    assert (item.quantity, item.unit_price.value, item.total_price.value) == (3, 12.5, 37.5)
    assert {item.unit_price.currency, item.total_price.currency} == {"EUR"}


@pytest.mark.parametrize(
    ("price", "quantity", "unit", "total"),
    [
        ("12.345", 1, 12.35, 12.35),
        ("0.005", 3, 0.01, 0.03),
        ("9.99", 100, 9.99, 999.0),
        (None, 2, 0.0, 0.0),
    ],
)
def test_prices_have_two_decimals_and_agree(price: str | None, quantity: int, unit: float, total: float) -> None:
    item = only_item(price=Decimal(price) if price else None, quantity=quantity)
    assert (item.unit_price.value, item.total_price.value) == (unit, total)


@pytest.mark.parametrize(
    ("title", "sku", "expected"),
    [("Blumentopf", "BT", "Blumentopf"), ("", "BT", "BT"), ("", "", "Artikel 900"), ("t" * 300, "", "t" * 255)],
)
def test_a_name_is_never_empty(title: str, sku: str, expected: str) -> None:
    assert only_item(title=title, sku=sku).name == expected


def test_what_is_unknown_is_left_out() -> None:
    bare = only_item(sku="", ean="", product_id="", weight=None)
    assert {bare.sku, bare.ean, bare.product_id, bare.measurement, bare.hs_code, bare.country_of_origin} == {UNSET}
    full = only_item(sku="A", ean="400", product_id="77")
    assert (full.sku, full.ean, full.product_id, full.item_id) == ("A", "400", "77", "900")
    assert full.measurement.weight.value == 0.75


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{}], "EUR"),
        ([{"currency": "EUR", "original_price": Decimal(1)}], "EUR"),
        ([{"currency": "GBP", "original_price": Decimal(1)}], "GBP"),
        ([{"currency": "GBP", "original_price": Decimal(1)}] * 2, "GBP"),
        ([{"currency": "GBP", "original_price": Decimal(1)}, {}], "EUR"),
        ([{"currency": "GBP", "original_price": Decimal(1)}, {"currency": "USD"}], "EUR"),
        ([{"currency": "GBP"}], "EUR"),
        ([{"currency": "CHF", "original_price": Decimal(1)}], "CHF"),
        ([{"currency": "Fr.", "original_price": Decimal(1)}], "EUR"),
    ],
)
def test_one_currency_per_order(items: Sequence[dict[str, Any]], expected: str) -> None:
    order = an_order(*(an_item(**item) for item in items))
    assert order_currency(order) == expected
    found = order_items(order, currency=expected, rules=RULES, customs=None)
    total = order_total(order, currency=expected)
    assert {item.total_price.currency for item in found} | {total.currency} == {expected}


def test_prices_of_the_chosen_currency_are_taken() -> None:
    order = an_order(an_item(currency="GBP", original_price=Decimal(10), price=Decimal(12)))
    in_pounds = order_items(order, currency="GBP", rules=RULES, customs=None)
    in_euros = order_items(order, currency="EUR", rules=RULES, customs=None)
    assert in_pounds[0].total_price == money(Decimal(10), currency="GBP")
    assert in_euros[0].total_price == money(Decimal(12), currency="EUR")


@pytest.mark.parametrize(
    ("full", "expected"), [(Decimal("17.49"), 17.49), (Decimal("17.495"), 17.5), (None, 25.0), (Decimal(-3), 0.0)]
)
def test_order_total(full: Decimal | None, expected: float) -> None:
    order = an_order(an_item(quantity=2), full_amount=full)
    assert order_total(order, currency="EUR").value == expected


def test_a_foreign_total_is_the_sum_because_the_full_amount_is_converted() -> None:
    order = an_order(an_item(currency="GBP", original_price=Decimal(10), quantity=2), full_amount=Decimal(99))
    assert order_total(order, currency="GBP") == money(Decimal(20), currency="GBP")


def test_customs_data_per_item() -> None:
    rules = Export(customs=Customs(hs_code="9503.00", origin_country="DE"))
    products = {"77": ProductCustoms("77", hs_code="6912 00 23", origin_country="pt")}
    order = an_order(an_item(product_id="77"), an_item(product_id="78"), an_item())
    found = order_items(order, currency="EUR", rules=rules, customs=products)
    assert [(item.hs_code, item.country_of_origin) for item in found] == [
        ("69120023", "PT"),
        ("9503.00", "DE"),
        ("9503.00", "DE"),
    ]


def test_products_of_shipped_items_only() -> None:
    order = an_order(an_item(product_id="1"), an_item(product_id="2", quantity=0), an_item(), an_item(product_id="1"))
    assert products_of([order]) == {"1"}


VOUCHER: dict[str, Any] = {"price": Decimal(-10), "platform": "gutschrift"}
AMAZON: dict[str, Any] = {"price": Decimal(500), "item_type": 201}


@pytest.mark.parametrize(
    ("items", "different", "total"),
    [
        ([{"price": Decimal(30)}, VOUCHER], {"full_amount": Decimal(20)}, 20.0),
        ([{"price": Decimal(30)}, VOUCHER], {"full_amount": None}, 20.0),
        ([{"price": Decimal(5)}, VOUCHER], {"full_amount": None}, 0.0),
        ([{"price": Decimal(10)}, AMAZON], {"full_amount": Decimal(510), "shipping_total": None}, 10.0),
        ([{"price": Decimal(10)}, AMAZON], {"full_amount": Decimal("514.99")}, 14.99),
        ([{"price": Decimal(10), "quantity": 2}, AMAZON, VOUCHER], {"full_amount": Decimal(500)}, 14.99),
        ([{"price": Decimal(10)}, {**AMAZON, "quantity": 0}], {"full_amount": Decimal(12)}, 12.0),
        ([{"price": Decimal(10)}, AMAZON], {"full_amount": None}, 14.99),
        ([{"price": Decimal(10)}, {**AMAZON, "item_type": 301}], {"full_amount": Decimal(510)}, 14.99),
        ([{"price": Decimal(10)}, {**AMAZON, "item_type": 501, "quantity": 3}], {"full_amount": Decimal(1510)}, 14.99),
        ([{"price": Decimal(0)}, AMAZON], {"full_amount": Decimal(500), "shipping_total": Decimal(0)}, 0.0),
        ([{"price": Decimal("0.335"), "quantity": 3}, AMAZON], {"full_amount": None, "shipping_total": None}, 1.02),
        ([{"price": None}, AMAZON], {"full_amount": Decimal(500)}, 4.99),
        ([{"price": Decimal(10)}, VOUCHER, {**AMAZON, "price": Decimal(-5)}], {"full_amount": Decimal(1)}, 4.99),
        ([{"price": Decimal(10)}, {"price": Decimal(7), "quantity": -1}], {"full_amount": None}, 10.0),
    ],
)
def test_the_total_is_that_of_what_is_shipped(
    items: Sequence[dict[str, Any]], different: dict[str, Any], total: float
) -> None:
    order = an_order(*(an_item(**item) for item in items), **different)
    assert order_total(order, currency="EUR").value == total


@pytest.mark.parametrize(
    ("original", "price", "currency", "unit"),
    [
        ("0.00", "19.90", "EUR", 19.90),
        ("0.00", "0.00", "CHF", 0.0),
        ("0.00", None, "CHF", 0.0),
        ("21.50", "19.90", "CHF", 21.50),
        ("21.50", "0.00", "CHF", 21.50),
        (None, "19.90", "EUR", 19.90),
        ("0", "0.01", "EUR", 0.01),
        ("0.01", "19.90", "CHF", 0.01),
        ("0.000", "1234.50", "EUR", 1234.50),
        ("0.004", "19.90", "EUR", 19.90),
        ("21.50", None, "CHF", 21.50),
        ("1234.50", "1.00", "CHF", 1234.50),
    ],
)
def test_zero_in_the_buyers_currency_is_a_price_only_beside_no_other(
    original: str | None, price: str | None, currency: str, unit: float
) -> None:
    prices = [Decimal(text) if text else None for text in (original, price)]
    item = an_item(currency="CHF", original_price=prices[0], price=prices[1])
    order = an_order(item)
    assert order_currency(order) == currency
    assert order_items(order, currency=currency, rules=RULES, customs=None)[0].unit_price.value == unit


def test_nothing_false_is_declared() -> None:
    rules = Export(customs=Customs(hs_code="9503.00", origin_country="DE"))
    unclear = ProductCustoms("77", unclear=frozenset({"CustomsTariffNumber", "CountryOfOrigin"}))
    (item,) = order_items(an_order(an_item(product_id="77")), currency="EUR", rules=rules, customs={"77": unclear})
    assert {item.hs_code, item.country_of_origin} == {UNSET}
