"""Answers of Afterbuy, read as they arrive."""

import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aftersend.afterbuy.answer import (
    MAX_BYTES,
    MAX_PLAIN_BYTES,
    MAX_RECORDS,
    AnswerReader,
    Envelope,
)
from aftersend.afterbuy.fields import plain
from aftersend.afterbuy.mail import read_mail
from aftersend.afterbuy.model import Order, ParcelLabel, UnreadableOrder
from aftersend.afterbuy.products import read_product
from aftersend.afterbuy.reading import read_order, read_written_order
from aftersend.afterbuy.records import MAX_CHARACTERS, MAX_ELEMENTS, Element
from aftersend.errors import Transient
from tests.support.scripted_afterbuy import answer, order, page

FULL = """
<Order>
  <InvoiceNumber>77</InvoiceNumber><OrderID>1000123</OrderID><OrderDate>24.11.2026 09:05:00</OrderDate>
  <AdditionalInfo> 00340434464181524067 </AdditionalInfo><TrackingLink>https://example.org/&lt;-Zinfo-></TrackingLink>
  <ShippingInfo>
    <ShippingMethod><![CDATA[DHL & Söhne]]></ShippingMethod><ShippingTotalCost>4,90</ShippingTotalCost>
    <DeliveryDate>25.11.2026</DeliveryDate><DeliveryService>DHL</DeliveryService>
    <ParcelLabels><ParcelLabel><ItemID>1</ItemID><PackageNumber>1</PackageNumber>
      <ParcelLabelNumber>JJD1</ParcelLabelNumber></ParcelLabel>
      <ParcelLabel><ItemID>2</ItemID><PackageNumber>2</PackageNumber><ParcelLabelNumber/></ParcelLabel></ParcelLabels>
  </ShippingInfo>
  <BuyerInfo>
    <BillingAddress><FirstName>Jörg</FirstName><LastName>Müller</LastName><Company>M&amp;M GmbH</Company>
      <Street>Hauptstr. 12 a</Street><Street2>Hinterhaus</Street2><PostalCode>01234</PostalCode><City>Dresden</City>
      <StateOrProvince/><Country>D</Country><CountryISO>DE</CountryISO><Phone>0351 1</Phone>
      <Mail>joerg@example.org OTTO</Mail></BillingAddress>
    <ShippingAddress><LastName>Nachbar</LastName><Street>Packstation 101</Street><PostalCode>8001</PostalCode>
      <City>Zürich</City><Country>CH</Country><CountryISO></CountryISO></ShippingAddress>
  </BuyerInfo>
  <PaymentInfo><AlreadyPaid>1.112,30</AlreadyPaid><FullAmount>1112,30</FullAmount>
    <PaymentDate>24.11.2026 08:00:00</PaymentDate></PaymentInfo>
  <SoldItems><ItemsInOrder>2</ItemsInOrder>
    <SoldItem><ItemID>1</ItemID><ItemTitle>Teekanne &amp;amp; Tasse &amp;#228;</ItemTitle><ItemQuantity>2</ItemQuantity>
      <ItemPrice>19,95</ItemPrice><ItemWeight>0,34</ItemWeight><Anr>42</Anr><InternalItemType>9</InternalItemType>
      <ItemPlatformName>ebay</ItemPlatformName><Tags><Tag>eilig</Tag></Tags>
      <ItemOriginalCurrency><ItemPrice>21,50</ItemPrice><ItemPriceCode>chf</ItemPriceCode></ItemOriginalCurrency>
      <ShopProductDetails><ProductID>555</ProductID><EAN>4000000000001</EAN><Anr>43</Anr></ShopProductDetails></SoldItem>
    <SoldItem><ItemID>2</ItemID><ItemTitle>Zugabe</ItemTitle><ItemQuantity>1</ItemQuantity><ItemPrice/>
      <ShopProductDetails><ProductID>0</ProductID></ShopProductDetails><ItemWeight></ItemWeight></SoldItem>
  </SoldItems>
  <VorgangsInfo><VorgangsInfo1>eins</VorgangsInfo1><VorgangsInfo3>drei</VorgangsInfo3></VorgangsInfo>
  <Tags><Tag>Sendcloud abgeschlossen</Tag><Tag></Tag></Tags>
  <SomethingNew><Deep><OrderID>9</OrderID></Deep></SomethingNew>
</Order>"""


