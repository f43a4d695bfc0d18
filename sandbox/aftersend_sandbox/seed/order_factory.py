"""Make ordinary orders, which scenarios then change into what they stand for.

All chance comes from one seeded source, so that the same seed gives the same world, whatever machine makes it.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from aftersend_sandbox.seed.catalogue import CUSTOMS_SPELLED, CUSTOMS_UNCLEAR, ODD_CUSTOMS, SETS, sold
from aftersend_sandbox.seed.channels import ABROAD_METHOD, SHIPPING_METHODS, USUAL, Channel
from aftersend_sandbox.seed.people import buyer, delivered_to
from aftersend_sandbox.seed.towns import REGIONS
from aftersend_sandbox.world.afterbuy_account import AfterbuyItem, AfterbuyOrder, Payment, Product, Shipping

_REMARKS: Final = (
    "Bitte klingeln, wir sind im Garten.",
    "Ist ein Geschenk – ohne Rechnung",
    "Danke & liebe Grüße!",
    "Ablage: Carport",
)


class OrderFactory:
    """Makes orders from the catalogue, by one source of chance."""

    def __init__(self, shelf: dict[int, Product], random: Random) -> None:
        self.random = random
        usual = [each for each in shelf.values() if each.name not in ODD_CUSTOMS]
        self.weighed = [each for each in usual if each.weight and each.name not in SETS and each.price]
        self.weightless = [each for each in shelf.values() if each.weight is None]
        self.sets = [each for each in shelf.values() if each.name in SETS]
        self.customs_known = [each for each in self.weighed if each.hs_code and each.origin]
        self.customs_spelled = [each for each in shelf.values() if each.name == CUSTOMS_SPELLED]
        self.customs_unclear = [each for each in shelf.values() if each.name == CUSTOMS_UNCLEAR]
        self.customs_unknown = [each for each in self.weighed if not (each.hs_code and each.origin)]

    def item(self, products: list[Product], *, quantity: int | None = None) -> AfterbuyItem:
        """Make an item that sells one of these products, mostly one piece of it."""
        return sold(
            self.random.choice(products), quantity=quantity or self.random.choices((1, 2, 3, 6), (80, 13, 5, 2))[0]
        )

    def order(self, order_id: int, when: datetime, region: str, channel: Channel | None) -> AfterbuyOrder:
        """Make an ordinary order: one to three weighed items, a buyer of that region, no parcel number."""
        random = self.random
        billing = buyer(random, random.choice(REGIONS[region]))
        method = random.choice(SHIPPING_METHODS) if region == "germany" else ABROAD_METHOD
        chosen = channel or random.choice(USUAL)
        return AfterbuyOrder(
            order_id=order_id,
            ordered_at=when,
            billing=billing,
            shipping_address=delivered_to(billing) if random.random() < 0.8 else None,
            items=[self.item(self.weighed) for _ in range(random.choices((1, 2, 3), (70, 20, 10))[0])],
            payment=Payment(*chosen.payment),
            shipping=Shipping(method=method, cost=Decimal(random.choice(("0.00", "4.90", "5.95", "12.50")))),
            user_comment=random.choice(_REMARKS) if random.random() < 0.08 else "",
            account=chosen.account,
            external_order=chosen.number(random),
            feedback_at=when + timedelta(seconds=random.randint(0, 40)),
        )

    def sign(self, order: AfterbuyOrder, channel: Channel | None) -> None:
        """Number the items, name their platform, and let the buyer pay all of it."""
        for offset, item in enumerate(order.items):
            item.item_id = order.order_id + offset
            if item.platform or channel is None:
                continue
            item.platform = channel.platform
            item.item_type = self.random.choice(channel.item_types)
        for item in order.items:
            item.platform_order = order.external_order
        total = sum((item.price * item.quantity for item in order.items), order.shipping.cost)
        order.payment.full_amount = order.payment.already_paid = total
        order.payment.paid_at = order.ordered_at
        order.modified_at = order.ordered_at
