"""Customs papers beyond invoice number, tariff number and origin: tax numbers, business buyers, weights, currency.

They are added to an order that was mapped without them, so that an order which Sendcloud has from a version that did
not know them keeps its fingerprint: it is not sent again until it changes (see ``PAPERS`` in ``country_papers``).
"""

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from aftersend.afterbuy.model import Order
from aftersend.sendcloud.model import OrderItem, PushOrder, TaxNumber, TaxNumbers
from aftersend.tenant.document import Customs, Export
from aftersend_exporter.rules.addresses import destination
from aftersend_exporter.rules.country_papers import CURRENCIES
from aftersend_exporter.rules.customs import is_for_customs
from aftersend_exporter.rules.items import ACCOUNT_CURRENCY, order_currency
from aftersend_exporter.rules.marketplace_numbers import enters_the_union
from aftersend_exporter.rules.tax_numbers import lacks_marketplace_number, sender_numbers
from aftersend_exporter.rules.vat_ids import vat_id
from aftersend_exporter.rules.weights import default_weight, measurement, share

_NUMBERS: Final = "customs_details/tax_numbers/"


def needs_papers(order: Order) -> bool:
    """Return whether the order needs papers: it leaves the EU, or a marketplace says that it comes into it."""
    return is_for_customs(order) or enters_the_union(order)


def declared_currency(order: Order) -> str:
    """Return the order's own currency, unless the destination wants another one: then the account's."""
    own, to = order_currency(order), destination(order)
    wanted = CURRENCIES.get(to.country) if to else None
    return own if wanted is None or own in wanted else ACCOUNT_CURRENCY


def with_papers(push: PushOrder, order: Order, *, rules: Export) -> PushOrder:
    """Complete the papers of an order; one without papers stays as it is."""
    if push.customs_details is UNSET:
        return push
    details = replace(
        push.customs_details,
        export_type=_export_type(order, rules=rules.customs),
        tax_numbers=_tax_numbers(push, order, rules=rules.customs),
    )
    items = _weighed(push.order_details.order_items, rules=rules)
    return replace(push, customs_details=details, order_details=replace(push.order_details, order_items=items))


def missing_numbers(push: PushOrder, order: Order) -> Iterator[str]:
    """List the paths of tax numbers that should be declared and are not known, or not understood."""
    if push.customs_details is UNSET:
        return
    if lacks_marketplace_number(order, country=push.shipping_address.country_code):
        yield f"{_NUMBERS}sender"
    if order.is_merchant and _tax_id(order) and not vat_id(_tax_id(order)):
        yield f"{_NUMBERS}receiver"


def _export_type(order: Order, *, rules: Customs) -> Literal["private", "commercial_b2c", "commercial_b2b"]:
    is_usual = rules.export_type == "commercial_b2c"
    return "commercial_b2b" if order.is_merchant and is_usual else rules.export_type


def _tax_numbers(push: PushOrder, order: Order, *, rules: Customs) -> TaxNumbers | UnsetType:
    found = TaxNumbers(
        sender=sender_numbers(push, order, rules=rules) or UNSET,
        receiver=_receiver_numbers(order) or UNSET,
    )
    return found if found != TaxNumbers() else UNSET


def _receiver_numbers(order: Order) -> tuple[TaxNumber, ...]:
    number = vat_id(_tax_id(order)) if order.is_merchant else None
    return (number,) if number else ()


def _tax_id(order: Order) -> str:
    return (order.shipping.tax_id if order.shipping else "") or order.billing.tax_id


def _weighed(items: tuple[OrderItem, ...], *, rules: Export) -> tuple[OrderItem, ...]:
    """Share the default weight among the pieces of an order without any weight."""
    pieces = sum(item.quantity for item in items)
    piece = share(default_weight(rules.weight), pieces=pieces)
    if piece is None or any(item.measurement is not UNSET for item in items):
        return items
    return tuple(replace(item, measurement=measurement(piece)) for item in items)
