"""Redis is there and yet not there, with an event in flight: it says nothing, or it may not write any more."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aftersend.errors import StoreAway
from aftersend.redis.connection import guarded
from aftersend.stream.event import Event
from tests.support.servers import RedisServer
from tests.support.stream_kit import NamedParcel, client, consuming, opened, until


class Gate:
    """A handler that holds events until it is opened."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.inside, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, event: Event) -> None:
        self.names.append(event.read(NamedParcel).name)
        self.inside.set()
        await self.open.wait()


@contextmanager
def silent(server: RedisServer) -> Iterator[None]:
    """Connections stay open and are even accepted, but nothing is answered."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


async def test_a_redis_that_says_nothing_is_noticed_and_costs_no_event(
    own_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = Gate()
    async with opened(own_server.url, tmp_path) as stream, consuming(stream, gate) as running:
        await stream.add("parcel.changed", "webhook", NamedParcel("in flight"))
        await gate.inside.wait()
        with silent(own_server):
            gate.open.set()
            await until(lambda: "redis_lost" in capsys.readouterr().out)
            heartbeats = running.heartbeats
            await until(lambda: running.heartbeats > heartbeats)
            assert not running.meter.outcomes
        await until(lambda: running.meter.outcomes["done"] == 1)
        await stream.add("parcel.changed", "webhook", NamedParcel("after"))
        await until(lambda: running.meter.outcomes["done"] == 2)
        assert (await stream.length(), await stream.pending()) == (0, 0)
    assert gate.names == ["in flight", "after"]


async def test_a_stop_ends_although_redis_says_nothing(own_server: RedisServer, tmp_path: Path) -> None:
    """What was in flight stays pending, and the next consumer takes it."""
    gate = Gate()
    async with opened(own_server.url, tmp_path) as stream:
        async with consuming(stream, gate) as running:
            await stream.add("parcel.changed", "webhook", NamedParcel("in flight"))
            await gate.inside.wait()
            with silent(own_server):
                async with asyncio.timeout(60):
                    await running.stop()
        gate.open.set()
        async with consuming(stream, gate, name="heir") as heir:
            await until(lambda: heir.meter.outcomes["done"] == 1)
    assert gate.names == ["in flight", "in flight"]


async def test_a_failover_with_an_event_in_flight_settles_it_afterwards(
    own_server: RedisServer, tmp_path: Path
) -> None:
    gate = Gate()
    async with opened(own_server.url, tmp_path) as stream, consuming(stream, gate) as running:
        await stream.add("parcel.changed", "webhook", NamedParcel("in flight"))
        await gate.inside.wait()
        await stream.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        gate.open.set()
        heartbeats = running.heartbeats
        await until(lambda: running.heartbeats > heartbeats + 3)
        assert (running.meter.outcomes, await stream.pending()) == ({}, 1)
        await stream.redis.execute_command("REPLICAOF", "NO", "ONE")
        await until(lambda: running.meter.outcomes["done"] == 1)
        assert (await stream.length(), await stream.pending()) == (0, 0)
    assert gate.names == ["in flight"]


async def test_a_redis_that_takes_nothing_is_given_up_and_nothing_half_sent_stays(
    own_server: RedisServer, tmp_path: Path
) -> None:
    """What does not fit into the buffers of both machines is never sent; the next command begins anew."""
    async with client(own_server.url, tmp_path) as redis:
        redis.connection_pool.connection_kwargs["socket_timeout"] = 0.2
        with silent(own_server), pytest.raises(StoreAway), guarded():
            await redis.set("large", bytes(50_000_000))
        redis.connection_pool.connection_kwargs["socket_timeout"] = 20
        assert await redis.set("small", "x")
        assert await redis.get("small") == b"x"
