"""An upgrade sends nothing again that did not change: fingerprints and entries as an earlier version recorded them."""

import hashlib
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from aftersend.afterbuy.answer import AnswerReader
from aftersend.afterbuy.model import Order, ProductCustoms
from aftersend.afterbuy.reading import read_order
from aftersend.afterbuy.records import Element
from aftersend.ledger.entry import Entry
from aftersend.tenant.document import Customs
from aftersend.tenant.tax_numbers import OwnTaxNumber
from aftersend_exporter.export.push import MappedOrder
from aftersend_exporter.rules.eligibility import TRANSFER
from aftersend_exporter.rules.next_action import Action, next_action
from aftersend_exporter.rules.order_mapping import earlier_order, fingerprint, push_order
from tests.support.order_kit import HOME, NOW, RULES, an_item, an_order
from tests.support.scripted_afterbuy import page
from tests.unit.afterbuy.test_reading import FULL

CH = replace(HOME, country="CH", postal_code="8001", city="Zürich")
US = replace(HOME, country="US", state="NY", postal_code="10001", city="New York")
EORI = OwnTaxNumber(name="EORI", number="DE1234567", country="DE")
PRODUCTS = {"77": ProductCustoms("77", hs_code="69120023", origin_country="PT")}
ORDERS = {
    "usual": an_order(),
    "several articles": an_order(
        an_item(), an_item(item_id="901", quantity=3, price=Decimal("4.95"), sku="", ean="4006381333931")
    ),
    "company and second line": an_order(
        shipping=replace(HOME, company="Muster GmbH", street2="Hinterhaus", phone="", mail="")
    ),
    "without weight": an_order(an_item(weight=None)),
    "some weights": an_order(an_item(weight=None), an_item(item_id="901")),
    "unpaid": an_order(already_paid=Decimal(0)),
    "amounts missing": an_order(already_paid=None, full_amount=None),
    "pounds": an_order(an_item(currency="GBP", original_price=Decimal("10.50"))),
    "francs": an_order(an_item(currency="CHF", original_price=Decimal("11.80")), shipping=CH),
    "customs, defaults": an_order(shipping=CH),
    "customs, known": an_order(an_item(product_id="77"), shipping=CH),
    "united states": an_order(an_item(product_id="77"), shipping=US),
    "pick-up point without number": an_order(shipping=replace(HOME, street="Packstation 145")),
    "street named after one": an_order(shipping=replace(HOME, street="An der Packstation 3", street2="12345678")),
    "credit beside goods": an_order(an_item(quantity=2), an_item(item_id="901", quantity=-1)),
}
RECORDED = {
    "usual": "341761d2babe458c",
    "several articles": "93dd3e2e04af722c",
    "company and second line": "a5673626c4ee4730",
    "without weight": "3d56ba525e1806b6",
    "some weights": "2830701946162155",
    "unpaid": "c2e3a1c668a266ce",
    "amounts missing": "ee92d7823b009608",
    "pounds": "10af9d30f20bd91e",
    "francs": "8f8fbfe4a20ece26",
    "customs, defaults": "ddb92b0a908506af",
    "customs, known": "c2ff6780132653b2",
    "united states": "667852f0d7cd1d01",
    "pick-up point without number": "4ee4236df3000aad",
    "street named after one": "f23f8e6a8900db46",
    "credit beside goods": "e991d544e2df1b65",
}
"""Made by version 0.1, before cash on delivery, notices and the like were known."""
ENTRIES = (
    '{"order":"4711","state":"confirmed","since":5,"revision":3,"touched":9,"fingerprint":"f","pushed":7}',
    '{"order":"4711","state":"accepted","since":5,"fingerprint":"f","pushes":1,"pushed":7}',
    (
        '{"order":"4711","state":"labelled","since":5,"fingerprint":"f","pushed":7,"observed":2,"applied":2,"ticks":["tag"],'
        '"parcels":{"11":{}}}'
    ),
)


def mark(order: Order) -> str:
    push = push_order(order, integration=7, rules=RULES, products=PRODUCTS, now=NOW)
    return fingerprint(push, mac=lambda plain: hashlib.blake2b(plain, digest_size=8).hexdigest())


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_that_did_not_change_keeps_its_fingerprint(name: str) -> None:
    assert mark(ORDERS[name]) == RECORDED[name]


def test_an_order_as_afterbuy_shows_it_keeps_its_fingerprint() -> None:
    found: list[Element] = []
    reader = AnswerReader("Order", found.append)
    reader.feed(page(FULL).encode())
    reader.finish()
    order = read_order(found[0])
    assert isinstance(order, Order)
    assert mark(order) == "78d9e771e25377d6"


@pytest.mark.parametrize(
    ("order", "recorded"),
    [
        (an_order(an_item(weight=None), shipping=CH), "6b6613cbc5158e0d"),
        (an_order(an_item(currency="GBP", original_price=Decimal("10.50")), shipping=US), "b858f00a95d51d75"),
        (an_order(is_merchant=True, shipping=replace(CH, tax_id="CHE123456789")), "ddb92b0a908506af"),
        (an_order(an_item(tax_reference="2024926"), shipping=replace(CH, country="CH")), "ddb92b0a908506af"),
    ],
)
def test_an_order_sent_before_further_papers_were_known_is_compared_as_it_was_sent(order: Order, recorded: str) -> None:
    rules = msgspec.structs.replace(RULES, customs=Customs(tax_numbers=[EORI]))

    def mac(plain: bytes) -> str:
        return hashlib.blake2b(plain, digest_size=8).hexdigest()

    push = push_order(order, integration=7, rules=rules, products={}, now=NOW)
    before = earlier_order(order, integration=7, rules=rules, products={}, now=NOW)
    mapped = MappedOrder(
        "4711", push, fingerprint(push, mac=mac), earlier_fingerprint=lambda: fingerprint(before, mac=mac)
    )
    assert mapped.fingerprint != recorded
    assert mapped.comparable(Entry(order="4711", state="confirmed", fingerprint=recorded)) == recorded
    since = Entry(order="4711", state="confirmed", fingerprint=recorded, papers=1)
    assert mapped.comparable(since) == mapped.fingerprint, "sent by this version, so it has changed since"
    changed = Entry(order="4711", state="confirmed", fingerprint="other")
    assert mapped.comparable(changed) == mapped.comparable(None) == mapped.fingerprint


@pytest.mark.parametrize("recorded", ENTRIES)
def test_an_entry_of_an_earlier_version_sends_nothing_again(recorded: str) -> None:
    entry = msgspec.json.decode(recorded, type=Entry)
    assert next_action(entry, TRANSFER, fingerprint="f", now=9) == Action.UNCHANGED
    assert msgspec.json.encode(entry).decode() == recorded, "what it lacks is not written either"
