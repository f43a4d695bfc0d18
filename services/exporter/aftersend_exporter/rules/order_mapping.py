"""Mapping an order of Afterbuy to an incoming order of Sendcloud.

The upsert key is ``afterbuy-<OrderID>``: it never changes, so a repeated push never makes a second order; and the
prefix keeps it apart from Sendcloud's own numbers. ``fingerprint`` shows whether an order changed since the last push.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from aftersend.afterbuy.model import Order, ProductCustoms
from aftersend.order_ids import incoming_order_id
from aftersend.sendcloud.model import (
    CodeMessage,
    IntegrationRef,
    OptionProperties,
    OrderDetails,
    PaymentDetails,
    PushOrder,
    ServicePointDetails,
    ShippingDetails,
    ShipWith,
)
from aftersend.tenant.document import DeliveryRules, Export
from aftersend_exporter.rules.addresses import customer, cut, shipping_address
from aftersend_exporter.rules.customs import customs_details, is_for_customs
from aftersend_exporter.rules.items import order_currency, order_items, order_total, shipped_items
from aftersend_exporter.rules.papers import declared_currency, needs_papers, with_papers
from aftersend_exporter.rules.payment import is_cash_on_delivery, is_paid
from aftersend_exporter.rules.post_numbers import PickUpPoint, pick_up_point
from aftersend_exporter.rules.weights import default_weight, measurement, total_weight

_OPEN = CodeMessage(code="unshipped", message="Unshipped")
_PAID = CodeMessage(code="paid", message="Paid")
_UNPAID = CodeMessage(code="unpaid", message="Unpaid")


@dataclass(frozen=True, slots=True)
class _Form:
    """The currency of all amounts, and whether customs papers belong to them."""

    currency: str
    customs: bool


def push_order(
    order: Order,
    *,
    integration: int,
    rules: Export,
    products: Mapping[str, ProductCustoms],
    now: datetime,
    currency: str = "",
) -> PushOrder:
    """Map an eligible order.

    ``now`` is the date of the update (Sendcloud might ignore an update without a new one), and stands in where Afterbuy
    names no order date; ``currency`` is the one that fits the order unless another one is wanted.
    """
    form = _Form(currency=currency or declared_currency(order), customs=needs_papers(order))
    push = _mapped(order, integration=integration, rules=rules, products=products, now=now, form=form)
    return with_papers(push, order, rules=rules)


def earlier_order(
    order: Order, *, integration: int, rules: Export, products: Mapping[str, ProductCustoms], now: datetime
) -> PushOrder:
    """Map an order as versions did that knew no further papers."""
    form = _Form(currency=order_currency(order), customs=is_for_customs(order))
    return _mapped(order, integration=integration, rules=rules, products=products, now=now, form=form)


def _mapped(
    order: Order,
    *,
    integration: int,
    rules: Export,
    products: Mapping[str, ProductCustoms],
    now: datetime,
    form: _Form,
) -> PushOrder:
    address = shipping_address(order)
    point = pick_up_point(address)
    weight = total_weight(shipped_items(order), rules=rules.weight)
    return PushOrder(
        order_id=incoming_order_id(order.order_id),
        order_number=order.order_id,
        order_details=OrderDetails(
            integration=IntegrationRef(id=integration),
            status=_OPEN,
            order_created_at=(order.ordered_at or now).isoformat(timespec="seconds"),
            order_updated_at=now.isoformat(timespec="milliseconds"),
            order_items=order_items(
                order, currency=form.currency, rules=rules, customs=products if form.customs else None
            ),
            tags=(rules.weight.label,) if weight is None else UNSET,
        ),
        payment_details=_payment_details(order, currency=form.currency),
        shipping_address=point.address if point else address,
        customer_details=customer(order, address),
        shipping_details=_shipping_details(order, weight, rules=rules),
        service_point_details=_service_point_details(point),
        customs_details=customs_details(order, rules=rules.customs) if form.customs else UNSET,
    )


def _payment_details(order: Order, *, currency: str) -> PaymentDetails:
    return PaymentDetails(
        total_price=order_total(order, currency=currency),
        status=_PAID if is_paid(order) else _UNPAID,
        is_cash_on_delivery=is_cash_on_delivery(order) or UNSET,
    )


def _service_point_details(point: PickUpPoint | None) -> ServicePointDetails | UnsetType:
    return ServicePointDetails(post_number=point.post_number) if point and point.post_number else UNSET


def fingerprint(push: PushOrder, *, mac: Callable[[bytes], str]) -> str:
    """Return a keyed MAC over all that matters for shipping; dates do not."""
    details = msgspec.structs.replace(push.order_details, order_created_at="", order_updated_at=UNSET)
    undated = msgspec.structs.replace(push, order_details=details)
    return mac(msgspec.json.encode(undated, order="deterministic"))


def _shipping_details(order: Order, weight: Decimal | None, *, rules: Export) -> ShippingDetails:
    return ShippingDetails(
        delivery_indicator=rules.weight.label if weight is None else _indicator(order, rules=rules.delivery),
        measurement=measurement(default_weight(rules.weight) if weight is None else weight),
        ship_with=_ship_with(rules.delivery),
    )


def _indicator(order: Order, *, rules: DeliveryRules) -> str | UnsetType:
    return UNSET if rules.indicator == "none" else cut(order.shipping_method) or UNSET


def _ship_with(rules: DeliveryRules) -> ShipWith | UnsetType:
    if not rules.option_code:
        return UNSET
    return ShipWith(properties=OptionProperties(shipping_option_code=rules.option_code))
