"""Map the elements of an answer to orders and products.

Any element may be missing, empty, in another place among its siblings or in other letter case. What the bridge does not
need is ignored. A field that cannot be parsed affects its own order only: the order becomes an ``UnreadableOrder`` that
names the path, never the content.

Texts: Afterbuy's documentation says that ``> < " ' &`` arrive as HTML entities; whether that means
twice escaped is unverified. So an entity that is left after XML parsing (``&amp;``, ``&quot;``, ``&#228;``) is decoded
once more. Only entities with a semicolon count: ``?a=1&copy=2`` in a link stays what it is.

Prices: ItemPrice is the gross price per piece in the account's currency. Where a marketplace sold in another one,
ItemOriginalCurrency holds price and code beside it; both are kept, the mapping decides.
"""

import html
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final, TypedDict, TypeVar

from msgspec.structs import replace

from aftersend.afterbuy.countries import origin_country, read_country
from aftersend.afterbuy.mail import read_mail
from aftersend.afterbuy.model import Order, ParcelLabel, PostalAddress, ProductCustoms, SoldItem, UnreadableOrder
from aftersend.afterbuy.numbers import (
    Unreadable,
    read_amount,
    read_decimal,
    read_flag,
    read_id,
    read_time,
    read_weight,
    read_whole,
)
from aftersend.afterbuy.records import Element, RecordSection
from aftersend.afterbuy.repair import without_forbidden

SECTIONS: Final = ("BuyerInfo", "SoldItems", "ShippingInfo", "PaymentInfo")

_ITEM: Final = "SoldItems/SoldItem/"
_ENTITY: Final = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,12}|#[xX][0-9A-Fa-f]{1,12});")
_REPLACEMENT: Final = "\ufffd"
"""What ``html`` returns for a number that is no character."""
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_HS_LABELS: Final = (
    r"HS6(?!\d)|HS\s?20(?:12|17|22)(?=[\s:]+\d{6})|HSC?|HTS(?:US)?|TARIC|KN|CN|WTN|ZTN?|Intrastat|Stat(?:istische|istical)?|"
    r"(?:Zoll|Waren)?-?Tarif|Tariff|Waren|Commodity|Customs|Code|Nummer|Number|Nr|No"
)
_HS_CODE: Final = re.compile(rf"(?:(?:{_HS_LABELS})[\s.:#-]*+)*(\d[\d.\s]*)(?:\([^\d]*\))?", re.IGNORECASE | re.ASCII)
_HS_LENGTHS: Final = frozenset({4, 6, 8, 10, 11, 12})
"""An odd number of digits has lost one, mostly the zero in front."""
_NO_WEIGHT: Final[tuple[Decimal | None, str]] = (None, "")
_T = TypeVar("_T")


