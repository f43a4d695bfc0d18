"""The webhook contract, row by row and in its order, against a real Redis."""

import asyncio
import base64
import contextlib
import gc
import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.openmetrics.exposition import generate_latest
from structlog.testing import capture_logs

from aftersend.key_files import write_seal_keys
from aftersend.observe import logs, traces
from aftersend.sealing import Keyring, UnknownKey, WrongSeal
from aftersend.sendcloud.model import ParcelEvent
from aftersend.stream.stream import Stream
from aftersend_webhook import handler
from aftersend_webhook.body_reader import MAX_BODY_BYTES, BodyReader
from tests.support.part_kit import environment, get, restored_logging, running
from tests.support.servers import RedisServer
from tests.support.stream_kit import until
from tests.support.webhook_kit import CANARY, KEY, NUMBER, PATH, SENT, TENANT, body, hooks, raw_values, signed, stored

DAY = 86_400_000
UNREACHABLE = "redis://127.0.0.1:9/0"
SERVICE = "from aftersend_webhook.main import main; main()"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def padded(size: int) -> bytes:
    """A correct webhook of exactly this size."""
    return body() + b" " * (size - len(body()))


async def test_the_certificate_of_the_public_host_is_shown_and_nothing_else_of_its_file(
    tmp_path: Path, redis_url: str
) -> None:
    first, second = (f"-----BEGIN CERTIFICATE-----\n{word}\n-----END CERTIFICATE-----" for word in ("b25l", "dHdv"))
    async with hooks(tmp_path, redis_url) as service:
        file = service.runtime.settings.secrets_dir / "webhook-tls" / "tls.crt"
        assert service.runtime.health.facts["certificate"] == ""
        file.parent.mkdir()
        for text in ("no certificate", f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----"):
            file.write_text(text)
            assert service.runtime.health.facts["certificate"] == ""
        file.write_text(f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n{first}\n{second}\n")
        assert service.runtime.health.facts["certificate"] == first
        file.write_bytes(b"\xff")
        assert service.runtime.health.facts["certificate"] == ""


# stored


async def test_a_label_is_on_the_stream_before_the_answer(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        answer = await service.post(body())
        assert (answer.status, answer.text) == (200, "")
        assert "Server" not in answer.headers
        ((event, parcel),) = await stored(tmp_path, redis_url)
        assert service.counted() == {"stored": 1}
        await service.post(body(), key="another-key-of-some-length")
        shown: Any = service.runtime.health.facts["webhooks"]
        assert (shown["stored"], shown["refused"]) == (1, 1)
    assert (event.type, event.source, event.attempt) == ("parcel.changed", "webhook", 1)
    assert parcel == ParcelEvent(
        parcel="412345678",
        status=1000,
        received=parcel.received,
        time=SENT,
        number=NUMBER,
        url=f"https://track.example/{CANARY}?code={NUMBER}",
        carrier="dhl_de",
        external_order_id="afterbuy-334455",
        order_number="334455",
    )


async def test_only_signed_webhooks_are_timed(tmp_path: Path, redis_url: str) -> None:
    """Requests without a key must not make our responses look fast."""
    async with hooks(tmp_path, redis_url) as hook:
        assert (await hook.post(body())).status == 200
        assert (await hook.post(body(), key="another-key-of-some-length")).status == 401
        value = hook.runtime.metrics.registry.get_sample_value
        assert value("aftersend_webhook_seconds_count", {"tenant": TENANT}) == 1


async def test_two_equal_webhooks_are_two_entries(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        assert [(await service.post(body())).status for _ in range(2)] == [200, 200]
        (first, one), (second, two) = await stored(tmp_path, redis_url)
    assert first.id != second.id
    assert (one.parcel, one.number, one.time) == (two.parcel, two.number, two.time)


async def test_nothing_personal_is_readable_in_redis(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        assert (await service.post(body())).status == 200
        assert (await service.post(body(id={CANARY: NUMBER}))).status == 400
        raw = await raw_values(redis_url)
    assert f"aftersend:{{{TENANT}}}:parcels".encode() in raw
    for secret in (CANARY, NUMBER, "track.example", "50667", "dhl_de"):
        assert secret.encode() not in raw


@pytest.mark.parametrize("status", [1998, 2000])
async def test_a_cancellation_without_number_is_stored(tmp_path: Path, redis_url: str, status: int) -> None:
    async with hooks(tmp_path, redis_url) as service:
        assert (await service.post(body(tracking_number="", status={"id": status}))).status == 200
        assert [parcel.status for _, parcel in await stored(tmp_path, redis_url)] == [status]


# too large


@pytest.mark.parametrize("key", [KEY, ""])
@pytest.mark.parametrize("chunked", [True, False])
async def test_over_1_mib_is_413_before_anything_else(tmp_path: Path, *, chunked: bool, key: str) -> None:
    async def parts() -> Any:
        for _ in range(17):
            yield b" " * 65536

    async with hooks(tmp_path, UNREACHABLE, key=key) as service:
        answer = await service.send(parts() if chunked else b" " * (MAX_BODY_BYTES + 1))
        assert answer.status == 413
        assert service.counted() == {"too_large": 1}


async def test_a_false_content_length_is_413_without_reading(tmp_path: Path) -> None:
    async with hooks(tmp_path, UNREACHABLE) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".encode())
        assert await reader.readline() == b"HTTP/1.1 413 Request Entity Too Large\r\n"
        writer.close()


async def test_exactly_1_mib_is_taken(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        assert (await service.post(padded(MAX_BODY_BYTES))).status == 200
        assert (await service.post(padded(MAX_BODY_BYTES + 1))).status == 413
        assert len(await stored(tmp_path, redis_url)) == 1


# keys and signatures


async def test_without_a_key_everything_is_503(tmp_path: Path) -> None:
    async with hooks(tmp_path, UNREACHABLE, key=" \n") as service:
        answers = [await service.post(body()), await service.send(b"no JSON"), await service.post(body("test_webhook"))]
        assert [answer.status for answer in answers] == [503, 503, 503]
        assert service.counted() == {"no_key": 3}


@pytest.mark.parametrize("raw", [body(), body("test_webhook"), b"no JSON", b""])
async def test_an_unsigned_body_is_401_whatever_it_says(tmp_path: Path, raw: bytes) -> None:
    async with hooks(tmp_path, UNREACHABLE) as service:
        wrong = [{}, signed(raw, "wrong key"), signed(raw + b" "), {"Sendcloud-Signature": "x"}]
        assert [(await service.send(raw, **headers)).status for headers in wrong] == [401] * 4
        assert service.counted() == {"wrong_signature": 4}


async def test_the_raw_bytes_are_signed_not_their_meaning(tmp_path: Path, redis_url: str) -> None:
    compact = json.dumps(json.loads(body()), separators=(",", ":"), ensure_ascii=False).encode()
    async with hooks(tmp_path, redis_url) as service:
        assert (await service.post(compact)).status == 200
        assert (await service.send(compact, **signed(body()))).status == 401


async def test_all_keys_count_and_changed_files_are_in_use_at_once(tmp_path: Path, redis_url: str) -> None:
    tried = ["the new signature key", "the old signature key", "secret key", "another signature key"]
    new, old, secret, other = tried
    async with hooks(tmp_path, redis_url, key=f"{new}\n{old}\n") as service:
        folder = service.secrets / "sendcloud"
        (folder / "secretKey").write_text(secret)
        assert [(await service.post(body(), key)).status for key in tried] == [200, 200, 200, 401]
        (folder / "webhookSignatureKey").write_text(other)
        assert [(await service.post(body(), key)).status for key in tried] == [401, 401, 200, 200]
        (folder / "webhookSignatureKey").unlink()
        (folder / "secretKey").unlink()
        assert [(await service.post(body(), key)).status for key in tried] == [503] * 4


async def test_a_short_signature_key_is_ignored_with_a_warning(
    tmp_path: Path, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with hooks(tmp_path, redis_url, key="x") as service:
        with restored_logging():
            logs.configure()
            assert (await service.post(body(), "x")).status == 503
            (service.secrets / "sendcloud" / "secretKey").write_text(KEY)
            assert [(await service.post(body(), key)).status for key in ("x", KEY, KEY)] == [401, 200, 200]
        assert capsys.readouterr().err.count("signature_key_ignored") == 1


async def test_packed_bodies_stay_packed(tmp_path: Path) -> None:
    packed = gzip.compress(b" " * MAX_BODY_BYTES * 50)
    async with hooks(tmp_path, UNREACHABLE) as service:
        answer = await service.send(packed, Content_Encoding="gzip", **signed(packed))
        assert answer.status == 400
        assert service.counted() == {"malformed": 1}


# malformed


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"action":' + b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"action": "parcel_status_changed"}',
        b'{"action": "parcel_status_changed", "parcel": []}',
        body(id=None),
        body(id=""),
        body(tracking_number={"a": 1}),
    ],
)
async def test_what_is_no_webhook_is_400_and_counted(tmp_path: Path, raw: bytes) -> None:
    async with hooks(tmp_path, UNREACHABLE) as service:
        assert (await service.post(raw)).status == 400
        assert service.counted() == {"malformed": 1}


# nothing to do


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (body("test_webhook"), "ignored_test"),
        (b'{"action": "test_webhook"}', "ignored_test"),
        (b'{"action": "integration_updated", "integration": {"id": 7}}', "ignored_integration"),
        (b'{"action": "integration_credentials", "secret_key": "s"}', "ignored_integration"),
        (b'{"action": "return_created", "data": {"id": 7}}', "ignored_return"),
        (body(is_return=True), "ignored_return"),
        (body(tracking_number=""), "ignored_no_number"),
        (body(tracking_number=None, status={"id": 1999}), "ignored_no_number"),
        (body("parcel_created"), "ignored_unknown_action"),
    ],
)
async def test_nothing_to_do_is_200_without_redis(tmp_path: Path, raw: bytes, outcome: str) -> None:
    async with hooks(tmp_path, UNREACHABLE) as service:
        assert (await service.post(raw)).status == 200
        assert service.counted() == {outcome: 1}


# too old


@pytest.mark.parametrize("ago", [95 * DAY, 90 * DAY + 60_000])
async def test_a_webhook_that_was_recorded_and_sent_again_is_dropped(tmp_path: Path, redis_url: str, ago: int) -> None:
    """The ledger has forgotten the order: number and tag would come back that a person removed meanwhile."""
    with capture_logs() as lines:
        async with hooks(tmp_path, redis_url) as service:
            raw = [body(timestamp=SENT - ago), body(timestamp=(SENT - ago) // 1000), body("test", timestamp=SENT - ago)]
            assert [(await service.post(each)).status for each in raw] == [200] * 3
            assert await stored(tmp_path, redis_url) == []
            assert service.counted() == {"too_old": 3}
    assert [line["log_level"] for line in lines if line["event"] == "webhook_too_old"] == ["warning"] * 3


@pytest.mark.parametrize("timestamp", [SENT - 89 * DAY, 0, 1, 946_684_800_000, SENT + 95 * DAY])
async def test_a_webhook_within_90_days_or_with_a_time_that_makes_no_sense_is_stored(
    tmp_path: Path, redis_url: str, timestamp: int
) -> None:
    async with hooks(tmp_path, redis_url) as service:
        assert (await service.post(body(timestamp=timestamp))).status == 200
        assert service.counted() == {"stored": 1}


# Redis


async def test_redis_away_is_503_and_all_is_well_when_it_is_back(own_server: RedisServer, tmp_path: Path) -> None:
    async with hooks(tmp_path, own_server.url) as service:
        assert (await service.post(body())).status == 200
        own_server.kill()
        answer = await service.post(body())
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        own_server.start()
        assert (await service.post(body())).status == 200
        assert len(await stored(tmp_path, own_server.url)) == 2
        assert service.counted() == {"stored": 2, "not_stored": 1}


async def test_a_redis_that_never_answers_is_503_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "_STORE_TIMEOUT", 0.2)

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting.append(writer)

    waiting: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with hooks(tmp_path, f"redis://127.0.0.1:{port}/0") as service:
        answers = await asyncio.gather(*(service.post(body()) for _ in range(20)))
        assert {answer.status for answer in answers} == {503}
        assert all(answer.headers["Retry-After"] for answer in answers)
    for writer in waiting:
        writer.close()
    server.close()


async def test_a_full_redis_is_503_and_keeps_what_it_has(tmp_path: Path, redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        used = (await client.info("memory"))["used_memory"]
        await client.config_set("maxmemory", int(used / 0.9))
    async with hooks(tmp_path, redis_url) as service:
        answer = await service.post(body())
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        assert (await service.post(body("test_webhook"))).status == 200
        assert await stored(tmp_path, redis_url) == []
        assert service.counted() == {"not_stored": 1, "ignored_test": 1}


async def test_without_a_data_key_nothing_is_stored(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        for file in (service.secrets / "data-key").iterdir():
            file.unlink()
        answer = await service.post(body())
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        assert await raw_values(redis_url) == b""


async def test_with_a_seal_key_only_it_stores_what_it_cannot_open(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        _keep_seal_keys_only(service.secrets)
        assert (await service.post(body())).status == 200
        assert set((await service.runtime.health.ready()).values()) == {""}
        stream = Stream(
            service.runtime.redis, tenant=TENANT, name="parcels", keyring=Keyring(service.runtime.secrets("data-key"))
        )
        ((_, fields),) = await service.runtime.redis.xrange(stream.key)
        for keys in (service.runtime.keyring, Keyring(service.runtime.secrets("seal-key"))):
            with pytest.raises((UnknownKey, WrongSeal)):
                keys.open(fields[b"data"], bound=stream.bound("parcel.changed", fields[b"id"].decode()), public=True)
        (service.secrets / "kept").rename(service.secrets / "data-key")
        ((_, event),) = await stored(tmp_path, redis_url)
        assert event.number == NUMBER


async def test_without_a_usable_seal_key_it_is_not_ready(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        _keep_seal_keys_only(service.secrets)
        (path,) = (service.secrets / "seal-key").iterdir()
        path.write_text(base64.b64encode(bytes(32)).decode())
        assert "seal-key/20260101 is broken" in (await service.runtime.health.ready())["seal-key"]
        assert (await service.post(body())).status == 503
        assert await raw_values(redis_url) == b""


def _keep_seal_keys_only(secrets: Path) -> None:
    """As the operator mounts it; the data keys lie in ``kept``."""
    write_seal_keys(secrets)
    (secrets / "data-key").rename(secrets / "kept")


def test_xadd_and_info_are_enough_rights(tmp_path: Path, redis_url: str) -> None:
    environ = environment(tmp_path, AFTERSEND_REDIS_URL=redis_url)
    secrets = tmp_path / "secrets"
    _keep_seal_keys_only(secrets)
    for file, text in {"sendcloud/secretKey": KEY, "redis/username": "hook", "redis/password": "pw"}.items():
        (secrets / file).parent.mkdir(exist_ok=True)
        (secrets / file).write_text(text)
    with redis.Redis.from_url(redis_url) as client:
        stream = f"aftersend:{{{TENANT}}}:parcels"
        client.execute_command("ACL", "SETUSER", "hook", "reset", "on", ">pw", f"~{stream}", "+xadd", "+info")
        client.execute_command("ACL", "LOG", "RESET")
        try:
            with running(SERVICE, environ) as process:
                admin = process.line("started")["admin_port"]
                port = process.line("listening")["port"]
                assert get(admin, "/readyz")[:2] == (200, "ok\n")
                assert asyncio.run(_post(port)) == 200
                assert client.xlen(stream) == 1
                assert client.execute_command("ACL", "LOG") == []
                assert process.end() == 0
        finally:
            client.execute_command("ACL", "DELUSER", "hook")


async def _post(port: int, path: str = PATH) -> int:
    raw = body()
    head = "".join(f"{name}: {value}\r\n" for name, value in signed(raw).items())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize(
    "path", ["/webhooks%2Fsendcloud", "/webhooks%2fsendcloud", "/%77ebhooks/sendcloud", "/x/../webhooks/sendcloud"]
)
async def test_the_path_counts_as_it_was_sent(tmp_path: Path, path: str) -> None:
    async with hooks(tmp_path, UNREACHABLE) as service:
        assert await _post(service.port, path) == 404
        assert await _post(service.port, f"{PATH}?a=%2F") == 503
        assert service.counted() == {"not_stored": 1}


# the service


def test_not_ready_without_a_signature_key_and_ready_once_it_is_there(tmp_path: Path, redis_url: str) -> None:
    environ = environment(tmp_path, AFTERSEND_REDIS_URL=redis_url)
    with running(SERVICE, environ) as process:
        admin = process.line("started")["admin_port"]
        port = process.line("listening")["port"]
        status, text, _ = get(admin, "/readyz")
        assert status == 503
        assert "signature-key" in text
        assert get(admin, "/healthz")[0] == 200
        assert asyncio.run(_post(port)) == 503
        (tmp_path / "secrets" / "sendcloud").mkdir()
        (tmp_path / "secrets" / "sendcloud" / "secretKey").write_text(KEY)
        assert get(admin, "/readyz")[0] == 200
        assert asyncio.run(_post(port)) == 200
        assert asyncio.run(_post(port, PATH + "/")) == 404
        _, metrics, _ = get(admin, "/metrics")
        assert f'aftersend_webhooks_total{{outcome="stored",tenant="{TENANT}"}} 1.0' in metrics
        assert process.end() == 0
    assert CANARY not in process.text
    assert NUMBER not in process.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_405(tmp_path: Path, method: str) -> None:
    async with hooks(tmp_path, UNREACHABLE) as service:
        answer = await service.send(None, method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", PATH + "/", PATH + "/x", PATH.upper(), "//" + PATH])
async def test_nothing_but_the_path_is_served(tmp_path: Path, path: str) -> None:
    async with hooks(tmp_path, UNREACHABLE) as service:
        raw = body()
        assert (await service.send(raw, path=path, **signed(raw))).status == 404
        assert (await service.send(None, method="GET", path=path)).status == 404
        assert service.counted() == {}


async def test_a_query_does_not_matter(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        assert (await service.send(body(), path=f"{PATH}?x=1", **signed(body()))).status == 200


async def test_a_crash_of_ours_is_503_so_that_sendcloud_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError(CANARY)

    monkeypatch.setattr(handler, "decode_webhook", broken)
    async with hooks(tmp_path, UNREACHABLE) as service:
        with captured_logs() as said:
            answer = await service.post(body())
        assert (answer.status, answer.text) == (503, "")
        assert service.counted() == {"failed": 1}
    assert "KeyError" in said.getvalue()
    assert CANARY not in said.getvalue()


# logs and traces


@contextlib.contextmanager
def captured_logs() -> Iterator[io.StringIO]:
    """What the service logs."""
    with restored_logging(), contextlib.redirect_stderr(io.StringIO()) as said:
        logs.configure("json", "debug")
        yield said


async def test_log_lines_hold_ids_only(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        with captured_logs() as said:
            await service.post(body())
            await service.post(body(external_order_id=f"S-{CANARY}"))
            await service.post(body(f"{CANARY} ist da"))
            await service.post(body(id=CANARY))
            await service.send(body(), Sendcloud_Signature=CANARY)
            await service.send(body(), Sendcloud_Signature=CANARY)
        events = await stored(tmp_path, redis_url)
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "webhook_stored",
        "webhook_stored",
        "webhook_ignored",
        "webhook_malformed",
        "webhook_refused",  # the second one within a minute is only counted
    ]
    first, second = lines[:2]
    assert {first["tenant"], second["tenant"]} == {TENANT}
    assert [first["event_id"], second["event_id"]] == [event.id for event, _ in events]
    assert (first["parcel"], first["order"], first["status"]) == ("412345678", "334455", 1000)
    assert second["order"] == ""
    assert lines[3]["path"] == "parcel.id"
    assert CANARY not in said.getvalue()
    assert NUMBER not in said.getvalue()


async def test_the_trace_goes_on_in_the_event(tmp_path: Path, redis_url: str) -> None:
    seen = InMemorySpanExporter()
    traces.start_tracing("test", exporter=seen)
    try:
        async with hooks(tmp_path, redis_url) as service:
            await service.send(body(), traceparent=PARENT, **signed(body()))
            await service.send(body(), traceparent=PARENT)
            ((event, _),) = await stored(tmp_path, redis_url)
            shown = generate_latest(service.runtime.metrics.registry).decode()
    finally:
        traces.stop_tracing()
    assert f'trace_id="{PARENT[3:35]}"' in shown
    sent, answered = seen.get_finished_spans()
    assert sent.context is not None
    assert sent.parent is not None
    assert answered.context is not None
    assert sent.parent.span_id == answered.context.span_id
    assert event.traceparent == f"00-{sent.context.trace_id:032x}-{sent.context.span_id:016x}-01"
    assert event.traceparent[3:35] == PARENT[3:35]
    assert answered.name == "POST /webhooks/sendcloud"
    assert answered.attributes is not None
    assert answered.attributes["http.route"] == "/webhooks/sendcloud"
    assert answered.attributes["http.response.status_code"] == 200
    assert CANARY not in str(sent.to_json()) + str(answered.to_json())


async def test_without_tracing_a_foreign_trace_is_handed_on(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        await service.send(body(), traceparent=PARENT, **signed(body()))
        await service.send(body(), traceparent="nonsense", **signed(body()))
        assert [event.traceparent for event, _ in await stored(tmp_path, redis_url)] == [PARENT, ""]


# slow, broken and many

PATIENT = {"timeout": 600.0, "first_byte": 600.0}
"""Nothing of a test is too slow for them, however busy the machine is."""


@pytest.fixture
def patient_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds at once may take longer than Sendcloud would wait."""
    monkeypatch.setattr(handler, "_STORE_TIMEOUT", 120.0)
    monkeypatch.setattr("aftersend.redis.connection.WEBHOOK_SECONDS", 120.0)


async def _half_sent(port: int, sent: bytes = b"{", *, length: int = 1000) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reader.writer = writer  # type: ignore[attr-defined] # or it is closed with its last reference
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode() + sent)
    await writer.drain()
    return reader


def _with(monkeypatch: pytest.MonkeyPatch, body_reader: BodyReader) -> None:
    monkeypatch.setattr(handler, "BodyReader", lambda: body_reader)


@pytest.mark.parametrize(("sent", "limits"), [(b"", {"first_byte": 0.1}), (b"{", {"timeout": 0.1})])
async def test_a_body_that_does_not_come_is_408(
    sent: bytes, limits: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with(monkeypatch, BodyReader(**limits))
    async with hooks(tmp_path, UNREACHABLE) as service:
        reader = await _half_sent(service.port, sent)
        assert await reader.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
        assert service.counted() == {"too_slow": 1}
        reader.writer.close()  # type: ignore[attr-defined]


async def test_a_body_that_breaks_off_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it has been read; a line that is cut before a handler has begun is no webhook yet."""
    body_reader = BodyReader(max_concurrent=1, **PATIENT)
    _with(monkeypatch, body_reader)
    async with hooks(tmp_path, UNREACHABLE) as service:
        reader = await _half_sent(service.port)
        await until(lambda: body_reader._reads)
        reader.writer.close()  # type: ignore[attr-defined]
        await until(service.counted)
        assert service.counted() == {"broken_off": 1}


async def test_bodies_that_broke_off_leave_no_memory(tmp_path: Path) -> None:
    """Without a look for cycles: an error that keeps its frames keeps the megabyte that they hold."""
    large = b" " * 1_000_000
    async with hooks(tmp_path, UNREACHABLE) as service:
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for count in range(1, 21):
                reader = await _half_sent(service.port, large, length=len(large) + 1)
                reader.writer.transport.abort()  # type: ignore[attr-defined]
                del reader
                await until(lambda wanted=count: service.counted().get("broken_off", 0) == wanted)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
    assert held < 5 * len(large)


async def test_a_broken_chunked_body_is_no_crash(tmp_path: Path) -> None:
    async with hooks(tmp_path, UNREACHABLE) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode())
        assert b" 400 " in await reader.readline()
        writer.close()


async def _closed(readers: list[asyncio.StreamReader], body_reader: BodyReader) -> None:
    for reader in readers:
        reader.writer.close()  # type: ignore[attr-defined]
    await until(lambda: not body_reader._reads)


@pytest.mark.parametrize("sent", [b"", b"{"])
async def test_unsigned_bodies_that_never_come_keep_no_signed_one_out(
    sent: bytes, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body_reader = BodyReader(max_concurrent=2, **PATIENT)
    _with(monkeypatch, body_reader)
    async with hooks(tmp_path, redis_url) as service:
        waiting = []
        for read, dropped in ((1, 0), (2, 0), (2, 1), (2, 2)):
            waiting.append(await _half_sent(service.port, sent))
            await until(
                lambda state=(read, dropped): (len(body_reader._reads), service.counted().get("busy", 0)) == state
            )
        assert [(await service.post(body(id=number))).status for number in (1, 2, 3)] == [200] * 3
        for reader in waiting[:2]:
            assert await reader.readline() == b"HTTP/1.1 503 Service Unavailable\r\n"
        assert service.counted()["stored"] == 3
        await _closed(waiting, body_reader)


async def test_a_small_body_that_is_there_takes_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it drops none that waits, however many there are."""
    body_reader = BodyReader(max_concurrent=1, **PATIENT)
    _with(monkeypatch, body_reader)
    async with hooks(tmp_path, UNREACHABLE) as service:
        waiting = await _half_sent(service.port)
        await until(lambda: body_reader._reads)
        whole = await _half_sent(service.port, b"{}", length=2)
        assert await whole.readline() == b"HTTP/1.1 401 Unauthorized\r\n"
        assert len(body_reader._reads) == 1
        assert "busy" not in service.counted()
        whole.writer.close()  # type: ignore[attr-defined]
        await _closed([waiting], body_reader)


async def test_large_bodies_share_a_budget_that_the_longest_waiting_gives_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body_reader = BodyReader(buffer_budget=300_000, **PATIENT)
    _with(monkeypatch, body_reader)
    async with hooks(tmp_path, UNREACHABLE) as service:
        large = b'{"action": "test_webhook"}' + b" " * 300_000
        reader = await _half_sent(service.port, b" " * 200_000, length=900_000)
        await until(lambda: body_reader._free_bytes < 200_000)
        assert (await service.post(body("test_webhook"))).status == 200
        assert body_reader._free_bytes < 200_000
        assert (await service.post(large)).status == 200
        assert await reader.readline() == b"HTTP/1.1 503 Service Unavailable\r\n"
        assert (await service.post(large + large)).status == 503
        await _closed([reader], body_reader)
        assert body_reader._free_bytes == 300_000


async def test_a_head_that_does_not_come_ends_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aftersend.service.listener._IDLE_SECONDS", 0.2)
    async with hooks(tmp_path, UNREACHABLE) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"POST /webhooks/sendcloud HTTP/1.1\r\nHost:")
        assert await reader.read() == b""
        writer.close()


@pytest.mark.usefixtures("patient_store")
async def test_a_burst_is_stored_completely(tmp_path: Path, redis_url: str) -> None:
    async with hooks(tmp_path, redis_url) as service:
        answers = await asyncio.gather(*(service.post(body(id=number)) for number in range(1, 301)))
        assert {answer.status for answer in answers} == {200}
        parcels = [parcel.parcel for _, parcel in await stored(tmp_path, redis_url)]
    assert sorted(parcels, key=int) == [str(number) for number in range(1, 301)]


@pytest.mark.usefixtures("patient_store")
async def test_a_flood_does_not_open_a_connection_per_webhook(tmp_path: Path, own_server: RedisServer) -> None:
    """They would stay open, and count as clients of Redis for as long as the process lives."""
    async with hooks(tmp_path, own_server.url) as service, redis.asyncio.Redis.from_url(own_server.url) as admin:
        assert (await service.post(body(id=1))).status == 200
        await admin.client_pause(1000, all=False)
        answers = await asyncio.gather(*(service.post(body(id=number)) for number in range(2, 202)))
        assert {answer.status for answer in answers} == {200}
        assert (await admin.info("clients"))["connected_clients"] < 10
