"""Changes that make an ordinary order a scenario; each function is one situation, named as the scenario is."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from aftersend_sandbox.seed.address_mutations import both_addresses
from aftersend_sandbox.seed.order_factory import OrderFactory
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder, AfterbuyParcelLabel

_CENT: Final = Decimal("0.01")


# Goods


def several_items(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.weighed) for _ in range(factory.random.randint(3, 6))]


def two_items(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.weighed), factory.item(factory.weighed)]


def some_weights_missing(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.weighed), factory.item(factory.weightless)]


def all_weights_missing(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.weightless) for _ in range(factory.random.randint(1, 2))]


def weight_zero(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for item in order.items:
        item.weight = Decimal(0)


def fine_weight(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for item in order.items:
        item.weight, item.price = Decimal("0.004"), Decimal("1234.56")


def product_set(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.sets, quantity=1)]


def zero_quantity(factory: OrderFactory, order: AfterbuyOrder) -> None:
    two_items(factory, order)
    order.items[1].quantity = 0


def negative_item(factory: OrderFactory, order: AfterbuyOrder) -> None:
    two_items(factory, order)
    order.items[0].quantity, order.items[1].quantity = 2, -1


def credit_note(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for item in order.items:
        item.quantity = -item.quantity
    order.shipping.cost = Decimal(0)


def amazon_mixed(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items[0].item_type = factory.random.choice((101, 401))
    order.items[1].item_type = factory.random.choice((201, 301, 501))


def html_characters(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items[0].title = "Kissen \"Gute Nacht\" <b>NEU</b> & 'weich' </td>"
    order.user_comment = "Bitte <script>alert('nicht')</script> klingeln & warten"
    for address in both_addresses(order):
        address.last_name, address.company = "O'Beispiel", 'Muster & Söhne <GmbH> "Nord"'


def customs_known(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.customs_known), factory.item(factory.customs_known)]


def customs_unknown(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.customs_unknown), factory.item(factory.customs_known)]


def in_currency(code: str, rate: Decimal) -> Callable[[OrderFactory, AfterbuyOrder], None]:
    """A foreign currency: the euro prices stay, the original ones stand beside them."""

    def apply(_factory: OrderFactory, order: AfterbuyOrder) -> None:
        for item in order.items:
            item.currency, item.original_price = code, (item.price * rate).quantize(_CENT)

    return apply


# What people and shop systems write


def forbidden_characters(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.raw_comment = "Bitte\x0b &#0;klingeln &#55357;&#56838; <3 & &nbsp;danke"


def customs_spelled(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.customs_spelled)]


def customs_unclear(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = [factory.item(factory.customs_unclear), factory.item(factory.customs_known)]


def odd_amounts(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    item = order.items[0]
    item.price, item.quantity, item.weight = Decimal("1234.50"), 1, Decimal("0.75")
    order.items = [item]
    order.payment.full_amount = order.payment.already_paid = item.price
    order.shipping.cost = Decimal(0)
    order.spelled = {
        "ShippingInfo/ShippingTotalCost": "frei",
        "ShippingInfo/DeliveryDate": "31.02.2026",
        "PaymentInfo/PaymentDate": "2026-11-23T10:00:00+01:00",
        "PaymentInfo/AlreadyPaid": "1.234,50 EUR",
        "PaymentInfo/FullAmount": "1,234.50",
        "SoldItems/SoldItem/ItemPrice": "1'234,50",
        "SoldItems/SoldItem/ItemWeight": "0,75 kg",
    }


def without_shipping_info(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.missing_sections = ("ShippingInfo",)
    order.shipping.method = ""


# What depends on item ids or on the payment


def voucher(factory: OrderFactory, order: AfterbuyOrder) -> None:
    item = factory.item(factory.weighed, quantity=1)
    item.title, item.price, item.weight, item.product_id = "Gutschein", Decimal(-10), None, None
    order.items = [factory.item(factory.weighed, quantity=1), item]
    order.items[0].price += 10


def credit_by_price(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.items = order.items[:1]
    order.items[0].quantity, order.items[0].price = 1, Decimal("-19.90")
    order.items[0].platform = "gutschrift"


def zero_original_price(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for item in order.items:
        item.currency, item.original_price = "CHF", Decimal(0)


def cash_on_delivery(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    unpaid(_factory, order)
    order.payment.function, order.payment.method = "CASH_ON_DELIVERY", "Nachnahme"


def item_without_quantity(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.is_order, order.spelled = False, {"SoldItems/SoldItem/ItemQuantity": ""}


def held(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    """The merchant has typed in a number of his own."""
    order.additional_info = f"00340434999{order.order_id:09d}"


def labelled(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    """Another program has printed a label."""
    order.shipping.parcel_labels = [AfterbuyParcelLabel(order.items[0].item_id, 1, f"0159999{order.order_id:09d}")]


def unpaid(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.payment.already_paid, order.payment.paid_at = Decimal(0), None


def partly_paid(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.payment.already_paid = ((order.payment.full_amount or _CENT) / 2).quantize(_CENT)
    order.payment.paid_at = None


def amounts_missing(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.payment.already_paid = order.payment.full_amount = None


def hidden(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.hidden = True


def not_an_order(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.is_order = False
