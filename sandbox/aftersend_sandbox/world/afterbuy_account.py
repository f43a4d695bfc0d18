"""The Afterbuy side of the simulated world: orders ("Vorgänge"), products and the Tag Manager.

Plain mutable data, spelled in domain words; the wire format is made elsewhere. All times are aware and UTC, amounts and
weights are ``Decimal``, an absent element is None or an empty text. Source of the fields: Afterbuy's GetSoldItems.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(slots=True)
class AfterbuyAddress:
    """A billing or shipping address; ``mail``, ``title``, ``fax`` and ``is_merchant`` exist in billing only."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    street: str = ""
    street2: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = "D"
    """Licence-plate code (D, A, CH, …)."""
    country_iso: str = "DE"
    phone: str = ""
    mail: str = ""
    title: str = ""
    fax: str = ""
    is_merchant: bool = False
    tax_id: str = ""
    user_id: int = 0
    """AfterbuyUserID; billing only."""
    platform_user: str = ""
    """UserIDPlattform; billing only."""


@dataclass(slots=True)
class AfterbuyItem:
    """One position; price gross per piece, weight per piece (kg unless the switch says otherwise)."""

    item_id: int
    title: str
    quantity: int = 1
    price: Decimal = Decimal(0)
    weight: Decimal | None = None
    """None leaves the element empty."""
    item_type: int | None = 9
    """InternalItemType: 1, 2 auctions; 7, 8, 9 fixed price; 101, 401 Amazon; 201, 301, 501 fulfilled by Amazon."""
    platform: str = ""
    """ItemPlatformName."""
    anr: str = ""
    sku: str = ""
    """AlternativeItemNumber."""
    platform_order: str = ""
    """PlatformSpecificOrderId."""
    ended_at: datetime | None = None
    """ItemEndDate; None = the order's date."""
    modified_at: datetime | None = None
    tax_rate: Decimal = Decimal(19)
    tax_collected: bool = False
    """TaxCollectedBy: the marketplace has collected the tax."""
    tax_reference: str = ""
    """PlatformTaxReference: the number under which the marketplace pays it."""
    flag: int = 0
    """UserDefinedFlag."""
    currency: str = "EUR"
    original_price: Decimal | None = None
    """ItemOriginalCurrency/ItemPrice; None = as ``price``."""
    product_id: int | None = None
    """ShopProductDetails/ProductID; None leaves ShopProductDetails empty."""
    ean: str = ""
    set_parts: list[tuple[int, int]] = field(default_factory=list)
    """BaseProductData of a product set: (ProductID, quantity) of its parts."""


@dataclass(slots=True)
class AfterbuyParcelLabel:
    """One entry of ShippingInfo/ParcelLabels."""

    item_id: int
    package_number: int
    number: str = ""
    return_number: str = ""
    quantity: int | None = None
    weight: Decimal | None = None


@dataclass(slots=True)
class Payment:
    """PaymentInfo of an order."""

    method: str = "Vorkasse"
    function: str = "TRANSFER"
    payment_id: str = "INVOICE"
    paid_at: datetime | None = None
    already_paid: Decimal | None = Decimal(0)
    full_amount: Decimal | None = Decimal(0)
    invoice_date: datetime | None = None
    transaction_id: str = ""


@dataclass(slots=True)
class Shipping:
    """ShippingInfo of an order; ``dispatched_at`` is DeliveryDate: filled = shipped."""

    method: str = ""
    return_method: str = ""
    cost: Decimal = Decimal(0)
    tax_rate: Decimal = Decimal(19)
    dispatched_at: datetime | None = None
    service: str = ""
    """DeliveryService: the carrier's name."""
    parcel_labels: list[AfterbuyParcelLabel] = field(default_factory=list)