def elements(document: str | bytes, *, cuts: tuple[int, ...] = ()) -> tuple[Envelope, list[Element]]:
    raw = document.encode() if isinstance(document, str) else document
    found: list[Element] = []
    reader = AnswerReader("Order", found.append)
    for start, end in zip((0, *cuts), (*cuts, len(raw)), strict=True):
        reader.feed(raw[start:end])
    return reader.finish(), found


def orders(document: str | bytes, *, cuts: tuple[int, ...] = ()) -> list[Order | UnreadableOrder]:
    return [read_order(element) for element in elements(document, cuts=cuts)[1]]


def the_order(document: str) -> Order:
    (found,) = orders(document)
    assert isinstance(found, Order)
    return found


def broken_order(path: str, text: str) -> str:
    """An order 7 with one field; items get a quantity, unless that is the field."""
    for name in reversed(path.split("/")):
        quantity = "<ItemQuantity>1</ItemQuantity>" if name == "SoldItem" and "ItemQuantity" not in path else ""
        text = f"<{name}>{text}{quantity}</{name}>"
    return f"<Order>{text}<OrderID>7</OrderID></Order>"


def test_a_full_order() -> None:
    full = the_order(page(FULL))
    assert full.order_id == "1000123"
    assert full.ordered_at is not None
    assert full.ordered_at.astimezone(UTC) == datetime(2026, 11, 24, 8, 5, tzinfo=UTC)
    assert full.additional_info == "00340434464181524067"
    assert full.vorgangs_infos == ("eins", "", "drei")
    assert full.tags == {"Sendcloud abgeschlossen", "eilig"}
    assert full.shipping_method == "DHL & Söhne"
    assert full.shipping_total == Decimal("4.90")
    assert full.delivery_service == "DHL"
    assert full.dispatched_at is not None
    assert full.parcel_labels == (ParcelLabel("1", "1", "JJD1"), ParcelLabel("2", "2", ""))
    assert (full.already_paid, full.full_amount) == (Decimal("1112.30"), Decimal("1112.30"))
    assert full.paid_at is not None
    assert full.sections == {"BuyerInfo", "SoldItems", "ShippingInfo", "PaymentInfo"}
    assert full.has_parcel_number


def test_addresses() -> None:
    full = the_order(page(FULL))
    assert (full.billing.first_name, full.billing.last_name, full.billing.company) == ("Jörg", "Müller", "M&M GmbH")
    assert (full.billing.street, full.billing.street2) == ("Hauptstr. 12 a", "Hinterhaus")
    assert (full.billing.postal_code, full.billing.country, full.billing.phone) == ("01234", "DE", "0351 1")
    assert full.billing.mail == "joerg@example.org"
    assert full.shipping is not None
    assert (full.shipping.street, full.shipping.country, full.shipping.mail) == ("Packstation 101", "CH", "")


def test_items() -> None:
    kettle, gift = the_order(page(FULL)).items
    assert (kettle.item_id, kettle.title, kettle.quantity) == ("1", "Teekanne & Tasse ä", 2)
    assert (kettle.price, kettle.original_price, kettle.currency) == (Decimal("19.95"), Decimal("21.50"), "CHF")
    assert (kettle.weight, kettle.sku, kettle.ean, kettle.product_id) == (Decimal("0.34"), "42", "4000000000001", "555")
    assert (kettle.item_type, kettle.platform) == (9, "ebay")
    assert (gift.price, gift.weight, gift.currency, gift.product_id, gift.item_type) == (None, None, "", "", None)


WRITTEN = (
    "order_id",
    "tags",
    "additional_info",
    "vorgangs_infos",
    "parcel_labels",
    "dispatched_at",
    "delivery_service",
)


