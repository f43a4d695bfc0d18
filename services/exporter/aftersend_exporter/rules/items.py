"""The positions that are shipped, and what they cost.

Left out: quantities of zero and below (credit notes, corrections), lines with a negative price (discounts, which lower
the total) and items that the marketplace ships itself.
Product sets stay as they were sold. Both unit and total price are sent: Sendcloud shows the one and requires the
other.

An order has one currency: the buyer's own if every item has a price in it, otherwise the account's, in which every
item has one. Sendcloud documents EUR, GBP and USD only; whether it takes others could not be verified, so such an order
is mapped a second time in the account's currency, in case it is refused.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from msgspec import UNSET

from aftersend.afterbuy.model import Order, ProductCustoms, SoldItem
from aftersend.sendcloud.model import Money, OrderItem
from aftersend.tenant.document import Export
from aftersend_exporter.rules.addresses import cut
from aftersend_exporter.rules.customs import hs_code, origin_country
from aftersend_exporter.rules.weights import measurement, piece_weight

_MARKETPLACE_SHIPS = frozenset({201, 301, 501})
DOCUMENTED_CURRENCIES = frozenset({"EUR", "GBP", "USD"})
ACCOUNT_CURRENCY = "EUR"
"""Afterbuy converts every price into it, and has no field for another one."""
_CURRENCY = re.compile(r"[A-Z]{3}")
_CENT = Decimal("0.01")


def is_marketplace_fulfilled(item: SoldItem) -> bool:
    """Return whether the marketplace itself ships it (fulfilment by Amazon)."""
    return item.item_type in _MARKETPLACE_SHIPS


def is_discount(item: SoldItem) -> bool:
    """Return whether the line lowers the total: a voucher, never an article."""
    price, original = item.price, item.original_price
    return (price is not None and price < 0) or (original is not None and original < 0)


def shipped_items(order: Order) -> tuple[SoldItem, ...]:
    """Return the positions that the merchant ships."""
    return tuple(
        item
        for item in order.items
        if item.quantity > 0 and not is_discount(item) and not is_marketplace_fulfilled(item)
    )


def order_items(
    order: Order, *, currency: str, rules: Export, customs: Mapping[str, ProductCustoms] | None
) -> tuple[OrderItem, ...]:
    """Map the shipped positions; ``customs`` is None if no customs data is needed."""
    return tuple(_order_item(item, currency=currency, rules=rules, customs=customs) for item in shipped_items(order))


def order_currency(order: Order) -> str:
    """Return the one currency of the order's prices."""
    items = shipped_items(order)
    currencies = {item.currency for item in items}
    if len(currencies) == 1 and all(_has_original_price(item) for item in items):
        currency = currencies.pop()
        return currency if _CURRENCY.fullmatch(currency) else ACCOUNT_CURRENCY
    return ACCOUNT_CURRENCY


def order_total(order: Order, *, currency: str) -> Money:
    """Return what the shipped part of the order costs.

    That is the full amount, unless it is unknown, of another currency, or holds what a marketplace ships: then the sum
    of the merchant's own lines, discounts included, in the latter case with the shipping cost.
    """
    in_account_currency = currency == ACCOUNT_CURRENCY
    others_ship = any(item.quantity > 0 and is_marketplace_fulfilled(item) for item in order.items)
    if order.full_amount is not None and in_account_currency and not others_ship:
        return money(order.full_amount, currency=currency)
    own = (item for item in order.items if item.quantity > 0 and not is_marketplace_fulfilled(item))
    total = sum((_price(item, currency=currency) * item.quantity for item in own), Decimal())
    if others_ship and in_account_currency:
        total += order.shipping_total or Decimal()
    return money(total, currency=currency)


def money(amount: Decimal, *, currency: str) -> Money:
    """Round to two decimals, never below zero."""
    return Money(value=float(max(amount, Decimal()).quantize(_CENT, rounding=ROUND_HALF_UP)), currency=currency)


def products_of(orders: Sequence[Order]) -> set[str]:
    """Return the ids of the products of all shipped positions."""
    return {item.product_id for order in orders for item in shipped_items(order) if item.product_id}


def _order_item(
    item: SoldItem, *, currency: str, rules: Export, customs: Mapping[str, ProductCustoms] | None
) -> OrderItem:
    unit = _unit(item, currency=currency)
    weight = piece_weight(item, unit=rules.weight.unit)
    product = customs.get(item.product_id) if customs is not None else None
    return OrderItem(
        name=cut(item.title or item.sku or f"Artikel {item.item_id}"),
        quantity=item.quantity,
        unit_price=money(unit, currency=currency),
        total_price=money(unit * item.quantity, currency=currency),
        item_id=item.item_id or UNSET,
        product_id=item.product_id or UNSET,
        sku=cut(item.sku) or UNSET,
        ean=cut(item.ean) or UNSET,
        hs_code=UNSET if customs is None else hs_code(product, defaults=rules.customs) or UNSET,
        country_of_origin=UNSET if customs is None else origin_country(product, defaults=rules.customs) or UNSET,
        measurement=UNSET if weight is None else measurement(weight),
    )


def _unit(item: SoldItem, *, currency: str) -> Decimal:
    """Return the price of one piece, in cents, so that pieces and total agree."""
    return max(_price(item, currency=currency), Decimal())


def _price(item: SoldItem, *, currency: str) -> Decimal:
    price = item.original_price if item.currency == currency and _has_original_price(item) else item.price
    return (price or Decimal()).quantize(_CENT, rounding=ROUND_HALF_UP)


def _has_original_price(item: SoldItem) -> bool:
    """Return whether the item has a price in the buyer's currency; zero beside a price is a field that was not set."""
    return item.original_price is not None and (abs(item.original_price) >= _CENT / 2 or not item.price)
