"""Orders as the Afterbuy client reads them: one ordinary order, and everything that may differ in it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from aftersend.afterbuy.model import Order, PostalAddress, SoldItem
from aftersend.tenant.document import Export

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
RULES = Export()

HOME = PostalAddress(
    first_name="Erika",
    last_name="Erfunden",
    street="Ahornweg 7 b",
    postal_code="50667",
    city="Köln",
    country="DE",
    phone="0221 000000",
    mail="erika@example.org",
)


def an_item(**different: Any) -> SoldItem:
    item = SoldItem(
        item_id="900",
        title="Blumentopf",
        quantity=1,
        price=Decimal("12.50"),
        weight=Decimal("0.75"),
        sku="BT-1",
        platform="ebay",
    )
    return replace(item, **different)


def an_order(*items: SoldItem, **different: Any) -> Order:
    order = Order(
        order_id="4711",
        ordered_at=datetime(2026, 11, 23, 18, 0, tzinfo=BERLIN),
        billing=HOME,
        shipping=None,
        items=items or (an_item(),),
        shipping_method="DHL Paket",
        full_amount=Decimal("17.49"),
        already_paid=Decimal("17.49"),
        shipping_total=Decimal("4.99"),
    )
    return replace(order, **different)
