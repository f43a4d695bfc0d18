"""One record that is no XML spoils no other record, and no more of itself than it must."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aftersend.afterbuy.answer import AnswerReader
from aftersend.afterbuy.model import Order, UnreadableOrder
from aftersend.afterbuy.products import read_product
from aftersend.afterbuy.reading import read_order
from aftersend.afterbuy.records import Element
from aftersend.afterbuy.sold_items import SoldItemsPage
from aftersend.errors import Transient
from tests.support.scripted_afterbuy import answer, order, page

MARK = "##"


def read(document: bytes, cut: int = 0) -> list[Order | UnreadableOrder]:
    found: list[Element] = []
    reader = AnswerReader("Order", found.append)
    reader.feed(document[:cut])
    reader.feed(document[cut:])
    reader.finish()
    return [read_order(element) for element in found]


def around(odd: bytes, *, field: str = "AdditionalInfo") -> bytes:
    """A page of three orders; the second one has these bytes in one field."""
    second = order(2, f"<{field}>{MARK}</{field}>")
    before, after = page(order(1), second, order(3)).encode().split(MARK.encode())
    return before + odd + after


CALM = (read(page(order(1)).encode())[0], read(page(order(3)).encode())[0])

READ_WITHOUT = {
    b"Bitte&#0;klingeln": "Bitteklingeln",
    b"a\x0bb\x1fc\x00d\x0ce\x08f": "abcdef",
    b"a&#55357;&#56838;b": "ab",
    b"a&#xD83D;b": "ab",
    b"a&#x1F;b&#11;c": "abc",
    b"a&#xFFFF;b&#65534;c": "abc",
    b"a&#x110000;b&#9999999999;c": "abc",
    "a￿b￾c".encode(): "abc",
    b"a\xed\xa0\xbdb": "ab",
    b"M\xfcller": "Mller",
    b"a\xc3": "a",
    b"a\xf0\x9f\x98": "a",
    b"a&nbsp;b": "a\xa0b",
    b"&auml;&Ouml;&euro;": "äÖ€",
    b"&foo;": "&foo;",
    b"Max & Moritz": "Max & Moritz",
    b"A&B;&": "A&B;&",
    b"&#;&#x;&#12a;": "&#;&#x;&#12a;",
    b"<3": "<3",
    b"1 < 2 <= 3 <": "1 < 2 <= 3 <",
    b"<->": "<->",
    b"a]]>b": "a]]>b",
    b"<![CDATA[a": "<![CDATA[a",
    b"<![CDATA[a\x00&b]]>": "a&b",
    b"<!-- a": "<!-- a",
    b"<b>": "<b>",
    b"</b>": "</b>",
    b"<Ring> & <Kette>": "<Ring> & <Kette>",
    b'<a href="x">': '<a href="x">',
    b"<a href=x>y": "<a href=x>y",
    b"<?php": "<?php",
    b"<!DOCTYPE html>": "<!DOCTYPE html>",
    b"&lt;b&gt; & ok": "<b> & ok",
    b"&#X41;&#X1F;&#x00000041;&#00000000;&#x000000000000;": "AA",
    b"a&amp;#55357;&amp;#0;b & c": "ab & c",
    b"<o:p>x</o:p> & y": "& y",
    b"Fa. <max@example.org>": "Fa. <max@example.org>",
    b"<p class=MsoNormal>x": "<p class=MsoNormal>x",
    b"&copy 2026 &eacute": "&copy 2026 &eacute",
    b"100 &#37 &#8364 5": "100 &#37 &#8364 5",
    b"\x80\x85 \xf8\x88\x80\x80\x80\xc0\x80": "",
    b"${x} {{y}} %s \\u0000": "${x} {{y}} %s \\u0000",
}


@pytest.mark.parametrize(("odd", "text"), READ_WITHOUT.items())
def test_what_xml_forbids_is_left_out_and_what_it_would_escape_is_text(odd: bytes, text: str) -> None:
    first, second, third = read(around(odd))
    assert (first, third) == CALM
    assert isinstance(second, Order)
    assert second.additional_info == text


FORBIDDEN = (*range(0x9), 0xB, 0xC, *range(0xE, 0x20), 0xD800, 0xDABC, 0xDFFF, 0xFFFE, 0xFFFF)
"""Each control character, halves of surrogate pairs, and the two that are no characters."""
PLACES = {
    "field": "<AdditionalInfo>a##b</AdditionalInfo>",
    "field that is not read": "<AdditionalInfo>ab</AdditionalInfo><Memo>##</Memo>",
    "attribute": '<AdditionalInfo note="##">ab</AdditionalInfo>',
    "attribute in single quotes": "<AdditionalInfo note='x##'>ab</AdditionalInfo>",
    "text that looks like a tag": "<AdditionalInfo>ab</AdditionalInfo><Memo><br##></Memo>",
    "CDATA": "<AdditionalInfo><![CDATA[a##b]]></AdditionalInfo>",
    "comment": "<AdditionalInfo>ab</AdditionalInfo><!-- ## -->",
    "between fields": "##<AdditionalInfo>ab</AdditionalInfo>##",
    "deep": "<AdditionalInfo>ab</AdditionalInfo><PaymentInfo><Deep><Street>##</Street></Deep></PaymentInfo>",
}
SPELLINGS = {
    "raw": lambda code: chr(code).encode("utf-8", "surrogatepass"),
    "decimal": lambda code: b"&#%d;" % code,
    "decimal with zeros": lambda code: b"&#%09d;" % code,
    "hexadecimal": lambda code: b"&#x%x;" % code,
    "hexadecimal in capitals": lambda code: b"&#X%X;" % code,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_character_that_xml_forbids_costs_an_order_wherever_it_stands(place: str, spelling: str) -> None:
    for code in FORBIDDEN:
        odd = SPELLINGS[spelling](code)
        document = page(order(1), order(2, PLACES[place]), order(3)).encode().replace(b"##", odd)
        first, second, third = read(document)
        assert (first, third) == CALM
        assert isinstance(second, Order), code
        assert second.additional_info == "ab", code


UNREADABLE = (b"</AdditionalInfo></Order>", b"<Order>", b"<b><i></b></i>", b"</Order></Orders></Result></Afterbuy>")


@pytest.mark.parametrize("odd", [*READ_WITHOUT, *UNREADABLE])
@pytest.mark.parametrize("field", ["UserComment", "Memo", "SomethingNew"])
def test_fields_that_are_not_read_spoil_no_neighbour_either(odd: bytes, field: str) -> None:
    found = read(around(odd, field=field))
    assert (found[0], found[-1]) == CALM


@pytest.mark.parametrize("odd", UNREADABLE)
def test_an_order_that_cannot_be_read_is_named(odd: bytes) -> None:
    first, *odd_ones, third = read(around(odd))
    assert (first, third) == CALM
    assert odd_ones == [UnreadableOrder("2", "Order")]


@given(st.binary(max_size=60), st.integers(0, 2000))
@example(b"</Order><Order>", 0)
@example(b"</Order></Orders>", 0)
@example(b"<![CDATA[", 0)
@example(b"<!--", 0)
@example(b"]]>", 0)
@example(b"<Order/>", 0)
@example(b"<Order><OrderID>1</OrderID></Order>", 0)
def test_any_bytes_in_one_order_leave_the_others_untouched(odd: bytes, cut: int) -> None:
    found = read(around(odd), cut)
    assert (found[0], found[-1]) == CALM


PIECES = st.sampled_from([*"<>&/;#'\"= x", "<![CDATA[", "]]>", "<!--", "-->", "</", "Order", "Orders", "<b"])


@given(st.lists(PIECES, max_size=12).map("".join), st.integers(0, 2000))
def test_any_markup_in_one_order_leaves_the_others_untouched(odd: str, cut: int) -> None:
    found = read(around(odd.encode()), cut)
    assert (found[0], found[-1]) == CALM


@pytest.mark.parametrize("position", [1, 2, 3])
def test_the_odd_order_may_stand_anywhere(position: int) -> None:
    orders = [order(number, "<Memo>&nbsp;<3 & \x0b</Memo>" if number == position else "") for number in (1, 2, 3)]
    found = read(page(*orders).encode())
    assert [isinstance(each, Order) and each.order_id for each in found] == ["1", "2", "3"]


@pytest.mark.parametrize(("opened", "closed"), [("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>")])
def test_what_one_order_opens_and_the_next_one_closes_hides_neither(opened: str, closed: str) -> None:
    odd = (order(2, f"<Memo>{opened}</Memo>"), order(4, f"<Memo>{closed}</Memo>"))
    found = read(page(order(1), *odd, order(3)).encode())
    assert [each.order_id for each in found] == ["1", "2", "4", "3"]


def test_orders_whose_end_is_spelled_otherwise_are_read_each() -> None:
    mixed = [order(number).replace("</Order>", end) for number, end in enumerate(("</Order>", "</ORDER >", "</Order>"))]
    document = page(*mixed, order(9)).replace("<Order><OrderID>1<", "<ORDER><OrderID>1<").encode()
    for cut in range(0, len(document), 7):
        assert [each.order_id for each in read(document, cut)] == ["0", "1", "2", "9"]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1252", "utf-16", "ISO-8859-15", "latin1", "UTF8"])
def test_the_declared_encoding_counts(encoding: str) -> None:
    document = page(order(1, "<AdditionalInfo>Größe</AdditionalInfo>")).replace("utf-8", encoding)
    for cut in range(60):
        (found,) = read(document.encode(encoding), cut)
        assert isinstance(found, Order)
        assert found.additional_info == "Größe"


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("utf-16", "utf-8"),
        ("UTF-16LE", "utf-8"),
        ("utf-32", "utf-8"),
        ("us-ascii", "utf-8"),
        ("ASCII", "utf-8"),
        ("cp037", "utf-8"),
        ("iso-8859-1", "windows-1252"),
        ("latin-1", "windows-1252"),
        ("undefined", "utf-8"),
        ("utf-16", "utf-8-sig"),
    ],
)
def test_an_encoding_that_cannot_be_meant_costs_no_letter(declared: str, written: str) -> None:
    document = page(order(1, "<AdditionalInfo>Größe 5 € – „x“</AdditionalInfo>")).replace("utf-8", declared)
    (found,) = read(document.encode(written))
    assert isinstance(found, Order)
    assert found.additional_info == "Größe 5 € – „x“"


@pytest.mark.parametrize("name", ["hex", "base64", "zlib", "bz2", "rot13", "idna", "uu", "quopri", "x-user-defined"])
def test_a_declaration_that_names_no_encoding_of_text_is_a_fault_of_the_answer(name: str) -> None:
    with pytest.raises(Transient, match="unparsable"):
        read(page(order(1)).replace("utf-8", name).encode())


def test_half_a_character_of_utf_16_is_left_out() -> None:
    document = page(order(1), order(2, "<AdditionalInfo>a\ud83db</AdditionalInfo>"), order(3)).replace(
        "utf-8", "utf-16"
    )
    first, second, third = read(document.encode("utf-16", "surrogatepass"))
    assert (first, third) == CALM
    assert isinstance(second, Order)
    assert second.additional_info == "ab"


def test_prefixes_that_the_envelope_declares_are_known_in_records() -> None:
    document = page(order(1, '<Memo x:nil="true"/><x:AdditionalInfo>A1</x:AdditionalInfo>')).replace(
        "<Afterbuy>", '<Afterbuy xmlns:x="urn:x">'
    )
    (found,) = read(document.encode())
    assert isinstance(found, Order)
    assert found.additional_info == "A1"


def test_whatever_stands_between_orders_joins_none() -> None:
    between = ("<!-- x -->", "\r\n" * 3000, "<Unknown/>", "<?x y?>")
    document = page(*(part for gap in between for part in (order(1), gap)), order(3)).encode()
    assert read(document) == [CALM[0]] * len(between) + [CALM[1]]


@pytest.mark.parametrize("odd", [*READ_WITHOUT, *UNREADABLE])
def test_an_odd_product_spoils_no_other(odd: bytes) -> None:
    product = "<Product><ProductID>{}</ProductID><Memo>{}</Memo><CountryOfOrigin>CN</CountryOfOrigin></Product>"
    text = answer("<Products>" + "".join(product.format(n, MARK if n == 2 else "") for n in (1, 2, 3)) + "</Products>")
    before, after = text.encode().split(MARK.encode())
    found: list[Element] = []
    reader = AnswerReader("Product", found.append)
    reader.feed(before + odd + after)
    reader.finish()
    known = {product.product_id: product for each in found if (product := read_product(each))}
    assert {known["1"].origin_country, known["3"].origin_country} == {"CN"}


PRODUCT = "<Product><ProductID>{}</ProductID><Memo>{}</Memo><CountryOfOrigin>CN</CountryOfOrigin></Product>"


@given(st.binary(max_size=60) | st.lists(PIECES, max_size=12).map("".join).map(str.encode))
@example(b"</Product><Product>")
@example(b"</Product></Products>")
def test_any_bytes_in_one_product_leave_the_others_untouched(odd: bytes) -> None:
    text = answer("<Products>" + "".join(PRODUCT.format(n, MARK if n == 2 else "") for n in (1, 2, 3)) + "</Products>")
    before, after = text.encode().split(MARK.encode())
    found: list[Element] = []
    reader = AnswerReader("Product", found.append)
    reader.feed(before + odd + after)
    reader.finish()
    first, last = read_product(found[0]), read_product(found[-1])
    assert first is not None
    assert last is not None
    assert (first.product_id, first.origin_country, last.product_id, last.origin_country) == ("1", "CN", "3", "CN")


@given(st.binary(max_size=60))
@example(b"</Order><Order><OrderID>1</OrderID></Order><Order>")
@example(b"</Order><Order><OrderID>3</OrderID></Order><Order>")
def test_any_bytes_in_one_watched_order_leave_the_others_untouched(odd: bytes) -> None:
    sold = SoldItemsPage()
    reader = AnswerReader("Order", sold.take)
    reader.feed(around(odd))
    reader.finish()
    shown = sold.only({"1", "2", "3"})
    assert (shown.orders[0], shown.orders[-1]) == CALM
    assert {each.order_id for each in (*shown.orders, *shown.unreadable)} <= {"1", "2", "3"}


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_truncated_answer_stays_a_fault_of_the_answer(cut: int) -> None:
    document = page(order(1), order(2)).encode()
    with pytest.raises(Transient, match="unparsable"):
        read(document[:-cut])
