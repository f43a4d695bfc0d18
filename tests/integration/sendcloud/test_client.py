"""The Sendcloud client against a server with hand-written answers, shaped like the recordings."""

import gc
import json
import tracemalloc
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aftersend.errors import AftersendError, Bug, CredentialsRefused, Misconfigured, Transient
from aftersend.observe import traces
from aftersend.observe.meter import NoMeter
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.client import BatchRejected, SendcloudClient, SendcloudCredentials
from aftersend.sendcloud.exchange import MAX_BODY_BYTES
from aftersend.sendcloud.model import (
    CodeMessage,
    IntegrationRef,
    Money,
    OrderDetails,
    OrderItem,
    PaymentDetails,
    PushOrder,
    ShippingAddress,
)
from tests.support.recording_meter import RecordingMeter
from tests.support.scripted_sendcloud import (
    AUTHORIZATION,
    SECRET,
    TIMEOUT,
    client_of,
    half,
    hang,
    reset,
    scripted_sendcloud,
)

CANARY = "Kanarienvogel"
SINCE = datetime(2026, 11, 23, 8, 30, 15, 999999, tzinfo=UTC)


def order(number: str = "334455") -> PushOrder:
    euros = Money(9.9, "EUR")
    return PushOrder(
        order_id=f"afterbuy-{number}",
        order_number=number,
        order_details=OrderDetails(
            integration=IntegrationRef(7),
            status=CodeMessage("unshipped", "unshipped"),
            order_created_at="2026-11-23T08:30:00+00:00",
            order_items=(OrderItem(name=f"{CANARY} aus Holz", quantity=1, total_price=euros, unit_price=euros),),
        ),
        payment_details=PaymentDetails(total_price=euros, status=CodeMessage("paid", "paid")),
        shipping_address=ShippingAddress(
            name=f"Jürgen {CANARY}", address_line_1="Weg 1", postal_code="50667", city="Köln", country_code="DE"
        ),
    )


def parcel(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Erika {CANARY}",
        "address": "Weg 1",
        "status": {"id": 1000, "message": "Ready to send"},
        "tracking_number": f"0034{number}",
        "tracking_url": f"https://track.example/{number}",
        "carrier": {"code": "dhl_de"},
        "is_return": False,
        "external_order_id": "afterbuy-334455",
        "order_number": "334455",
        "date_updated": "23-11-2026 16:51:28",
        **changes,
    }


# pushing


async def test_a_push_is_an_array_with_basic_auth_and_utf8() -> None:
    meter = RecordingMeter()
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url, meter) as client:
        sendcloud.respond(201, {"data": [{"id": 664, "order_id": "afterbuy-334455", "order_number": "334455"}]})
        await client.push([order()])
    (asked,) = sendcloud.requests
    assert (asked.method, asked.path, asked.query) == ("POST", "/api/v3/orders", {})
    assert asked.headers["Authorization"] == AUTHORIZATION
    assert asked.headers["Content-Type"] == "application/json"
    sent = json.loads(asked.body)
    assert [entry["order_id"] for entry in sent] == ["afterbuy-334455"]
    assert sent[0]["shipping_address"]["city"] == "Köln"
    assert "billing_address" not in sent[0]
    assert meter.outcomes == ["ok"]
    assert meter.budgets == [pytest.approx(11, abs=0.5)]


async def test_a_push_may_be_answered_200() -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(200, {"data": []})
        await client.push([order()])


async def test_nothing_to_push_is_no_call_and_more_than_100_is_a_bug() -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        await client.push([])
        with pytest.raises(Bug):
            await client.push([order()] * 101)
    assert sendcloud.requests == []


