"""Customs data: from the product, else from the merchant's defaults."""

import pytest
from msgspec.structs import replace

from aftersend.afterbuy.model import PostalAddress, ProductCustoms
from aftersend.tenant.document import Customs
from aftersend_exporter.rules.customs import customs_details, hs_code, is_for_customs, origin_country
from tests.support.order_kit import HOME, an_order

DEFAULTS = Customs(hs_code="9503.00", origin_country="DE")


@pytest.mark.parametrize(
    ("country", "postal_code", "expected"),
    [
        ("DE", "50667", False),
        ("FR", "75001", False),
        ("CH", "8001", True),
        ("GB", "SW1A 1AA", True),
        ("GB", "BT1 1AA", False),
        ("NO", "0150", True),
        ("ES", "35001", True),
        ("ES", "28001", False),
        ("DE", "27498", True),
        ("DE", "78266", True),
    ],
)
def test_where_customs_data_is_needed(country: str, postal_code: str, *, expected: bool) -> None:
    there = replace(HOME, country=country, postal_code=postal_code)
    assert is_for_customs(an_order(shipping=there)) is expected


def test_the_shipping_address_decides() -> None:
    abroad = replace(HOME, country="CH", postal_code="8001")
    assert is_for_customs(an_order(billing=abroad, shipping=HOME)) is False
    assert is_for_customs(an_order(billing=PostalAddress())) is False


def test_details_of_the_order() -> None:
    found = customs_details(an_order(), rules=Customs(shipment_type="gift", export_type="private"))
    assert (found.commercial_invoice_number, found.shipment_type, found.export_type) == ("4711", "gift", "private")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("6912.00.23", "6912.00.23"),
        ("6912 00 23", "69120023"),
        ("", "9503.00"),
        ("siehe Rechnung", "9503.00"),
        ("123", "9503.00"),
        ("1" * 13, "9503.00"),
    ],
)
def test_hs_code(given: str, expected: str) -> None:
    assert hs_code(ProductCustoms("1", hs_code=given), defaults=DEFAULTS) == expected


@pytest.mark.parametrize(
    ("given", "expected"), [("PT", "PT"), (" cn ", "CN"), ("", "DE"), ("China", "DE"), ("D", "DE")]
)
def test_origin(given: str, expected: str) -> None:
    assert origin_country(ProductCustoms("1", origin_country=given), defaults=DEFAULTS) == expected


def test_an_unknown_product_gets_the_defaults() -> None:
    assert (hs_code(None, defaults=DEFAULTS), origin_country(None, defaults=DEFAULTS)) == ("9503.00", "DE")
    assert hs_code(None, defaults=Customs()) == ""
