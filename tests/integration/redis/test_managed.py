"""The managed Redis as its pod starts it: TLS, probes, memory, restarts; with Debian's Redis, which has TLS."""

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
import redis

from aftersend.errors import Transient
from aftersend.redis.connection import connect
from aftersend.redis.rewrite import rewrite_once_a_day
from aftersend.secrets import SecretFiles
from aftersend.stream.stream import Stream
from aftersend_operator.manifests.redis_acl import PROBE
from aftersend_operator.model.certificates import KeyPair, new_authority, new_server
from tests.support.managed_redis import ManagedRedis
from tests.support.operator_kit import tenant
from tests.support.stream_kit import NamedParcel, keyring_in, until

TENANT = tenant()


def _managed(folder: Path) -> ManagedRedis:
    try:
        return ManagedRedis("redis7", folder / "managed", TENANT)
    except FileNotFoundError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ManagedRedis]:
    with _managed(tmp_path) as managed:
        yield managed


def test_it_answers_over_tls_only_and_its_probe_shows_it(server: ManagedRedis) -> None:
    assert server.ping()
    with socket.create_connection(("localhost", server.port), timeout=5) as plain:
        plain.sendall(b"PING\r\n")
        assert b"PONG" not in _answer(plain)
    server.stop()
    assert not server.ping()


def _answer(connection: socket.socket) -> bytes:
    try:
        return connection.recv(64)
    except OSError:
        return b""


def test_old_protocols_are_refused(server: ManagedRedis) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("localhost", server.port), timeout=5) as plain, pytest.raises(OSError):  # noqa: PT011
        context.wrap_socket(plain)


async def test_a_service_trusts_the_tenants_authority_and_no_other(server: ManagedRedis) -> None:
    files = server.files("writer")
    client = connect(server.url, files, part="writer")
    assert await client.info("server")
    stranger = new_authority("another authority", now=datetime.now(UTC))
    (files.folder / "ca.crt").write_bytes(stranger.certificate)
    await client.connection_pool.disconnect()
    with pytest.raises(redis.exceptions.ConnectionError):
        await client.info("server")
    await client.aclose()


def test_trust_is_the_tenants_authority_alone_and_made_once_per_content(tmp_path: Path) -> None:
    first, other = (new_authority(name, now=datetime.now(UTC)).certificate for name in ("first", "other"))
    (tmp_path / "ca.crt").write_bytes(first)
    client = connect("rediss://localhost:1/0", SecretFiles(tmp_path), part="webhook")
    trust = client.connection_pool.connection_kwargs["ssl_context"]
    context = trust()
    assert [dict(pair[0] for pair in found["subject"]) for found in context.get_ca_certs()] == [{"commonName": "first"}]
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert trust() is context
    (tmp_path / "ca.crt").write_bytes(other)
    assert trust() is not context


