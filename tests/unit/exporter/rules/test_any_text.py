"""Any text in any field: an order is read, decided and mapped without an exception, and nothing in it is invented."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftersend.afterbuy.answer import AnswerReader
from aftersend.afterbuy.model import Order, UnreadableOrder
from aftersend.afterbuy.products import read_product
from aftersend.afterbuy.reading import read_order
from aftersend.afterbuy.records import Element
from aftersend.sendcloud.model import PushOrder
from aftersend.tenant.document import Export, Only
from aftersend_exporter.rules.eligibility import eligibility, unclear_path
from aftersend_exporter.rules.fallback import fallback_order
from aftersend_exporter.rules.items import ACCOUNT_CURRENCY
from aftersend_exporter.rules.notices import missing_data
from aftersend_exporter.rules.order_mapping import fingerprint, push_order
from tests.support.order_kit import NOW, RULES
from tests.support.scripted_afterbuy import answer, page

ITEM, LABEL = "SoldItems/SoldItem", "ShippingInfo/ParcelLabels/ParcelLabel"
BILLING, SHIPPING = "BuyerInfo/BillingAddress", "BuyerInfo/ShippingAddress"
LINES = ("FirstName", "LastName", "Company", "Street", "Street2", "PostalCode", "City", "StateOrProvince")
FIELDS = (
    *("OrderID", "OrderDate", "AdditionalInfo", "Tags/Tag", "VorgangsInfo/VorgangsInfo1"),
    *(
        f"{place}/{name}"
        for place in (BILLING, SHIPPING)
        for name in (*LINES, "Country", "CountryISO", "Phone", "Mail")
    ),
    *(
        f"{ITEM}/{name}"
        for name in ("ItemID", "ItemTitle", "ItemQuantity", "ItemPrice", "ItemWeight", "InternalItemType")
    ),
    *(
        f"{ITEM}/{name}"
        for name in ("Anr", "ItemPlatformName", "ShopProductDetails/ProductID", "ShopProductDetails/EAN")
    ),
    *(f"{ITEM}/ItemOriginalCurrency/{name}" for name in ("ItemPrice", "ItemPriceCode")),
    *(
        f"PaymentInfo/{name}"
        for name in ("AlreadyPaid", "FullAmount", "PaymentDate", "PaymentFunction", "PaymentMethod")
    ),
    *(f"ShippingInfo/{name}" for name in ("ShippingMethod", "ShippingTotalCost", "DeliveryDate", "DeliveryService")),
    *(f"{LABEL}/{name}" for name in ("ItemID", "PackageNumber")),
)
USUAL = {
    "OrderID": "7",
    "OrderDate": "24.11.2026 09:05:00",
    f"{BILLING}/LastName": "Erfunden",
    f"{BILLING}/Street": "Ahornweg 7",
    f"{BILLING}/City": "Genf",
    f"{BILLING}/CountryISO": "CH",
    f"{ITEM}/ItemQuantity": "1",
    f"{ITEM}/ItemPrice": "9,90",
    "PaymentInfo/FullAmount": "9,90",
}
EXTREMES = (
    *(
        "9" * 30,
        "9" * 12,
        "9" * 4300,
        "-" + "9" * 11,
        "0," + "0" * 20 + "1",
        "999999999999,995",
        "18446744073709551616",
    ),
    *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00+14:00"),
    *(
        "31.12.9998 23:59:59",
        "29.03.2026 02:30",
        "NaN",
        "Infinity",
        "1e999",
        "-0",
        "\u0660",
        "\u00bd",
        "\U0001f600",
        "\u202e",
        " ",
    ),
    *(
        "a@" + "b." * 120 + "de",
        "(" * 250,
        "a" * 5000,
        "&#0;&amp;#xD800;",
        "A" * 4000 + "@",
        "\r\n\t",
        "Weg " * 60 + "5",
    ),
)
PIECES = st.sampled_from(
    [*"0159,.-+/ '\u20ac:TZ", "kg", "EUR", "2026", "Weg", "OG", "c/o", "@", ".de", "CH", "US", "NY", "b", "\u00e4"]
)
TEXTS = st.sampled_from(EXTREMES) | st.lists(PIECES, max_size=10).map("".join) | st.text(max_size=40)


@dataclass(frozen=True)
class Typed:
    """An order as its fields were typed."""

    fields: dict[str, str]

    def xml(self) -> str:
        """Nest the fields; sections of one name are merged as Afterbuy has them."""
        return f"<Order>{_nested({tuple(path.split('/')): text for path, text in self.fields.items()})}</Order>"


def _nested(fields: dict[tuple[str, ...], str]) -> str:
    text = ""
    for name in dict.fromkeys(path[0] for path in fields):
        below = {path[1:]: value for path, value in fields.items() if path[0] == name}
        text += f"<{name}>{escape(below[()]) if () in below else _nested(below)}</{name}>"
    return text


def read(typed: Typed) -> Order | UnreadableOrder:
    found: list[Element] = []
    reader = AnswerReader("Order", found.append)
    reader.feed(page(typed.xml()).encode("utf-8", "surrogatepass"))
    reader.finish()
    return read_order(found[0])


def pushed(order: Order) -> PushOrder:
    push = push_order(order, integration=7, rules=RULES, products={}, now=NOW)
    assert fingerprint(push, mac=lambda raw: str(len(raw)))
    assert missing_data((), push, now=1) is not None
    in_euros = push_order(order, integration=7, rules=RULES, products={}, now=NOW, currency=ACCOUNT_CURRENCY)
    for each in (push, in_euros):
        assert not re.search(rb":(?:NaN|-?Infinity)", msgspec.json.encode(each))
    return push


def way(typed: Typed) -> PushOrder | None:
    """The whole way of one order to its body; None if it does not go."""
    order = read(typed)
    if isinstance(order, UnreadableOrder):
        assert order.path in {*FIELDS, "Order"}
        return None
    beginning = datetime(2026, 1, 1, tzinfo=UTC)
    decision = eligibility(order, rules=Export(only=Only(paid=True)), beginning=beginning, now=NOW)
    assert unclear_path(order, decision, beginning=beginning) in {*FIELDS, ""}
    return pushed(order)


@pytest.mark.parametrize("field", FIELDS)
def test_no_extreme_in_any_field_ends_a_run(field: str) -> None:
    for text in EXTREMES:
        way(Typed({**USUAL, field: text}))


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(FIELDS), TEXTS, max_size=6))
def test_no_texts_together_end_a_run(texts: dict[str, str]) -> None:
    way(Typed({**USUAL, **texts}))


ADDRESS_PIECES = st.sampled_from(
    [
        *("1", "7", "12", "1945", "b", "/", "-", ",", ".", "Ring", "Str.", "rue", "bis", "Nr.", "OG", "c/o", "Juni"),
        *("Packstation", "Postfach", " ", "  ", "145", "Postnr", "1234567", "Paketshop", "DHL", "0221", "Kundennr"),
        "\u00df",
    ]
)
ALLOWED = st.characters(exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="&")
ADDRESS_TEXTS = st.lists(ADDRESS_PIECES, max_size=10).map("".join) | st.text(ALLOWED, max_size=60)


@settings(max_examples=150)
@given(
    st.fixed_dictionaries(dict.fromkeys(LINES, ADDRESS_TEXTS)),
    st.sampled_from(["DE", "AT", "CH", "FR", "IT", "NL", "BE", "GB", "US", "CA", "", "XX"]),
)
def test_no_address_invents_anything(lines: dict[str, str], country: str) -> None:
    fields = {f"{SHIPPING}/{name}": text for name, text in lines.items()} | {f"{SHIPPING}/CountryISO": country}
    push = way(Typed({**USUAL, **fields}))
    if push is None or push.shipping_address.city == USUAL[f"{BILLING}/City"]:
        return
    typed = " ".join([*lines.values(), *USUAL.values()])
    divided = fallback_order(push, "shipping_address/house_number", in_account_currency=lambda: push)
    for address in (each.shipping_address for each in (push, divided) if each):
        sent = [address.name, address.address_line_1, address.postal_code, address.city, address.house_number or ""]
        sent += [address.address_line_2 or "", address.company_name or ""]
        assert set(re.findall(r"\d+", " ".join(sent))) <= set(re.findall(r"\d+", typed))
    if push.service_point_details:
        assert push.service_point_details.post_number in re.findall(r"\d+", typed)
    if divided:
        number = str(divided.shipping_address.house_number)
        assert number in " ".join(f"{lines['Street']} {lines['Street2']}".split())
        assert number[0] in "123456789"


@given(st.dictionaries(st.sampled_from(["ProductID", "CustomsTariffNumber", "CountryOfOrigin"]), TEXTS, max_size=3))
def test_no_text_of_a_product_declares_anything_false(texts: dict[str, str]) -> None:
    found: list[Element] = []
    inside = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in texts.items())
    reader = AnswerReader("Product", found.append)
    reader.feed(answer(f"<Products><Product>{inside}</Product></Products>").encode("utf-8", "surrogatepass"))
    reader.finish()
    product = read_product(found[0])
    if product:
        assert set(product.hs_code) <= set(texts.get("CustomsTariffNumber", ""))
        assert len(product.origin_country) in {0, 2}
