"""Map the ``Order`` elements of an answer.

Any element may be missing, empty, in another place among its siblings or in other letter case. What the bridge does not
need is ignored. A field that cannot be parsed affects its own order only: the order becomes an ``UnreadableOrder`` that
names the path, never the content.

Prices: ItemPrice is the gross price per piece in the account's currency. Where a marketplace sold in another one,
ItemOriginalCurrency holds price and code beside it; both are kept, the mapping decides.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final, TypedDict

from msgspec.structs import replace

from aftersend.afterbuy.countries import read_country
from aftersend.afterbuy.fields import OptionalFields, UnreadableField, known, needed, plain, text_of
from aftersend.afterbuy.mail import read_mail
from aftersend.afterbuy.model import Order, ParcelLabel, PostalAddress, SoldItem, UnreadableOrder
from aftersend.afterbuy.numbers import (
    read_amount,
    read_decimal,
    read_flag,
    read_id,
    read_time,
    read_weight,
    read_whole,
)
from aftersend.afterbuy.records import Element, RecordSection

SECTIONS: Final = ("BuyerInfo", "SoldItems", "ShippingInfo", "PaymentInfo")

_ITEM: Final = "SoldItems/SoldItem/"
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_NO_WEIGHT: Final[tuple[Decimal | None, str]] = (None, "")


def read_order(element: Element) -> Order | UnreadableOrder:
    """Map one ``Order`` element. An order without real OrderID gets ``0``."""
    return _readable(element, _order)


def read_written_order(element: Element) -> Order | UnreadableOrder:
    """Map what a write-back writes or compares, which takes a third of the time; all other fields stay empty."""
    return _readable(element, _written_order)


def _readable(element: Element, read: Callable[[Element, str], Order]) -> Order | UnreadableOrder:
    order_id = "0"
    try:
        order_id = needed(element, "OrderID", read_id)
        return read(element, order_id) if element.readable else UnreadableOrder(order_id, "Order")
    except UnreadableField as field:
        return UnreadableOrder(order_id, field.path, OptionalFields(element).get("OrderDate", read_time, None))


def _order(element: Element, order_id: str) -> Order:
    fields = OptionalFields(element)
    items = element.all("SoldItems/SoldItem")
    order = Order(
        order_id=order_id,
        ordered_at=fields.get("OrderDate", read_time, None),
        billing=_address(fields, element, "BuyerInfo/BillingAddress"),
        shipping=_shipping_address(fields, element),
        items=tuple(map(_item, items)),
        is_merchant=OptionalFields(element).get("BuyerInfo/BillingAddress/IsMerchant", read_flag, None) is True,
        shipping_method=text_of(element, "ShippingInfo/ShippingMethod"),
        shipping_total=fields.get("ShippingInfo/ShippingTotalCost", read_amount, None),
        already_paid=fields.get("PaymentInfo/AlreadyPaid", read_amount, None),
        full_amount=fields.get("PaymentInfo/FullAmount", read_amount, None),
        paid_at=fields.get("PaymentInfo/PaymentDate", read_time, None),
        feedback_at=OptionalFields(element).get("FeedbackDate", read_time, None),
        invoiced_at=OptionalFields(element).get("PaymentInfo/InvoiceDate", read_time, None),
        payment_function=text_of(element, "PaymentInfo/PaymentFunction").upper(),
        payment_method=text_of(element, "PaymentInfo/PaymentMethod"),
        **_written_fields(fields, element, items),
    )
    return replace(order, unclear=frozenset(fields.unclear)) if fields.unclear else order


def _written_order(element: Element, order_id: str) -> Order:
    fields = OptionalFields(element)
    items = element.all("SoldItems/SoldItem")
    order = Order(
        order_id,
        ordered_at=None,
        billing=PostalAddress(),
        shipping=None,
        items=tuple(SoldItem(_item_id(item), title="", quantity=0, price=None, weight=None) for item in items),
        **_written_fields(fields, element, items),
    )
    return replace(order, unclear=frozenset(fields.unclear)) if fields.unclear else order


class _WrittenFields(TypedDict):
    tags: frozenset[str]
    additional_info: str
    vorgangs_infos: tuple[str, str, str]
    parcel_labels: tuple[ParcelLabel, ...]
    dispatched_at: datetime | None
    delivery_service: str
    sections: frozenset[str]


def _written_fields(fields: OptionalFields, element: Element, items: Iterable[Element]) -> _WrittenFields:
    return {
        "tags": _tags([element, *items]),
        "additional_info": text_of(element, "AdditionalInfo"),
        "vorgangs_infos": _vorgangs_infos(element),
        "parcel_labels": tuple(map(_label, element.all("ShippingInfo/ParcelLabels/ParcelLabel"))),
        "dispatched_at": fields.get("ShippingInfo/DeliveryDate", read_time, None),
        "delivery_service": text_of(element, "ShippingInfo/DeliveryService"),
        "sections": frozenset(filter(element.has, SECTIONS)),
    }


def _item(element: Element) -> SoldItem:
    fields = OptionalFields(element)
    code = text_of(element, "ItemOriginalCurrency/ItemPriceCode").upper()
    currency = code if _CURRENCY.fullmatch(code) else ""
    original = fields.get("ItemOriginalCurrency/ItemPrice", read_decimal, None)
    weight, unit = fields.get("ItemWeight", read_weight, _NO_WEIGHT)
    return SoldItem(
        item_id=fields.get("ItemID", read_id, "0"),
        title=text_of(element, "ItemTitle"),
        quantity=_quantity(element),
        price=needed(element, "ItemPrice", read_amount, within=_ITEM),
        weight=weight,
        weight_unit=unit,
        currency=currency,
        original_price=original if currency else None,
        sku=_sku(element),
        ean=known(text_of(element, "ShopProductDetails/EAN")),
        product_id=known(text_of(element, "ShopProductDetails/ProductID")),
        item_type=fields.get("InternalItemType", read_whole, None),
        platform=text_of(element, "ItemPlatformName"),
        tax_reference=known(text_of(element, "PlatformTaxReference")),
        is_tax_collected=fields.get("TaxCollectedBy", read_flag, None) is True,
    )


def _item_id(element: Element) -> str:
    return OptionalFields(element).get("ItemID", read_id, "0")


def _quantity(element: Element) -> int:
    quantity = needed(element, "ItemQuantity", read_whole, within=_ITEM)
    if quantity is None:
        raise UnreadableField(_ITEM + "ItemQuantity")
    return quantity


def _sku(element: Element) -> str:
    candidates = ("AlternativeItemNumber", "AlternativeItemNumber1", "Anr", "ShopProductDetails/Anr")
    return next((sku for path in candidates if (sku := known(text_of(element, path)))), "")


def _label(element: Element) -> ParcelLabel:
    return ParcelLabel(
        item_id=_item_id(element),
        package_number=text_of(element, "PackageNumber"),
        number=text_of(element, "ParcelLabelNumber"),
    )


def _tags(elements: Iterable[Element]) -> frozenset[str]:
    """Samples disagree on where tags stand, beside the order's fields or those of its items: both are united."""
    found = (text for element in elements for text in element.texts("Tags/Tag"))
    return frozenset(tag for text in found if (tag := plain(text)))


