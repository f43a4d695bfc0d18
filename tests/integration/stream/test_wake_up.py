"""Events that wait for an upstream are tried early when it is back; others, and their schedule, stay as they are."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aftersend.backoff import Backoff
from aftersend.circuit_breaker import CircuitBreaker, CircuitBreakerTiming
from aftersend.errors import Later, Rejected, Transient
from aftersend.sealing import UnknownKey
from aftersend.stream.dead_letters import DeadLetters
from aftersend.stream.delayed import promote
from aftersend.stream.event import Event
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.retry import Delay
from aftersend.stream.stored_events import StoredEvent, stored_events
from aftersend.stream.stream import Stream
from aftersend.stream.wake_up import WakeUps, wake_up
from tests.support.stream_kit import NamedParcel, Recorder, add, consuming, defer, hurry, is_empty, opened, until

LONG = Delay(1800.0, counted=True, upstream="afterbuy")
_SHARE = "aftersend.stream.wake_up._SHARE"
DOWN = Transient("down", upstream="afterbuy")


async def delay(stream: Stream, delay: Delay, *names: str, attempt: int = 1) -> None:
    """Events of these names that were tried and wait."""
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    for name in names:
        await add(stream, name)
        (entry,) = await pending.read(1, block_ms=100)
        tried = replace(entry, fields={**entry.fields, b"attempt": b"%d" % attempt})
        assert await defer(stream, "one", tried, delay)


async def redis_time(stream: Stream) -> float:
    seconds, micros = await stream.redis.time()
    return float(seconds + micros / 1e6)


async def waiting(stream: Stream, *, at: float | None = None) -> list[tuple[str, float]]:
    """Name and seconds until due, from now or that time on, of each delayed event, by due time."""
    at = await redis_time(stream) if at is None else at
    found = [(name_of(stream, event), event.due / 1000 - at) async for event in stored_events(stream, "delayed")]
    return sorted(found, key=lambda each: each[1])


def name_of(stream: Stream, event: StoredEvent) -> str:
    return stream.open(event.fields).read(NamedParcel).name


async def woken(stream: Stream) -> list[str]:
    return [name for name, seconds in await waiting(stream) if seconds < 10]


async def test_what_waits_for_the_upstream_is_due_in_steps_over_five_seconds(stream: Stream) -> None:
    names = [str(number) for number in range(50)]
    await delay(stream, LONG, *names)
    before = await redis_time(stream)
    assert await wake_up(stream, "afterbuy") == 50
    took = await redis_time(stream) - before
    seconds = [due for _, due in await waiting(stream, at=before)]
    assert 0 <= seconds[0] + 0.001 <= took + 0.1
    assert 3 < seconds[-1] - seconds[0] <= 5 + took
    assert max(Counter(int(due - seconds[0]) for due in seconds).values()) <= 15
    assert await wake_up(stream, "sendcloud") == 0


@pytest.mark.parametrize(
    "error",
    [
        Later("no_match_yet", retry_after=60),
        UnknownKey("unknown_key"),
        Transient("limited", upstream="afterbuy", retry_after=60),
        Transient("odd", upstream="sendcloud"),
        Transient("not_shown"),
        KeyError("x"),
    ],
)
async def test_an_event_that_waits_for_something_else_keeps_its_time(stream: Stream, error: Exception) -> None:
    async with consuming(stream, Recorder(error)) as running:
        await add(stream, "x")
        await until(lambda: running.meter.outcomes)
    assert await wake_up(stream, "afterbuy") == 0


async def test_an_event_keeps_all_that_is_its_own(stream: Stream) -> None:
    await delay(stream, LONG, "x")
    (before,) = [event async for event in stored_events(stream, "delayed")]
    assert await wake_up(stream, "afterbuy") == 1
    (after,) = [event async for event in stored_events(stream, "delayed")]
    remaining = int(after.fields[b"remaining"])
    assert {name: value for name, value in after.fields.items() if name != b"remaining"} == before.fields
    assert remaining == before.due - after.due
    assert 1_700_000 < remaining <= 1_800_000
    assert await wake_up(stream, "afterbuy") == 0


async def test_a_short_wait_that_ends_early_is_just_shorter(stream: Stream) -> None:
    """Its fields stay as they are; the schedule has time to spare for it."""
    await delay(stream, Delay(300.0, counted=True, upstream="afterbuy"), "x")
    (before,) = [event async for event in stored_events(stream, "delayed")]
    assert await wake_up(stream, "afterbuy") == 1
    (after,) = [event async for event in stored_events(stream, "delayed")]
    assert (after.fields, after.name) == (before.fields, before.name)
    await promote(stream)
    ((_, fields),) = await stream.redis.xrange(stream.key)
    assert fields == {name: value for name, value in before.fields.items() if name != b"upstream"}


async def test_what_is_due_soon_is_left_alone(stream: Stream) -> None:
    await delay(stream, Delay(0.0, counted=True, upstream="afterbuy"), "x")
    assert await wake_up(stream, "afterbuy") == 0


async def test_an_event_of_an_older_release_waits_for_its_time(stream: Stream) -> None:
    """A delayed entry without upstream is readable and stays."""
    await delay(stream, Delay(1800.0, counted=True), "old")
    assert await wake_up(stream, "afterbuy") == 0
    await hurry(stream)
    async with consuming(stream, Recorder(), breaker=breaker()) as running:
        await until(lambda: is_empty(stream))
    assert running.meter.outcomes == {"done": 1}


async def test_an_early_try_that_fails_goes_on_waiting_as_if_it_had_not_been(stream: Stream) -> None:
    await delay(stream, LONG, "x")
    await wake_up(stream, "afterbuy")
    recorder = Recorder(DOWN)
    async with consuming(stream, recorder) as running:
        await until(lambda: running.meter.outcomes)
    assert running.meter.outcomes == {"later": 1}
    ((_, seconds),) = await waiting(stream)
    assert 1700 < seconds <= 1980
    (event,) = [event async for event in stored_events(stream, "delayed")]
    assert (event.fields[b"attempt"], event.fields.get(b"remaining")) == (b"2", None)
    await wake_up(stream, "afterbuy")
    async with consuming(stream, recorder) as running:
        await until(lambda: is_empty(stream))
    assert [event.attempt for event in recorder.seen] == [2, 2]
    assert len({event.id for event in recorder.seen}) == len({event.first for event in recorder.seen}) == 1


def breaker(probe: object = None) -> CircuitBreaker:
    async def answers() -> None:
        """The upstream is there."""

    return CircuitBreaker("afterbuy", answers, secrets_version=lambda: probe)


async def close(circuit: CircuitBreaker) -> None:
    """Open and close it."""
    for _ in range(5):
        circuit.record(Transient("down", upstream="afterbuy"))
    circuit._probe_at = 0.0
    await circuit.wait_closed(asyncio.Event())


async def test_one_a_second_is_tried_until_a_call_succeeds_and_then_all(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that waits longest comes first."""
    monkeypatch.setattr(_SHARE, 0.0)
    await delay(stream, LONG, "a", "b")
    await asyncio.sleep(0.002)
    await delay(stream, LONG, "c", "d")
    circuit = breaker()
    circuit.record(None)
    wake_ups = WakeUps(stream, circuit)
    await wake_ups.step()
    assert sorted(await woken(stream)) == ["a", "b", "c", "d"], "the process before may have seen no closing"

    await stream.redis.delete(stream.delayed_key)
    await delay(stream, LONG, "a")
    await asyncio.sleep(0.002)
    await delay(stream, LONG, "b", "c", "d")
    await wake_ups.step()
    assert await woken(stream) == [], "one closing wakes up once"
    for _ in range(5):
        circuit.record(Transient("down", upstream="afterbuy"))
    await wake_ups.step()
    assert await woken(stream) == [], "the circuit is open"
    await close(circuit)
    await asyncio.sleep(0.002)
    await wake_ups.step()
    assert await woken(stream) == ["a"]
    await promote(stream)
    await wake_ups.step()
    assert len(await woken(stream)) == 1
    circuit.record(None)
    await wake_ups.step()
    assert sorted(await woken(stream)) == ["b", "c", "d"]