async def test_a_rejected_batch_names_positions_code_and_field() -> None:
    faults = [
        {
            "status": "400",
            "code": "required",
            "detail": f"{CANARY}: This field is required.",
            "source": {"pointer": "/data/attributes/[1]/shipping_address/city"},
        },
        {"status": 400, "code": "min_value", "detail": "…", "source": {"pointer": "/data/attributes/0/order_number"}},
    ]
    meter = RecordingMeter()
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url, meter) as client:
        sendcloud.respond(400, {"errors": faults})
        with pytest.raises(BatchRejected) as caught:
            await client.push([order("1"), order("2")])
    assert caught.value.positions == {1: ("required", "shipping_address/city"), 0: ("min_value", "order_number")}
    assert CANARY not in f"{caught.value}{caught.value!r}"
    assert meter.outcomes == ["rejected"]


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, b"<html>Bad Request</html>"),
        (413, b""),
        (400, {"errors": [{"code": "not_a_list", "detail": "Wrong request format, expected list of objects"}]}),
    ],
)
async def test_an_unexplained_refusal_has_no_positions(status: int, answer: Any) -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(status, answer)
        with pytest.raises(BatchRejected) as caught:
            await client.push([order()])
    assert caught.value.positions == {}


async def test_still_processing_is_transient_although_it_is_a_400() -> None:
    busy = {
        "status": "400",
        "code": "invalid",
        "detail": "We are still processing a previous request. Please try again in a moment.",
        "source": {"pointer": "/data"},
    }
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(400, {"errors": [busy]})
        with pytest.raises(Transient) as caught:
            await client.push([order()])
    assert caught.value.code == "still_processing"


@pytest.mark.parametrize("answer", [b"<html>maintenance</html>", b"", b"null", b"[]", b'{"data":7}', b"\xff"])
async def test_an_unreadable_201_is_no_acceptance(answer: bytes) -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(201, answer)
        with pytest.raises(Transient) as caught:
            await client.push([order()])
    assert caught.value.code == "unreadable_answer"


# what may go wrong with any call


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code", "outcome"),
    [
        (401, {"errors": [{"code": "authentication_failed"}]}, CredentialsRefused, "http_401", "credentials"),
        (403, b"", CredentialsRefused, "http_403", "credentials"),
        (412, {"error": {"code": 412, "message": CANARY}}, Transient, "account_not_ready", "transient"),
        (429, b"", Transient, "rate_limited", "transient"),
        (500, b"<html>", Transient, "http_500", "transient"),
        (404, {"errors": [{"status": 404, "code": "not_found"}]}, Transient, "http_404", "transient"),
        (400, {"errors": [{"code": "invalid", "detail": CANARY}]}, Bug, "http_400", "bug"),
        (200, b"<html>", Transient, "unreadable_answer", "transient"),
        (200, b'{"data":' + b"[" * 10_000 + b"]" * 10_000 + b"}", Transient, "unreadable_answer", "transient"),
    ],
)
async def test_refusals_leave_typed_and_counted(
    status: int, answer: Any, kind: type[AftersendError], code: str, outcome: str
) -> None:
    meter = RecordingMeter()
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url, meter) as client:
        sendcloud.respond(status, answer)
        with pytest.raises(kind) as caught:
            await client.integrations()
    assert caught.value.code == code
    assert len(sendcloud.requests) == 1  # no retry inside
    assert meter.outcomes == [outcome]
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(("act", "code"), [(reset, "connection"), (half, "connection"), (hang, "timeout")])
async def test_a_broken_line_is_transient(act: Any, code: str) -> None:
    short = aiohttp.ClientTimeout(total=0.3) if act is hang else TIMEOUT
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url, timeout=short) as client:
        for _ in range(3):  # aiohttp sends a GET once more if a kept connection drops
            sendcloud.misbehave(act)
        with pytest.raises(Transient) as caught:
            await client.integrations()
    assert caught.value.code == code
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_refused_connection_is_transient() -> None:
    async with client_of("http://127.0.0.1:9/api") as client:
        with pytest.raises(Transient) as caught:
            await client.integrations()
    assert caught.value.code == "connection"


