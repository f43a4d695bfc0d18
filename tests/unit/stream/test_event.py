"""The envelope: packed, unpacked, refused; keys; ids."""

import uuid
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftersend.errors import Rejected
from aftersend.redis.keys import Keys
from aftersend.redis.memory_guard import PRODUCER_LIMIT, fullness
from aftersend.stream.event import Event, attempt_of, new_id, pack, rfc3339, seconds_of, text_of, unpack
from tests.support.stream_kit import NamedParcel

EVENT = Event(
    id="0190-x",
    type="parcel.changed",
    time="2026-11-24T08:00:00.000Z",
    source="webhook",
    attempt=3,
    first="2026-11-24T07:00:00.000Z",
    traceparent="",
    data=b"\x00sealed\xff",
)


def test_an_event_survives_the_way_through_its_fields() -> None:
    assert unpack(pack(EVENT)) == EVENT


def test_the_envelope_is_the_contract() -> None:
    assert pack(EVENT) == {
        b"v": b"1",
        b"id": b"0190-x",
        b"type": b"parcel.changed",
        b"time": b"2026-11-24T08:00:00.000Z",
        b"source": b"webhook",
        b"attempt": b"3",
        b"first": b"2026-11-24T07:00:00.000Z",
        b"traceparent": b"",
        b"data": b"\x00sealed\xff",
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (b"v", b"2", "unknown_version"),
        (b"v", None, "malformed_entry"),
        (b"type", b"parcel.lost", "unknown_type"),
        (b"type", None, "malformed_entry"),
        (b"id", b"", "malformed_entry"),
        (b"id", b"\xff\xfe", "malformed_entry"),
        (b"time", None, "malformed_entry"),
        (b"first", None, "malformed_entry"),
        (b"source", b"moon", "malformed_entry"),
    ],
)
def test_what_cannot_be_read_is_refused_by_reason(field: bytes, value: bytes | None, code: str) -> None:
    fields = pack(EVENT)
    if value is None:
        del fields[field]
    else:
        fields[field] = value
    with pytest.raises(Rejected) as caught:
        unpack(fields)
    assert caught.value.code == code
    assert caught.value.path == field.decode()


@given(st.dictionaries(st.sampled_from(sorted(pack(EVENT))), st.binary(max_size=20)))
def test_no_garbage_ever_raises_anything_but_rejected(garbage: dict[bytes, bytes]) -> None:
    for fields in (garbage, {**pack(EVENT), **garbage}):
        with suppress(Rejected):
            unpack(fields)


@pytest.mark.parametrize(
    ("raw", "attempt"),
    [(b"1", 1), (b"7", 7), (b"0", 1), (b"-3", 1), (b"x", 1), (b"", 1), (b"9" * 50, 1), ("²".encode(), 1)],
)
def test_attempts_are_read_kindly(raw: bytes, attempt: int) -> None:
    assert attempt_of({b"attempt": raw}) == attempt


def test_texts_for_lists_never_fail() -> None:
    assert text_of({b"id": b"\xffx"}, b"id") == "\ufffdx"
    assert text_of({}, b"id") == ""


def test_payloads_are_read_or_refused_without_quoting_them() -> None:
    assert replace(EVENT, data=b'{"name":"x"}').read(NamedParcel) == NamedParcel("x")
    for data in (b"", b"{", b'{"name":5}', b'{"name":"Erika\xff"}'):
        with pytest.raises(Rejected) as caught:
            replace(EVENT, data=data).read(NamedParcel)
        assert str(caught.value) == "malformed_data"
        assert caught.value.__cause__ is None


def test_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    ids = [new_id(1_795_000_000 + step / 1000) for step in range(100)]
    assert ids == sorted(ids)
    parsed = uuid.UUID(ids[0])
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_795_000_000_000
    assert len({new_id() for _ in range(1000)}) == 1000


def test_times_have_milliseconds_and_a_z() -> None:
    moment = datetime(2026, 11, 24, 8, 30, 0, 123_000, tzinfo=UTC).timestamp()
    assert rfc3339(moment) == "2026-11-24T08:30:00.123Z"
    assert seconds_of("2026-11-24T08:30:00.123Z") == pytest.approx(moment)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-24T08:30:00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert seconds_of(text) is None


def test_all_keys_of_a_tenant_share_a_hash_tag() -> None:
    keys = Keys("shops.mueller")
    assert keys.key("parcels", "delayed") == "aftersend:{shops.mueller}:parcels:delayed"
    assert keys.key("order", "123") == "aftersend:{shops.mueller}:order:123"


@pytest.mark.parametrize(
    ("memory", "full"),
    [
        ({}, False),
        ({"maxmemory": 0, "used_memory": 10**12}, False),
        ({"maxmemory": 100, "used_memory": 80}, False),
        ({"maxmemory": 100, "used_memory": 81}, True),
        ({"maxmemory": 100, "used_memory": 90, "mem_not_counted_for_evict": 15}, False),
    ],
)
def test_producers_stop_above_four_fifths(memory: dict[str, int], *, full: bool) -> None:
    assert (fullness(memory) > PRODUCER_LIMIT) is full
