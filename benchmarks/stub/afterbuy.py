"""The stub of Afterbuy: pages of orders from a template, and updates that the next reading shows.

Orders have consecutive ids. Of twenty, one goes to Switzerland and needs customs data, and two have no weight.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

PAGE = 250
_BERLIN = ZoneInfo("Europe/Berlin")
_CALL = re.compile(rb"<CallName>(\w+)")
_IDS = re.compile(rb"<FilterName>(?:OrderID|ProductID)</FilterName><FilterValues>(.*?)</FilterValues>")
_VALUE = re.compile(rb"<FilterValue>(\d+)")
_FROM = re.compile(rb"<ValueFrom>(\d+)")
_CHANGE = re.compile(rb"<Order><OrderID>(\d+)</OrderID>(.*?)</Order>")
_SENT = re.compile(rb"<(AdditionalInfo|DeliveryService|Tag)>([^<]*)<")

_ORDER = """<Order><InvoiceNumber></InvoiceNumber><OrderID>%(id)d</OrderID><OrderIDAlt></OrderIDAlt>\
<EbayAccount></EbayAccount><AmazonAccount></AmazonAccount><Anr>1001</Anr><OrderDate>%(date)s</OrderDate>\
<FeedbackDate></FeedbackDate><UserComment><![CDATA[Bitte nach 17 Uhr]]></UserComment><Memo></Memo>\
<InvoiceMemo></InvoiceMemo><AdditionalInfo>%(info)s</AdditionalInfo><TrackingLink></TrackingLink>\
<IsCheckoutConfirmedByCustomer>1</IsCheckoutConfirmedByCustomer><VorgangsInfo><VorgangsInfo1></VorgangsInfo1>\
<VorgangsInfo2></VorgangsInfo2><VorgangsInfo3></VorgangsInfo3></VorgangsInfo><PaymentInfo><PaymentID>PP</PaymentID>\
<PaymentMethod>PayPal</PaymentMethod><PaymentFunction>PAYPAL</PaymentFunction><PaymentDate>%(date)s</PaymentDate>\
<AlreadyPaid>64,70</AlreadyPaid><FullAmount>64,70</FullAmount><InvoiceDate></InvoiceDate></PaymentInfo>\
<OrderOriginalCurrency></OrderOriginalCurrency><BuyerInfo><BillingAddress><AfterbuyUserID>%(id)d</AfterbuyUserID>\
<UserIDPlattform>kaeufer_%(id)d</UserIDPlattform><Title>Frau</Title><FirstName>Erna</FirstName>\
<LastName><![CDATA[Müller & Söhne]]></LastName><Company></Company><Street>Hauptstraße 12a</Street><Street2></Street2>\
<PostalCode>50667</PostalCode><City>Köln</City><StateOrProvince></StateOrProvince><Phone>+49 221 123456</Phone>\
<Country>%(country)s</Country><CountryISO>%(country)s</CountryISO><TaxIDNumber></TaxIDNumber><Fax></Fax>\
<Mail>erna.%(id)d@example.org</Mail><IsMerchant>0</IsMerchant></BillingAddress></BuyerInfo><SoldItems>\
<ItemsInOrder>2</ItemsInOrder>%(items)s</SoldItems><ShippingInfo><ShippingMethod>DHL Paket</ShippingMethod>\
<ShippingReturnMethod></ShippingReturnMethod><ShippingCost>4,90</ShippingCost>\
<ShippingAdditionalCost>0</ShippingAdditionalCost><ShippingTotalCost>4,90</ShippingTotalCost>\
<ShippingTaxRate>19,00</ShippingTaxRate><DeliveryDate></DeliveryDate>\
<DeliveryService>%(service)s</DeliveryService></ShippingInfo>%(tags)s</Order>"""
_ITEM = """<SoldItem><ItemDetailsDone>-1</ItemDetailsDone><ItemID>%(item)d</ItemID><Anr>100%(place)d</Anr>\
<AlternativeItemNumber>TEE-%(place)d</AlternativeItemNumber><PlatformSpecificOrderId></PlatformSpecificOrderId>\
<InternalItemType>4</InternalItemType><UserDefinedFlag>0</UserDefinedFlag>\
<ItemTitle><![CDATA[Teekanne "Ostfriesland" 1,2 l, handbemalt]]></ItemTitle><ItemQuantity>1</ItemQuantity>\
<ItemPrice>29,90</ItemPrice><ItemOriginalCurrency><ItemPrice>29,90</ItemPrice><ItemPriceCode>EUR</ItemPriceCode>\
</ItemOriginalCurrency><ItemEndDate>%(date)s</ItemEndDate><ItemModDate>%(date)s</ItemModDate><TaxRate>19,00</TaxRate>\
<TaxCollectedBy>0</TaxCollectedBy><PlatformTaxReference></PlatformTaxReference><ItemWeight>%(weight)s</ItemWeight>\
<ItemPlatformName>Shop</ItemPlatformName><ShopProductDetails><ProductID>%(product)d</ProductID><Name>Teekanne</Name>\
<EAN>4006381333931</EAN><Anr>100%(place)d</Anr></ShopProductDetails></SoldItem>"""
_PRODUCT = (
    "<Product><ProductID>%d</ProductID><CustomsTariffNumber>69111000</CustomsTariffNumber>"
    "<CountryOfOrigin>DE</CountryOfOrigin></Product>"
)


@dataclass(slots=True)
class AfterbuyStub:
    """An account with orders from ``first`` on; any other order can be read by its id, too."""

    first: int = 1_000_000
    orders: int = 0
    written: dict[int, dict[bytes, bytes]] = field(default_factory=dict)

    def answer(self, request: bytes) -> tuple[bytes, list[int]]:
        """Answer one call; the orders that it wrote come with it."""
        call = _CALL.search(request)
        name = call[1].decode() if call else ""
        if name == "GetSoldItems":
            return self._sold_items(request), []
        if name == "UpdateSoldItems":
            return _framed(name, ""), self._update(request)
        if name == "GetShopProducts":
            products = "".join(_PRODUCT % number for number in _ids(request))
            return _framed(name, f"<HasMoreProducts>0</HasMoreProducts><Products>{products}</Products>"), []
        now = datetime.now(UTC)
        return _framed(name, f"<AfterbuyUniversalTimeStamp>{now:%d.%m.%Y %H:%M:%S}</AfterbuyUniversalTimeStamp>"), []

    def _sold_items(self, request: bytes) -> bytes:
        if wanted := _ids(request):
            return _page(tuple(_order(number, self.written.get(number)) for number in wanted), more=0, last=wanted[-1])
        last = self.first + self.orders
        if b"<OrderDirection>1<" in request:
            return _pages(max(self.first, last - PAGE), last, more=0, descending=True)
        found = _FROM.search(request)
        start = max(self.first, int(found[1])) if found else self.first
        end = min(start + PAGE, last)
        return _pages(start, end, more=int(end < last))

    def _update(self, request: bytes) -> list[int]:
        numbers = []
        for number, change in _CHANGE.findall(request):
            self.written.setdefault(int(number), {}).update(_SENT.findall(change))
            numbers.append(int(number))
        return numbers


def _ids(request: bytes) -> list[int]:
    found = _IDS.search(request)
    return [int(value) for value in _VALUE.findall(found[1])] if found else []


@lru_cache(maxsize=64)
def _pages(start: int, end: int, *, more: int, descending: bool = False) -> bytes:
    numbers = range(start, end)
    return _page(tuple(map(_order, reversed(numbers) if descending else numbers)), more=more, last=end - 1)


def _page(orders: tuple[str, ...], *, more: int, last: int) -> bytes:
    listed = f"<HasMoreItems>{more}</HasMoreItems><Orders>{''.join(orders)}</Orders><LastOrderID>{last}</LastOrderID>"
    return _framed("GetSoldItems", listed)


def _order(number: int, written: dict[bytes, bytes] | None = None) -> str:
    written = written or {}
    date = f"{datetime.now(_BERLIN) - timedelta(hours=1):%d.%m.%Y %H:%M:%S}"
    weight = "" if number % 10 == 5 else "0,85"
    items = "".join(
        _ITEM % {"item": number * 10 + place, "place": place, "product": 7000 + place, "date": date, "weight": weight}
        for place in (1, 2)
    )
    tag = written.get(b"Tag", b"").decode()
    return _ORDER % {
        "id": number,
        "date": date,
        "country": "CH" if number % 20 == 0 else "DE",
        "items": items,
        "info": written.get(b"AdditionalInfo", b"").decode(),
        "service": written.get(b"DeliveryService", b"").decode(),
        "tags": f"<Tags><Tag>{tag}</Tag></Tags>" if tag else "",
    }


def _framed(call: str, result: str) -> bytes:
    head = f"<CallStatus>Success</CallStatus><CallName>{call}</CallName><VersionID>8</VersionID>"
    return f'<?xml version="1.0" encoding="utf-8"?>\r\n<Afterbuy>{head}<Result>{result}</Result></Afterbuy>'.encode()