async def test_a_429_pauses_the_bucket_as_asked_and_no_longer_wait_than_a_minute_is_kept() -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(429, b"", Retry_After="90")
        for _ in range(2):
            with pytest.raises(Transient) as caught:
                await client.integrations()
        sendcloud.respond(201, {"data": []})
        await client.push([order()])  # writes have a bucket of their own
    assert caught.value.retry_after == pytest.approx(90, abs=5)
    assert [asked.method for asked in sendcloud.requests] == ["GET", "POST"]


async def test_redirects_are_not_followed() -> None:
    async with scripted_sendcloud() as thief, scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(302, b"", Location=f"{thief.url}/v3/integrations")
        with pytest.raises(Transient) as caught:
            await client.integrations()
    assert caught.value.code == "http_302"
    assert thief.requests == []


async def test_an_answer_that_breaks_off_leaves_nothing_of_it_in_memory() -> None:
    """Without a look for cycles: an error that keeps its frames keeps the parcels that they hold."""

    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b" " * 300_000)
        assert request.transport
        request.transport.close()
        return response

    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(10):
                sendcloud.misbehave(broken)
                with pytest.raises(Transient, match="connection"):
                    await client.integrations()
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
    assert held < 1_500_000


async def test_an_endless_answer_is_cut() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 1024 * 1024)
            sent += 1

    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.misbehave(endless)
        with pytest.raises(Transient) as caught:
            await client.integrations()
    assert caught.value.code == "answer_too_large"
    assert sent * 1024 * 1024 < 2 * MAX_BODY_BYTES


async def test_missing_credentials_are_a_misconfiguration_of_their_own(tmp_path: Path) -> None:
    meter = RecordingMeter()
    files = SecretFiles(tmp_path)
    async with scripted_sendcloud() as sendcloud, aiohttp.ClientSession() as session:
        client = SendcloudClient(
            session, url=sendcloud.url, credentials=lambda: SendcloudCredentials.read(files), meter=meter
        )
        with pytest.raises(Misconfigured):
            await client.integrations()
        (tmp_path / "secretKey").write_text(f"{SECRET}\nolder-key\n")
        with pytest.raises(Misconfigured):
            await client.integrations()
        (tmp_path / "publicKey").write_text("public-key\n")
        sendcloud.respond(200, {"data": []})
        assert await client.integrations() == []
    assert sendcloud.requests[0].headers["Authorization"] == AUTHORIZATION
    assert meter.outcomes == ["own", "own", "ok"]
    assert SECRET not in repr(SendcloudCredentials.read(files))


async def test_spans_carry_routes_and_no_queries() -> None:
    seen = InMemorySpanExporter()
    traces.start_tracing("test", exporter=seen)
    try:
        async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
            sendcloud.respond(200, {"data": []})
            await client.has_order("afterbuy-334455", 7)
            with pytest.raises(Transient):
                await client.parcels_of("334455")
    finally:
        traces.stop_tracing()
    spans = [(span.name, dict(span.attributes or {})) for span in seen.get_finished_spans()]
    assert [name for name, _ in spans] == ["GET sendcloud /v3/orders", "GET sendcloud /v2/parcels"]
    assert [attributes["aftersend.outcome"] for _, attributes in spans] == ["ok", "transient"]
    assert [attributes["server.address"] for _, attributes in spans] == ["127.0.0.1", "127.0.0.1"]
    assert spans[0][1]["url.full"] == f"{sendcloud.url}/v3/orders"
    assert spans[0][1]["http.response.status_code"] == 200
    assert "334455" not in str(spans)


# reading


async def test_integrations_are_read_leniently() -> None:
    listed = [
        {
            "id": 7,
            "shop_name": "J&J Aftersend",
            "type": "api",
            "webhook_active": True,
            "webhook_url": "https://hooks.example/webhooks/sendcloud",
            "service_point_carriers": [],
        },
        {"id": "8", "shop_name": None, "system": "odoo", "webhook_active": None, "webhook_url": ""},
        {"id": None, "shop_name": "broken"},
    ]
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(200, {"data": listed})
        found = await client.integrations()
    assert [(i.id, i.shop_name, i.type, i.webhook_active, i.webhook_url) for i in found] == [
        (7, "J&J Aftersend", "api", True, "https://hooks.example/webhooks/sendcloud"),
        (8, "", "odoo", False, ""),
    ]
    assert sendcloud.requests[0].body == b""  # a GET with a body is answered 403


