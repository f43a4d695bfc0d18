"""Paths of problems and notices name fields only: whatever stands in an order, none of it gets into a path."""

import json
from typing import Any

import pytest

from aftersend.afterbuy.model import Order, UnreadableOrder
from aftersend.sendcloud.errors import BatchRejected, refusal
from aftersend.tenant.document import Export, Only
from aftersend_exporter.rules.eligibility import eligibility, unclear_path
from aftersend_exporter.rules.notices import fields_left_out, missing_data
from tests.support.order_kit import NOW
from tests.unit.exporter.rules.test_any_text import FIELDS, USUAL, Typed, pushed, read

CANARY = "Wanda Canaria-7391"
ODD = (
    CANARY,
    f"{CANARY}, 19,90 EUR",
    f"31.02.2026 {CANARY}",
    f"{CANARY} <wanda.@example.org>",
    "</Canaria><Canaria>",
    f"{CANARY}&#0;\x0b",
    f"VN/CN {CANARY}",
    f"2 Stück für {CANARY}",
    "7391" * 20,
)


def paths(order: Order | UnreadableOrder) -> list[str]:
    """Every path that a problem or a notice of this order may show."""
    if isinstance(order, UnreadableOrder):
        return [order.path]
    decision = eligibility(order, rules=Export(only=Only(paid=True)), beginning=None, now=NOW)
    notices = missing_data((), pushed(order), now=1)
    return [*order.unclear, unclear_path(order, decision, beginning=None), *(notice.path for notice in notices)]


@pytest.mark.parametrize("field", FIELDS)
def test_no_path_quotes_a_field_of_afterbuy(field: str) -> None:
    for text in ODD:
        for path in paths(read(Typed({**USUAL, "BuyerInfo/BillingAddress/CountryISO": "US", field: text}))):
            assert "Canaria" not in path
            assert "7391" not in path


@pytest.mark.parametrize(
    "pointer",
    [
        "/data/attributes/[0]/shipping_address/{}",
        "/data/attributes/[0]/shipping_address/email/{}",
        "/data/attributes/[0]/{}/email",
        "/data/0/order_details/order_items/[0]/name={}",
        "/data/0/order_details/order_items/7391/sku",
        "/data/0/{}",
        "/data/attributes/[0]/shipping_address/address_line_1: {} is too long",
        "/data/attributes/[0]/shipping_address/email?value={}",
        "{}",
        "/data/0/shipping_address/ém@il/{}",
    ],
)
def test_no_path_quotes_what_sendcloud_says(pointer: str) -> None:
    body = _refused(pointer.format(CANARY), code=CANARY)
    error = refusal(400, {}, body, batch=1)
    assert isinstance(error, BatchRejected)
    shown = [error.code, error.path, *(text for pair in error.positions.values() for text in pair)]
    notices = fields_left_out((), [path for _, path in error.positions.values()], now=1)
    for text in [*shown, str(error), repr(error), *(notice.path for notice in notices)]:
        assert "Canaria" not in text
        assert "7391" not in text


def _refused(pointer: str, *, code: str) -> bytes:
    error: dict[str, Any] = {"status": "400", "code": code, "title": CANARY, "detail": f"{CANARY} is wrong"}
    return json.dumps({"errors": [{**error, "source": {"pointer": pointer}}]}).encode()