@pytest.mark.parametrize("document", [page(FULL), page(FULL.lower()), page(order(1)), page("<Order/>")])
def test_the_write_back_reads_its_fields_as_the_export_does(document: str) -> None:
    _, (element,) = elements(document)
    whole, part = read_order(element), read_written_order(element)
    assert isinstance(whole, Order)
    assert isinstance(part, Order)
    for name in (*WRITTEN, "sections", "is_dispatched", "has_parcel_number"):
        assert getattr(part, name) == getattr(whole, name), name
    assert [item.item_id for item in part.items] == [item.item_id for item in whole.items]


def test_a_number_goes_to_an_order_although_a_field_that_only_the_export_needs_cannot_be_read() -> None:
    _, (element,) = elements(page(FULL.replace("<ItemQuantity>", "<ItemQuantity>x")))
    assert isinstance(read_order(element), UnreadableOrder)
    assert isinstance(read_written_order(element), Order)


def test_the_least_an_order_can_be() -> None:
    bare = the_order(page("<Order/>"))
    assert bare.order_id == "0"
    assert bare.billing.is_empty
    assert bare.shipping is None
    assert (bare.items, bare.tags, bare.sections) == ((), frozenset(), frozenset())
    assert not bare.has_parcel_number


@pytest.mark.parametrize(
    "empty", ["", "<ShippingAddress/>", "<ShippingAddress><LastName>X</LastName><City> </City></ShippingAddress>"]
)
def test_no_shipping_address(empty: str) -> None:
    assert the_order(page(f"<Order><BuyerInfo>{empty}</BuyerInfo></Order>")).shipping is None


def test_letter_case_order_and_namespace_do_not_matter() -> None:
    lower = (
        page(FULL).replace("CountryISO", "countryISO").replace("OrderID", "orderid").replace("SoldItem>", "SOLDITEM>")
    )
    spaced = lower.replace("<Afterbuy>", '<Afterbuy xmlns="urn:x">')
    assert the_order(spaced) == the_order(page(FULL))


@given(st.lists(st.integers(0, len(page(FULL).encode())), max_size=8).map(sorted), st.booleans())
def test_any_split_of_the_bytes_gives_the_same_orders(cuts: list[int], bom: bool) -> None:  # noqa: FBT001
    raw = (b"\xef\xbb\xbf" if bom else b"") + page(FULL).encode()
    assert orders(raw, cuts=tuple(cuts)) == orders(page(FULL))


def test_byte_by_byte() -> None:
    raw = page(FULL).encode()
    assert orders(raw, cuts=tuple(range(1, len(raw)))) == orders(raw)


def test_the_first_text_that_is_not_empty_counts() -> None:
    twice = page(
        "<Order><AdditionalInfo/><AdditionalInfo>A1</AdditionalInfo><AdditionalInfo>B2</AdditionalInfo></Order>"
    )
    assert the_order(twice).additional_info == "A1"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("OrderID", "Meier"),
        ("SoldItems/SoldItem/ItemQuantity", "abc"),
        ("SoldItems/SoldItem/ItemQuantity", ""),
        ("SoldItems/SoldItem/ItemPrice", "x"),
        ("SoldItems/SoldItem/ItemPrice", "19,90 USD"),
    ],
)
def test_an_unreadable_field_spoils_its_own_order_only(path: str, text: str) -> None:
    first, second, third = orders(page(order(1), broken_order(path, text), order(3)))
    assert second == UnreadableOrder("0" if path == "OrderID" else "7", path)
    assert isinstance(first, Order)
    assert isinstance(third, Order)


@pytest.mark.parametrize(("text", "day"), [("24.11.2026 10:00:00", 24), ("Meier", None), ("", None)])
def test_an_unreadable_order_keeps_its_date_if_that_is_readable(text: str, day: int | None) -> None:
    quantity = "<SoldItems><SoldItem><ItemQuantity>abc</ItemQuantity></SoldItem></SoldItems>"
    odd = f"<Order><OrderID>7</OrderID><OrderDate>{text}</OrderDate>{quantity}</Order>"
    (found,) = orders(page(odd))
    assert isinstance(found, UnreadableOrder)
    assert (found.ordered_at.day if found.ordered_at else None) == day