def listed(*ids: str, integration: Any = 7) -> dict[str, Any]:
    return {"data": [{"order_id": name, "order_details": {"integration": {"id": integration}}} for name in ids]}


async def test_orders_are_paged_by_the_cursor_of_the_link_header() -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        follow = f'<{sendcloud.url}/v3/orders?cursor=cD0z%3D%3D&page_size=1>; rel="next", <x?cursor=b>; rel="prev"'
        sendcloud.respond(200, listed("afterbuy-3", "afterbuy-2"), Link=follow)
        sendcloud.respond(200, listed("afterbuy-1"))
        pages = [page async for page in client.order_ids(7)]
    assert pages == [["afterbuy-3", "afterbuy-2"], ["afterbuy-1"]]
    assert [asked.query for asked in sendcloud.requests] == [
        {"integration": "7", "page_size": "200"},
        {"integration": "7", "page_size": "200", "cursor": "cD0z=="},
    ]


async def test_orders_of_other_integrations_do_not_count() -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        foreign = listed("afterbuy-2", integration="8")["data"]
        own = listed("afterbuy-1", integration="7")["data"]
        odd = [{"order_id": "afterbuy-3"}, {"order_id": None}, {"order_id": 4, "order_details": {"integration": None}}]
        sendcloud.respond(200, {"data": [*foreign, *own, *odd]})
        assert [page async for page in client.order_ids(7)] == [["afterbuy-1", "afterbuy-3", "4"]]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (listed("afterbuy-1"), None, True),
        (listed(), None, False),
        (listed("afterbuy-11", "AFTERBUY-1"), None, False),
        (listed("afterbuy-1", integration=8), None, False),
        (listed("afterbuy-9"), listed("afterbuy-1"), True),
    ],
)
async def test_a_hit_is_compared_because_filters_may_be_ignored(first: Any, second: Any, *, expected: bool) -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        if second is not None:
            sendcloud.respond(200, first, Link='<https://x.example/?cursor=a>; rel="next"')
        sendcloud.respond(200, second or first)
        assert await client.has_order("afterbuy-1", 7) is expected
    assert sendcloud.requests[0].query == {"integration": "7", "page_size": "200", "order_id": "afterbuy-1"}


async def test_changed_parcels_come_page_by_page_with_sendclouds_clock() -> None:
    date = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        following = f"{sendcloud.url}/v2/parcels?cursor=cD0zMDI2NjcxNjI%3D&updated_after=x"
        sendcloud.respond(
            200,
            {"next": following, "previous": None, "parcels": [parcel(1), parcel(2, is_return=True)]},
            Date=format_datetime(date, usegmt=True),
        )
        sendcloud.respond(200, {"next": None, "previous": "x", "parcels": [parcel(3, tracking_number="")]})
        pages = [page async for page in client.parcels(SINCE)]
    assert [[event.parcel for event in page.events] for page in pages] == [["1", "2"], ["3"]]
    assert pages[0].date == date
    assert pages[0].events[0].time == int(datetime(2026, 11, 23, 16, 51, 28, tzinfo=UTC).timestamp() * 1000) + 999
    assert pages[0].events[0].received == 1_795_600_000_500
    assert [asked.query for asked in sendcloud.requests] == [
        {"updated_after": "2026-11-23T08:30:15+00:00"},
        {"updated_after": "2026-11-23T08:30:15+00:00", "cursor": "cD0zMDI2NjcxNjI="},
    ]