async def test_a_small_share_of_a_long_wait_is_waited_in_any_case(stream: Stream) -> None:
    """Orders at which the upstream fails for ever must not open the circuit at each closing."""
    await delay(stream, LONG, "a", "b")
    await asyncio.sleep(0.002)
    circuit = breaker()
    wake_ups = WakeUps(stream, circuit)
    await wake_ups.step()
    assert await woken(stream) == []
    circuit.record(None)
    before = await redis_time(stream)
    await wake_ups.step()
    assert [name for name, seconds in await waiting(stream, at=before) if seconds > 44] == ["a", "b"]
    assert [name for name, seconds in await waiting(stream) if seconds <= 45] == ["a", "b"]


async def test_an_event_that_failed_again_is_not_woken_twice_by_one_closing(stream: Stream) -> None:
    circuit = breaker()
    await close(circuit)
    wake_ups = WakeUps(stream, circuit)
    await wake_ups.step()
    await asyncio.sleep(0.002)
    await delay(stream, LONG, "failed after the closing")
    await wake_ups.step()
    assert await woken(stream) == []


async def test_wake_ups_wait_for_redis(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_SHARE, 0.0)
    await delay(stream, LONG, "x")
    circuit = breaker()
    circuit.record(None)
    wake_ups = WakeUps(stream, circuit)
    await stream.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(Transient):
        await wake_ups.step()
    await stream.redis.execute_command("REPLICAOF", "NO", "ONE")
    await wake_ups.step()
    assert await woken(stream) == ["x"]