@pytest.mark.parametrize("text", ["24.11.2026", "24.11.2026 10:00:00", "bald", ""])
def test_dates_of_checkout_and_invoice(text: str) -> None:
    found = [
        the_order(page(broken_order("FeedbackDate", text))).feedback_at,
        the_order(page(broken_order("PaymentInfo/InvoiceDate", text))).invoiced_at,
    ]
    assert [each.day if each else None for each in found] == [24 if text.startswith("24") else None] * 2


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("OrderDate", "Meier"),
        ("OrderDate", "31.02.2026 10:00:00"),
        ("ShippingInfo/DeliveryDate", "bald"),
        ("ShippingInfo/DeliveryDate", "31.02.2026"),
        ("ShippingInfo/ShippingTotalCost", "frei"),
        ("PaymentInfo/AlreadyPaid", "alles"),
        ("PaymentInfo/AlreadyPaid", "19,90 USD"),
        ("PaymentInfo/FullAmount", "alles"),
        ("PaymentInfo/PaymentDate", "gestern"),
        ("BuyerInfo/BillingAddress/CountryISO", "XX"),
        ("BuyerInfo/BillingAddress/Country", "Atlantis"),
    ],
)
def test_a_field_that_an_order_can_do_without_is_named_and_left_out(path: str, text: str) -> None:
    odd = the_order(page(broken_order(path, text)))
    assert (odd.order_id, odd.unclear) == ("7", {path})


@pytest.mark.parametrize(
    "path",
    [
        "SoldItems/SoldItem/ItemID",
        "SoldItems/SoldItem/ItemWeight",
        "SoldItems/SoldItem/InternalItemType",
        "SoldItems/SoldItem/ItemOriginalCurrency/ItemPrice",
        "ShippingInfo/ParcelLabels/ParcelLabel/ItemID",
    ],
)
def test_fields_of_items_that_make_no_sense_count_as_absent(path: str) -> None:
    assert the_order(page(broken_order(path, "x"))) == the_order(page(broken_order(path, "")))


@pytest.mark.parametrize(
    ("text", "mail"),
    [
        ("a.b+c@example.org", "a.b+c@example.org"),
        ("  a@example.org  OTTO", "a@example.org"),
        ("müller@exämple.de", "müller@exämple.de"),
        ("Max Meier", ""),
        ("a@b", ""),
        ("a@example.", ""),
        ("<a@example.org>", "a@example.org"),
        ("Max <max@example.org>", "max@example.org"),
        ("a@x.de;b@y.de", "a@x.de"),
        ("a@x.de, b@y.de", "a@x.de"),
        ("mailto:a@example.org", "a@example.org"),
        ("Max: max@example.org (privat)", "max@example.org"),
        ("keine / max@example.org", "max@example.org"),
        ("max.@t-online.de", ""),
        ("max..m@example.org", ""),
        (".max@example.org", ""),
        ("max@example..org", ""),
        ("max@.example.org", ""),
        ("max.@t-online.de max@example.org", "max@example.org"),
        ("a@@example.org", ""),
        ("", ""),
        ("OTTO", ""),
        ("max@example.org.", "max@example.org"),
        ("'max@example.org'", "max@example.org"),
        ("„max@example.org“", "max@example.org"),
        ("\u200bmax@example.org\ufeff", "max@example.org"),
        ("a@x.de|b@y.de", "a@x.de"),
        ("a@x.de/b@y.de", "a@x.de"),
        ("a@x.de&b@y.de", "a@x.de"),
        ("a@x.de und b@y.de", "a@x.de"),
        ("mailto:a@x.de?subject=Hallo", "a@x.de"),
        ("E-Mail: a@x.de!", "a@x.de"),
        ("*a@x.de*", "a@x.de"),
        ("{a@x.de}", "a@x.de"),
        ("o'brien@x.ie", "o'brien@x.ie"),
        ("bounce+max=x.de@y.de", "bounce+max=x.de@y.de"),
        ("8a9b@members.ebay.com", "8a9b@members.ebay.com"),
        ("max@xn--mller-kva.de", "max@xn--mller-kva.de"),
        ("max@-example.org", ""),
        ("max@example-.org", ""),
        ("max@1.2.3.4", ""),
        ("max@example.c", ""),
        ("n/a@n/a.de", ""),
        ("-@-.de", ""),
        ("max@example,org", ""),
        ("max @gmx.de", ""),
        ("ma\x7fx@x.de", ""),
        ("www.max.de", ""),
        (f"{'a' * 65}@example.org", ""),
        (f"{'a' * 250}@example.org", ""),
    ],
)
def test_mail(text: str, mail: str) -> None:
    assert read_mail(text) == mail


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("Hans &amp; Söhne", "Hans & Söhne"),
        ("12&quot; &#228; &#xe4; &auml;", '12" ä ä ä'),
        ("M&M's", "M&M's"),
        ("https://example.org/?a=1&copy=2&currency=EUR", "https://example.org/?a=1&copy=2&currency=EUR"),
        ("&unknownthing;", "&unknownthing;"),
        ("&amp;amp;", "&amp;"),
        ("A & B; C", "A & B; C"),
    ],
)
def test_entities_that_xml_left_over_are_decoded_once(text: str, decoded: str) -> None:
    assert plain(text) == decoded


