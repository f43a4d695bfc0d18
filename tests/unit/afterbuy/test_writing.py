"""Requests to Afterbuy, parsed again by another parser."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.afterbuy import writing
from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.afterbuy.model import OrderChange, ParcelLabel
from aftersend.errors import Bug, Misconfigured
from aftersend.secrets import SecretFiles
from tests.support.scripted_afterbuy import KEYS

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
XML_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


def parsed(document: writing.Document) -> ET.Element:
    return ET.fromstring(document.body)


def written(**change: Any) -> ET.Element:
    change = {"order_id": "7", **change}
    found = parsed(writing.update_sold_items(KEYS, [OrderChange(**change)])).find("Orders/Order")
    assert found is not None
    return found


def texts(element: ET.Element, path: str) -> list[str | None]:
    return [each.text for each in element.findall(path)]


def test_the_head() -> None:
    document = writing.get_time(AfterbuyCredentials("p-token", "a-token", "1234"))
    assert document.call == "GetAfterbuyTime"
    assert document.body.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    head = parsed(document).find("AfterbuyGlobal")
    assert head is not None
    assert [(each.tag, each.text) for each in head] == [
        ("PartnerToken", "p-token"),
        ("AccountToken", "a-token"),
        ("PartnerID", "1234"),
        ("CallName", "GetAfterbuyTime"),
        ("DetailLevel", "0"),
        ("ErrorLanguage", "DE"),
    ]


def test_no_partner_id_no_element() -> None:
    assert parsed(writing.get_time(KEYS)).find("AfterbuyGlobal/PartnerID") is None


def test_keys_and_bodies_stay_out_of_repr() -> None:
    keys = AfterbuyCredentials("secret-1", "secret-2", "secret-3")
    assert "secret" not in repr(keys)
    assert "secret" not in repr(writing.get_time(keys))


def test_sold_items() -> None:
    start, end = datetime(2026, 11, 22, 23, 0, tzinfo=UTC), datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    filters = [writing.date_filter("ModDate", start, end), writing.range_filter(42)]
    request = parsed(writing.get_sold_items(KEYS, filters, detail=30))
    assert texts(request, "AfterbuyGlobal/DetailLevel") == ["30"]
    assert texts(request, "RequestAllItems") == ["0"]
    assert texts(request, "MaxSoldItems") == ["250"]
    assert texts(request, "OrderDirection") == ["0"]
    assert texts(request, "DataFilter/Filter/FilterName") == ["DateFilter", "RangeID"]
    assert texts(request, "DataFilter/Filter/FilterValues/DateFrom") == ["23.11.2026 00:00:00"]
    assert texts(request, "DataFilter/Filter/FilterValues/DateTo") == ["01.07.2026 12:00:00"]
    assert texts(request, "DataFilter/Filter/FilterValues/FilterValue") == ["ModDate"]
    assert texts(request, "DataFilter/Filter/FilterValues/ValueFrom") == ["42"]


def test_orders_and_products_by_id() -> None:
    request = parsed(writing.get_sold_items(KEYS, [writing.order_id_filter(["1", "2"])], detail=0))
    assert texts(request, "DataFilter/Filter/FilterValues/FilterValue") == ["1", "2"]
    request = parsed(writing.get_products(KEYS, ["5", "6"]))
    assert texts(request, "DataFilter/Filter/FilterName") == ["ProductID"]
    assert texts(request, "DataFilter/Filter/FilterValues/FilterValue") == ["5", "6"]
    assert texts(request, "MaxShopItems") == ["250"]


def test_a_whole_change() -> None:
    order = written(
        additional_info="A1, B2",
        vorgangs_info=(2, "https://example.org/?a=1&b=2"),
        delivery_service="DHL",
        dispatched_at=NOON,
        parcel_labels=(ParcelLabel("9", "1", "A1"), ParcelLabel("9", "2", "B2")),
        add_tags=("Sendcloud abgeschlossen", "fertig"),
    )
    assert texts(order, "OrderID") == ["7"]
    assert texts(order, "AdditionalInfo") == ["A1, B2"]
    assert texts(order, "VorgangsInfo/VorgangsInfo2") == ["https://example.org/?a=1&b=2"]
    assert texts(order, "ShippingInfo/DeliveryService") == ["DHL"]
    assert texts(order, "ShippingInfo/DeliveryDate") == ["24.11.2026 12:00:00"]
    labels = "ShippingInfo/ParcelLabels/ParcelLabel"
    assert texts(order, f"{labels}/ItemID") == ["9", "9"]
    assert texts(order, f"{labels}/PackageNumber") == ["1", "2"]
    assert texts(order, f"{labels}/ParcelLabelNumber") == ["A1", "B2"]
    assert [each.tag for each in order.findall("Tags/*")] == ["UpdateAction", "Tag", "Tag"]
    assert texts(order, "Tags/*") == ["1", "Sendcloud abgeschlossen", "fertig"]


@pytest.mark.parametrize(
    ("change", "elements"),
    [
        ({"additional_info": "A1"}, ["OrderID", "AdditionalInfo"]),
        ({"add_tags": ("x",)}, ["OrderID", "Tags"]),
        ({"add_tags": ("", "\x01")}, ["OrderID"]),
        ({"delivery_service": "DHL"}, ["OrderID", "ShippingInfo"]),
        ({"delivery_service": ""}, ["OrderID"]),
        ({"vorgangs_info": (1, " ")}, ["OrderID"]),
        ({"additional_info": "\x00\t \x1f"}, ["OrderID"]),
    ],
)
def test_only_what_is_wanted_is_written(change: dict[str, Any], elements: list[str]) -> None:
    assert [each.tag for each in written(**change)] == elements


@given(
    st.builds(
        OrderChange,
        order_id=st.just("7"),
        additional_info=st.none() | XML_TEXT,
        vorgangs_info=st.none() | st.tuples(st.integers(1, 3), XML_TEXT),
        delivery_service=st.none() | XML_TEXT,
        dispatched_at=st.none() | st.just(NOON),
        add_tags=st.lists(XML_TEXT, max_size=3).map(tuple),
        parcel_labels=st.lists(st.builds(ParcelLabel, XML_TEXT, XML_TEXT, XML_TEXT), max_size=2).map(tuple),
    )
)
def test_no_element_is_ever_empty(change: OrderChange) -> None:
    request = parsed(writing.update_sold_items(KEYS, [change]))
    for element in request.iter():
        assert len(element) or (element.text or "").strip()


@given(st.text())
def test_another_parser_reads_what_was_written(text: str) -> None:
    expected = "".join(character for character in text if _xml_can_carry(character))
    read = texts(written(additional_info=text, add_tags=(text,)), "AdditionalInfo")
    assert read == ([expected] if expected.strip() else [])


def _xml_can_carry(character: str) -> bool:
    code = ord(character)
    return code in {0x9, 0xA, 0xD} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


@pytest.mark.parametrize("order_id", ["0", "000", "", "Meier", "-1", "1,0", "٣", "9" * 20])
def test_what_is_no_order_is_never_written(order_id: str) -> None:
    with pytest.raises(Bug, match="not_an_order") as caught:
        writing.update_sold_items(KEYS, [OrderChange(order_id, additional_info="x")])
    assert "Meier" not in str(caught.value)
    with pytest.raises(Bug, match="not_an_order"):
        writing.order_id_filter([order_id])


def test_150_changes_are_the_limit() -> None:
    changes = [OrderChange(str(number), additional_info="x") for number in range(1, 152)]
    assert len(parsed(writing.update_sold_items(KEYS, changes[:150])).findall("Orders/Order")) == 150
    with pytest.raises(Bug, match="too_many_changes"):
        writing.update_sold_items(KEYS, changes)


def test_keys_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "partnerToken").write_text("p\n")
    with pytest.raises(Misconfigured, match="accountToken"):
        AfterbuyCredentials.read(SecretFiles(tmp_path))
    (tmp_path / "accountToken").write_text("a\n")
    assert AfterbuyCredentials.read(SecretFiles(tmp_path)) == AfterbuyCredentials("p", "a")
    (tmp_path / "partnerId").write_text("1")
    assert AfterbuyCredentials.read(SecretFiles(tmp_path)).partner_id == "1"
