"""The simulated Afterbuy, UpdateSoldItems: every refusal and both outcomes of every open point."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyParcelLabel
from tests.support.sandbox_kit import NOW, TAG, a_filter, a_sandbox, codes, listed, small_world

NUMBER = "<OrderID>101</OrderID><AdditionalInfo>0034</AdditionalInfo>"


async def test_success_is_an_empty_result() -> None:
    async with a_sandbox() as door:
        answer = await door.update(NUMBER)
        result = answer.find("Result")
        assert answer.findtext("CallStatus") == "Success"
        assert result is not None
        assert (len(result), result.text) == (0, None)
        order = door.world.afterbuy.orders[101]
        assert (order.additional_info, order.modified_at) == ("0034", NOW)
        assert await door.update(NUMBER) is not None
        assert door.world.journal.writes[101] == [{"AdditionalInfo": ("", "0034")}, {}]


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        ((), 32),
        ((NUMBER,) * 151, 75),
        (("<OrderID>101</OrderID>",), 74),
        (("<OrderID>101</OrderID><Unknown>x</Unknown>",), 74),
        (("<AdditionalInfo>x</AdditionalInfo>",), 59),
        (("<OrderID>999</OrderID><AdditionalInfo>x</AdditionalInfo>",), 33),
        (("<OrderID>abc</OrderID><AdditionalInfo>x</AdditionalInfo>",), 33),
        (("<ItemID>999</ItemID><AdditionalInfo>x</AdditionalInfo>",), 33),
        (("<OrderID>101</OrderID><XmlDate>gestern</XmlDate>",), 2),
        (("<OrderID>101</OrderID><PaymentInfo><AlreadyPaid>1.132,10</AlreadyPaid></PaymentInfo>",), 2),
        (("<OrderID>101</OrderID><HideOrder>ja</HideOrder>",), 2),
        (("<OrderID>101</OrderID><Tags><UpdateAction>4</UpdateAction><Tag>a</Tag></Tags>",), 2),
        (("<OrderID>101</OrderID><Attributes><Attribute><Name/></Attribute></Attributes>",), 98),
    ],
)
async def test_refused_calls(orders: tuple[str, ...], code: int) -> None:
    async with a_sandbox() as door:
        before = [repr(each) for each in door.world.afterbuy.orders]
        assert codes(await door.update(*orders)) == [code]
        assert [repr(each) for each in door.world.afterbuy.orders] == before
        assert not any(door.world.journal.writes.values())


async def test_hundred_and_fifty_orders_are_allowed() -> None:
    async with a_sandbox() as door:
        assert codes(await door.update(*(NUMBER,) * 150)) == []


@pytest.mark.parametrize("state", ["hidden", "unfinished", "deleted"])
async def test_orders_that_cannot_be_changed(state: str) -> None:
    world = small_world()
    if state == "deleted":
        world.afterbuy.orders.remove(101)
    else:
        order = world.afterbuy.orders[101]
        order.hidden, order.is_order = state == "hidden", state != "unfinished"
    async with a_sandbox(world) as door:
        assert codes(await door.update(NUMBER)) == [33]


ALL = """<OrderID>101</OrderID><OrderMemo>M</OrderMemo><UserComment>U</UserComment><InvoiceMemo>I</InvoiceMemo>
<InvoiceNumber>9</InvoiceNumber><MailDate>01.10.2026 08:00:00</MailDate><ReminderMailDate>02.10.2026</ReminderMailDate>
<FeedbackDate>03.10.2026 08:00:00</FeedbackDate><XmlDate>04.10.2026 08:00:00</XmlDate>
<UserDefinedFlag>5</UserDefinedFlag>
<InvoiceDate>05.10.2026 08:00:00</InvoiceDate><OrderExported>1</OrderExported>
<BuyerInfo><ShippingAddress><FirstName>Erika</FirstName><CountryISO>AT</CountryISO></ShippingAddress></BuyerInfo>
<PaymentInfo><PaymentMethod>PayPal</PaymentMethod><PaymentDate>06.10.2026 08:00:00</PaymentDate>
<PaymentTransactionID>T</PaymentTransactionID><AlreadyPaid>12,5</AlreadyPaid>
<SendPaymentMail>1</SendPaymentMail></PaymentInfo>
<ShippingInfo><ShippingMethod>DPD</ShippingMethod><ShippingReturnMethod>R</ShippingReturnMethod>
<ShippingCost>5,90</ShippingCost><DeliveryDate>25.12.2026 09:05:00</DeliveryDate><DeliveryService>DHL</DeliveryService>
<SendShippingMail>1</SendShippingMail></ShippingInfo>
<VorgangsInfo><VorgangsInfo3>drei</VorgangsInfo3></VorgangsInfo>
<Attributes><Attribute><Name>a</Name><Value>b</Value></Attribute></Attributes>"""


async def test_every_field() -> None:
    async with a_sandbox() as door:
        assert codes(await door.update(ALL)) == []
        order = door.world.afterbuy.orders[101]
    assert (order.memo, order.user_comment, order.invoice_memo, order.invoice_number) == ("M", "U", "I", "9")
    assert order.mail_at == datetime(2026, 10, 1, 6, tzinfo=UTC)
    assert order.reminder_at == datetime(2026, 10, 1, 22, tzinfo=UTC)
    assert order.feedback_at is not None
    assert order.xml_at is not None
    assert order.payment.invoice_date is not None
    assert order.exported
    assert {item.flag for item in order.items} == {5}
    assert order.shipping_address == AfterbuyAddress(first_name="Erika", country_iso="AT")
    assert (order.payment.method, order.payment.transaction_id) == ("PayPal", "T")
    assert order.payment.already_paid == Decimal("12.5")
    assert (order.shipping.method, order.shipping.return_method, order.shipping.cost) == ("DPD", "R", Decimal("5.90"))
    assert order.shipping.dispatched_at == datetime(2026, 12, 25, 8, 5, tzinfo=UTC)
    assert (order.shipping.service, order.infos) == ("DHL", ["", "", "drei"])
    assert sorted(order.mails_sent) == ["payment", "shipping"]


async def test_by_item_id_and_hiding() -> None:
    async with a_sandbox() as door:
        assert codes(await door.update("<ItemID>5103</ItemID><HideOrder>1</HideOrder>")) == []
        assert listed(await door.sold()) == [101, 102, 104, 105]


@pytest.mark.parametrize(("value", "memo"), [("clears", ""), ("ignored", "alt")])
async def test_empty_element(value: str, memo: str) -> None:
    world = small_world(empty_element=value)  # empty_element="clears" "ignored"
    order = world.afterbuy.orders[101]
    order.memo, order.shipping.dispatched_at, order.shipping.parcel_labels = (
        "alt",
        NOW,
        [AfterbuyParcelLabel(101, 1, "x")],
    )
    clearing = "<ShippingInfo><DeliveryDate/><ParcelLabels/></ShippingInfo>"
    async with a_sandbox(world) as door:
        assert codes(await door.update(f"<OrderID>101</OrderID><OrderMemo></OrderMemo>{clearing}")) == []
    assert order.memo == memo
    assert (order.shipping.dispatched_at is None) == (value == "clears")
    assert (order.shipping.parcel_labels == []) == (value == "clears")


@pytest.mark.parametrize(("value", "left"), [("kept", ("alt", "DHL", "eins")), ("cleared", ("", "", ""))])
async def test_omitted_element(value: str, left: tuple[str, str, str]) -> None:
    world = small_world(omitted_element=value)  # omitted_element="kept" "cleared"
    order = world.afterbuy.orders[101]
    order.additional_info, order.shipping.service, order.infos = "alt", "DHL", ["eins", "", ""]
    order.shipping.method = "DHL Paket"
    inner = "<ShippingInfo><DeliveryDate>24.11.2026</DeliveryDate></ShippingInfo>"
    async with a_sandbox(world) as door:
        await door.update(f"<OrderID>101</OrderID>{inner}<VorgangsInfo><VorgangsInfo2>z</VorgangsInfo2></VorgangsInfo>")
    assert (order.additional_info, order.shipping.service, order.infos[0]) == left
    assert (order.infos[1], order.shipping.method) == ("z", "DHL Paket")


def tagging(*names: str, action: str = "") -> str:
    mode = f"<UpdateAction>{action}</UpdateAction>" if action else ""
    return f"<OrderID>101</OrderID><Tags>{mode}{''.join(f'<Tag>{each}</Tag>' for each in names)}</Tags>"


def tagged(**positions: str) -> Any:
    world = small_world(**positions)
    world.afterbuy.tag_manager = [TAG, "alt", "neu"]
    world.afterbuy.orders[101].tags = ["alt"]
    return world


@pytest.mark.parametrize(
    ("action", "names", "left"),
    [
        ("1", ["neu"], ["alt", "neu"]),
        ("1", ["alt"], ["alt"]),
        ("2", ["neu", TAG], ["neu", TAG]),
        ("3", ["alt"], []),
        ("3", ["neu"], ["alt"]),
        ("3", ["unknown"], ["alt"]),
    ],
)
async def test_tag_actions(action: str, names: list[str], left: list[str]) -> None:
    world = tagged()
    async with a_sandbox(world) as door:
        assert codes(await door.update(tagging(*names, action=action))) == []
    assert world.afterbuy.orders[101].tags == left
    assert set(world.journal.tags_added) == {(101, each) for each in left if each != "alt"}


@pytest.mark.parametrize(
    ("action", "missing", "left"),
    [
        ("accepted", "add", ["alt", "neu"]),
        ("accepted", "replace", ["neu"]),
    ],
)
async def test_missing_update_action(action: str, missing: str, left: list[str]) -> None:
    """update_action_missing="add" "replace"; three clients, three shapes."""
    repeated = "<OrderID>101</OrderID><Tags><Tag>neu</Tag></Tags><Tags><Tag>alt</Tag></Tags>"
    world = tagged(update_action=action, update_action_missing=missing)
    async with a_sandbox(world) as door:
        assert codes(await door.update(tagging("neu"))) == []
        assert world.afterbuy.orders[101].tags == left
        assert codes(await door.update(repeated)) == []
    assert sorted(world.afterbuy.orders[101].tags) == ["alt", "neu"]


@pytest.mark.parametrize(("value", "left"), [("accepted", []), ("ignored", ["alt"])])
async def test_update_action(value: str, left: list[str]) -> None:
    world = tagged(update_action=value)  # update_action="accepted" "ignored"
    async with a_sandbox(world) as door:
        await door.update(tagging("alt", action="3"))
    assert world.afterbuy.orders[101].tags == left


@pytest.mark.parametrize(
    ("value", "code", "left"), [("accepted", [], []), ("ignored", [], ["alt"]), ("refused", [74], ["alt"])]
)
async def test_tag_removal(value: str, code: list[int], left: list[str]) -> None:
    world = tagged(tag_removal=value)  # tag_removal="accepted" "ignored" "refused"
    async with a_sandbox(world) as door:
        assert codes(await door.update(tagging("alt", action="3"))) == code
    assert world.afterbuy.orders[101].tags == left


@pytest.mark.parametrize(
    ("value", "code", "left"),
    [("refused", [74], ["alt"]), ("ignored", [], ["alt"]), ("created", [], ["alt", "fremd"])],
)
async def test_tag_unknown(value: str, code: list[int], left: list[str]) -> None:
    world = tagged(tag_unknown=value)  # tag_unknown="refused" "ignored" "created"
    async with a_sandbox(world) as door:
        assert codes(await door.update(tagging("fremd", action="1") + "<AdditionalInfo>0034</AdditionalInfo>")) == code
    order = world.afterbuy.orders[101]
    assert order.tags == left
    assert order.additional_info == ("" if code else "0034")
    assert ("fremd" in world.afterbuy.tag_manager) == (value == "created")


@pytest.mark.parametrize(("value", "code", "length"), [("accepted", [], 60), ("refused", [74], 0), ("cut", [], 50)])
async def test_tag_too_long(value: str, code: list[int], length: int) -> None:
    world = small_world(tag_too_long=value, tag_unknown="created")  # tag_too_long="accepted" "refused" "cut"
    async with a_sandbox(world) as door:
        assert codes(await door.update(tagging("x" * 60, action="1"))) == code
    assert [len(each) for each in world.afterbuy.orders[101].tags] == ([length] if length else [])


@pytest.mark.parametrize(("value", "code", "left"), [("sensitive", [74], ["alt"]), ("insensitive", [], ["alt", "neu"])])
async def test_tag_case(value: str, code: list[int], left: list[str]) -> None:
    world = tagged(tag_case=value)  # tag_case="sensitive" "insensitive"
    async with a_sandbox(world) as door:
        assert codes(await door.update(tagging("NEU", "ALT", action="1"))) == code
    assert world.afterbuy.orders[101].tags == left


def label(item: str = "101", package: str = "1", number: str = "0034", more: str = "") -> str:
    return (
        f"<ParcelLabel><ItemID>{item}</ItemID><PackageNumber>{package}</PackageNumber>"
        f"<ParcelLabelNumber>{number}</ParcelLabelNumber>{more}</ParcelLabel>"
    )


def labelling(*labels: str) -> str:
    return f"<OrderID>101</OrderID><ShippingInfo><ParcelLabels>{''.join(labels)}</ParcelLabels></ShippingInfo>"


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ([label(item="")], 3001),
        ([label(), label(item="102", package="2")], 3001),
        ([label(package="")], 3002),
        ([label(package="0")], 3002),
        ([label(package="eins")], 3002),
        ([label(package="2"), label(package="1")], 3003),
        ([label(), label()], 3003),
        ([label(more="<PackageWeight>1.5</PackageWeight>")], 2),
    ],
)
async def test_refused_labels(labels: list[str], code: int) -> None:
    async with a_sandbox() as door:
        assert codes(await door.update(labelling(*labels))) == [code]
        assert door.world.afterbuy.orders[101].shipping.parcel_labels == []


async def test_labels_are_replaced_as_a_whole() -> None:
    more = (
        "<ReturnLabelNumber>R</ReturnLabelNumber><PackageQuantity>2</PackageQuantity><PackageWeight>1,5</PackageWeight>"
    )
    async with a_sandbox() as door:
        await door.update(labelling(label(), label(package="2", number="0035", more=more)))
        kept_labels = door.world.afterbuy.orders[101].shipping.parcel_labels
        assert kept_labels == [
            AfterbuyParcelLabel(101, 1, "0034"),
            AfterbuyParcelLabel(101, 2, "0035", "R", 2, Decimal("1.5")),
        ]
        answer = await door.sold(a_filter("OrderID", "101"))
        assert [each.findtext("ParcelLabelNumber") for each in answer.iter("ParcelLabel")] == ["0034", "0035"]
        await door.update(labelling(label(number="0036")))
        assert [each.number for each in door.world.afterbuy.orders[101].shipping.parcel_labels] == ["0036"]
        assert door.world.journal.writes[101][1] == {"ShippingInfo/ParcelLabels": ("0034, 0035", "0036")}


@pytest.mark.parametrize(("value", "code"), [("per_item", []), ("whole_list", [3003])])
async def test_package_numbers(value: str, code: list[int]) -> None:
    async with a_sandbox(package_numbers=value) as door:  # package_numbers="per_item" "whole_list"
        assert codes(await door.update(labelling(label(package="2"), label(item="5101", package="1")))) == code


@pytest.mark.parametrize(("value", "info"), [("no", ""), ("yes", "0034")])
async def test_labels_fill_info(value: str, info: str) -> None:
    async with a_sandbox(labels_fill_info=value) as door:  # labels_fill_info="no" "yes"
        await door.update(labelling(label()))
        assert door.world.afterbuy.orders[101].additional_info == info


UNKNOWN = "<OrderID>999</OrderID><AdditionalInfo>x</AdditionalInfo>"


@pytest.mark.parametrize(("batch", "info"), [("partial", "0034"), ("all_or_nothing", "")])
@pytest.mark.parametrize("unknown", ["error", "warning"])
async def test_batch_with_an_unknown_order(batch: str, info: str, unknown: str) -> None:
    async with a_sandbox(batch=batch, unknown_order=unknown) as door:  # batch="partial" "all_or_nothing"
        answer = await door.update(UNKNOWN, NUMBER)
        assert door.world.afterbuy.orders[101].additional_info == info
    assert answer.findtext("CallStatus") == ("Error" if unknown == "error" else "Warning")


@pytest.mark.parametrize(
    ("shape", "sibling"), [("order_id", ("OrderID", "999")), ("item_id", ("ItemID", "7")), ("bare", None)]
)
async def test_warning_shape(shape: str, sibling: tuple[str, str] | None) -> None:
    """unknown_order="error" "warning", warning_shape="order_id" "item_id" "bare"."""
    async with a_sandbox(unknown_order="warning", warning_shape=shape) as door:
        answer = await door.update(f"<ItemID>7</ItemID>{UNKNOWN}", "<AdditionalInfo>x</AdditionalInfo>")
    first, second = answer.findall("Result/WarningList/Warning")
    assert (first.findtext("WarningCode"), second.findtext("WarningCode")) == ("12", "13")
    assert first.findtext("WarningDescription") == "Der Vorgang konnte nicht identifiziert werden."
    extra = [(each.tag, each.text) for each in first if not each.tag.startswith("Warning")]
    assert extra == ([sibling] if sibling else [])


async def test_equal_errors_are_listed_once() -> None:
    async with a_sandbox() as door:
        assert codes(await door.update(UNKNOWN, UNKNOWN)) == [33]


async def test_an_order_without_items_takes_a_number_too() -> None:
    world = small_world()
    world.afterbuy.orders[101].items = []
    async with a_sandbox(world) as door:
        assert codes(await door.update(NUMBER)) == []
        assert listed(await door.sold(a_filter("OrderID", "101"))) == [101]
