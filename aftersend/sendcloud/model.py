"""The model of orders (v3, outgoing) and parcels (v2, incoming), reduced to what the bridge needs.

Outgoing structs mirror the v3 documentation field by field, in its own spelling; fields that are ``UNSET`` are left
out of the JSON. ``ParcelEvent`` is the reduced form of a v2 parcel: webhook and sweep make it with the same decoder.
"""

from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

SENDCLOUD = "sendcloud"


class ParcelClass(StrEnum):
    """The progress of a parcel; at equal times the later member wins."""

    OPEN = "open"
    LABEL = "label"
    TRANSIT = "transit"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class ParcelEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One observation of one parcel. Personal (number, url) and hence always sealed when stored."""

    parcel: str
    """Sendcloud's parcel id, digits."""
    status: int
    """Numeric v2 status id, -1 if absent."""
    received: int
    """Time of receipt: ms since 1970, UTC."""
    time: int | None = None
    """Time of the change: ms since 1970, UTC, not after ``received``; None if absent."""
    number: str = ""
    url: str = ""
    carrier: str = ""
    collo: int = 0
    is_return: bool = False
    external_order_id: str = ""
    """Empty if it equals the parcel's own id, which is Sendcloud's placeholder for "none"."""
    order_number: str = ""


class Money(msgspec.Struct, frozen=True):
    """An amount; two decimals."""

    value: float
    currency: str


class Quantity(msgspec.Struct, frozen=True):
    """A weight; three decimals, above zero."""

    value: float
    unit: str = "kg"


class Measurement(msgspec.Struct, frozen=True):
    """Weight of a piece or of an order."""

    weight: Quantity


class CodeMessage(msgspec.Struct, frozen=True):
    """A status in Sendcloud's spelling."""

    code: str
    message: str


class OrderItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One position of a v3 order."""

    name: str
    quantity: int
    total_price: Money
    unit_price: Money | UnsetType = UNSET
    item_id: str | UnsetType = UNSET
    product_id: str | UnsetType = UNSET
    sku: str | UnsetType = UNSET
    ean: str | UnsetType = UNSET
    hs_code: str | UnsetType = UNSET
    country_of_origin: str | UnsetType = UNSET
    measurement: Measurement | UnsetType = UNSET


class IntegrationRef(msgspec.Struct, frozen=True):
    """The integration that an order belongs to."""

    id: int


class OrderDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a v3 order."""

    integration: IntegrationRef
    status: CodeMessage
    order_created_at: str
    order_items: tuple[OrderItem, ...]
    order_updated_at: str | UnsetType = UNSET
    notes: str | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET


class PaymentDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The total of the order and its payment status."""

    total_price: Money
    status: CodeMessage
    is_cash_on_delivery: bool | UnsetType = UNSET


class ShippingAddress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The address of the recipient."""

    name: str
    address_line_1: str
    postal_code: str
    city: str
    country_code: str
    company_name: str | UnsetType = UNSET
    address_line_2: str | UnsetType = UNSET
    house_number: str | UnsetType = UNSET
    state_province_code: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone_number: str | UnsetType = UNSET


class CustomerDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The buyer."""

    name: str
    phone_number: str | UnsetType = UNSET
    email: str | UnsetType = UNSET


class OptionProperties(msgspec.Struct, frozen=True):
    """A fixed shipping option."""

    shipping_option_code: str


class ShipWith(msgspec.Struct, frozen=True):
    """The selection of a fixed shipping option."""

    properties: OptionProperties
    type: str = "shipping_option_code"


class ShippingDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Delivery method, weight and shipping option."""

    delivery_indicator: str | UnsetType = UNSET
    measurement: Measurement | UnsetType = UNSET
    ship_with: ShipWith | UnsetType = UNSET


class ServicePointDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier's pick-up point needs; the point itself stands in the address."""

    post_number: str


class TaxNumber(msgspec.Struct, frozen=True, order=True):
    """A tax number of the sender or the receiver."""

    name: str
    country_code: str
    value: str


class TaxNumbers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose tax numbers they are."""

    sender: tuple[TaxNumber, ...] | UnsetType = UNSET
    receiver: tuple[TaxNumber, ...] | UnsetType = UNSET


class CustomsDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Customs data of the whole order."""

    commercial_invoice_number: str
    shipment_type: str
    export_type: str
    tax_numbers: TaxNumbers | UnsetType = UNSET


class PushOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One element of the body of ``POST v3/orders``."""

    order_id: str
    order_number: str
    order_details: OrderDetails
    payment_details: PaymentDetails
    shipping_address: ShippingAddress
    billing_address: ShippingAddress | UnsetType = UNSET
    customer_details: CustomerDetails | UnsetType = UNSET
    shipping_details: ShippingDetails | UnsetType = UNSET
    service_point_details: ServicePointDetails | UnsetType = UNSET
    customs_details: CustomsDetails | UnsetType = UNSET


class Integration(msgspec.Struct, frozen=True):
    """One integration of the account, as far as ``check`` and the look-up need it."""

    id: int
    shop_name: str = ""
    type: str = ""
    webhook_active: bool = False
    webhook_url: str = ""
    feedback_type: str = ""
    """``eager`` (once the label exists), ``delayed`` (once the carrier scans it) or ``none``; empty if absent."""


class IntegrationChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``PATCH v3/integrations/{id}``; what is ``UNSET`` stays. Without a URL no webhook can be active."""

    shop_name: str | UnsetType = UNSET
    webhook_active: bool | UnsetType = UNSET
    webhook_url: str | UnsetType = UNSET
    feedback_type: str | UnsetType = UNSET