@pytest.mark.parametrize(
    ("inside", "hs_code", "origin"),
    [
        ("<CustomsTariffNumber>6912 0023</CustomsTariffNumber><CountryOfOrigin>cn</CountryOfOrigin>", "69120023", "CN"),
        ("<CustomsTariffNumber>6912.00</CustomsTariffNumber><CountryOfOrigin>D</CountryOfOrigin>", "691200", "DE"),
        ("<CustomsTariffNumber>Keramik</CustomsTariffNumber><CountryOfOrigin>China</CountryOfOrigin>", "", "CN"),
        ("", "", ""),
    ],
)
def test_products(inside: str, hs_code: str, origin: str) -> None:
    found: list[Element] = []
    reader = AnswerReader("Product", found.append)
    reader.feed(answer(f"<Products><Product><ProductID>5</ProductID>{inside}</Product></Products>").encode())
    reader.finish()
    product = read_product(found[0])
    assert product is not None
    assert (product.product_id, product.hs_code, product.origin_country) == ("5", hs_code, origin)


@pytest.mark.parametrize(
    ("field", "text", "digits"),
    [
        ("CustomsTariffNumber", "HS 620520", "620520"),
        ("CustomsTariffNumber", "6205.20.00", "62052000"),
        ("CustomsTariffNumber", "HS-Code: 6205 20 00", "62052000"),
        ("CustomsTariffNumber", "TARIC 6205200010", "6205200010"),
        ("CustomsTariffNumber", "Zolltarifnummer 62052000", "62052000"),
        ("CustomsTariffNumber", "620", None),
        ("CustomsTariffNumber", "6205", "6205"),
        ("CustomsTariffNumber", "62 05 20 00", "62052000"),
        ("CustomsTariffNumber", "6205.20.00.10", "6205200010"),
        ("CustomsTariffNumber", "6205 20 00 00 0", "62052000000"),
        ("CustomsTariffNumber", "HS-Nr. 620520", "620520"),
        ("CustomsTariffNumber", "HS6 620520", "620520"),
        ("CustomsTariffNumber", "HS6205", "6205"),
        ("CustomsTariffNumber", "HS 2022: 620520", "620520"),
        ("CustomsTariffNumber", "Zolltarif-Nr.: 6205 20 00", "62052000"),
        ("CustomsTariffNumber", "statistische Warennummer 62052000", "62052000"),
        ("CustomsTariffNumber", "ZTN: 62052000", "62052000"),
        ("CustomsTariffNumber", "CN code 62052000", "62052000"),
        ("CustomsTariffNumber", "HTSUS 6205.20.2015", "6205202015"),
        ("CustomsTariffNumber", "'62052000", "62052000"),
        ("CustomsTariffNumber", "6205\t20\xa000", "62052000"),
        ("CustomsTariffNumber", "6205 20 00 (Hemden)", "62052000"),
        ("CustomsTariffNumber", "1012100", None),
        ("CustomsTariffNumber", "62052", None),
        ("CustomsTariffNumber", "62052000.0", None),
        ("CustomsTariffNumber", "6.2052E+07", None),
        ("CustomsTariffNumber", "00000000", None),
        ("CustomsTariffNumber", "99999999", None),
        ("CustomsTariffNumber", "n/a", None),
        ("CustomsTariffNumber", "Tarif" + "-Tarif" * 60, None),
        ("CustomsTariffNumber", "Tarif-Nr.-Code: " * 60 + "620520", "620520"),
        ("CustomsTariffNumber", "620520;620530", None),
        ("CustomsTariffNumber", "ex 6205 20", None),
        ("CustomsTariffNumber", "６２０５", None),
        ("CustomsTariffNumber", "9" * 13, None),
        ("CustomsTariffNumber", "620520 oder 620530", None),
        ("CustomsTariffNumber", "6205-20", None),
        ("CustomsTariffNumber", "Hemd", None),
        ("CountryOfOrigin", "VN/CN", None),
    ],
)
def test_what_is_not_understood_of_a_product_is_named(field: str, text: str, digits: str | None) -> None:
    node = etree.Element("Product")
    etree.SubElement(node, "ProductID").text = "5"
    etree.SubElement(node, field).text = text
    product = read_product(Element(node))
    assert product is not None
    assert product.hs_code == (digits or "")
    assert product.unclear == (frozenset() if digits else {field})


