"""A small shop whose every field carries a mark: orders as Afterbuy has them, keys as the secrets hold them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from aftersend_sandbox.world.afterbuy_account import (
    AfterbuyAddress,
    AfterbuyItem,
    AfterbuyOrder,
    Payment,
    Product,
    Shipping,
)
from aftersend_sandbox.world.world import INTEGRATION_ID, SandboxCredentials, World
from tests.support.canary.marks import GOODS, MARKS, PEOPLE, SECRETS

PLAIN, SWISS, REFUSED, HELD, UNPAID, FIRST_SPARE = 9101, 9102, 9103, 9104, 9105, 9110
SPARES = range(FIRST_SPARE, FIRST_SPARE + 9)
"""Ordinary orders for whatever a test does to one of them."""
INTEGRATION = INTEGRATION_ID


def marked_world() -> World:
    """Both systems before the first run, with the keys of ``write_secrets``."""
    world = World(
        credentials=SandboxCredentials(
            partner_token=SECRETS["partner token"],
            account_token=SECRETS["account token"],
            public_key=SECRETS["public key"],
            secret_key=SECRETS["secret key"],
            signature_key=SECRETS["signature key"],
        )
    )
    world.sendcloud.save_seconds = 0
    for order in _orders():
        world.afterbuy.orders.add(order)
    world.afterbuy.products[int(GOODS["product"])] = Product(
        int(GOODS["product"]), GOODS["article"], Decimal("0.35"), hs_code=GOODS["tariff"], origin="PT"
    )
    return world


def write_secrets(folder: Path) -> None:
    """One file per key, as Kubernetes mounts them."""
    files = {
        "afterbuy/partnerToken": SECRETS["partner token"],
        "afterbuy/accountToken": SECRETS["account token"],
        "sendcloud/publicKey": SECRETS["public key"],
        "sendcloud/secretKey": f"{SECRETS['secret key']}\n{SECRETS['older secret key']}\n",
        "sendcloud/webhookSignatureKey": SECRETS["signature key"],
        "redis/password": SECRETS["redis password"],
        "data-key/20260101": SECRETS["data key"],
        "data-key/fingerprint": SECRETS["fingerprint"],
    }
    for name, value in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(value)


def _orders() -> list[AfterbuyOrder]:
    plain = [_order(number) for number in (PLAIN, *SPARES)]
    swiss = _order(SWISS, country="CH", country_iso="CH")
    refused = _order(REFUSED, city="")
    held = _order(HELD)
    held.additional_info = PEOPLE["held"]
    unpaid = _order(UNPAID)
    unpaid.items[0].quantity = -1
    return [*plain, swiss, refused, held, unpaid]


def _order(number: int, **billing: Any) -> AfterbuyOrder:
    now, price = datetime.now(UTC) - timedelta(minutes=5), Decimal(GOODS["price"])
    return AfterbuyOrder(
        number,
        ordered_at=now,
        billing=_address(**billing),
        items=[_item(number)],
        payment=Payment(paid_at=now, already_paid=price, full_amount=price),
        shipping=Shipping(method="DHL Paket", cost=Decimal("4.9")),
        memo=PEOPLE["note"],
        user_comment=PEOPLE["note"],
        invoice_memo=PEOPLE["note"],
        infos=[PEOPLE["note"], "", ""],
    )


def _address(**changes: Any) -> AfterbuyAddress:
    fields = {
        "first_name": PEOPLE["first name"],
        "last_name": f"{PEOPLE['last name']} & Söhne <x>",
        "company": PEOPLE["company"],
        "street": f"{PEOPLE['street']} 5",
        "street2": PEOPLE["second line"],
        "postal_code": PEOPLE["zip"],
        "city": PEOPLE["city"],
        "state": PEOPLE["state"],
        "phone": PEOPLE["phone"],
        "mail": PEOPLE["mail"],
        "is_merchant": True,
        "tax_id": PEOPLE["vat id"],
    }
    return AfterbuyAddress(**{**fields, **changes})


def _item(number: int) -> AfterbuyItem:
    title = f'{GOODS["article"]} "Eiche" & Ω'
    return AfterbuyItem(
        number,
        title,
        2,
        Decimal(GOODS["price"]),
        Decimal("0.34"),
        platform="ebay",
        sku=GOODS["sku"],
        ean=GOODS["ean"],
        product_id=int(GOODS["product"]),
    )


assert set(PEOPLE) | set(GOODS) <= set(MARKS)
