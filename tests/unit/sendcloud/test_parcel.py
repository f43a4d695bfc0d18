"""Webhook bodies and v2 parcels: odd ones, hostile ones, and what may be dropped."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.sendcloud import lenient
from aftersend.sendcloud.errors import Malformed
from aftersend.sendcloud.model import ParcelEvent
from aftersend.sendcloud.parcel import Ignored, IgnoredReason, decode_webhook, nothing_to_do, swept_event

NOW = 1_795_000_000_000
DAY = 86_400_000
YEAR_2020 = 1_577_836_800_000
CANARY = "Kanarienvogel"

# Field by field like the recording of April 2024, with invented people.
RECORDED: dict[str, Any] = {
    "id": 412345678,
    "name": f"Erika {CANARY}",
    "company_name": "",
    "address": f"{CANARY}straße 12",
    "address_2": "",
    "address_divided": {"street": f"{CANARY}straße", "house_number": "12"},
    "house_number": "12",
    "city": "Köln",
    "postal_code": "50667",
    "country": {"iso_2": "DE", "iso_3": "DEU", "name": "Germany"},
    "to_state": None,
    "telephone": "+49 221 555",
    "email": f"erika@{CANARY}.example",
    "order_number": "334455",
    "external_order_id": "afterbuy-334455",
    "external_shipment_id": None,
    "external_reference": None,
    "shipment_uuid": "f5a1ad0e-0000-4000-8000-3d2e7f3f0000",
    "status": {"id": 1000, "message": "Ready to send"},
    "tracking_number": "00340434161094042557",
    "tracking_url": "https://tracking.eu-central-1-0.sendcloud.sc/forward?carrier=dhl_de&code=00340434161094042557",
    "colli_tracking_number": None,
    "colli_uuid": None,
    "collo_nr": 0,
    "collo_count": 1,
    "carrier": {"code": "dhl_de"},
    "shipment": {"id": 8, "name": "Unstamped letter"},
    "contract": None,
    "weight": "1.250",
    "parcel_items": [{"description": CANARY, "quantity": 1, "weight": "1.250", "value": "9.90"}],
    "documents": [{"type": "label", "size": "a6", "link": "https://panel.example/label"}],
    "label": {"normal_printer": [], "label_printer": None},
    "customs_declaration": {},
    "is_return": False,
    "type": None,
    "data": [],
    "date_created": "23-11-2026 16:51:20",
    "date_announced": "23-11-2026 16:51:25",
    "date_updated": "23-11-2026 16:51:28",
    "should_send_feedback": True,
}


def body(action: Any = "parcel_status_changed", timestamp: Any = NOW - 5000, **parcel: Any) -> bytes:
    return json.dumps({"action": action, "timestamp": timestamp, "parcel": {**RECORDED, **parcel}}).encode()


def without(*fields: str) -> bytes:
    parcel = {name: value for name, value in RECORDED.items() if name not in fields}
    return json.dumps({"action": "parcel_status_changed", "timestamp": NOW - 5000, "parcel": parcel}).encode()


def event(raw: bytes) -> ParcelEvent:
    found = decode_webhook(raw, received=NOW)
    assert isinstance(found, ParcelEvent)
    return found


def test_a_label_becomes_an_event_without_anything_else_of_the_parcel() -> None:
    found = event(body())
    assert found == ParcelEvent(
        parcel="412345678",
        status=1000,
        received=NOW,
        time=NOW - 5000,
        number="00340434161094042557",
        url=RECORDED["tracking_url"],
        carrier="dhl_de",
        collo=0,
        is_return=False,
        external_order_id="afterbuy-334455",
        order_number="334455",
    )
    assert CANARY.encode() not in msgspec.json.encode(found)


ODD: list[tuple[str, dict[str, Any], str, Any]] = [
    ("id as text", {"id": "412345678"}, "parcel", "412345678"),
    ("id with zeros in front", {"id": "00412345678"}, "parcel", "412345678"),
    ("no link", {"tracking_url": None}, "url", ""),
    ("a script as link", {"tracking_url": "javascript:alert(1)"}, "url", ""),
    ("an endless link", {"tracking_url": "https://x/" + "y" * 3000}, "url", ""),
    ("carrier null", {"carrier": None}, "carrier", ""),
    ("carrier as text", {"carrier": "ups"}, "carrier", "ups"),
    ("carrier as empty list", {"carrier": []}, "carrier", ""),
    ("carrier with more", {"carrier": {"code": "bring", "name": "Bring"}}, "carrier", "bring"),
    ("carrier without code", {"carrier": {}}, "carrier", ""),
    ("number as number", {"tracking_number": 34043416109404255}, "number", "34043416109404255"),
    ("number with invisible characters", {"tracking_number": " 003\u200b404\u00a0\t"}, "number", "003404"),
    ("collo null", {"collo_nr": None}, "collo", 0),
    ("collo as text", {"collo_nr": "2"}, "collo", 2),
    ("collo negative", {"collo_nr": -1}, "collo", 0),
    ("collo huge", {"collo_nr": 10**30}, "collo", 0),
    ("status without id", {"status": {"message": "?"}}, "status", -1),
    ("status null", {"status": None}, "status", -1),
    ("status as number", {"status": 11}, "status", 11),
    ("status id as text", {"status": {"id": "2000"}}, "status", 2000),
    ("status id true", {"status": {"id": True}}, "status", -1),
    ("is_return null", {"is_return": None}, "is_return", False),
    ("is_return as text", {"is_return": "false"}, "is_return", False),
    ("external id null", {"external_order_id": None}, "external_order_id", ""),
    ("external id is its own id", {"external_order_id": "412345678"}, "external_order_id", ""),
    ("external id is its own id as number", {"external_order_id": 412345678}, "external_order_id", ""),
    ("external id of another system", {"external_order_id": "S00026"}, "external_order_id", "S00026"),
    ("order number null", {"order_number": None}, "order_number", ""),
    ("order number as number", {"order_number": 334455}, "order_number", "334455"),
    ("order number with control characters", {"order_number": "33\x0044"}, "order_number", ""),
    ("order number endless", {"order_number": "3" * 300}, "order_number", ""),
    ("label list and item dict", {"label": [], "parcel_items": {}, "documents": None}, "order_number", "334455"),
]


@pytest.mark.parametrize(("parcel", "field", "expected"), [case[1:] for case in ODD], ids=[case[0] for case in ODD])
def test_odd_fields_are_read_or_count_as_absent(parcel: dict[str, Any], field: str, expected: Any) -> None:
    assert getattr(event(body(**parcel)), field) == expected


@pytest.mark.parametrize("field", [name for name in RECORDED if name not in {"id", "tracking_number"}])
def test_every_other_field_may_be_missing(field: str) -> None:
    assert event(without(field)).number == RECORDED["tracking_number"]


@pytest.mark.parametrize("value", [None, "", 0, [], {}, "null", 10**30, 1.5, True, "x" * 5000])
@pytest.mark.parametrize("field", [name for name in RECORDED if name not in {"id", "tracking_number", "is_return"}])
def test_every_other_field_may_be_nonsense(field: str, value: Any) -> None:
    assert event(body(**{field: value})).parcel == "412345678"


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (NOW - 5000, NOW - 5000),
        ((NOW - 5000) // 1000, NOW - 5000),
        (str(NOW - 5000), NOW - 5000),
        (str((NOW - 5000) // 1000), NOW - 5000),
        (f" {NOW - 5000} ", NOW - 5000),
        ((NOW - 5500) / 1000, NOW - 5500),
        (NOW + 60_000, NOW),
        (NOW // 1000 + 60, NOW),
        (10**30, NOW),
        (99_999_999_999, NOW),
        (YEAR_2020, YEAR_2020),
        (YEAR_2020 // 1000, YEAR_2020),
        (YEAR_2020 - 1, None),
        (YEAR_2020 // 1000 - 1, None),
        (100_000_000_000, None),
        (1, None),
        (0, None),
        (-1, None),
        (None, None),
        ("", None),
        ("23-11-2026 16:51:28", None),
        ("٣", None),
        (True, None),
        ([], None),
        ({}, None),
    ],
)
def test_a_timestamp_is_in_seconds_or_ms_and_never_in_the_future(timestamp: Any, expected: int | None) -> None:
    assert lenient.timestamp(timestamp, received=NOW) == expected


@pytest.mark.parametrize(
    ("timestamp", "too_old"),
    [
        (NOW, False),
        (NOW - 89 * DAY, False),
        (NOW - 90 * DAY, False),
        (NOW - 90 * DAY - 1, True),
        ((NOW - 95 * DAY) // 1000, True),
        (str(NOW - 95 * DAY), True),
        (YEAR_2020, True),
        (YEAR_2020 - 1, False),
        (1, False),
        (0, False),
        (-1, False),
        (None, False),
        ("", False),
        ("23-11-2021 16:51:28", False),
        (NOW + 95 * DAY, False),
        (10**30, False),
    ],
)
@pytest.mark.parametrize("action", ["parcel_status_changed", "test_webhook", "integration_updated"])
def test_what_is_over_90_days_old_by_its_own_time_is_dropped(timestamp: Any, action: str, *, too_old: bool) -> None:
    """A time that is absent or makes no sense counts as now."""
    found = decode_webhook(body(action, timestamp), received=NOW)
    assert (isinstance(found, Ignored) and found.reason is IgnoredReason.TOO_OLD) is too_old


def test_an_old_webhook_without_a_parcel_is_malformed_first() -> None:
    with pytest.raises(Malformed):
        decode_webhook(body(timestamp=NOW - 95 * DAY, id=None), received=NOW)


def test_a_missing_timestamp_is_none() -> None:
    raw = json.dumps({"action": "parcel_status_changed", "parcel": RECORDED}).encode()
    assert event(raw).time is None


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("test_webhook", IgnoredReason.TEST),
        ("test", IgnoredReason.TEST),
        ("integration_connected", IgnoredReason.INTEGRATION),
        ("integration_updated", IgnoredReason.INTEGRATION),
        ("integration_deleted", IgnoredReason.INTEGRATION),
        ("integration_credentials", IgnoredReason.INTEGRATION),
        ("return_created", IgnoredReason.RETURN),
        ("return_delivered", IgnoredReason.RETURN),
        ("refund_requested", IgnoredReason.RETURN),
        ("parcel_created", IgnoredReason.UNKNOWN_ACTION),
        ("", IgnoredReason.UNKNOWN_ACTION),
        (f"{CANARY} 12", IgnoredReason.UNKNOWN_ACTION),
        (CANARY.lower(), IgnoredReason.UNKNOWN_ACTION),
        (f"integration_{CANARY.lower()}", IgnoredReason.INTEGRATION),
    ],
)
@pytest.mark.parametrize("rest", [{}, {"parcel": None}, {"parcel": []}, {"parcel": {"id": 1}}, {"data": {"id": 7}}])
def test_what_is_not_about_a_parcel_needs_no_work(action: str, reason: IgnoredReason, rest: dict[str, Any]) -> None:
    found = decode_webhook(json.dumps({"action": action, "timestamp": 1, **rest}).encode(), received=NOW)
    assert isinstance(found, Ignored)
    assert found.reason is reason
    assert CANARY.lower() not in found.action.lower()
    assert found.action in {action, ""}


def test_an_action_of_known_words_may_be_logged_even_if_it_is_new() -> None:
    raw = json.dumps({"action": "parcel_label_created"}).encode()
    assert decode_webhook(raw, received=NOW) == Ignored(IgnoredReason.UNKNOWN_ACTION, "parcel_label_created")


@pytest.mark.parametrize("value", [True, 1, "true", "True", "1"])
def test_a_return_needs_no_work(value: Any) -> None:
    assert decode_webhook(body(is_return=value), received=NOW) == Ignored(IgnoredReason.RETURN, "parcel_status_changed")


@pytest.mark.parametrize("number", [None, "", "  ", 0, False, [], {}])
@pytest.mark.parametrize("status", [999, 1001, 1002, 1000, 1999, 1337, 424242])
def test_a_parcel_without_number_needs_no_work_yet(number: Any, status: int) -> None:
    found = decode_webhook(body(tracking_number=number, status={"id": status}), received=NOW)
    assert found == Ignored(IgnoredReason.NO_NUMBER, "parcel_status_changed")


@pytest.mark.parametrize("status", [1998, 2000])
def test_a_cancelled_parcel_without_number_is_worth_an_event(status: int) -> None:
    assert event(body(tracking_number="", status={"id": status})).status == status


def test_a_return_counts_as_one_even_if_cancelled() -> None:
    found = event(body())
    assert nothing_to_do(found) is None
    assert nothing_to_do(msgspec.structs.replace(found, is_return=True, status=2000)) is IgnoredReason.RETURN


ODD_IDS: list[Any] = [None, "", "00", 0, -7, 1.5, True, [], {}]
BROKEN: list[tuple[str, bytes, str]] = [
    ("nothing", b"", ""),
    ("no JSON", b"action=parcel_status_changed", ""),
    ("cut off", body()[:-20], ""),
    ("two documents", body() + b"{}", ""),
    ("a list", b"[]", ""),
    ("null", b"null", ""),
    ("no action", b'{"timestamp":1}', ""),
    ("action is a number", b'{"action":7}', "action"),
    ("action is null", b'{"action":null}', "action"),
    ("no parcel", b'{"action":"parcel_status_changed"}', "parcel"),
    ("parcel is null", b'{"action":"parcel_status_changed","parcel":null}', "parcel"),
    ("parcel is a list", b'{"action":"parcel_status_changed","parcel":[]}', "parcel"),
    ("parcel is a text", b'{"action":"parcel_status_changed","parcel":"x"}', "parcel"),
    ("parcel without id", without("id"), "parcel.id"),
    *[(f"id is {value!r}", body(id=value), "parcel.id") for value in ODD_IDS],
    *[(f"id is {value!r}", body(id=value), "parcel.id") for value in ("x7", "7" * 21, 10**25, "７", CANARY)],
    *[
        (f"number is {value!r}", body(tracking_number=value), "parcel.tracking_number")
        for value in (1.5, [1], {"a": 1})
    ],
    ("number is endless", body(tracking_number=CANARY * 50), "parcel.tracking_number"),
    ("not UTF-8", body().replace(b"334455", b"33\xff55", 1), ""),
    ("UTF-16", body().decode().encode("utf-16"), ""),
    ("byte order mark", b"\xef\xbb\xbf" + body(), ""),
    ("NaN", body().replace(b'"collo_nr": 0', b'"collo_nr": NaN'), ""),
    ("a number beyond all floats", body().replace(b'"collo_nr": 0', b'"collo_nr": 1e999'), "parcel.collo_nr"),
    ("a number of 5000 digits", body().replace(b'"collo_nr": 0', b'"collo_nr": ' + b"9" * 5000), "parcel.collo_nr"),
    ("timestamp beyond all floats", body().replace(str(NOW - 5000).encode(), b"1e999"), "timestamp"),
    ("half an emoji", body(order_number="\ud83d"), ""),
]


@pytest.mark.parametrize(("raw", "path"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_what_cannot_be_read_is_malformed_and_names_the_field_at_most(raw: bytes, path: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode_webhook(raw, received=NOW)
    if path:
        assert caught.value.path == path
    assert CANARY not in f"{caught.value}{caught.value!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("opening", [b'{"a":', b"["])
@pytest.mark.parametrize("place", ["around", "extra", "parcel", "status", "timestamp"])
def test_ten_thousand_levels_do_not_crash(opening: bytes, place: str) -> None:
    closing = b"}" if opening.startswith(b"{") else b"]"
    deep = opening * 10_000 + b"1" + closing * 10_000
    bodies = {
        "around": deep,
        "extra": b'{"action":"parcel_status_changed","x":' + deep + b"}",
        "parcel": b'{"action":"parcel_status_changed","parcel":' + deep + b"}",
        "status": b'{"action":"parcel_status_changed","parcel":{"id":1,"status":' + deep + b"}}",
        "timestamp": b'{"action":"parcel_status_changed","timestamp":' + deep + b',"parcel":{"id":1}}',
    }
    with pytest.raises(Malformed):
        decode_webhook(bodies[place], received=NOW)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["id", "status", "tracking_number", "carrier", "collo_nr", "is_return", "date_updated", "x"])
PARCELS = st.dictionaries(FIELDS, JSON_VALUES, max_size=8)
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["parcel_status_changed", "test_webhook", "x"]) | JSON_VALUES,
        "timestamp": JSON_VALUES,
        "parcel": PARCELS | JSON_VALUES,
        "other": JSON_VALUES,
    },
)


@given(ENVELOPES)
def test_any_json_is_an_event_or_ignored_or_malformed(envelope: dict[str, Any]) -> None:
    try:
        found = decode_webhook(json.dumps(envelope).encode(), received=NOW)
    except Malformed:
        return
    assert isinstance(found, ParcelEvent | Ignored)
    if isinstance(found, ParcelEvent):
        assert msgspec.json.decode(msgspec.json.encode(found), type=ParcelEvent) == found
        assert found.time is None or 0 < found.time <= NOW


@given(st.binary(max_size=200))
def test_any_bytes_are_malformed_at_worst(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_webhook(b"\x00" + raw, received=NOW)


def ms(*parts: int) -> int:
    return int(datetime(*parts[:6], tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


SECOND = ms(2026, 11, 23, 16, 51, 28)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("23-11-2026 16:51:28", SECOND + 999),
        (" 23-11-2026 16:51:28 ", SECOND + 999),
        ("2026-11-23T16:51:28Z", SECOND + 999),
        ("2026-11-23T17:51:28+01:00", SECOND + 999),
        ("2026-11-23T16:51:28", SECOND + 999),
        ("2026-11-23T16:51:28.250000+00:00", SECOND + 250),
        ("01-01-2099 00:00:00", NOW * 2),
        ("01-01-0001 00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("31-02-2026 16:51:28", None),
        ("gestern", None),
        ("", None),
        (None, None),
        (1795000000, None),
        ([], None),
    ],
)
def test_a_swept_parcel_happened_at_the_end_of_its_second(text: Any, expected: int | None) -> None:
    received = NOW * 2
    raw = json.dumps({**RECORDED, "date_updated": text}).encode()
    assert swept_event(raw, received=received).time == expected


def test_a_swept_parcel_never_happened_after_it_was_seen() -> None:
    raw = json.dumps(RECORDED).encode()
    assert swept_event(raw, received=SECOND + 10).time == SECOND + 10


def test_webhook_and_sweep_decode_the_same() -> None:
    hooked, swept = event(body()), swept_event(json.dumps(RECORDED).encode(), received=NOW)
    assert msgspec.structs.replace(hooked, time=None) == msgspec.structs.replace(swept, time=None)