def _vorgangs_infos(element: Element) -> tuple[str, str, str]:
    text = partial(_text_in, element.section("vorgangsinfo"))
    return text("vorgangsinfo1"), text("vorgangsinfo2"), text("vorgangsinfo3")


def _shipping_address(fields: OptionalFields, element: Element) -> PostalAddress | None:
    if not element.has("BuyerInfo/ShippingAddress"):
        return None
    address = _address(fields, element, "BuyerInfo/ShippingAddress")
    return None if address.is_empty else address


def _address(fields: OptionalFields, element: Element, path: str) -> PostalAddress:
    section = element.section(path.lower())
    text = partial(_text_in, section)
    iso, plate = text("countryiso"), text("country")
    country_field = f"{path}/CountryISO" if iso else f"{path}/Country"
    return PostalAddress(
        first_name=text("firstname"),
        last_name=text("lastname"),
        company=text("company"),
        street=text("street"),
        street2=text("street2"),
        postal_code=text("postalcode"),
        city=text("city"),
        state=text("stateorprovince"),
        country=fields.get(country_field, lambda _: read_country(iso, plate), ""),
        phone=text("phone"),
        mail=read_mail(text("mail")),
        tax_id=known(text("taxidnumber")),
    )


def _text_in(section: RecordSection, name: str) -> str:
    return plain(section.text(name))
