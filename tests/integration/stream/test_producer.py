"""Producing, connecting, and what leaves the boundary to Redis when something is wrong."""

import asyncio
import contextlib
import subprocess
from pathlib import Path

import pytest

from aftersend.errors import StoreFull, Transient
from aftersend.redis.connection import connect, guarded
from aftersend.redis.memory_guard import MemoryGuard
from aftersend.secrets import SecretFiles
from aftersend.stream.event import unpack
from aftersend.stream.scripts import PROMOTE
from aftersend.stream.stream import Stream
from tests.support.servers import COMMANDS, CURES, RedisServer, free_port
from tests.support.stream_kit import TENANT, NamedParcel, client, keyring_in, opened


async def refused(stream: Stream) -> str:
    with pytest.raises(Transient) as caught:
        await stream.add("parcel.changed", "webhook", NamedParcel("x"))
    assert caught.value.upstream == "redis"
    assert caught.value.__cause__ is None
    return caught.value.code


async def test_an_event_is_stored_sealed(stream: Stream) -> None:
    event_id = await stream.add("parcel.changed", "webhook", NamedParcel("Erika Mustermann"))
    ((_, fields),) = await stream.redis.xrange(stream.key)
    assert b"Mustermann" not in repr(fields).encode()
    event = stream.open(fields)
    assert (event.id, event.source, event.attempt) == (event_id, "webhook", 1)
    assert event.read(NamedParcel).name == "Erika Mustermann"
    assert unpack(fields).first == event.time


async def test_lengths_of_sealed_events_say_nothing(stream: Stream) -> None:
    """DHL has 20 digits, DPD 14; the addresses of their pages differ more."""
    for name in (
        "00340434161094042557",
        "01234567890123",
        "https://tracking.dpd.de/status/de_DE/parcel/01234567890123",
    ):
        await stream.add("parcel.changed", "webhook", NamedParcel(name))
    assert len({len(fields[b"data"]) for _, fields in await stream.redis.xrange(stream.key)}) == 1


async def test_numbers_of_an_empty_and_of_a_filled_stream(stream: Stream) -> None:
    async def numbers() -> list[int]:
        return [await stream.length(), await stream.pending(), await stream.delayed(), await stream.dead()]

    assert await numbers() == [0, 0, 0, 0]
    assert await stream.oldest_age() == 0
    await stream.redis.xadd(stream.key, {"a": "b"}, id="1000-0")
    await stream.add("parcel.changed", "webhook", NamedParcel("x"))
    await stream.redis.xgroup_create(stream.key, stream.group, id="0")
    await stream.redis.xreadgroup(stream.group, "c", {stream.key: ">"}, count=1)
    await stream.redis.zadd(stream.delayed_key, {"x": 1})
    await stream.redis.xadd(stream.dead_key, {"a": "b"})
    assert await numbers() == [2, 1, 1, 1]
    assert await stream.oldest_age() > 1_000_000


async def test_many_are_added_in_order(stream: Stream) -> None:
    ids = await stream.add_many("parcel.changed", "sweep", (NamedParcel(str(n)) for n in range(250)))
    events = [stream.open(fields) for _, fields in await stream.redis.xrange(stream.key)]
    assert [event.id for event in events] == ids
    assert [event.read(NamedParcel).name for event in events] == [str(n) for n in range(250)]


async def test_producers_refuse_above_the_high_water_mark(stream: Stream) -> None:
    used = (await stream.redis.info("memory"))["used_memory"]
    await stream.redis.config_set("maxmemory", used * 2)
    await stream.add("parcel.changed", "webhook", NamedParcel("fits"))
    await stream.redis.config_set("maxmemory", int(used * 1.1))
    stream._memory_guard._asked = float("-inf")
    assert await refused(stream) == "redis_nearly_full"
    with pytest.raises(StoreFull) as caught:
        await stream.add_many("parcel.changed", "sweep", [NamedParcel("x")])
    assert caught.value.retry_after
    assert await stream.length() == 1


async def test_info_is_asked_once_a_second_at_most(stream: Stream) -> None:
    now = 0.0
    guard = MemoryGuard(stream.redis, clock=lambda: now)
    before = await asked(stream)
    await asyncio.gather(*(guard.check() for _ in range(50)))
    assert await asked(stream) - before <= 2  # one of ours, one of this test
    now = 1.0
    await guard.check()
    assert await asked(stream) - before <= 4


async def asked(stream: Stream) -> int:
    return int((await stream.redis.info("commandstats")).get("cmdstat_info", {"calls": 0})["calls"])


async def test_a_full_redis_is_reported_as_full(stream: Stream) -> None:
    await stream.add("parcel.changed", "webhook", NamedParcel("x"))
    stream._memory_guard._full = False
    stream._memory_guard._asked = float("inf")
    await stream.redis.config_set("maxmemory", "1")
    assert await refused(stream) == "redis_full"
    await stream.redis.config_set("maxmemory", "0")


async def test_a_read_only_replica_is_reported(stream: Stream) -> None:
    await stream.add("parcel.changed", "webhook", NamedParcel("x"))
    await stream.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert await refused(stream) == "redis_read_only"
    finally:
        await stream.redis.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("GET", "aftersend:hash"), "redis_error"),
        (("XREADGROUP", "GROUP", "g", "c", "STREAMS", "nowhere", ">"), "redis_no_group"),
        (("EVALSHA", "0" * 40, 0), "redis_no_script"),
    ],
)
async def test_errors_of_redis_have_codes_and_no_texts(stream: Stream, command: tuple[str, ...], code: str) -> None:
    await stream.redis.hset("aftersend:hash", "a", "b")
    with pytest.raises(Transient) as caught, guarded():
        await stream.redis.execute_command(*command)
    assert caught.value.code == code
    assert str(caught.value) == f"redis: {code}"