@dataclass(slots=True)
class AfterbuyOrder:
    """One order. ``order_id`` 0 never occurs here: items without an order carry ``is_order`` False."""

    order_id: int
    ordered_at: datetime
    billing: AfterbuyAddress
    items: list[AfterbuyItem]
    shipping_address: AfterbuyAddress | None = None
    payment: Payment = field(default_factory=Payment)
    shipping: Shipping = field(default_factory=Shipping)
    tags: list[str] = field(default_factory=list)
    additional_info: str = ""
    """Zusatzinfo: the parcel number field."""
    tracking_link: str = ""
    infos: list[str] = field(default_factory=lambda: ["", "", ""])
    """VorgangsInfo1 to 3."""
    memo: str = ""
    user_comment: str = ""
    raw_comment: str = ""
    """UserComment without any escaping, in place of ``user_comment``; each character is a byte (Latin-1)."""
    spelled: dict[str, str] = field(default_factory=dict)
    """Texts of elements by path, as people and shop systems write them, in place of Afterbuy's own spelling."""
    missing_sections: tuple[str, ...] = ()
    """Sections such as ``ShippingInfo`` that are not answered until a carrier is filled in."""
    invoice_memo: str = ""
    invoice_number: str = ""
    external_order: str = ""
    """OrderIDAlt."""
    account: str = ""
    """EbayAccount or AmazonAccount, by the platform of the first item."""
    platform: str = ""
    """What the filter Plattform compares; empty = the platform of the first item."""
    feedback_at: datetime | None = None
    modified_at: datetime | None = None
    xml_at: datetime | None = None
    mail_at: datetime | None = None
    reminder_at: datetime | None = None
    checkout_confirmed: bool = True
    is_order: bool = True
    """False = only an item so far: listed with RequestAllItems alone, never updatable."""
    hidden: bool = False
    visible_from: datetime | None = None
    """When the interface shows it for the first time, as a released marketplace order or a split one; None = always."""
    cancelled: bool = False
    """Cancelled by the merchant: quantities are answered as negative, like a credit note."""
    exported: bool = False
    mails_sent: list[str] = field(default_factory=list)
    """Mails that Afterbuy would have sent to the customer, by kind."""
    scenario: str = ""
    """Why the seeds invented this order; for the control API and verdicts, never shown by the simulated APIs."""

    def is_shown(self, now: datetime) -> bool:
        """Return True once the interface shows it; hidden orders are another matter."""
        return self.visible_from is None or self.visible_from <= now


@dataclass(slots=True)
class Product:
    """A shop product as in GetShopProducts."""

    product_id: int
    name: str
    weight: Decimal | None = None
    hs_code: str = ""
    """CustomsTariffNumber."""
    origin: str = ""
    """CountryOfOrigin, ISO alpha-2."""
    ean: str = ""
    anr: int = 0
    price: Decimal = Decimal(0)
    raw_memo: str = ""
    """Memo without any escaping; each character is a byte (Latin-1)."""
    tags: list[str] = field(default_factory=list)


class OrderBook:
    """All orders by id, in ascending order, with cheap jumps: 50,000 orders page in milliseconds."""

    def __init__(self) -> None:
        self._by_id: dict[int, AfterbuyOrder] = {}
        self._ids: list[int] = []

    def add(self, order: AfterbuyOrder) -> None:
        """Add an order, or replace the one of the same id."""
        if order.order_id not in self._by_id:
            insort(self._ids, order.order_id)
        self._by_id[order.order_id] = order

    def remove(self, order_id: int) -> None:
        """Delete an order for good."""
        del self._by_id[order_id]
        del self._ids[bisect_left(self._ids, order_id)]

    def get(self, order_id: int) -> AfterbuyOrder | None:
        """Return the order, or None."""
        return self._by_id.get(order_id)

    def __getitem__(self, order_id: int) -> AfterbuyOrder:
        return self._by_id[order_id]

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[AfterbuyOrder]:
        return (self._by_id[each] for each in self._ids)

    def between(self, first: int, last: int | None, *, descending: bool = False) -> Iterator[AfterbuyOrder]:
        """Yield the orders with first ≤ id ≤ last (None = no end)."""
        low = bisect_left(self._ids, first)
        high = len(self._ids) if last is None else bisect_left(self._ids, last + 1)
        span: Iterable[int] = range(high - 1, low - 1, -1) if descending else range(low, high)
        return (self._by_id[self._ids[index]] for index in span)


@dataclass(slots=True)
class AfterbuyAccount:
    """One merchant's Afterbuy account."""

    orders: OrderBook = field(default_factory=OrderBook)
    products: dict[int, Product] = field(default_factory=dict)
    tag_manager: list[str] = field(default_factory=lambda: ["Sendcloud abgeschlossen"])
    """Tags that the merchant has defined."""