def test_the_certificate_passes_strict_verification_under_every_name_of_the_service(server: ManagedRedis) -> None:
    context = ssl.create_default_context(cadata=server.value("redis-tls", "ca.crt"))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    service = "aftersend-mueller-redis"
    for name in (service, f"{service}.tenant-mueller.svc", f"{service}.tenant-mueller.svc.cluster.local", "localhost"):
        with (
            socket.create_connection(("localhost", server.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            assert secure.version() == "TLSv1.3"
    with socket.create_connection(("localhost", server.port), timeout=5) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="aftersend-schmidt-redis")


async def test_what_it_confirmed_is_there_after_a_power_cut(server: ManagedRedis, tmp_path: Path) -> None:
    client = connect(server.url, server.files("webhook"), part="webhook")
    stream = Stream(client, tenant=TENANT.identity, name="parcels", keyring=keyring_in(tmp_path))
    for name in "abc":
        await stream.add("parcel.changed", "webhook", NamedParcel(name))
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    server.start()
    with server.inspector() as inspector:
        assert inspector.xlen(stream.key) == 3
    await stream.add("parcel.changed", "webhook", NamedParcel("d"))
    await client.aclose()


async def test_it_refuses_when_full_and_never_evicts(server: ManagedRedis, tmp_path: Path) -> None:
    with server.inspector() as inspector:
        inspector.config_set("maxmemory", "4mb")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            _fill(inspector)
        assert inspector.exists("filler0")
        assert inspector.info("stats")["evicted_keys"] == 0
    client = connect(server.url, server.files("webhook"), part="webhook")
    stream = Stream(client, tenant=TENANT.identity, name="parcels", keyring=keyring_in(tmp_path))
    with pytest.raises(Transient):
        await stream.add("parcel.changed", "webhook", NamedParcel("a"))
    await client.aclose()


async def test_a_client_that_may_only_ping_cannot_fill_the_memory(server: ManagedRedis, tmp_path: Path) -> None:
    """Unfinished commands count as memory: 60 clients with 7 MB each are more than the server may use."""
    unfinished = b"*2\r\n$4\r\nPING\r\n$7000000\r\n" + b"x" * 6_900_000
    probes = [server.client(PROBE, "any") for _ in range(60)]
    try:
        for probe in probes:
            with contextlib.suppress(OSError, redis.exceptions.RedisError):
                probe.connection_pool.get_connection().send_packed_command([unfinished], check_health=False)
        client = connect(server.url, server.files("webhook"), part="webhook")
        stream = Stream(client, tenant=TENANT.identity, name="parcels", keyring=keyring_in(tmp_path))
        await stream.add("parcel.changed", "webhook", NamedParcel("a"))
        await client.aclose()
        with server.inspector() as inspector:
            memory = inspector.info("memory")
        assert memory["used_memory"] < memory["maxmemory"] / 2
    finally:
        for probe in probes:
            probe.connection_pool.disconnect()
            probe.close()


class Noon(datetime):
    """The same day for a whole test."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Noon":
        return cls(2026, 11, 30, 12, tzinfo=tz)


async def test_what_has_expired_is_gone_from_the_disk_after_the_first_backup_of_a_day(
    server: ManagedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftersend.redis.rewrite.datetime", Noon)
    mark, key = b"0034043416109404", f"aftersend:{{{TENANT.identity}}}:order:1:sealed"
    files = server.files("backup")
    client = connect(server.url, files, part="cli")
    await client.set(key, mark, px=1)
    await until(lambda: _is_gone(client, key))
    await rewrite_once_a_day(client, server.files("writer"), last_backup=None)
    await rewrite_once_a_day(client, files, last_backup=Noon.now(UTC))
    assert _on_disk(server, mark)
    await rewrite_once_a_day(client, files, last_backup=Noon.now(UTC) - timedelta(days=1))
    await until(lambda: not _on_disk(server, mark))
    await client.aclose()


async def _is_gone(client: "redis.asyncio.Redis", key: str) -> bool:
    return await client.get(key) is None


def _on_disk(server: ManagedRedis, mark: bytes) -> bool:
    found = False
    for path in server.folder.rglob("*.aof"):
        with contextlib.suppress(FileNotFoundError):
            found |= mark in path.read_bytes()
    return found


def test_a_command_longer_than_any_of_ours_is_refused(server: ManagedRedis) -> None:
    with server.inspector() as inspector:
        assert inspector.config_get("proto-max-bulk-len") == {"proto-max-bulk-len": str(8 * 2**20)}
        assert inspector.config_get("client-query-buffer-limit") == {"client-query-buffer-limit": str(16 * 2**20)}


def _fill(client: "redis.Redis") -> None:
    for number in range(1000):
        client.set(f"filler{number}", "x" * 100_000)


def test_a_renewed_certificate_of_the_same_authority_is_good_at_once(server: ManagedRedis) -> None:
    authority = KeyPair(server.value("redis-tls", "ca.crt").encode(), server.value("redis-tls", "ca.key").encode())
    renewed = new_server(authority, ["localhost"], now=datetime.now(UTC))
    server.stop()
    (server.folder / "tls" / "tls.crt").write_bytes(renewed.certificate)
    (server.folder / "tls" / "tls.key").write_bytes(renewed.key)
    server.start()
    assert server.ping()
