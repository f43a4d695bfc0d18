"""Redis full, read-only, gone and back; the other side down; consumers that die at the worst moment."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from aftersend.backoff import Backoff
from aftersend.circuit_breaker import CircuitBreaker, CircuitBreakerTiming
from aftersend.errors import CredentialsRefused, Rejected, StoreFull, Transient
from aftersend.stream.delayed import promote
from aftersend.stream.event import Event
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.retry import Delay
from aftersend.stream.stream import Stream
from aftersend.stream.upstream_outage import UpstreamOutage
from tests.support.servers import NewServer, RedisServer, free_port
from tests.support.stream_kit import (
    FAST,
    NamedParcel,
    consuming,
    defer,
    hurry,
    is_empty,
    opened,
    until,
)

QUICK = CircuitBreakerTiming(failures=3, probes=Backoff(0.05, 0.12, 0.2), refused=Backoff(0.1, 0.12, 0.2), poll=0.01)


async def fill(stream: Stream, count: int) -> None:
    await stream.add_many("parcel.changed", "sweep", (NamedParcel(str(number)) for number in range(count)))


async def test_a_full_redis_is_drained_delays_and_deaths_included(stream: Stream) -> None:
    """Above 100 % Redis refuses all that needs memory; what merely moves must still move."""
    await fill(stream, 30)
    await PendingEntries(stream, "one").ensure_group()
    await stream.redis.config_set("maxmemory", "1")
    kinds: Counter[int] = Counter()

    async def handler(event: Event) -> None:
        number = int(event.read(NamedParcel).name)
        if number % 3 == 1 and event.attempt == 1:
            raise Transient("timeout")
        if number % 3 == 2:
            raise Rejected("no")
        kinds[number % 3] += 1

    async with consuming(stream, handler) as running:

        async def drained() -> bool:
            await hurry_when_full(stream)
            return await is_empty(stream)

        await until(drained)
    assert kinds == {0: 10, 1: 10}
    assert running.meter.outcomes == {"done": 20, "retried": 10, "dead": 10}


async def hurry_when_full(stream: Stream) -> None:
    """ZADD needs memory, ZINCRBY too; so lift the limit for that one moment."""
    await stream.redis.config_set("maxmemory", "0")
    await hurry(stream)
    await stream.redis.config_set("maxmemory", "1")


async def test_a_consumer_that_starts_on_a_full_redis_drains_it(stream: Stream) -> None:
    """XGROUP CREATE needs memory, even for a group that is there: the group of a restarted pod always is."""
    await fill(stream, 3)
    await PendingEntries(stream, "one").ensure_group()
    await stream.redis.config_set("maxmemory", "1")
    handled: list[str] = []

    async def handler(event: Event) -> None:
        handled.append(event.read(NamedParcel).name)

    async with consuming(stream, handler):
        await until(lambda: is_empty(stream))
    assert sorted(handled) == ["0", "1", "2"]


async def test_without_a_group_a_full_redis_is_reported_as_full(stream: Stream) -> None:
    await fill(stream, 1)
    await stream.redis.config_set("maxmemory", "1")
    with pytest.raises(StoreFull):
        await PendingEntries(stream, "one").ensure_group()
    await stream.redis.config_set("maxmemory", "0")
    assert await PendingEntries(stream, "one").ensure_group()


async def test_a_full_redis_lets_go_of_what_is_done(stream: Stream) -> None:
    await fill(stream, 3)
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    entries = await pending.read(3, block_ms=100)
    await stream.redis.config_set("maxmemory", "1")
    await pending.done([entry.id for entry in entries])
    assert (await stream.length(), await stream.pending()) == (0, 0)


async def test_a_failover_to_a_read_only_replica_is_waited_out(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    handled: list[str] = []

    async def handler(event: Event) -> None:
        handled.append(event.read(NamedParcel).name)

    async with consuming(stream, handler) as running:
        await fill(stream, 1)
        await until(lambda: is_empty(stream))
        await stream.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        await until(lambda: "redis_read_only" in capsys.readouterr().out)
        heartbeats = running.heartbeats
        await until(lambda: running.heartbeats > heartbeats + 3)
        await stream.redis.execute_command("REPLICAOF", "NO", "ONE")
        await fill(stream, 5)
        await until(lambda: len(handled) == 6)


async def test_redis_goes_and_comes_back_with_one_line_each(
    own_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is back when the last loop of the consumer got through; a stop before that logs nothing."""
    handled: list[str] = []
    lines: list[str] = []
    inside, release = asyncio.Event(), asyncio.Event()

    async def handler(event: Event) -> None:
        handled.append(event.read(NamedParcel).name)
        inside.set()
        await release.wait()

    def logged(event: str) -> int:
        lines.extend(capsys.readouterr().out.splitlines())
        return sum(event in line for line in lines)

    async with opened(own_server.url, tmp_path) as stream, consuming(stream, handler) as running:
        await stream.add("parcel.changed", "webhook", NamedParcel("in flight"))
        await inside.wait()
        own_server.kill()
        release.set()
        heartbeats = running.heartbeats
        await until(lambda: running.heartbeats > heartbeats + 5)
        own_server.start()
        await until(lambda: running.meter.outcomes["done"] == 1)
        await stream.add("parcel.changed", "webhook", NamedParcel("after"))
        await until(lambda: running.meter.outcomes["done"] == 2)
        assert await stream.pending() == 0
        await until(lambda: logged("redis_back"))
    assert handled == ["in flight", "after"]
    assert (logged("redis_lost"), logged("redis_back")) == (1, 1)


