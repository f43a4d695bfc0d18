"""What an order can go without: each optional field, and nothing else."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from aftersend.afterbuy.model import ProductCustoms
from aftersend.sendcloud.model import PushOrder
from aftersend.tenant.document import Customs, Export
from aftersend.tenant.tax_numbers import OwnTaxNumber
from aftersend_exporter.rules.optional_fields import of_all_articles, plain_path, without
from aftersend_exporter.rules.order_mapping import push_order
from tests.support.order_kit import HOME, NOW, RULES, an_item, an_order

ADDRESS = ("email", "phone_number", "company_name", "address_line_2", "state_province_code")
ITEM = ("hs_code", "country_of_origin", "ean", "sku", "item_id", "product_id")
ITEMS = "order_details/order_items"


def pushed() -> PushOrder:
    to = replace(HOME, company="Muster GmbH", street2="Hinterhaus", country="US", state="NY", postal_code="10001")
    items = [an_item(product_id=number, ean="4006381333931") for number in ("1", "2")]
    products = {number: ProductCustoms(number, hs_code="69120023", origin_country="PT") for number in ("1", "2")}
    return push_order(an_order(*items, billing=to), integration=7, rules=RULES, products=products, now=NOW)


def body(push: PushOrder | None) -> Any:
    assert push is not None
    return msgspec.to_builtins(push)


@pytest.mark.parametrize("name", ADDRESS)
def test_a_field_of_the_address(name: str) -> None:
    expected = body(pushed())
    del expected["shipping_address"][name]
    expected["customer_details"].pop(name, None)
    assert body(without(pushed(), f"shipping_address/{name}")) == expected


@pytest.mark.parametrize("name", ["email", "phone_number"])
def test_a_contact_stands_twice_and_goes_twice(name: str) -> None:
    assert without(pushed(), f"customer_details/{name}") == without(pushed(), f"shipping_address/{name}")


@pytest.mark.parametrize("name", ITEM)
def test_a_field_of_one_article_or_of_all(name: str) -> None:
    expected = body(pushed())
    one, all_of_them = f"{ITEMS}/1/{name}", f"{ITEMS}/{name}"
    del expected["order_details"]["order_items"][1][name]
    assert body(without(pushed(), one)) == expected
    del expected["order_details"]["order_items"][0][name]
    assert body(without(pushed(), all_of_them)) == expected
    assert of_all_articles(one) == of_all_articles(all_of_them) == all_of_them


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("customs_details/tax_numbers", set()),
        ("customs_details/tax_numbers/sender", {"receiver"}),
        ("customs_details/tax_numbers/sender/0/value", {"receiver"}),
        ("customs_details/tax_numbers/receiver/0/name", {"sender"}),
    ],
)
def test_the_tax_numbers_of_one_side_or_of_both(path: str, left: set[str]) -> None:
    own = OwnTaxNumber(name="EORI", number="DE1234567", country="DE")
    rules = Export(customs=Customs(tax_numbers=[own]))
    swiss = replace(HOME, country="CH", postal_code="8001", tax_id="CHE-123.456.789")
    order = an_order(billing=swiss, is_merchant=True)
    push = push_order(order, integration=7, rules=rules, products={}, now=NOW)
    lighter = without(push, path)
    assert set(body(lighter)["customs_details"].get("tax_numbers", {})) == left
    assert lighter is not None
    assert without(lighter, path) is None
    assert without(pushed(), path) is None


@pytest.mark.parametrize(
    "path",
    [
        "shipping_address/name",
        "shipping_address/city",
        "shipping_address/address_line_1",
        "shipping_address/postal_code",
        "shipping_address/country_code",
        "shipping_address/house_number",
        "payment_details/is_cash_on_delivery",
        "payment_details/total_price/currency",
        "shipping_details/delivery_indicator",
        "shipping_details/measurement/weight/value",
        "order_details/tags/0",
        f"{ITEMS}/0/name",
        f"{ITEMS}/0/quantity",
        f"{ITEMS}/9/sku",
        f"{ITEMS}/0",
        "billing_address/email/x",
        "order_id",
        "invalid",
        "",
    ],
)
def test_what_is_needed_or_not_there_stays(path: str) -> None:
    assert without(pushed(), path) is None


@pytest.mark.parametrize("path", ["", "/id", "/post_number", "/carrier_service_point_id"])
def test_a_service_point_goes_as_a_whole_wherever_it_is_refused(path: str) -> None:
    to = replace(HOME, street="12345678", street2="Packstation 145")
    push = push_order(an_order(billing=to), integration=7, rules=RULES, products={}, now=NOW)
    expected = body(push)
    assert expected.pop("service_point_details") == {"post_number": "12345678"}
    lighter = without(push, f"service_point_details{path}")
    assert body(lighter) == expected
    assert lighter is not None
    assert without(lighter, f"service_point_details{path}") is None


def test_what_went_already_cannot_go_again() -> None:
    lighter = without(pushed(), f"{ITEMS}/0/sku")
    assert lighter is not None
    assert without(lighter, f"{ITEMS}/0/sku") is None


def test_positions_as_sendcloud_writes_them() -> None:
    assert plain_path(f"{ITEMS}/[12]/hs_code") == f"{ITEMS}/12/hs_code"