class Shop:
    """Afterbuy: answers probes while ``answers``, and everything else while ``works``."""

    def __init__(self) -> None:
        self.answers = self.works = True
        self.written: list[str] = []
        self.calls = 0

    async def probe(self) -> None:
        if not self.answers:
            raise Transient("down", upstream="afterbuy")

    async def __call__(self, event: Event) -> None:
        self.calls += 1
        if not self.works:
            raise Transient("down", upstream="afterbuy")
        self.written.append(event.read(NamedParcel).name)


@asynccontextmanager
async def shop_on(stream: Stream) -> AsyncIterator[Shop]:
    shop = Shop()
    quick = CircuitBreakerTiming(probes=Backoff(0.05, 0.1))
    circuit = CircuitBreaker("afterbuy", shop.probe, secrets_version=lambda: 0, timing=quick)
    async with consuming(stream, shop, breaker=circuit):
        yield shop


async def test_one_label_in_a_quiet_hour_is_written_when_the_upstream_is_back(stream: Stream) -> None:
    """A single event never fails five times in a row: a probe before its long wait notices the outage."""
    await delay(stream, Delay(0.0, counted=True), "x", attempt=2)
    async with shop_on(stream) as shop:
        shop.answers = shop.works = False
        await until(lambda: stream.redis.exists(stream.outage_key))
        await until(stream.delayed)
        assert (shop.calls, await stream.delayed()) == (1, 1)
        shop.answers = shop.works = True
        await until(lambda: shop.written)
    assert (await stream.delayed(), await stream.dead()) == (0, 0)


async def test_a_consumer_that_starts_after_the_outage_brings_what_the_last_one_left(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftersend.stream.wake_up.SPREAD_SECONDS", 0.5)
    monkeypatch.setattr(_SHARE, 0.0)
    await delay(stream, LONG, *[str(number) for number in range(30)])
    async with shop_on(stream) as shop:
        await until(lambda: len(shop.written) == 30)
    assert sorted(shop.written, key=int) == [str(number) for number in range(30)]


async def test_a_redriven_event_has_forgotten_its_waits(redis_url: str, tmp_path: Path) -> None:
    """What remained of a wait long ago must not make the next failure uncounted."""
    async with opened(redis_url, tmp_path) as stream:
        await delay(stream, LONG, "x")
        await wake_up(stream, "afterbuy")
        async with consuming(stream, Recorder(Rejected("no"))) as running:
            await until(lambda: running.meter.outcomes["dead"])
        await DeadLetters(stream).redrive()
        ((_, fields),) = await stream.redis.xrange(stream.key)
        assert not fields.keys() & {b"upstream", b"remaining"}
