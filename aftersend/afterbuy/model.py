"""An order of Afterbuy, reduced to what the bridge needs. Nothing here is ever stored.

Amounts and weights are ``Decimal`` or None where Afterbuy left the element out or empty. Texts are stripped; an absent
element is an empty text. ``OrderID`` and ``ItemID`` are kept as digits in text: they are identifiers, not numbers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

AFTERBUY = "afterbuy"


class PostalAddress(msgspec.Struct, frozen=True):
    """A shipping or billing address; ``country`` is ISO 3166-1 alpha-2 or empty if unknown."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    street: str = ""
    """Street with house number, exactly as the merchant keeps it."""
    street2: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    phone: str = ""
    mail: str = ""
    tax_id: str = ""
    """TaxIDNumber, as typed."""

    @property
    def is_empty(self) -> bool:
        """True without street, city and postal code."""
        return not (self.street or self.city or self.postal_code)


class SoldItem(msgspec.Struct, frozen=True):
    """One position of an order. Prices are gross per piece, weights per piece in the tenant's unit."""

    item_id: str
    title: str
    quantity: int
    price: Decimal | None
    weight: Decimal | None
    weight_unit: str = ""
    """``kg`` or ``g`` where the text names one; it counts more than the tenant's unit."""
    currency: str = ""
    """ISO 4217 of ``price`` (ItemOriginalCurrency/ItemPriceCode), empty if absent."""
    original_price: Decimal | None = None
    """ItemOriginalCurrency/ItemPrice: unit price in ``currency``."""
    sku: str = ""
    ean: str = ""
    product_id: str = ""
    """ShopProductDetails/ProductID: the key for customs data."""
    item_type: int | None = None
    """InternalItemType: 201, 301 and 501 are fulfilled by Amazon."""
    platform: str = ""
    """ItemPlatformName, as written there."""
    tax_reference: str = ""
    """PlatformTaxReference: the number under which the marketplace pays the tax, as written there."""
    is_tax_collected: bool = False
    """TaxCollectedBy is 1: the marketplace has collected the tax."""


class ParcelLabel(msgspec.Struct, frozen=True):
    """One entry of ShippingInfo/ParcelLabels."""

    item_id: str
    package_number: str
    number: str


class Order(msgspec.Struct, frozen=True):
    """One order ("Vorgang") of Afterbuy."""

    order_id: str
    ordered_at: datetime | None
    """OrderDate, aware, Europe/Berlin."""
    billing: PostalAddress
    shipping: PostalAddress | None
    items: tuple[SoldItem, ...]
    is_merchant: bool = False
    """BillingAddress/IsMerchant: the buyer is a business."""
    tags: frozenset[str] = frozenset()
    additional_info: str = ""
    """Zusatzinfo: the parcel number field."""
    vorgangs_infos: tuple[str, str, str] = ("", "", "")
    parcel_labels: tuple[ParcelLabel, ...] = ()
    dispatched_at: datetime | None = None
    """ShippingInfo/DeliveryDate: filled = shipped."""
    delivery_service: str = ""
    """ShippingInfo/DeliveryService: the carrier's name."""
    shipping_method: str = ""
    shipping_total: Decimal | None = None
    already_paid: Decimal | None = None
    full_amount: Decimal | None = None
    paid_at: datetime | None = None
    """PaymentInfo/PaymentDate."""
    feedback_at: datetime | None = None
    """FeedbackDate: the customer's checkout."""
    invoiced_at: datetime | None = None
    """PaymentInfo/InvoiceDate."""
    payment_function: str = ""
    """PaymentInfo/PaymentFunction in capitals, such as CASH_ON_DELIVERY."""
    payment_method: str = ""
    """PaymentInfo/PaymentMethod: free text."""
    sections: frozenset[str] = frozenset()
    """Those of BuyerInfo, SoldItems, ShippingInfo and PaymentInfo that the answer held."""

    unclear: frozenset[str] = frozenset()
    """Paths of fields that are filled and could not be parsed, such as ``PaymentInfo/AlreadyPaid``."""

    @property
    def is_dispatched(self) -> bool:
        """DeliveryDate is filled, with a date or with something else."""
        return self.dispatched_at is not None or "ShippingInfo/DeliveryDate" in self.unclear

    @property
    def has_parcel_number(self) -> bool:
        """AdditionalInfo or any ParcelLabelNumber is filled: the merchant holds the order, or it is shipped."""
        return bool(self.additional_info) or any(label.number for label in self.parcel_labels)


LARGEST_ID: Final = 2_147_483_647
"""Afterbuy refuses larger ids in filters (codes 17, 22, 23)."""


def highest_id(order_ids: Iterable[str | int]) -> int | None:
    """Return the highest OrderID that a filter takes; None if there is none. One odd id must not hide what follows."""
    return max((number for number in map(int, order_ids) if 0 < number <= LARGEST_ID), default=None)


@dataclass(frozen=True, slots=True)
class UnreadableOrder:
    """An order with a field that could not be read; the others of its page are not affected."""

    order_id: str
    path: str
    """Element path such as ``SoldItems/SoldItem/ItemQuantity``; never its content."""
    ordered_at: datetime | None = None
    """OrderDate, if that can be read."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of GetSoldItems."""

    orders: tuple[Order, ...]
    unreadable: tuple[UnreadableOrder, ...] = ()

    @property
    def order_ids(self) -> list[str]:
        """Return the OrderIDs, readable orders first."""
        return [order.order_id for order in self.orders] + [order.order_id for order in self.unreadable]

    def only(self, wanted: Callable[[str], bool]) -> "Page":
        """Return the page with the wanted OrderIDs alone."""
        orders = tuple(order for order in self.orders if wanted(order.order_id))
        return Page(orders, tuple(order for order in self.unreadable if wanted(order.order_id)))


@dataclass(frozen=True, slots=True)
class ProductCustoms:
    """Customs data of one product (GetShopProducts)."""

    product_id: str
    hs_code: str = ""
    """Digits only."""
    origin_country: str = ""
    unclear: frozenset[str] = frozenset()
    """Names of fields that are filled and not understood: a default must not stand in for them."""


class OrderChange(msgspec.Struct, frozen=True):
    """The fields that UpdateSoldItems writes to one order; None and empty leave the field alone."""

    order_id: str
    additional_info: str | None = None
    vorgangs_info: tuple[int, str] | None = None
    """(1 to 3, text)"""
    delivery_service: str | None = None
    dispatched_at: datetime | None = None
    parcel_labels: tuple[ParcelLabel, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    """Never beside ``add_tags``: what one order with both means is not documented."""

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to write."""
        return self == OrderChange(order_id=self.order_id)


@dataclass(frozen=True, slots=True)
class AfterbuyClock:
    """The answer of GetAfterbuyTime."""

    universal: datetime
    """Aware, UTC."""