async def test_an_event_that_needed_redis_while_it_was_away_has_spent_no_attempt(
    own_server: RedisServer, tmp_path: Path
) -> None:
    """It would wait five minutes the second time, though the other side was never the matter."""
    inside, release = asyncio.Event(), asyncio.Event()
    attempts: list[int] = []

    async with opened(own_server.url, tmp_path) as stream:

        async def handler(event: Event) -> None:
            attempts.append(event.attempt)
            inside.set()
            await release.wait()
            await stream.length()

        async with consuming(stream, handler) as running:
            await stream.add("parcel.changed", "webhook", NamedParcel("x"))
            await inside.wait()
            own_server.kill()
            release.set()
            heartbeats = running.heartbeats
            await until(lambda: running.heartbeats > heartbeats)
            own_server.start()
            await until(lambda: hurry(stream))
            await until(lambda: running.meter.outcomes["done"])
    assert attempts == [1, 1]
    assert running.meter.outcomes == {"later": 1, "done": 1}


async def test_a_consumer_starts_before_redis_does(new_server: NewServer, tmp_path: Path) -> None:
    server = new_server()
    handled: list[str] = []

    async def handler(event: Event) -> None:
        handled.append(event.id)

    async with opened(server.url, tmp_path) as stream, consuming(stream, handler) as running:
        await until(lambda: running.heartbeats > 2)
        server.start()
        await stream.add("parcel.changed", "webhook", NamedParcel("x"))
        await until(lambda: handled)
        await running.stop()


