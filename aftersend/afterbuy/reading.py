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
from collections.abc import Callable
from typing import Final, TypeVar

from aftersend.afterbuy.countries import iso_country
from aftersend.afterbuy.model import Order, ParcelLabel, PostalAddress, ProductCustoms, SoldItem, UnreadableOrder
from aftersend.afterbuy.numbers import Unreadable, read_decimal, read_id, read_time, read_whole
from aftersend.afterbuy.records import Element

SECTIONS: Final = ("BuyerInfo", "SoldItems", "ShippingInfo", "PaymentInfo")

_ITEM: Final = "SoldItems/SoldItem/"
_ENTITY: Final = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_MAIL: Final = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\]+\.[^\s@<>()\[\],;:\"\\.]{2,}")
_LONGEST_MAIL: Final = 254
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_HS_CODE: Final = re.compile(r"[0-9][0-9. ]{2,14}[0-9]")
_T = TypeVar("_T")


class _UnreadableField(Exception):  # noqa: N818 - a domain word
    """Carries the path of the field to ``read_order``."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def read_order(element: Element) -> Order | UnreadableOrder:
    """Map one ``Order`` element. An order without real OrderID gets ``0``."""
    order_id = "0"
    try:
        order_id = _read(element, "OrderID", read_id)
        return _order(element, order_id) if element.readable else UnreadableOrder(order_id, "Order")
    except _UnreadableField as field:
        return UnreadableOrder(order_id, field.path)


def read_product(element: Element) -> ProductCustoms | None:
    """Map one ``Product`` element; None without ProductID. Customs data that cannot be parsed count as absent."""
    product_id = _text(element, "ProductID")
    if not (product_id.isascii() and product_id.isdigit()):
        return None
    tariff = _text(element, "CustomsTariffNumber")
    return ProductCustoms(
        product_id,
        hs_code=tariff.replace(" ", "") if _HS_CODE.fullmatch(tariff) else "",
        origin_country=iso_country(_text(element, "CountryOfOrigin"), _text(element, "CountryOfOrigin")),
    )


def read_mail(text: str) -> str:
    """Parse a mail address, or return an empty text: OTTO appends a word to it, others write anything at all."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return first if len(first) <= _LONGEST_MAIL and _MAIL.fullmatch(first) else ""


def plain(text: str) -> str:
    """Decode entities that XML parsing left over."""
    return _ENTITY.sub(lambda match: html.unescape(match.group()), text) if "&" in text else text


def _order(element: Element, order_id: str) -> Order:
    return Order(
        order_id=order_id,
        ordered_at=_read(element, "OrderDate", read_time),
        billing=_address(element, "BuyerInfo/BillingAddress"),
        shipping=_shipping_address(element),
        items=tuple(_item(item) for item in element.all("SoldItems/SoldItem")),
        tags=_tags(element),
        additional_info=_text(element, "AdditionalInfo"),
        vorgangs_infos=_vorgangs_infos(element),
        parcel_labels=tuple(_label(label) for label in element.all("ShippingInfo/ParcelLabels/ParcelLabel")),
        dispatched_at=_read(element, "ShippingInfo/DeliveryDate", read_time),
        shipping_method=_text(element, "ShippingInfo/ShippingMethod"),
        delivery_service=_text(element, "ShippingInfo/DeliveryService"),
        shipping_total=_read(element, "ShippingInfo/ShippingTotalCost", read_decimal),
        already_paid=_read(element, "PaymentInfo/AlreadyPaid", read_decimal),
        full_amount=_read(element, "PaymentInfo/FullAmount", read_decimal),
        paid_at=_read(element, "PaymentInfo/PaymentDate", read_time),
        sections=frozenset(name for name in SECTIONS if element.all(name)),
    )


def _item(element: Element) -> SoldItem:
    code = _text(element, "ItemOriginalCurrency/ItemPriceCode").upper()
    currency = code if _CURRENCY.fullmatch(code) else ""
    original = _read(element, "ItemOriginalCurrency/ItemPrice", read_decimal, within=_ITEM)
    return SoldItem(
        item_id=_read(element, "ItemID", read_id, within=_ITEM),
        title=_text(element, "ItemTitle"),
        quantity=_quantity(element),
        price=_read(element, "ItemPrice", read_decimal, within=_ITEM),
        weight=_read(element, "ItemWeight", read_decimal, within=_ITEM),
        currency=currency,
        original_price=original if currency else None,
        sku=_sku(element),
        ean=_known(_text(element, "ShopProductDetails/EAN")),
        product_id=_known(_text(element, "ShopProductDetails/ProductID")),
        item_type=_read(element, "InternalItemType", read_whole, within=_ITEM),
        platform=_text(element, "ItemPlatformName"),
    )


def _quantity(element: Element) -> int:
    quantity = _read(element, "ItemQuantity", read_whole, within=_ITEM)
    if quantity is None:
        raise _UnreadableField(_ITEM + "ItemQuantity")
    return quantity


def _sku(element: Element) -> str:
    candidates = ("AlternativeItemNumber", "AlternativeItemNumber1", "Anr", "ShopProductDetails/Anr")
    return next((sku for path in candidates if (sku := _known(_text(element, path)))), "")


def _known(number: str) -> str:
    """The number, or an empty text for 0, which stands for an absent one."""
    return "" if number == "0" else number


def _label(element: Element) -> ParcelLabel:
    within = "ShippingInfo/ParcelLabels/ParcelLabel/"
    return ParcelLabel(
        item_id=_read(element, "ItemID", read_id, within=within),
        package_number=_text(element, "PackageNumber"),
        number=_text(element, "ParcelLabelNumber"),
    )


def _tags(element: Element) -> frozenset[str]:
    """Samples disagree on where tags stand, so both places are united."""
    places = (*element.all("Tags/Tag"), *element.all("SoldItems/SoldItem/Tags/Tag"))
    return frozenset(tag for place in places if (tag := plain("".join(place.pieces).strip())))


def _vorgangs_infos(element: Element) -> tuple[str, str, str]:
    return (
        _text(element, "VorgangsInfo/VorgangsInfo1"),
        _text(element, "VorgangsInfo/VorgangsInfo2"),
        _text(element, "VorgangsInfo/VorgangsInfo3"),
    )


def _shipping_address(element: Element) -> PostalAddress | None:
    address = _address(element, "BuyerInfo/ShippingAddress")
    return None if address.is_empty else address


def _address(element: Element, path: str) -> PostalAddress:
    def text(name: str) -> str:
        return _text(element, f"{path}/{name}")

    return PostalAddress(
        first_name=text("FirstName"),
        last_name=text("LastName"),
        company=text("Company"),
        street=text("Street"),
        street2=text("Street2"),
        postal_code=text("PostalCode"),
        city=text("City"),
        state=text("StateOrProvince"),
        country=iso_country(text("CountryISO"), text("Country")),
        phone=text("Phone"),
        mail=read_mail(text("Mail")),
    )


def _text(element: Element, path: str) -> str:
    return plain(element.text(path)).strip()


def _read(element: Element, path: str, read: Callable[[str], _T], *, within: str = "") -> _T:
    try:
        return read(element.text(path))
    except Unreadable:
        raise _UnreadableField(within + path) from None
