"""Build the XML requests to Afterbuy.

An element without text would clear a field in Afterbuy, so there is one function that adds text, and it adds nothing
if there is none. Characters that XML cannot carry are left out. Times are Berlin wall clock. Every document starts
with the same head: the keys, the call's name, the level of detail, and the language of error texts (never read).

An order is identified by a valid OrderID only: ``0`` and anything else is a ``Bug``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lxml import etree

from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.afterbuy.model import AFTERBUY, OrderChange, ParcelLabel
from aftersend.afterbuy.numbers import format_time
from aftersend.afterbuy.repair import without_forbidden
from aftersend.errors import Bug

MAX_SOLD_ITEMS: Final = 250
MAX_SHOP_ITEMS: Final = 250
MAX_CHANGES: Final = 150
DEFAULT_DETAIL: Final = 0
EVERY_SECTION: Final = 2 + 4 + 8 + 16
"""Payment, buyer, items, shipping."""

_ADD: Final = "1"
_REMOVE: Final = "3"
_LONGEST_ID: Final = 19


@dataclass(frozen=True, slots=True)
class Document:
    """A serialised request; ``body`` holds keys and personal data and stays out of ``repr``."""

    call: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of GetSoldItems or GetShopProducts; values are (element, text) pairs."""

    name: str
    values: tuple[tuple[str, str], ...]


def date_filter(date_field: str, start: datetime, end: datetime) -> Filter:
    """Filter orders whose ``date_field`` lies between two moments."""
    span = (("DateFrom", format_time(start)), ("DateTo", format_time(end)), ("FilterValue", date_field))
    return Filter("DateFilter", span)


def order_id_filter(ids: Iterable[str]) -> Filter:
    """Filter orders by OrderID."""
    return Filter("OrderID", tuple(("FilterValue", _order_id(order)) for order in ids))


def range_filter(order_id: int) -> Filter:
    """Filter orders from this OrderID on."""
    return Filter("RangeID", (("ValueFrom", str(order_id)),))


def product_id_filter(ids: Iterable[str]) -> Filter:
    """Filter products by ProductID."""
    return Filter("ProductID", tuple(("FilterValue", product) for product in ids))


def get_time(credentials: AfterbuyCredentials) -> Document:
    """Build GetAfterbuyTime: the cheapest call there is."""
    return _document("GetAfterbuyTime", _request("GetAfterbuyTime", credentials))


def get_sold_items(
    credentials: AfterbuyCredentials, filters: Sequence[Filter], *, detail: int, descending: bool = False
) -> Document:
    """Build GetSoldItems: one page, ascending (or descending) by OrderID, real orders only."""
    request = _request("GetSoldItems", credentials, detail=detail)
    _add(request, "RequestAllItems", "0")
    _add(request, "MaxSoldItems", str(MAX_SOLD_ITEMS))
    _add(request, "OrderDirection", str(int(descending)))
    _add_filters(request, filters)
    return _document("GetSoldItems", request)


def get_products(credentials: AfterbuyCredentials, ids: Iterable[str]) -> Document:
    """Build GetShopProducts by ProductID."""
    request = _request("GetShopProducts", credentials)
    _add(request, "MaxShopItems", str(MAX_SHOP_ITEMS))
    _add_filters(request, (product_id_filter(ids),))
    return _document("GetShopProducts", request)


def update_sold_items(credentials: AfterbuyCredentials, changes: Sequence[OrderChange]) -> Document:
    """Build UpdateSoldItems: what is left out of a change stays as it is."""
    if len(changes) > MAX_CHANGES:
        raise Bug("too_many_changes", upstream=AFTERBUY, path="Orders")
    request = _request("UpdateSoldItems", credentials)
    orders = etree.SubElement(request, "Orders")
    for change in changes:
        _add_change(orders, change)
    return _document("UpdateSoldItems", request)


def _request(call: str, credentials: AfterbuyCredentials, *, detail: int = DEFAULT_DETAIL) -> etree._Element:
    request = etree.Element("Request")
    head = etree.SubElement(request, "AfterbuyGlobal")
    _add(head, "PartnerToken", credentials.partner_token)
    _add(head, "AccountToken", credentials.account_token)
    _add(head, "PartnerID", credentials.partner_id)
    _add(head, "CallName", call)
    _add(head, "DetailLevel", str(detail))
    _add(head, "ErrorLanguage", "DE")
    return request


def _add_filters(request: etree._Element, filters: Sequence[Filter]) -> None:
    data_filter = etree.SubElement(request, "DataFilter")
    for each in filters:
        one = etree.SubElement(data_filter, "Filter")
        _add(one, "FilterName", each.name)
        values = etree.SubElement(one, "FilterValues")
        for name, text in each.values:
            _add(values, name, text)


def _add_change(orders: etree._Element, change: OrderChange) -> None:
    order = etree.SubElement(orders, "Order")
    _add(order, "OrderID", _order_id(change.order_id))
    _add(order, "AdditionalInfo", change.additional_info)
    if change.vorgangs_info:
        number, text = change.vorgangs_info
        _add_section(order, "VorgangsInfo", (f"VorgangsInfo{number}", text))
    _add_shipping(order, change)
    for action, names in ((_ADD, change.add_tags), (_REMOVE, change.remove_tags)):
        tags = [("Tag", tag) for tag in names if _clean(tag)]
        if tags:
            _add_section(order, "Tags", ("UpdateAction", action), *tags)


def _add_shipping(order: etree._Element, change: OrderChange) -> None:
    shipping = etree.Element("ShippingInfo")
    _add(shipping, "DeliveryService", change.delivery_service)
    if change.dispatched_at:
        _add(shipping, "DeliveryDate", format_time(change.dispatched_at))
    _add_labels(shipping, change.parcel_labels)
    _append(order, shipping)


def _add_labels(shipping: etree._Element, parcels: Iterable[ParcelLabel]) -> None:
    labels = etree.Element("ParcelLabels")
    for parcel in parcels:
        values = ("ItemID", parcel.item_id), ("PackageNumber", parcel.package_number)
        _add_section(labels, "ParcelLabel", *values, ("ParcelLabelNumber", parcel.number))
    _append(shipping, labels)


def _add_section(parent: etree._Element, name: str, *values: tuple[str, str]) -> None:
    section = etree.Element(name)
    for child, text in values:
        _add(section, child, text)
    _append(parent, section)


def _append(parent: etree._Element, section: etree._Element) -> None:
    """Append a section unless it is empty."""
    if len(section):
        parent.append(section)


def _add(parent: etree._Element, name: str, text: str | None) -> None:
    if cleaned := _clean(text):
        etree.SubElement(parent, name).text = cleaned


def _clean(text: str | None) -> str:
    """Drop characters that XML cannot carry; white space alone becomes an empty text."""
    cleaned = without_forbidden(text or "")
    return cleaned if cleaned.strip() else ""


def _order_id(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID and text.strip("0")):
        raise Bug("not_an_order", upstream=AFTERBUY, path="OrderID")
    return text


def _document(call: str, request: etree._Element) -> Document:
    return Document(call, etree.tostring(request, xml_declaration=True, encoding="utf-8"))