async def test_no_server_is_reported(tmp_path: Path) -> None:
    async with opened("redis://127.0.0.1:1/0", tmp_path) as stream:
        assert await refused(stream) == "redis_unavailable"
    with pytest.raises(Transient), guarded():
        raise ConnectionResetError


async def test_scripts_are_known_again_after_a_flush(stream: Stream) -> None:
    for _ in range(2):
        await stream.redis.script_flush()
        keys = [stream.key, stream.delayed_key, stream.dead_key]
        assert await PROMOTE.run(stream.redis, keys=keys, args=[1]) == [0, -1]


async def test_a_restart_is_survived_without_an_error(own_server: RedisServer, tmp_path: Path) -> None:
    async with opened(own_server.url, tmp_path) as stream:
        await stream.add("parcel.changed", "webhook", NamedParcel("before"))
        own_server.kill()
        assert await refused(stream) == "redis_unavailable"
        own_server.start()
        await stream.add("parcel.changed", "webhook", NamedParcel("after"))
        own_server.stop()
        own_server.start()
        await stream.add("parcel.changed", "webhook", NamedParcel("at once, on a connection that the server closed"))
        assert await stream.length() == 3


async def test_the_webhooks_acl_is_enough(own_server: RedisServer, tmp_path: Path) -> None:
    key = f"aftersend:{{{TENANT}}}:parcels"
    async with opened(own_server.url, tmp_path) as admin:
        await admin.redis.execute_command(
            *("ACL", "SETUSER", "hook", "on", ">secret", f"~{key}", "-@all", "+xadd", "+info", "+auth")
        )
    secrets = tmp_path / "redis"
    secrets.mkdir()
    (secrets / "username").write_text("hook\n")
    (secrets / "password").write_text("secret\n")
    async with opened(own_server.url, tmp_path) as stream:
        await stream.add("parcel.changed", "webhook", NamedParcel("x"))
        with pytest.raises(Transient, match="redis_refused"):
            await stream.length()


async def test_a_rotated_password_is_used_for_the_next_connection(own_server: RedisServer, tmp_path: Path) -> None:
    secrets = tmp_path / "redis"
    secrets.mkdir()
    async with opened(own_server.url, tmp_path) as stream:
        await stream.redis.config_set("requirepass", "new")
        await stream.redis.connection_pool.disconnect()
        assert await refused(stream) == "redis_refused"
        (secrets / "password").write_text("wrong")
        assert await refused(stream) == "redis_refused"
        (secrets / "password").write_text("new\n")
        await stream.add("parcel.changed", "webhook", NamedParcel("x"))


async def test_a_password_in_the_url_works_until_a_file_replaces_it(own_server: RedisServer, tmp_path: Path) -> None:
    async with opened(own_server.url, tmp_path) as admin:
        await admin.redis.config_set("requirepass", "p@ss")
        url = own_server.url.replace("redis://", "redis://default:p%40ss@")
        async with opened(url, tmp_path) as stream:
            await stream.add("parcel.changed", "webhook", NamedParcel("x"))


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address that vouches for itself."""
    key, crt = folder / "tls.key", folder / "tls.crt"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(crt)),
        ],
        check=True,
        capture_output=True,
    )
    return key, crt


@pytest.mark.skipif(COMMANDS["redis7"]() is None, reason=CURES["redis7"])
async def test_the_certificate_authority_is_read_for_each_connection(tmp_path: Path) -> None:
    key, crt = certificate(tmp_path)
    port = str(free_port())
    tls = ("--tls-port", port, "--tls-cert-file", str(crt), "--tls-key-file", str(key), "--tls-auth-clients", "no")
    directory, secrets = tmp_path / "server", tmp_path / "redis"
    directory.mkdir()
    secrets.mkdir()
    server = RedisServer("redis7", directory, *tls).start()
    try:
        async with opened(f"rediss://127.0.0.1:{port}/0", tmp_path) as stream:
            assert await refused(stream) == "redis_unavailable"
            (secrets / "ca.crt").write_text(crt.read_text())
            await stream.add("parcel.changed", "webhook", NamedParcel("x"))
    finally:
        server.stop()


async def test_a_silent_server_is_given_up_in_time(tmp_path: Path) -> None:
    """Half-open: it accepts and never answers."""

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    redis = connect(f"redis://127.0.0.1:{port}/0", SecretFiles(tmp_path), part="webhook")
    redis.connection_pool.connection_kwargs["socket_timeout"] = 0.1
    stream = Stream(redis, tenant=TENANT, name="parcels", keyring=keyring_in(tmp_path))
    assert await refused(stream) == "redis_unavailable"
    await redis.aclose()
    server.close()


def test_the_webhook_has_less_patience(tmp_path: Path) -> None:
    def patience(part: str) -> float:
        return float(
            client("redis://127.0.0.1:1/0", tmp_path, part).connection_pool.connection_kwargs["socket_timeout"]
        )

    assert patience("webhook") < patience("writer")
