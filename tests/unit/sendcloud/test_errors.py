"""What Sendcloud's refusals mean: by status, by code, by pointer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.errors import AftersendError, Bug, CredentialsRefused, Rejected, Transient
from aftersend.sendcloud.errors import BatchRejected, refusal

CANARY = "Kanarienvogel"


def v3(*errors: dict[str, Any]) -> bytes:
    return json.dumps({"errors": errors}).encode()


def v2(code: int, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "request": "api/v2/parcels", "message": message}}).encode()


WRONG_KEYS = v3(
    {
        "detail": "Invalid username/password.",
        "status": "401",
        "source": {"pointer": "/data"},
        "code": "authentication_failed",
    }
)
BUSY = v3(
    {
        "status": "400",
        "code": "invalid",
        "detail": "We are still processing a previous request. Please try again in a moment.",
        "source": {"pointer": "/data"},
    }
)
NOT_FOUND = v3({"status": 404, "code": "not_found", "detail": "No Integration matches the given query."})


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, WRONG_KEYS, CredentialsRefused, "http_401"),
        (401, v2(401, "Invalid username/password."), CredentialsRefused, "http_401"),
        (403, b"", CredentialsRefused, "http_403"),
        (402, v2(402, "No payment data"), Transient, "account_not_ready"),
        (412, v2(412, "No address"), Transient, "account_not_ready"),
        (429, b"", Transient, "rate_limited"),
        (400, BUSY, Transient, "still_processing"),
        (404, NOT_FOUND, Transient, "http_404"),
        (404, b"<?xml version='1.0'?><root/>", Transient, "http_404"),
        (408, b"", Transient, "http_408"),
        (410, v2(410, "gone"), Transient, "http_410"),
        (425, b"", Transient, "http_425"),
        (500, b"<html>oops</html>", Transient, "http_500"),
        (502, b"", Transient, "http_502"),
        (503, b"\xff\xfe", Transient, "http_503"),
        (301, b"", Transient, "http_301"),
        (304, b"", Transient, "http_304"),
        (405, b"", Bug, "http_405"),
        (415, v2(415, "Unsupported media type"), Bug, "http_415"),
    ],
)
def test_the_status_decides(status: int, body: bytes, kind: type[AftersendError], code: str, batch: int | None) -> None:
    error = refusal(status, {}, body, batch=batch)
    assert type(error) is kind
    assert (error.code, error.upstream) == (code, "sendcloud")


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_read_is_our_fault_a_refused_write_that_of_the_orders(status: int) -> None:
    assert type(refusal(status, {}, b"", batch=None)) is Bug
    refused = refusal(status, {}, b"", batch=2)
    assert isinstance(refused, BatchRejected)
    assert isinstance(refused, Rejected)
    assert (refused.positions, refused.code) == ({}, f"http_{status}")


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/data/attributes/[1]/shipping_address/city", (1, "shipping_address/city")),
        ("/data/attributes/[0]", (0, "")),
        ("/data/attributes/[0]/", (0, "")),
        ("/data/attributes/2/order_number", (2, "order_number")),
        ("/data/2/order_number", (2, "order_number")),
        ("/data/[2]/order_number", (2, "order_number")),
        (
            "/data/attributes/[1]/order_details/order_items/0/total_price/currency",
            (1, "order_details/order_items/0/total_price/currency"),
        ),
        (
            "/data/attributes/[1]/order_details/order_items/[12]/quantity",
            (1, "order_details/order_items/[12]/quantity"),
        ),
        (f"/data/attributes/[1]/shipping_address/{CANARY} Weg 1/city", (1, "shipping_address/city")),
        ("/data/attributes/[1]/shipping_address/koelln/city", (1, "shipping_address/city")),
        ("/data/attributes/[1]/koelln", (1, "")),
        ("/data/attributes/[1]/shipping_address/50667/city", (1, "shipping_address/city")),
    ],
)
def test_pointers_name_orders_and_fields_but_no_values(pointer: str, expected: tuple[int, str]) -> None:
    fault = {"status": "400", "code": "required", "detail": f"{CANARY} fehlt", "source": {"pointer": pointer}}
    error = refusal(400, {}, v3(fault), batch=3)
    assert isinstance(error, BatchRejected)
    assert error.positions == {expected[0]: ("required", expected[1])}
    assert error.code == "required"


@pytest.mark.parametrize(
    "source",
    [
        None,
        [],
        {},
        {"pointer": None},
        {"pointer": 7},
        {"pointer": ""},
        {"pointer": "/data"},
        {"pointer": "/data/attributes"},
        {"pointer": "/data/attributes/[3]/city"},
        {"pointer": "/data/attributes/[9999]/city"},
        {"pointer": "/data/attributes/[-1]/city"},
        {"parameter": "order_id"},
    ],
)
def test_what_names_no_order_of_the_batch_cannot_be_attributed(source: Any) -> None:
    error = refusal(400, {}, v3({"status": 400, "code": "invalid", "detail": "x", "source": source}), batch=3)
    assert isinstance(error, BatchRejected)
    assert error.positions == {}


def test_each_order_keeps_its_first_fault() -> None:
    faults = [
        {"code": "required", "source": {"pointer": "/data/attributes/[2]/shipping_address/city"}},
        {"code": "min_value", "source": {"pointer": "/data/attributes/[2]/order_details/order_items/0/quantity"}},
        {"code": "invalid_choice", "source": {"pointer": "/data/attributes/[0]/shipping_address/country_code"}},
        {"code": "invalid", "source": {"pointer": "/data"}},
    ]
    error = refusal(400, {}, v3(*faults), batch=3)
    assert isinstance(error, BatchRejected)
    assert error.positions == {
        2: ("required", "shipping_address/city"),
        0: ("invalid_choice", "shipping_address/country_code"),
    }


@pytest.mark.parametrize("code", [None, 7, "", CANARY, "Field required", "x" * 100, ["required"], "a-b", "plz_50667"])
def test_a_code_that_is_no_plain_word_is_just_invalid(code: Any) -> None:
    error = refusal(400, {}, v3({"code": code, "source": {"pointer": "/data/attributes/[0]/order_id"}}), batch=1)
    assert isinstance(error, BatchRejected)
    assert error.positions == {0: ("invalid", "order_id")}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 30 "}, 30.0),
        ({"Retry-After": "999999"}, 3600.0),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "Wed, 25 Nov 2026 10:00:00 GMT"}, None),
        ({"Retry-After": "٣"}, None),
    ],
)
def test_retry_after_is_honoured_where_it_makes_sense(headers: dict[str, str], expected: float | None) -> None:
    for status in (429, 503):
        error = refusal(status, headers, b"", batch=None)
        assert isinstance(error, Transient)
        assert error.retry_after == expected


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff",
    b'{"errors":7}',
    b'{"errors":[7]}',
    b'{"errors":null}',
    b'{"detail":"x"}',
    b'{"errors":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    v2(400, f'name: "{CANARY}"\ncity: "This field is required."'),
    v3({}),
    v3({"detail": [CANARY], "code": {}, "source": CANARY}),
]


@pytest.mark.parametrize("status", [300, 400, 401, 404, 412, 413, 418, 422, 429, 500, 503, 999])
@pytest.mark.parametrize("body", BODIES)
def test_no_body_breaks_the_reading_or_gets_into_an_error(status: int, body: bytes) -> None:
    error = refusal(status, {}, body, batch=2)
    assert CANARY not in f"{error}{error!r}{vars(error)}"


JSON_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
POINTERS = st.builds(
    lambda number, rest: {"pointer": f"/data/attributes/[{number}]/{rest}"},
    st.integers(-5, 500),
    st.lists(st.sampled_from(["order_items", "Max Mustermann", "0", "50667"]) | st.text(max_size=6)).map("/".join),
)
FAULTS = st.fixed_dictionaries({}, optional={"code": JSON_VALUES, "detail": JSON_VALUES, "source": POINTERS})


@given(st.lists(FAULTS, max_size=5), st.integers(1, 100))
def test_positions_are_always_within_the_batch_and_paths_are_plain(faults: list[dict[str, Any]], batch: int) -> None:
    error = refusal(400, {}, v3(*faults), batch=batch)
    assert isinstance(error, BatchRejected)
    for position, (code, path) in error.positions.items():
        assert 0 <= position < batch
        assert set(code) <= set("abcdefghijklmnopqrstuvwxyz_")
        assert set(path) <= set("abcdefghijklmnopqrstuvwxyz_0123456789/[]")
        assert "50667" not in path
