"""Customs papers: tax numbers, business buyers, weights and currency, with German, Austrian and Swiss orders."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET, structs
from msgspec.structs import replace

from aftersend.afterbuy.model import Order, PostalAddress
from aftersend.sendcloud.model import PushOrder, TaxNumber
from aftersend.tenant.document import Customs, Export, Weight
from aftersend.tenant.tax_numbers import OwnTaxNumber
from aftersend_exporter.rules.order_mapping import push_order
from aftersend_exporter.rules.papers import missing_numbers, needs_papers
from tests.support.order_kit import HOME, NOW, an_item, an_order

VIENNA = PostalAddress(
    first_name="Änne", last_name="Beispiel", street="Musterzeile 4/12", postal_code="1010", city="Wien", country="AT"
)
ZURICH = PostalAddress(
    first_name="Urs", last_name="Erfunden", street="Beispielgasse 3", postal_code="8001", city="Zürich", country="CH"
)
OSLO = replace(ZURICH, city="Oslo", postal_code="0150", country="NO")
LONDON = replace(ZURICH, city="London", postal_code="SW1A 1AA", country="GB")
NEW_YORK = replace(ZURICH, city="New York", postal_code="10001", state="NY", country="US")
VADUZ = replace(ZURICH, city="Vaduz", postal_code="9490", country="LI")
HELIGOLAND = replace(HOME, city="Helgoland", postal_code="27498")
NUMBERS = (
    OwnTaxNumber(name="EORI", number="DE1234567", country="DE"),
    OwnTaxNumber(name="EORI", number="GB123456789000", country="GB"),
    OwnTaxNumber(name="IOSS", number="IM2760000742", country="DE"),
    OwnTaxNumber(name="VAT", number="CHE123456789MWST", country="CH"),
    OwnTaxNumber(name="VAT", number="123456789MVA", country="NO"),
    OwnTaxNumber(name="VOEC", number="2012345", country="NO"),
)
EORI, EORI_GB = ("EORI", "DE", "DE1234567"), ("EORI", "GB", "GB123456789000")
MWST, MVA = ("VAT", "CH", "CHE123456789MWST"), ("VAT", "NO", "123456789MVA")
VOEC, EBAY_VOEC = ("VAT", "NO", "2012345"), ("VAT", "NO", "2024926")
EBAY_IOSS = ("IOSS", "DE", "IM2760000999")


def pushed(order: Order, **customs: Any) -> PushOrder:
    rules = Export(customs=Customs(tax_numbers=list(NUMBERS), **customs))
    return push_order(order, integration=7, rules=rules, products={}, now=NOW)


def declared(push: PushOrder, whose: str) -> list[tuple[str, str, str]]:
    if push.customs_details is UNSET or push.customs_details.tax_numbers is UNSET:
        return []
    numbers: tuple[TaxNumber, ...] = getattr(push.customs_details.tax_numbers, whose) or ()
    return [structs.astuple(number) for number in numbers]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (an_order(), []),
        (an_order(shipping=VIENNA), []),
        (an_order(shipping=ZURICH), [EORI, MWST]),
        (an_order(shipping=VADUZ), [EORI, MWST]),
        (an_order(shipping=HELIGOLAND), [EORI]),
        (an_order(shipping=LONDON), [EORI, EORI_GB]),
        (an_order(shipping=NEW_YORK), [EORI]),
        (an_order(shipping=OSLO), [VOEC, EORI]),
        # an article above 3000 NOK
        (an_order(an_item(price=Decimal(251)), shipping=OSLO), [MVA, EORI]),
        (an_order(an_item(price=Decimal(1), currency="NOK", original_price=Decimal(3001)), shipping=OSLO), [MVA, EORI]),
        (
            an_order(an_item(price=Decimal(1), currency="NOK", original_price=Decimal(3000)), shipping=OSLO),
            [VOEC, EORI],
        ),
        # a rate that is not known
        (an_order(an_item(currency="SEK", original_price=Decimal(10)), shipping=OSLO), [MVA, EORI]),
        # the marketplace's own number first
        (an_order(an_item(tax_reference="2024926"), shipping=OSLO), [EBAY_VOEC, EORI]),
        (an_order(an_item(tax_reference="VOEC: 2024926", is_tax_collected=True), shipping=OSLO), [EBAY_VOEC, EORI]),
        (
            an_order(an_item(tax_reference="2024926"), an_item(tax_reference="2024926"), shipping=OSLO),
            [EBAY_VOEC, EORI],
        ),
        # its number is not known: the merchant's own would be false
        (an_order(an_item(is_tax_collected=True), shipping=OSLO), [EORI]),
        (an_order(an_item(tax_reference="2024926"), an_item(), shipping=OSLO), [EORI]),
        (an_order(an_item(tax_reference="2024926"), an_item(tax_reference="2024927"), shipping=OSLO), [EORI]),
        (an_order(an_item(tax_reference="siehe eBay"), shipping=OSLO), [EORI]),
        (an_order(an_item(tax_reference="2024926"), shipping=LONDON), [EORI]),
        (an_order(an_item(tax_reference="IM2760000999"), shipping=ZURICH), [EORI]),
        # what the marketplace ships is not in the parcel
        (an_order(an_item(tax_reference="2024926", item_type=201), an_item(), shipping=OSLO), [VOEC, EORI]),
        # goods that come into the EU
        (an_order(an_item(tax_reference="IM2760000999"), shipping=VIENNA), [EBAY_IOSS, EORI]),
        (an_order(an_item(tax_reference="IOSS IM2760000999"), shipping=VIENNA), [EBAY_IOSS, EORI]),
        (an_order(an_item(tax_reference="IM9990000999"), shipping=VIENNA), []),
        (an_order(an_item(tax_reference="IM2760000999"), shipping=HELIGOLAND), [EORI]),
    ],
)
def test_numbers_of_the_sender(order: Order, expected: list[tuple[str, str, str]]) -> None:
    assert sorted(declared(pushed(order), "sender")) == sorted(expected)
    assert needs_papers(order) is bool(expected)


@pytest.mark.parametrize(
    ("is_merchant", "billing", "shipping", "export_type", "expected", "number"),
    [
        (True, "CHE-123.456.789 MWST", "", "commercial_b2c", "commercial_b2b", [MWST]),
        (True, "", "CHE-123.456.789 MWST", "commercial_b2c", "commercial_b2b", [MWST]),
        (True, "DE 123456789", "CHE-123.456.789 MWST", "commercial_b2c", "commercial_b2b", [MWST]),
        (True, "DE 123456789", "", "commercial_b2c", "commercial_b2b", [("VAT", "DE", "DE123456789")]),
        (True, "", "", "commercial_b2c", "commercial_b2b", []),
        (True, "folgt", "", "commercial_b2c", "commercial_b2b", []),
        (False, "CHE-123.456.789 MWST", "", "commercial_b2c", "commercial_b2c", []),
        (True, "", "", "private", "private", []),
        (False, "", "", "commercial_b2b", "commercial_b2b", []),
    ],
)
def test_business_buyers(
    *, is_merchant: bool, billing: str, shipping: str, export_type: str, expected: str, number: list[Any]
) -> None:
    order = an_order(
        is_merchant=is_merchant,
        billing=replace(HOME, tax_id=billing),
        shipping=replace(ZURICH, tax_id=shipping, company="Beispiel AG"),
    )
    push = pushed(order, export_type=export_type)
    assert push.customs_details
    assert (push.customs_details.export_type, declared(push, "receiver")) == (expected, number)
    not_understood = ["customs_details/tax_numbers/receiver"] if billing == "folgt" else []
    assert list(missing_numbers(push, order)) == not_understood


def test_inside_the_union_nothing_of_a_business_is_declared() -> None:
    order = an_order(is_merchant=True, billing=replace(HOME, tax_id="DE123456789"))
    assert pushed(order).customs_details is UNSET
    assert list(missing_numbers(pushed(order), order)) == []


@pytest.mark.parametrize(
    ("items", "missing"),
    [
        ((an_item(is_tax_collected=True),), True),
        ((an_item(tax_reference="siehe eBay"),), True),
        ((an_item(tax_reference="2024926"),), False),
        ((an_item(),), False),
    ],
)
def test_the_unknown_number_of_a_marketplace_is_noticed(items: tuple[Any, ...], *, missing: bool) -> None:
    order = an_order(*items, shipping=OSLO)
    paths = ["customs_details/tax_numbers/sender"] if missing else []
    assert list(missing_numbers(pushed(order), order)) == paths


@pytest.mark.parametrize(
    ("weights", "default", "expected"),
    [
        ((None,), 3, [3.0]),
        ((None, None), 3, [1.5, 1.5]),
        ((None, None, None), 1, [0.333, 0.333, 0.333]),
        ((None, None), 0.001, [None, None]),
        (("0.75",), 3, [0.75]),
        (("0.75", None), 3, [0.75, None]),
    ],
)
def test_weight_of_each_article(weights: tuple[Any, ...], default: float, expected: list[float | None]) -> None:
    items = [an_item(weight=Decimal(weight) if weight else None) for weight in weights]
    rules = Export(weight=Weight(default=default))
    for shipping in (ZURICH, None):
        order = an_order(*items, shipping=shipping)
        push = push_order(order, integration=7, rules=rules, products={}, now=NOW)
        found = [item.measurement.weight.value if item.measurement else None for item in push.order_details.order_items]
        known = [float(weight) if weight else None for weight in weights]
        assert found == (expected if shipping else known), "only customs ask for a share"
        total = push.shipping_details.measurement.weight.value  # type: ignore[union-attr]
        assert sum(filter(None, found)) <= total


def test_pieces_share_the_default_weight() -> None:
    order = an_order(an_item(weight=None, quantity=4), an_item(weight=None, quantity=2), shipping=ZURICH)
    found = push_order(order, integration=7, rules=Export(), products={}, now=NOW).order_details.order_items
    assert [item.measurement.weight.value for item in found if item.measurement] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("to", "currency", "expected"),
    [
        (NEW_YORK, "GBP", "EUR"),
        (NEW_YORK, "CAD", "EUR"),
        (NEW_YORK, "USD", "USD"),
        (NEW_YORK, "", "EUR"),
        (LONDON, "GBP", "GBP"),
        (ZURICH, "CHF", "CHF"),
    ],
)
def test_currency_that_the_destination_takes(to: PostalAddress, currency: str, expected: str) -> None:
    original = Decimal("10.50") if currency else None
    order = an_order(an_item(currency=currency, original_price=original), shipping=to)
    push = pushed(order)
    amounts = [push.payment_details.total_price, *(item.unit_price for item in push.order_details.order_items)]
    assert {amount.currency for amount in amounts if amount} == {expected}