def test_a_product_without_id_is_none() -> None:
    assert read_product(Element(etree.Element("Product"))) is None


def test_the_envelope() -> None:
    envelope, found = elements(answer("<HasMoreItems>1</HasMoreItems><LastOrderID>9</LastOrderID>", status="Warning"))
    assert (envelope.status, envelope.errors, envelope.warnings, found) == ("warning", (), (), [])
    assert (envelope.fields["hasmoreitems"], envelope.fields["lastorderid"]) == ("1", "9")


def test_cdata_may_hold_a_document_type() -> None:
    html = page(
        "<Order><OrderID>1</OrderID><AdditionalInfo><![CDATA[<!DOCTYPE html><p>x</p>]]></AdditionalInfo></Order>"
    )
    assert the_order(html).additional_info == "<!DOCTYPE html><p>x</p>"


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "Meier">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><Afterbuy><CallStatus>&j;</CallStatus></Afterbuy>"
)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "empty_answer"),
        (b"  \r\n", "unparsable"),
        (page(FULL).encode()[:-20], "unparsable"),
        (page(FULL).encode()[: len(FULL) // 2], "unparsable"),
        (page(FULL).encode() + b"<Meier/>", "unparsable"),
        (b"<Afterbuy><CallStatus>\xff\xfe Meier</CallStatus></Afterbuy>", "unparsable"),
        (b"<Afterbuy>Meier &uuml;</Afterbuy>", "unparsable"),
        (b'<?xml version="1.0" encoding="meier"?><Afterbuy>x</Afterbuy>', "unparsable"),
        (b"Meier ist nicht da", "unparsable"),
        (b"<!DOCTYPE html><html><body>Wartung bei Meier</body></html>", "document_type"),
        (b'<!DOCTYPE Afterbuy SYSTEM "file:///etc/passwd"><Afterbuy/>', "document_type"),
        (b"<html><body><p>Wartung bei Meier</p></body></html>", "not_an_answer"),
        (BOMB.encode(), "document_type"),
        (b"<Afterbuy>" + b"<x>" * 10_000, "unparsable"),
        (page("<Order/>" * (MAX_RECORDS + 1)).encode(), "too_many_records"),
        (page("<Order>" + "<x/>" * MAX_ELEMENTS + "</Order>").encode(), "record_too_large"),
        (page("<Order><x>" + "&amp;" * (MAX_CHARACTERS // 5) + "</x></Order>").encode(), "record_too_large"),
    ],
)
def test_what_is_no_answer_is_transient_and_quotes_nothing(document: bytes, code: str) -> None:
    for cuts in ((), tuple(range(1, min(len(document), 400)))):
        with pytest.raises(Transient) as caught:
            elements(document, cuts=cuts)
        assert (caught.value.code, caught.value.upstream) == (code, "afterbuy")
        assert "Meier" not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_endless_answers_are_refused_while_reading_in_constant_memory() -> None:
    noise = b"<Noise><Deep>" + b"x" * 1000 + b"</Deep></Noise>"
    for start in (b"<Afterbuy><Result><Orders>", b"<Afterbuy><Result><Orders><Order>"):
        reader, fed = AnswerReader("Order"), 0
        reader.feed(start)
        tracemalloc.start()
        with pytest.raises(Transient, match="record_too_large"):  # noqa: PT012 - the chunk that is refused matters
            while True:
                fed += len(noise)
                reader.feed(noise)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert fed <= MAX_CHARACTERS + len(noise)
        assert peak < 3 * MAX_CHARACTERS


def test_no_answer_is_longer_than_its_limit() -> None:
    reader = AnswerReader("Order")
    reader.feed(b"<Afterbuy><Result><Orders>")
    many = order().encode() * 10 + b"<Order>" + b" " * (MAX_CHARACTERS - 20_000) + b"</Order>"
    for _ in range((MAX_BYTES - 100) // len(many)):
        reader.feed(many)
    with pytest.raises(Transient, match="answer_too_large"):
        reader.feed(many)


def test_an_answer_without_records_is_small() -> None:
    reader = AnswerReader()
    reader.feed(b"<Afterbuy>" + b" " * (MAX_PLAIN_BYTES - 10))
    with pytest.raises(Transient, match="answer_too_large"):
        reader.feed(b" ")


def test_orders_are_forgotten_once_handed_over() -> None:
    reader, count = AnswerReader("Order", lambda _: None), 900
    reader.feed(b"<Afterbuy><Result><Orders>")
    raw = FULL.encode() * 10
    reader.feed(raw)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(count // 10):
        reader.feed(raw)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 100_000


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])), st.sampled_from(["Street", "LastName"]))
def test_any_text_survives(text: str, name: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found = the_order(
        page(f"<Order><BuyerInfo><BillingAddress><{name}>{escaped}</{name}></BillingAddress></BuyerInfo></Order>")
    )
    value = found.billing.street if name == "Street" else found.billing.last_name
    assert value == plain(text.strip()).strip()


@pytest.mark.parametrize(
    ("typed", "expected"), [("1", True), ("true", True), ("0", False), ("", False), ("vielleicht", False)]
)
def test_whether_the_buyer_is_a_business(typed: str, expected: bool) -> None:  # noqa: FBT001 - a column
    found = the_order(page(broken_order("BuyerInfo/BillingAddress/IsMerchant", typed)))
    assert (found.is_merchant, found.unclear) == (expected, frozenset())


@pytest.mark.parametrize(("typed", "expected"), [(" DE 123456789 ", "DE 123456789"), ("", ""), ("0", "")])
def test_the_tax_id_of_an_address_is_kept_as_typed(typed: str, expected: str) -> None:
    assert the_order(page(broken_order("BuyerInfo/BillingAddress/TaxIDNumber", typed))).billing.tax_id == expected


def test_the_number_under_which_a_marketplace_pays_the_tax() -> None:
    (item,) = the_order(page(broken_order("SoldItems/SoldItem/PlatformTaxReference", "2024926"))).items
    assert (item.tax_reference, item.is_tax_collected) == ("2024926", False)
    (item,) = the_order(page(broken_order("SoldItems/SoldItem/TaxCollectedBy", "1"))).items
    assert (item.tax_reference, item.is_tax_collected) == ("", True)
