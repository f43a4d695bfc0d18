"""The simulated Afterbuy, envelope and reading calls: every refusal and both outcomes of every open point."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, Product
from tests.support.sandbox_kit import NOW, TAG, TOKENS, a_filter, a_sandbox, an_order, codes, listed, small_world

DATES = a_filter("DateFilter", "AuctionEndDate", DateFrom="01.01.2026 00:00:00")


async def test_time() -> None:
    async with a_sandbox() as door:
        answer = await door.afterbuy("GetAfterbuyTime")
    assert answer.findtext("CallStatus") == "Success"
    assert answer.findtext("VersionID") == "8"
    assert answer.findtext("Result/AfterbuyTimeStamp") == "24.11.2026 10:30:00"
    assert answer.findtext("Result/AfterbuyUniversalTimeStamp") == "24.11.2026 09:30:00"


async def test_the_wire_looks_as_recorded() -> None:
    async with a_sandbox() as door:
        request = f"<Request><AfterbuyGlobal>{TOKENS}<CallName>GetSoldItems</CallName></AfterbuyGlobal></Request>"
        async with door.http.post(door.sandbox.afterbuy_url, data=request) as answer:
            text = await answer.text()
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
            assert answer.headers["Content-Encoding"] == "gzip"
            assert "ASP.NET_SessionId" in answer.headers["Set-Cookie"]
        async with door.http.post(
            door.sandbox.afterbuy_url, data=request, headers={"Accept-Encoding": "identity"}
        ) as answer:
            assert "Content-Encoding" not in answer.headers
        async with door.http.get(door.sandbox.afterbuy_url) as answer:
            assert answer.status == 405
    assert "\r\n" in text
    assert not re.search(r"[^\r]\n", text)
    assert '<ItemTitle><![CDATA[Tasse <blau> & "rot"]]></ItemTitle>' in text
    assert "<ItemPrice>1112,30</ItemPrice>" in text
    assert "<ItemWeight>0,34</ItemWeight>" in text
    assert "<OrderDate>24.11.2026 10:30:00</OrderDate>" in text


GLOBAL = f"<AfterbuyGlobal>{TOKENS}<CallName>GetAfterbuyTime</CallName></AfterbuyGlobal>"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", 1),
        ("  \r\n ", 1),
        ("<Request>", 2),
        ("no xml", 2),
        ("<Anfrage/>", 2),
        (f'<!DOCTYPE Request [<!ENTITY a "b">]><Request>{GLOBAL}</Request>', 2),
        ("<Request/>", 3),
        (f"<Request><AfterbuyGlobal>{TOKENS}</AfterbuyGlobal></Request>", 3),
        ("<Request><AfterbuyGlobal><CallName>GetAfterbuyTime</CallName></AfterbuyGlobal></Request>", 8),
        (f"<Request>{GLOBAL.replace('GetAfterbuyTime', 'GetNothing')}</Request>", 12),
        (f"<Request>{GLOBAL.replace('GetAfterbuyTime', 'getafterbuytime')}</Request>", 12),
    ],
)
async def test_refused_envelopes(document: str, code: int) -> None:
    async with a_sandbox() as door:
        assert codes(ET.fromstring(await door.raw(document))) == [code]


async def test_errors_speak_the_language_that_was_asked_for() -> None:
    async with a_sandbox() as door:
        german = await door.afterbuy("Nothing")
        english = await door.afterbuy("Nothing", language="EN")
    assert german.findtext("CallStatus") == "Error"
    assert german.findtext("Result/ErrorList/Error/ErrorDescription") == "Der CallName ist unbekannt."
    assert english.findtext("Result/ErrorList/Error/ErrorLongDescription") == "The CallName is unknown."


@pytest.mark.parametrize("code", ["8", "9", "10", "35"])
async def test_wrong_tokens(code: str) -> None:
    async with a_sandbox(wrong_token_code=code) as door:  # wrong_token_code="8" "9" "10" "35"
        for tokens in (TOKENS.replace("partner<", "other<"), TOKENS.replace("account<", "other<"), ""):
            assert codes(await door.afterbuy("GetAfterbuyTime", tokens=tokens)) == [int(code)]


async def test_partner_id() -> None:
    wrong, right = f"{TOKENS}<PartnerID>1</PartnerID>", f"{TOKENS}<PartnerID>1001</PartnerID>"
    async with a_sandbox(partner_id="required") as door:
        assert codes(await door.afterbuy("GetAfterbuyTime")) == [4]
        assert codes(await door.afterbuy("GetAfterbuyTime", tokens=wrong)) == [35]
        assert codes(await door.afterbuy("GetAfterbuyTime", tokens=right)) == []
    async with a_sandbox(partner_id="ignored") as door:
        assert codes(await door.afterbuy("GetAfterbuyTime", tokens=wrong)) == []


OLD = (
    "<PartnerID>1001</PartnerID><PartnerPassword>sandbox-password</PartnerPassword>"
    "<UserID>sandbox-user</UserID><UserPassword>sandbox-password</UserPassword>"
)


async def test_old_credentials() -> None:
    async with a_sandbox(old_credentials="accepted") as door:
        assert codes(await door.afterbuy("GetAfterbuyTime", tokens=OLD)) == []
        assert codes(await door.afterbuy("GetAfterbuyTime", tokens=OLD.replace("user<", "x<"))) == [8]
    async with a_sandbox(old_credentials="refused") as door:
        assert codes(await door.afterbuy("GetAfterbuyTime", tokens=OLD)) == [8]


@pytest.mark.parametrize(
    ("filters", "extra", "code"),
    [
        ("", "<MaxSoldItems>251</MaxSoldItems>", 31),
        ("", "<MaxSoldItems>0</MaxSoldItems>", 31),
        ("", "<MaxSoldItems>viele</MaxSoldItems>", 31),
        (DATES * 6, "", 36),
        (a_filter("OrderID", *map(str, range(501))), "", 50),
        (a_filter("OrderID", "2147483648"), "", 17),
        (a_filter("OrderID", "x"), "", 30),
        (a_filter("OrderID"), "", 30),
        (a_filter("RangeID", ValueFrom="2147483648"), "", 22),
        (a_filter("RangeID", ValueFrom="1", ValueTo="x"), "", 30),
        (a_filter("RangeID"), "", 30),
        (a_filter("NoSuchFilter", "1"), "", 30),
        (a_filter("DateFilter", "AuctionEndDate"), "", 30),
        (a_filter("DateFilter", DateFrom="01.01.2026"), "", 30),
        (a_filter("DateFilter", "OrderDate", DateFrom="01.01.2026"), "", 30),
        (a_filter("DateFilter", "PayDate", DateFrom="2026-01-01"), "", 30),
        (a_filter("DateFilter", "PayDate", DateFrom="01.01.2026", DateTo="morgen"), "", 30),
        (a_filter("DefaultFilter", "Everything"), "", 30),
        (a_filter("Tag", "a", "b"), "", 30),
        (a_filter("Tag", "on no order"), "", 15),
    ],
)
async def test_refused_questions(filters: str, extra: str, code: int) -> None:
    async with a_sandbox() as door:
        assert codes(await door.sold(filters, extra)) == [code]


@pytest.mark.parametrize("level", ["1", "64", "-2", "all"])
async def test_refused_detail_levels(level: str) -> None:
    async with a_sandbox() as door:
        assert codes(await door.sold(level=level)) == [18]


def varied() -> Any:
    """101 paid and shipped, 102 unpaid, 103 tagged and invoiced, 104 of Amazon and flagged, 105 as usual."""
    world = small_world()
    book = world.afterbuy.orders
    book[101].shipping.dispatched_at = book[101].xml_at = book[101].mail_at = NOW
    book[102].payment.paid_at = None
    book[103].tags = ["a & b"]
    book[103].payment.invoice_date = book[103].feedback_at = book[103].reminder_at = NOW
    book[103].invoice_number = "4711"
    for item in book[104].items:
        item.platform, item.flag, item.sku, item.anr = "Amazon", 12, "SKU-1", "900"
        item.ended_at = NOW - timedelta(days=90)
    book[104].billing.user_id, book[104].billing.mail = 77, "amazon@example.org"
    book[104].modified_at, book[104].external_order = NOW + timedelta(hours=1), "31"
    return world


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("", [101, 102, 103, 104, 105]),
        (a_filter("OrderID", "103"), [103]),
        (a_filter("OrderID", "105", "101", "999"), [101, 105]),
        (a_filter("RangeID", ValueFrom="103"), [103, 104, 105]),
        (a_filter("RangeID", ValueFrom="103", ValueTo="104"), [103, 104]),
        (a_filter("RangeID", ValueFrom="104", ValueTo="0"), [104, 105]),
        (a_filter("RangeID", ValueFrom="104", ValueTo="9999999999"), [104, 105]),
        (a_filter("RangeID", ValueFrom="104") + a_filter("OrderID", "101", "105"), [105]),
        (a_filter("OrderID", "101", "102") + a_filter("OrderID", "102", "103"), [102]),
        (DATES, [101, 102, 103, 104, 105]),
        (a_filter("DateFilter", "AuctionEndDate", DateFrom="22.11.2026", DateTo="23.11.2026 23:59:59"), [103]),
        (a_filter("DateFilter", "AuctionEndDate", DateFrom="22.11.2026 10:30:00", DateTo="22.11.2026 10:30:00"), [103]),
        (a_filter("DateFilter", "AuctionEndDate", DateFrom="26.08.2026", DateTo="27.08.2026"), [104]),
        (a_filter("DateFilter", "PayDate", DateFrom="01.01.2026"), [101, 103, 104, 105]),
        (a_filter("DateFilter", "ShippingDate", DateFrom="01.01.2026"), [101]),
        (a_filter("DateFilter", "InvoiceDate", DateFrom="01.01.2026"), [103]),
        (a_filter("DateFilter", "FeedbackDate", DateFrom="01.01.2026"), [103]),
        (a_filter("DateFilter", "ReminderDate", DateFrom="01.01.2026"), [103]),
        (a_filter("DateFilter", "XmlDate", DateFrom="01.01.2026"), [101]),
        (a_filter("DateFilter", "MailDate", DateFrom="01.01.2026"), [101]),
        (a_filter("DateFilter", "ModDate", DateFrom="24.11.2026 11:00:00"), [104]),
        (a_filter("DefaultFilter", "ReadyToShip"), [103, 104, 105]),
        (a_filter("DefaultFilter", "not_ReadyToShip"), [101, 102]),
        (a_filter("DefaultFilter", "CompletedAuctions"), [101]),
        (a_filter("DefaultFilter", "PaidAuctions"), [101, 103, 104, 105]),
        (a_filter("DefaultFilter", "not_PaidAuctions"), [102]),
        (a_filter("DefaultFilter", "NewAuctions"), [101, 102, 104, 105]),
        (a_filter("DefaultFilter", "InvoicePrinted"), [103]),
        (a_filter("DefaultFilter", "NoXMLDate"), [102, 103, 104, 105]),
        (a_filter("Plattform", "AmazonSC"), [104]),
        (a_filter("Plattform", "not_ebay"), [104]),
        (a_filter("Tag", "a & b"), [103]),
        (a_filter("UserDefinedFlag", "12"), [104]),
        (a_filter("AfterbuyUserID", "77"), [104]),
        (a_filter("AfterbuyUserEmail", "amazon@example.org"), [104]),
        (a_filter("ShopId", "31", "32"), [104]),
        (a_filter("InvoiceNumber", "4711"), [103]),
        (a_filter("AlternativeItemNumber1", "SKU-1"), [104]),
        (a_filter("AlternativeItemNumber2", "900"), [104]),
        (a_filter("DefaultFilter", "PaidAuctions") + a_filter("Plattform", "ebay") + DATES, [101, 103, 105]),
    ],
)
async def test_filters(filters: str, found: list[int]) -> None:
    async with a_sandbox(varied()) as door:
        assert listed(await door.sold(filters)) == found


async def test_hidden_and_unfinished_orders_come_only_when_asked_for() -> None:
    world = small_world()
    world.afterbuy.orders[102].hidden = True
    world.afterbuy.orders[103].is_order = False
    async with a_sandbox(world) as door:
        assert listed(await door.sold()) == [101, 104, 105]
        assert listed(await door.sold(extra="<ReturnHiddenItems>1</ReturnHiddenItems>")) == [101, 102, 104, 105]
        assert listed(await door.sold(extra="<RequestAllItems>1</RequestAllItems>")) == [101, 0, 104, 105]
        assert listed(await door.sold(a_filter("OrderID", "0"), "<RequestAllItems>1</RequestAllItems>")) == [0]
    assert not [entry for entry in world.journal.entries if entry.what == "elements ignored"]


async def test_paging() -> None:
    async with a_sandbox() as door:
        first = await door.sold(extra="<MaxSoldItems>2</MaxSoldItems><OrderDirection>0</OrderDirection>")
        result = first.find("Result")
        assert result is not None
        counts = {name: result.findtext(name) for name in ("HasMoreItems", "OrdersCount", "LastOrderID", "ItemsCount")}
        assert counts == {"HasMoreItems": "1", "OrdersCount": "2", "LastOrderID": "102", "ItemsCount": "4"}
        rest = await door.sold(a_filter("RangeID", ValueFrom="102"), "<MaxSoldItems>4</MaxSoldItems>")
        assert rest.findtext("Result/HasMoreItems") == "0"
        down = await door.sold(extra="<OrderDirection>1</OrderDirection><MaxSoldItems>2</MaxSoldItems>")
        assert listed(down) == [105, 104]


@pytest.mark.parametrize(("value", "found"), [("inclusive", [103, 104, 105]), ("exclusive", [104, 105])])
async def test_range_id(value: str, found: list[int]) -> None:
    async with a_sandbox(range_id=value) as door:  # range_id="inclusive" "exclusive"
        assert listed(await door.sold(a_filter("RangeID", ValueFrom="103"))) == found


@pytest.mark.parametrize(("value", "found"), [("inclusive", [101, 102, 103]), ("exclusive", [102])])
async def test_date_filter(value: str, found: list[int]) -> None:
    world = small_world(date_filter=value)  # date_filter="inclusive" "exclusive"
    for order in world.afterbuy.orders:
        order.ordered_at = NOW + timedelta(seconds=order.order_id - 101)
    span = a_filter("DateFilter", "AuctionEndDate", DateFrom="24.11.2026 10:30:00", DateTo="24.11.2026 10:30:02")
    async with a_sandbox(world) as door:
        assert listed(await door.sold(span)) == found


async def test_an_order_that_is_shown_later_than_its_own_date() -> None:
    async with a_sandbox() as door:
        status, order = await door.control("POST", "orders/103/appear", seconds=60)
        assert (status, order["visible_from"]) == (200, "2026-11-24T09:31:00+00:00")
        by_id = a_filter("OrderID", "103")
        assert codes(await door.sold(by_id)) == [15]
        assert listed(await door.sold()) == [101, 102, 104, 105]
        assert codes(await door.update("<OrderID>103</OrderID><AdditionalInfo>1</AdditionalInfo>")) == [33]
        await door.control("POST", "advance", seconds=60)
        assert listed(await door.sold(by_id)) == [103]
        refused, _ = await door.control("POST", "orders/103/appear")
        assert refused == 400


@pytest.mark.parametrize(("value", "found"), [("appearance", [103]), ("edits", [])])
async def test_mod_date(value: str, found: list[int]) -> None:
    world = small_world(mod_date=value)  # mod_date="appearance" "edits"
    for order in world.afterbuy.orders:
        order.ordered_at = NOW - timedelta(days=3)
    world.afterbuy.orders[103].visible_from = NOW
    since = a_filter("DateFilter", "ModDate", DateFrom="24.11.2026 00:00:00")
    async with a_sandbox(world) as door:
        assert listed(await door.sold(since)) == found
        await door.control("POST", "orders/104/tags", add="x")
        assert listed(await door.sold(since)) == [*found, 104]


@pytest.mark.parametrize(
    ("value", "found"), [("by_id", [101, 102, 103, 104, 105]), ("by_date", [105, 104, 103, 102, 101])]
)
async def test_order_under_date_filter(value: str, found: list[int]) -> None:
    world = small_world(order_under_date_filter=value)  # order_under_date_filter="by_id" "by_date"
    for order in world.afterbuy.orders:
        order.ordered_at = NOW - timedelta(hours=order.order_id)
    async with a_sandbox(world) as door:
        page = await door.sold(DATES)
        assert listed(page) == found
        assert page.findtext("Result/LastOrderID") == str(found[-1])
        assert listed(await door.sold()) == [101, 102, 103, 104, 105]


async def test_nothing_found() -> None:
    unknown = a_filter("OrderID", "999")
    async with a_sandbox(nothing_found="code_15") as door:
        assert codes(await door.sold(unknown)) == [15]
    async with a_sandbox(nothing_found="empty") as door:
        answer = await door.sold(unknown)
    assert (answer.findtext("CallStatus"), listed(answer)) == ("Success", [])
    assert answer.findtext("Result/LastOrderID") == "0"


async def test_filter_case() -> None:
    async with a_sandbox(filter_case="ignored") as door:
        assert codes(await door.sold(a_filter("DefaultFilter", "Not_readytoship"))) == [15]
    async with a_sandbox(filter_case="strict") as door:
        assert codes(await door.sold(a_filter("DefaultFilter", "Not_readytoship"))) == [30]


SECTIONS = ("PaymentInfo", "BuyerInfo", "SoldItems", "ShippingInfo")


@pytest.mark.parametrize(
    ("zero", "level", "there"),
    [
        ("all", "", SECTIONS),
        ("all", "0", SECTIONS),
        ("order_only", "0", ()),
        ("all", "2", ("PaymentInfo",)),
        ("all", "12", ("BuyerInfo", "SoldItems")),
        ("order_only", "62", SECTIONS),
        ("all", "32", ("SoldItems",)),
    ],
)
async def test_detail_levels(zero: str, level: str, there: tuple[str, ...]) -> None:
    async with a_sandbox(detail_level_zero=zero) as door:  # detail_level_zero="all" "order_only"
        order = (await door.sold(level=level)).find("Result/Orders/Order")
    assert order is not None
    assert tuple(each for each in SECTIONS if order.find(each) is not None) == there
    assert order.findtext("OrderDate")


@pytest.mark.parametrize(
    ("place", "paths"),
    [("order", {"Tags"}), ("item", {"SoldItems/SoldItem/Tags"}), ("both", {"Tags", "SoldItems/SoldItem/Tags"})],
)
async def test_tags_at(place: str, paths: set[str]) -> None:
    world = small_world(tags_at=place)  # tags_at="order" "item" "both"
    world.afterbuy.orders[101].tags = [TAG]
    async with a_sandbox(world) as door:
        order = (await door.sold(a_filter("OrderID", "101"))).find("Result/Orders/Order")
    assert order is not None
    assert {path for path in ("Tags", "SoldItems/SoldItem/Tags") if order.findtext(f"{path}/Tag") == TAG} == paths


@pytest.mark.parametrize(("value", "count"), [("any", 1), ("items", 0)])
async def test_tags_level(value: str, count: int) -> None:
    world = small_world(tags_level=value)  # tags_level="any" "items"
    world.afterbuy.orders[101].tags = [TAG]
    async with a_sandbox(world) as door:
        assert len(list((await door.sold(level="4")).iter("Tag"))) == count
        assert len(list((await door.sold(level="8")).iter("Tag"))) == 1


@pytest.mark.parametrize(("unit", "weight"), [("kg", "0,34"), ("g", "340")])
async def test_weight_unit(unit: str, weight: str) -> None:
    async with a_sandbox(weight_unit=unit) as door:  # weight_unit="kg" "g"
        items = list((await door.sold(a_filter("OrderID", "101"))).iter("SoldItem"))
    assert [each.findtext("ItemWeight") for each in items] == [weight, ""]


@pytest.mark.parametrize(("value", "weight"), [("piece", "0,345"), ("line", "0,69")])
async def test_set_weight(value: str, weight: str) -> None:
    world = small_world(set_weight=value)  # set_weight="piece" "line"
    item = world.afterbuy.orders[101].items[0]
    item.weight, item.set_parts = Decimal("0.345"), [(7, 2)]
    async with a_sandbox(world) as door:
        (shown, _) = (await door.sold(a_filter("OrderID", "101"))).iter("SoldItem")
    assert shown.findtext("ItemWeight") == weight
    assert shown.findtext("ShopProductDetails/BaseProductData/ChildProduct/ProductQuantity") == "2"


@pytest.mark.parametrize(
    ("value", "number", "shown"),
    [
        ("number", "2024926", "2024926"),
        ("labelled", "2024926", "VOEC: 2024926"),
        ("labelled", "IM2760000742", "IOSS: IM2760000742"),
        ("labelled", "", ""),
        ("absent", "2024926", ""),
    ],
)
async def test_platform_tax_reference(value: str, number: str, shown: str) -> None:
    world = small_world(platform_tax_reference=value)  # platform_tax_reference="number" "labelled" "absent"
    item = world.afterbuy.orders[101].items[0]
    item.tax_reference, item.tax_collected = number, True
    async with a_sandbox(world) as door:
        (sold, _) = (await door.sold(a_filter("OrderID", "101"))).iter("SoldItem")
    assert (sold.findtext("PlatformTaxReference") or "", sold.findtext("TaxCollectedBy")) == (shown, "1")


@pytest.mark.parametrize(("value", "name"), [("once", "Müller & Söhne"), ("twice", "Müller &amp; Söhne")])
async def test_entities(value: str, name: str) -> None:
    async with a_sandbox(entities=value) as door:  # entities="once" "twice"
        answer = await door.sold(a_filter("OrderID", "101"))
    assert answer.findtext("Result/Orders/Order/BuyerInfo/BillingAddress/LastName") == name


async def test_odd_spelling() -> None:
    world = small_world()
    for order in world.afterbuy.orders:
        order.shipping_address = AfterbuyAddress("Erika", "Muster")
    async with a_sandbox(world, odd_spelling="yes") as door:
        odd = await door.sold()
        assert odd.findtext("CallName") == "getsolditems"
        assert {each.tag for each in odd.iter() if each.tag.lower() == "countryiso"} == {"CountryISO", "countryISO"}
        assert len({order[0].tag for order in odd.iter("Order")}) > 1
        world.switches.turn("odd_spelling", "no")
        plain = await door.sold()
        assert plain.findtext("CallName") == "GetSoldItems"
        assert len({order[0].tag for order in plain.iter("Order")}) == 1
    assert sorted(each.tag for each in odd.iter("OrderID")) == sorted(each.tag for each in plain.iter("OrderID"))


async def test_error_place_and_status() -> None:
    async with a_sandbox(error_place="result", error_status="Error") as door:
        answer = await door.afterbuy("Nothing")
        assert (answer.findtext("CallStatus"), answer.findtext("Result/ErrorList/Error/ErrorCode")) == ("Error", "12")
    async with a_sandbox(error_place="root", error_status="Success") as door:
        answer = await door.afterbuy("Nothing")
        assert (answer.findtext("CallStatus"), answer.findtext("ErrorList/Error/ErrorCode")) == ("Success", "12")


async def test_control_characters_never_break_the_document() -> None:
    world = small_world()
    world.afterbuy.orders.add(an_order(106, memo="a\x00b\x1fc", invoice_number="1\x0c2"))
    async with a_sandbox(world) as door:
        order = (await door.sold(a_filter("OrderID", "106"))).find("Result/Orders/Order")
    assert order is not None
    assert (order.findtext("Memo"), order.findtext("InvoiceNumber")) == ("abc", "12")


async def test_every_field_of_an_order() -> None:
    world = small_world()
    order = world.afterbuy.orders[101]
    order.additional_info, order.infos = "00340434", ["", "zwei", ""]
    order.shipping.service, order.shipping.dispatched_at = "DHL", NOW
    order.shipping_address = AfterbuyAddress(
        "Erika", "Muster", "Muster GmbH", "Packstation 12", "123456", "10115", "Berlin"
    )
    async with a_sandbox(world) as door:
        answer = (await door.sold(a_filter("OrderID", "101"))).find("Result/Orders/Order")
    assert answer is not None
    assert {
        "AdditionalInfo": "00340434",
        "VorgangsInfo/VorgangsInfo2": "zwei",
        "PaymentInfo/AlreadyPaid": "1132,10",
        "PaymentInfo/PaymentDate": "24.11.2026 10:30:00",
        "BuyerInfo/BillingAddress/Mail": "joerg@example.org",
        "BuyerInfo/ShippingAddress/Company": "Muster GmbH",
        "BuyerInfo/ShippingAddress/Country": "D",
        "SoldItems/ItemsInOrder": "2",
        "SoldItems/SoldItem/ItemQuantity": "2",
        "SoldItems/SoldItem/InternalItemType": "9",
        "SoldItems/SoldItem/ItemPlatformName": "ebay",
        "SoldItems/SoldItem/ItemOriginalCurrency/ItemPriceCode": "EUR",
        "SoldItems/SoldItem/ShopProductDetails/ProductID": "7",
        "ShippingInfo/ShippingMethod": "DHL Paket",
        "ShippingInfo/DeliveryService": "DHL",
        "ShippingInfo/DeliveryDate": "24.11.2026 10:30:00",
        "ContainseBayPlusTransaction": "false",
    }.items() <= {path: answer.findtext(path) for path in _paths(answer)}.items()
    assert answer.find("BuyerInfo/ShippingAddress/Mail") is None


def _paths(node: ET.Element, above: str = "") -> list[str]:
    found = []
    for child in node:
        own = f"{above}{child.tag}"
        found += [own, *_paths(child, f"{own}/")]
    return found


async def test_a_cancelled_order_has_negative_quantities() -> None:
    world = small_world()
    world.afterbuy.orders[101].cancelled = True
    async with a_sandbox(world) as door:
        answer = await door.sold(a_filter("OrderID", "101"))
    assert [each.findtext("ItemQuantity") for each in answer.iter("SoldItem")] == ["-2", "-1"]


async def test_products() -> None:
    world = small_world()
    world.afterbuy.products |= {number: Product(number, f"P {number}", tags=["neu"]) for number in range(20, 30)}
    async with a_sandbox(world) as door:
        one = await door.afterbuy("GetShopProducts", f"<DataFilter>{a_filter('ProductID', '7', '999')}</DataFilter>")
        (shown,) = one.iter("Product")
        assert [shown.findtext(each) for each in ("Weight", "CustomsTariffNumber", "CountryOfOrigin")] == [
            "0,350",
            "69120025",
            "PT",
        ]
        paged = "<PaginationEnabled>1</PaginationEnabled><MaxShopItems>10</MaxShopItems><PageNumber>2</PageNumber>"
        second = await door.afterbuy("GetShopProducts", paged)
        assert len(list(second.iter("Product"))) == 1
        assert second.findtext("Result/HasMoreProducts") == "0"
        for filters, code in (
            (a_filter("ProductID", "999"), 15),
            (a_filter("ProductID", "x"), 30),
            (a_filter("Level", "1"), 30),
            (a_filter("ProductID", *map(str, range(501))), 50),
            (a_filter("ProductID", "7") * 6, 36),
        ):
            refused = await door.afterbuy("GetShopProducts", f"<DataFilter>{filters}</DataFilter>")
            assert codes(refused) == [code]
        assert codes(await door.afterbuy("GetShopProducts", "<MaxShopItems>251</MaxShopItems>")) == [16]


@pytest.mark.parametrize(("switch", "most"), [("over_quota", 50_000), ("minute_limit", 600)])
@pytest.mark.parametrize(("how", "code"), [("code_14", [14]), ("http_429", None), ("served", [])])
async def test_quotas(switch: str, most: int, how: str, code: list[int] | None) -> None:
    """over_quota="served" "code_14" "http_429", minute_limit="none" "code_14" "http_429"."""
    position = "none" if (switch, how) == ("minute_limit", "served") else how
    async with a_sandbox(**{switch: position}) as door:
        server = next(
            route.handler.__self__ for route in door.sandbox.app.router.routes() if "aspx" in str(route.resource)
        )
        server._days["20261124"] = server._minutes[int(NOW.timestamp() // 60)] = most - 1
        if switch == "minute_limit":
            server._days.clear()
        else:
            server._minutes.clear()
        assert codes(await door.afterbuy("GetAfterbuyTime")) == []
        if code is None:
            request = f"<Request>{GLOBAL}</Request>"
            async with door.http.post(door.sandbox.afterbuy_url, data=request) as answer:
                assert answer.status == 429
        else:
            assert codes(await door.afterbuy("GetAfterbuyTime")) == code
        door.world.clock.advance(timedelta(days=1))
        assert codes(await door.afterbuy("GetAfterbuyTime")) == []


async def test_unknown_elements_are_ignored_and_noted() -> None:
    async with a_sandbox() as door:
        assert listed(await door.sold(extra="<MaxSolditems>1</MaxSolditems>")) == [101, 102, 103, 104, 105]
        (entry,) = [each for each in door.world.journal.entries if each.what == "elements ignored"]
    assert entry.detail == {"elements": ["MaxSolditems"]}
    assert door.world.journal.calls == {"afterbuy GetSoldItems": 1}
