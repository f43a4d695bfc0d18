"""A v3 shipment becomes the events that its v2 parcels would bring."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from aftersend.sendcloud import lenient
from aftersend.sendcloud.model import ParcelEvent
from aftersend.sendcloud.shipment import StatusList, shipped_events
from aftersend.sendcloud.status import status_id

NOW: Final = 1_795_500_000_000
STATUSES: Final = {"READY_TO_SEND": 1000, "COLLECTED_SOMEWHERE": 22}
PARCEL: Final[dict[str, Any]] = {
    "id": 400000001,
    "status": {"code": "READY_TO_SEND", "message": "Ready to send"},
    "tracking_number": "00340434161094042557",
    "tracking_url": "https://track.example/?n=1",
    "announced_at": "2026-11-24T08:00:00+00:00",
    "updated_at": "2026-11-24T08:00:01.250+00:00",
}


def events(*parcels: Any, **shipment: Any) -> list[ParcelEvent | None]:
    body = {"id": "a-uuid", "order_number": "4711", "carrier": {"code": "dhl_de"}, "parcels": parcels, **shipment}
    return list(shipped_events([Raw(json.dumps(body).encode())], statuses=STATUSES, received=NOW))


def test_every_field_that_v3_has() -> None:
    assert events(PARCEL) == [
        ParcelEvent(
            parcel="400000001",
            status=1000,
            received=NOW,
            time=lenient.date_updated("2026-11-24T08:00:01.250Z", received=NOW),
            number="00340434161094042557",
            url="https://track.example/?n=1",
            carrier="dhl_de",
            order_number="4711",
        )
    ]


@pytest.mark.parametrize(
    ("status", "number"),
    [
        ({"code": "COLLECTED_SOMEWHERE", "message": "?"}, 22),
        ({"code": "NEVER_SEEN", "message": "Shipment picked up by driver"}, 22),
        ({"code": "never-seen", "message": "parcel EN ROUTE"}, 91),
        ({"code": "CANCELLED", "message": None}, 2000),
        ("READY_TO_SEND", 1000),
        ({"code": "NEVER_SEEN", "message": "Lost in space"}, -1),
        ({"code": "DELIVERED", "message": ""}, -1),
        (None, -1),
        ([], -1),
    ],
)
def test_a_status_is_a_word_and_never_guessed(status: Any, number: int) -> None:
    (event,) = events({**PARCEL, "status": status})
    assert event is not None
    assert event.status == number


def test_the_accounts_own_list_of_statuses() -> None:
    listed = [
        {"code": "ANNOUNCING", "message": "Being announced"},
        {"code": "PICKED", "message": "Shipment picked up by driver"},
        {"code": "NEW", "message": "Lost in space"},
        {"code": None, "message": 7},
        {},
    ]
    found = lenient.decode(json.dumps({"data": listed}).encode(), StatusList).ids
    assert found == {"ANNOUNCING": 1001, "PICKED": 22}


@pytest.mark.parametrize(("code", "status"), [("ANNOUNCED", 1), ("ANNOUNCING", 1001), ("ANNOUNCEMENT_FAILED", 1002)])
def test_documented_codes_need_no_message(code: str, status: int) -> None:
    assert status_id(code, "") == status
    assert status_id("", "") is None


def test_a_broken_parcel_or_shipment_spoils_none_of_the_others() -> None:
    found = events({**PARCEL, "id": None}, PARCEL, [], {**PARCEL, "tracking_number": {"a": 1}})
    assert [event is None for event in found] == [True, False, True, True]
    assert list(shipped_events([Raw(b"[]"), Raw(b'{"parcels": 3}')], statuses={}, received=NOW)) == [None, None]
    assert events() == []


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=3)


@given(field=st.sampled_from([name for name in PARCEL if name not in {"id", "tracking_number"}]), value=JSON)
def test_every_other_field_may_be_nonsense(field: str, value: Any) -> None:
    (event,) = events({**PARCEL, field: value}, carrier=value, order_number=value)
    assert event is not None
    assert event.parcel == "400000001"
