"""Calls of the floors to Afterbuy: build by f-string, parse by lxml."""

from collections.abc import Iterable, Mapping

from aiohttp import ClientSession
from lxml import etree

_HEAD = (
    "<AfterbuyGlobal><PartnerToken>a</PartnerToken><AccountToken>b</AccountToken>"
    "<CallName>{}</CallName><DetailLevel>0</DetailLevel></AfterbuyGlobal>"
)


async def sold_items(session: ClientSession, url: str, filters: str) -> tuple[list["etree._Element"], str, str]:
    """Orders of one page, HasMoreItems, LastOrderID."""
    head = _HEAD.format("GetSoldItems")
    root = await _call(session, url, f"{head}<MaxSoldItems>250</MaxSoldItems><DataFilter>{filters}</DataFilter>")
    result = root[3]
    return result.findall("Orders/Order"), result.findtext("HasMoreItems", ""), result.findtext("LastOrderID", "")


def by_id(numbers: Iterable[str]) -> str:
    """A filter for these orders."""
    values = "".join(f"<FilterValue>{number}</FilterValue>" for number in numbers)
    return f"<Filter><FilterName>OrderID</FilterName><FilterValues>{values}</FilterValues></Filter>"


def from_id(number: str) -> str:
    """A filter for orders from this one on."""
    value = f"<FilterValues><ValueFrom>{number}</ValueFrom></FilterValues>"
    return f"<Filter><FilterName>RangeID</FilterName>{value}</Filter>"


async def update(session: ClientSession, url: str, changes: Mapping[str, tuple[str, str]]) -> None:
    """Write number and carrier of many orders, and the tag."""
    orders = "".join(
        f"<Order><OrderID>{order}</OrderID><AdditionalInfo>{number}</AdditionalInfo><ShippingInfo><DeliveryService>"
        f"{carrier}</DeliveryService></ShippingInfo><Tags><UpdateAction>1</UpdateAction><Tag>Sendcloud abgeschlossen"
        "</Tag></Tags></Order>"
        for order, (number, carrier) in changes.items()
    )
    root = await _call(session, url, f"{_HEAD.format('UpdateSoldItems')}<Orders>{orders}</Orders>")
    assert root.findtext("CallStatus") == "Success"


async def _call(session: ClientSession, url: str, content: str) -> "etree._Element":
    body = f'<?xml version="1.0" encoding="utf-8"?><Request>{content}</Request>'.encode()
    async with session.post(url, data=body) as response:
        return etree.fromstring(await response.read())