async def test_a_stop_ends_in_time_although_redis_is_away(own_server: RedisServer, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def stuck(_: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    timing = replace(FAST, grace=0.05, release_seconds=0.3)
    async with opened(own_server.url, tmp_path) as stream:
        async with consuming(stream, stuck, timing=timing) as running:
            await stream.add("parcel.changed", "webhook", NamedParcel("x"))
            await begun.wait()
            own_server.kill()
            async with asyncio.timeout(60):
                await running.stop()
        own_server.start()
        assert await stream.pending() == 1


class OtherSide:
    """Afterbuy, up or down."""

    def __init__(self) -> None:
        self.down = False
        self.refuses = False
        self.probes = 0
        self.calls = 0
        self.secret = 0

    async def probe(self) -> None:
        self.probes += 1
        self.answer()

    async def __call__(self, _: Event) -> None:
        self.calls += 1
        self.answer()

    def answer(self) -> None:
        if self.refuses:
            raise CredentialsRefused("refused", upstream="afterbuy")
        if self.down:
            raise Transient("down", upstream="afterbuy")

    def breaker(self, timing: CircuitBreakerTiming = QUICK) -> CircuitBreaker:
        return CircuitBreaker("afterbuy", self.probe, secrets_version=lambda: self.secret, timing=timing)


async def test_an_outage_stops_reading_and_spends_few_attempts(stream: Stream) -> None:
    side = OtherSide()
    side.down = True
    breaker = side.breaker()
    await fill(stream, 200)
    async with consuming(stream, side, breaker=breaker, concurrency=4) as running:
        await until(lambda: side.probes >= 3)
        calls = side.calls
        assert breaker.probe_failed
        assert calls <= 8
        heartbeats, probes = running.heartbeats, side.probes
        await until(lambda: side.probes >= probes + 10 or running.heartbeats > heartbeats)
        assert side.calls == calls
        side.down = False
        await until(lambda: hurry_until_done(running.meter.outcomes, stream, 200))
    assert running.meter.outcomes["done"] == 200
    assert running.meter.outcomes["dead"] == 0


async def hurry_until_done(outcomes: Counter[str], stream: Stream, count: int) -> bool:
    await hurry(stream)
    return outcomes["done"] == count


async def test_refused_credentials_hand_everything_back_uncounted(stream: Stream) -> None:
    side = OtherSide()
    side.refuses = True
    await fill(stream, 50)
    async with consuming(stream, side, breaker=side.breaker(), concurrency=4) as running:
        await until(lambda: side.probes >= 2)
        assert await stream.delayed() == 0
        assert await stream.length() == 50
        side.refuses = False
        side.secret += 1
        await until(lambda: is_empty(stream))
    assert running.meter.outcomes["done"] == 50
    assert not set(running.meter.outcomes) - {"done", "handed_back"}


async def test_entries_that_come_while_the_circuit_opens_are_released(stream: Stream) -> None:
    """A blocking read returns although the circuit opened meanwhile."""
    side = OtherSide()
    side.refuses = True
    breaker = side.breaker()
    stream.redis.connection_pool.connection_kwargs["socket_timeout"] = 120
    async with consuming(stream, side, breaker=breaker, timing=replace(FAST, block_ms=60_000)) as running:
        await until(lambda: blocked_readers(stream))
        breaker.record(CredentialsRefused("refused", upstream="afterbuy"))
        await fill(stream, 1)
        await until(lambda: running.meter.outcomes["handed_back"])
        assert side.calls == 0
        side.refuses = False
        await until(lambda: is_empty(stream))
    assert running.meter.outcomes == {"handed_back": 1, "done": 1}


async def blocked_readers(stream: Stream) -> int:
    return int((await stream.redis.info("clients"))["blocked_clients"])


async def test_attempts_during_an_outage_do_not_count(stream: Stream) -> None:
    """An event at its last attempt waits through an outage of any length without dying of it."""
    await stream.add("parcel.changed", "webhook", NamedParcel("x"))
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    (entry,) = await pending.read(1, block_ms=100)
    last = replace(entry, fields={**entry.fields, b"attempt": b"10"})
    await defer(stream, "one", last, Delay(0, counted=False))
    await asyncio.sleep(0.01)
    await UpstreamOutage(stream).record()
    attempts: list[int] = []

    async def handler(event: Event) -> None:
        attempts.append(event.attempt)
        raise Transient("odd", upstream="afterbuy")

    async with consuming(stream, handler, breaker=OtherSide().breaker(CircuitBreakerTiming())) as running:
        await until(lambda: running.meter.outcomes["later"])
        assert await stream.dead() == 0
        await hurry(stream)
        await until(stream.dead)
    assert attempts == [10, 10]


async def test_an_outage_is_noted_while_it_lasts(stream: Stream) -> None:
    side = OtherSide()
    side.refuses = True
    breaker = side.breaker()
    async with consuming(stream, side, breaker=breaker):
        await fill(stream, 1)
        await until(lambda: stream.redis.exists(stream.outage_key))
        side.refuses = False
        await until(lambda: is_empty(stream))
    outage = UpstreamOutage(stream)
    assert await outage.last() > 1_577_836_800


async def test_promotion_is_atomic_and_bounded(stream: Stream) -> None:
    await fill(stream, 120)
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    for entry in await pending.read(120, block_ms=100):
        assert await defer(stream, "one", entry, Delay(0, counted=True))
    assert (await stream.length(), await stream.delayed()) == (0, 120)
    assert [await promote(stream), await promote(stream), await promote(stream)] == [100, 20, 0]
    assert (await stream.length(), await stream.delayed()) == (120, 0)


async def test_a_target_of_the_wrong_type_changes_nothing(stream: Stream) -> None:
    await fill(stream, 1)
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    (entry,) = await pending.read(1, block_ms=100)
    await stream.redis.set(stream.delayed_key, "not a sorted set")
    with suppress(Transient):
        await defer(stream, "one", entry, Delay(0, counted=True))
    assert (await stream.length(), await stream.pending()) == (1, 1)


async def test_a_step_with_a_bug_does_not_end_the_consumer(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(_self: PendingEntries, _idle: int) -> int:
        raise ZeroDivisionError("Erika")

    monkeypatch.setattr(PendingEntries, "delete_idle_consumers", broken)
    handled: list[str] = []

    async def handler(event: Event) -> None:
        handled.append(event.id)

    async with consuming(stream, handler):
        await fill(stream, 3)
        await until(lambda: is_empty(stream))
    assert len(handled) == 3
    assert "loop_failed" in capsys.readouterr().out


async def test_a_settling_with_a_bug_leaves_the_entry_to_others(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = PendingEntries.done
    calls: list[object] = []

    async def broken_once(self: PendingEntries, ids: list[bytes]) -> None:
        calls.append(ids)
        if len(calls) == 1:
            raise ZeroDivisionError
        await whole(self, ids)

    monkeypatch.setattr(PendingEntries, "done", broken_once)

    async def handler(_: Event) -> None:
        return

    async with consuming(stream, handler):
        await fill(stream, 1)
        await until(lambda: is_empty(stream))
    assert len(calls) == 2
    assert "handling_failed" in capsys.readouterr().out


async def test_everything_works_on_a_cluster(new_server: NewServer, tmp_path: Path) -> None:
    """One node that owns all slots refuses whatever a cluster refuses: keys of different slots, undeclared keys."""
    server = new_server("--cluster-enabled", "yes", "--cluster-port", str(free_port())).start()
    async with opened(server.url, tmp_path) as stream:
        await stream.redis.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        await until(lambda: cluster_is_up(stream))
        await fill(stream, 6)

        async def handler(event: Event) -> None:
            number = int(event.read(NamedParcel).name)
            if number % 3 == 1 and event.attempt == 1:
                raise Transient("timeout")
            if number % 3 == 2:
                raise Rejected("no")

        async with consuming(stream, handler) as running:
            await until(lambda: hurry_until_done(running.meter.outcomes, stream, 4))
        assert await stream.dead() == 2


async def cluster_is_up(stream: Stream) -> bool:
    info = await stream.redis.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in (info if isinstance(info, bytes) else str(info).encode())