@pytest.mark.parametrize(
    "date", ["", "gestern", "Mon, 99 Foo 2026 99:99:99 GMT", "Fri, 31 Dec 9999 23:59:59 -0100", "1795600000"]
)
async def test_a_date_that_cannot_be_read_counts_as_absent(date: str) -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(200, {"next": None, "parcels": []}, Date=date)
        (page,) = [page async for page in client.parcels(SINCE)]
    assert page.date is None


async def test_a_date_without_zone_is_utc() -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(200, {"parcels": []}, Date="Tue, 24 Nov 2026 09:00:00 -0000")
        (page,) = [page async for page in client.parcels(SINCE)]
    assert page.date == datetime(2026, 11, 24, 9, tzinfo=UTC)


async def test_a_broken_parcel_spoils_none_of_the_others() -> None:
    broken: list[Any] = [parcel(0), {"id": None}, None, [], "x", parcel(5, tracking_number={"a": CANARY})]
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(200, {"next": None, "parcels": [parcel(1), *broken, parcel(2)]})
        (page,) = [page async for page in client.parcels(SINCE)]
    assert [event.parcel for event in page.events] == ["1", "2"]
    assert page.unreadable == 6


async def test_keys_go_to_our_own_address_only() -> None:
    async with scripted_sendcloud() as thief, scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(200, {"next": f"{thief.url}/v2/parcels?cursor=a", "parcels": [parcel(1)]})
        sendcloud.respond(200, {"next": None, "parcels": [parcel(2)]})
        sendcloud.respond(200, listed("afterbuy-1"), Link=f'<{thief.url}/v3/orders?cursor=a>; rel="next"')
        sendcloud.respond(200, listed("afterbuy-2"))
        assert len([page async for page in client.parcels(SINCE)]) == 2
        assert len([page async for page in client.order_ids(7)]) == 2
    assert thief.requests == []
    assert len(sendcloud.requests) == 4


@pytest.mark.parametrize("following", ["https://x.example/v2/parcels", "https://[/?cursor=a", "x", "?cursor="])
async def test_a_list_that_cannot_be_followed_is_an_error_not_an_end(following: str) -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        sendcloud.respond(200, {"next": following, "parcels": [parcel(1)]})
        with pytest.raises(Transient) as caught:
            [page async for page in client.parcels(SINCE)]
        sendcloud.respond(200, listed("afterbuy-1"), Link=f'<{following}>; rel="next"')
        with pytest.raises(Transient):
            [page async for page in client.order_ids(7)]
    assert caught.value.code == "paging_without_cursor"


async def test_pages_in_circles_end_with_an_error() -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        for cursor in ("a", "b", "a"):
            sendcloud.respond(200, {"next": f"https://x.example/?cursor={cursor}", "parcels": []})
        with pytest.raises(Transient) as caught:
            [page async for page in client.parcels(SINCE)]
    assert caught.value.code == "paging_in_circles"
    assert len(sendcloud.requests) == 3


async def test_parcels_of_an_order_are_compared_too() -> None:
    async with scripted_sendcloud() as sendcloud, client_of(sendcloud.url) as client:
        found = [
            parcel(1),
            parcel(2, order_number="3344556"),
            parcel(3, is_return=True),
            parcel(4, order_number=334455),
        ]
        sendcloud.respond(200, {"next": None, "parcels": found})
        events = await client.parcels_of("334455")
    assert [event.parcel for event in events] == ["1", "3", "4"]
    assert sendcloud.requests[0].query == {"order_number": "334455"}


async def test_nothing_needs_a_meter() -> None:
    async with scripted_sendcloud() as sendcloud, aiohttp.ClientSession() as session:
        client = SendcloudClient(
            session,
            url=f"{sendcloud.url}/",
            credentials=lambda: SendcloudCredentials("public-key", SECRET),
            meter=NoMeter(),
        )
        sendcloud.respond(200, {"data": []})
        assert await client.integrations() == []
    assert sendcloud.requests[0].path == "/api/v3/integrations"