class _UnreadableField(Exception):  # noqa: N818 - a domain word
    """Carries the path of the field to ``read_order``."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def read_order(element: Element) -> Order | UnreadableOrder:
    """Map one ``Order`` element. An order without real OrderID gets ``0``."""
    return _readable(element, _order)


def read_written_order(element: Element) -> Order | UnreadableOrder:
    """Map what a write-back writes or compares, which takes a third of the time; all other fields stay empty."""
    return _readable(element, _written_order)


def _readable(element: Element, read: Callable[[Element, str], Order]) -> Order | UnreadableOrder:
    order_id = "0"
    try:
        order_id = _read(element, "OrderID", read_id)
        return read(element, order_id) if element.readable else UnreadableOrder(order_id, "Order")
    except _UnreadableField as field:
        return UnreadableOrder(order_id, field.path, _OptionalFields(element).get("OrderDate", read_time, None))


def read_product(element: Element) -> ProductCustoms | None:
    """Map one ``Product`` element; None without ProductID. What is filled and not understood stands in ``unclear``."""
    product_id = _text(element, "ProductID")
    if not (product_id.isascii() and product_id.isdigit()):
        return None
    fields = _OptionalFields(element)
    return ProductCustoms(
        product_id,
        hs_code=fields.get("CustomsTariffNumber", _hs_code, ""),
        origin_country=fields.get("CountryOfOrigin", origin_country, ""),
        unclear=frozenset(fields.unclear),
    )


def _hs_code(text: str) -> str:
    """Parse a tariff number to its digits: ``HS 6205.20.00`` is 62052000. There is no chapter 00."""
    found = _HS_CODE.fullmatch(" ".join(plain(text).split()).strip("'\"´`"))
    digits = "".join(char for char in found[1] if char.isdigit()) if found else ""
    is_number = len(digits) in _HS_LENGTHS and not digits.startswith("00") and len(set(digits)) > 1
    if text.strip() and not is_number:
        raise Unreadable
    return digits


def plain(text: str) -> str:
    """Decode entities that XML parsing left over; characters that are none are left out."""
    return _ENTITY.sub(_decoded, text) if "&" in text else text


def _decoded(entity: re.Match[str]) -> str:
    return without_forbidden(html.unescape(entity[0])).replace(_REPLACEMENT, "")


class _OptionalFields:
    """Fields of one element that an order can do without: what is not understood is noted and left out."""

    def __init__(self, element: Element, *, within: str = "") -> None:
        self._element = element
        self._within = within
        self.unclear: list[str] = []

    def get(self, path: str, read: Callable[[str], _T], default: _T) -> _T:
        """Parse the text at that path."""
        try:
            return read(self._element.text(path))
        except Unreadable:
            self.unclear.append(self._within + path)
            return default


def _order(element: Element, order_id: str) -> Order:
    fields = _OptionalFields(element)
    items = element.all("SoldItems/SoldItem")
    order = Order(
        order_id=order_id,
        ordered_at=fields.get("OrderDate", read_time, None),
        billing=_address(fields, element, "BuyerInfo/BillingAddress"),
        shipping=_shipping_address(fields, element),
        items=tuple(map(_item, items)),
        is_merchant=_OptionalFields(element).get("BuyerInfo/BillingAddress/IsMerchant", read_flag, None) is True,
        shipping_method=_text(element, "ShippingInfo/ShippingMethod"),
        shipping_total=fields.get("ShippingInfo/ShippingTotalCost", read_amount, None),
        already_paid=fields.get("PaymentInfo/AlreadyPaid", read_amount, None),
        full_amount=fields.get("PaymentInfo/FullAmount", read_amount, None),
        paid_at=fields.get("PaymentInfo/PaymentDate", read_time, None),
        feedback_at=_OptionalFields(element).get("FeedbackDate", read_time, None),
        invoiced_at=_OptionalFields(element).get("PaymentInfo/InvoiceDate", read_time, None),
        payment_function=_text(element, "PaymentInfo/PaymentFunction").upper(),
        payment_method=_text(element, "PaymentInfo/PaymentMethod"),
        **_written_fields(fields, element, items),
    )
    return replace(order, unclear=frozenset(fields.unclear)) if fields.unclear else order


def _written_order(element: Element, order_id: str) -> Order:
    fields = _OptionalFields(element)
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


def _written_fields(fields: _OptionalFields, element: Element, items: Iterable[Element]) -> _WrittenFields:
    return {
        "tags": _tags([element, *items]),
        "additional_info": _text(element, "AdditionalInfo"),
        "vorgangs_infos": _vorgangs_infos(element),
        "parcel_labels": tuple(map(_label, element.all("ShippingInfo/ParcelLabels/ParcelLabel"))),
        "dispatched_at": fields.get("ShippingInfo/DeliveryDate", read_time, None),
        "delivery_service": _text(element, "ShippingInfo/DeliveryService"),
        "sections": frozenset(filter(element.has, SECTIONS)),
    }


def _item(element: Element) -> SoldItem:
    fields = _OptionalFields(element)
    code = _text(element, "ItemOriginalCurrency/ItemPriceCode").upper()
    currency = code if _CURRENCY.fullmatch(code) else ""
    original = fields.get("ItemOriginalCurrency/ItemPrice", read_decimal, None)
    weight, unit = fields.get("ItemWeight", read_weight, _NO_WEIGHT)
    return SoldItem(
        item_id=fields.get("ItemID", read_id, "0"),
        title=_text(element, "ItemTitle"),
        quantity=_quantity(element),
        price=_read(element, "ItemPrice", read_amount, within=_ITEM),
        weight=weight,
        weight_unit=unit,
        currency=currency,
        original_price=original if currency else None,
        sku=_sku(element),
        ean=_known(_text(element, "ShopProductDetails/EAN")),
        product_id=_known(_text(element, "ShopProductDetails/ProductID")),
        item_type=fields.get("InternalItemType", read_whole, None),
        platform=_text(element, "ItemPlatformName"),
        tax_reference=_known(_text(element, "PlatformTaxReference")),
        is_tax_collected=fields.get("TaxCollectedBy", read_flag, None) is True,
    )


def _item_id(element: Element) -> str:
    return _OptionalFields(element).get("ItemID", read_id, "0")


def _quantity(element: Element) -> int:
    quantity = _read(element, "ItemQuantity", read_whole, within=_ITEM)
    if quantity is None:
        raise _UnreadableField(_ITEM + "ItemQuantity")
    return quantity


def _sku(element: Element) -> str:
    candidates = ("AlternativeItemNumber", "AlternativeItemNumber1", "Anr", "ShopProductDetails/Anr")
    return next((sku for path in candidates if (sku := _known(_text(element, path)))), "")


def _known(number: str) -> str:
    """Return the number, or an empty text for 0, which stands for an absent one."""
    return "" if number == "0" else number


def _label(element: Element) -> ParcelLabel:
    return ParcelLabel(
        item_id=_item_id(element),
        package_number=_text(element, "PackageNumber"),
        number=_text(element, "ParcelLabelNumber"),
    )


def _tags(elements: Iterable[Element]) -> frozenset[str]:
    """Samples disagree on where tags stand, beside the order's fields or those of its items: both are united."""
    found = (text for element in elements for text in element.texts("Tags/Tag"))
    return frozenset(tag for text in found if (tag := plain(text)))


def _vorgangs_infos(element: Element) -> tuple[str, str, str]:
    infos = element.section("vorgangsinfo")
    return _text_in(infos, "vorgangsinfo1"), _text_in(infos, "vorgangsinfo2"), _text_in(infos, "vorgangsinfo3")


def _shipping_address(fields: _OptionalFields, element: Element) -> PostalAddress | None:
    address = _address(fields, element, "BuyerInfo/ShippingAddress")
    return None if address.is_empty else address


def _address(fields: _OptionalFields, element: Element, path: str) -> PostalAddress:
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
        tax_id=_known(text("taxidnumber")),
    )


def _text_in(section: RecordSection, name: str) -> str:
    text = section.text(name)
    return plain(text).strip() if "&" in text else text


def _text(element: Element, path: str) -> str:
    text = element.text(path)
    return plain(text).strip() if "&" in text else text


def _read(element: Element, path: str, read: Callable[[str], _T], *, within: str = "") -> _T:
    try:
        return read(element.text(path))
    except Unreadable:
        raise _UnreadableField(within + path) from None
