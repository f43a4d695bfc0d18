"""Handlers of many events: what one reading brings is one batch, and each event has an outcome of its own."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.errors import Bug, CredentialsRefused, Later, Rejected, Transient
from aftersend.stream.connection_backoff import ConnectionBackoff
from aftersend.stream.delivery import Delivery
from aftersend.stream.event import Event
from aftersend.stream.handling import BatchHandler, Outcome
from aftersend.stream.pending_entries import RELEASED, PendingEntries
from aftersend.stream.stream import Stream
from tests.support.round_trips import round_trips
from tests.support.stream_kit import FAST, Meter, NamedParcel, add, consuming, hurry, is_empty, raw_dead, until

MANY = [f"n{number}" for number in range(100)]


class RecordedBatches:
    """A handler of batches; an event's outcome is that of its name, and an exception as ``crash`` is raised."""

    def __init__(self, outcomes: dict[str, Exception] | None = None, *, crash: BaseException | None = None) -> None:
        self.outcomes = outcomes or {}
        self.crash = crash
        self.batches: list[list[str]] = []
        self.attempts: Counter[str] = Counter()

    async def __call__(self, events: Sequence[Event]) -> Sequence[Outcome]:
        names = [event.read(NamedParcel).name for event in events]
        self.batches.append(names)
        for event, name in zip(events, names, strict=True):
            self.attempts[name] = max(self.attempts[name], event.attempt)
        if self.crash is not None and len(events) > 1:
            raise self.crash
        first = [event.attempt == 1 for event in events]
        return [self.outcomes.get(name) if new else None for name, new in zip(names, first, strict=True)]


def handler(recorded: RecordedBatches) -> BatchHandler:
    return BatchHandler(recorded)


async def fill(stream: Stream, names: Sequence[str] = MANY) -> None:
    await stream.add_many("parcel.changed", "webhook", [NamedParcel(name) for name in names])


async def test_a_hundred_events_are_one_batch_and_acknowledged_in_one_call(stream: Stream) -> None:
    await fill(stream)
    recorded = RecordedBatches()
    async with consuming(stream, handler(recorded), concurrency=200) as running:
        await until(lambda: is_empty(stream))
    assert recorded.batches == [MANY]
    assert running.meter.outcomes == {"done": 100}
    assert (await stream.redis.info("commandstats"))["cmdstat_xack"]["calls"] >= 1


async def test_nothing_waits_for_a_batch_to_fill(stream: Stream) -> None:
    recorded, first = RecordedBatches(), asyncio.Event()

    async def held(events: Sequence[Event]) -> Sequence[Outcome]:
        await recorded(events)
        if recorded.batches == [["a"]]:
            await first.wait()
        return [None for _ in events]

    async with consuming(stream, BatchHandler(held), concurrency=200):
        await add(stream, "a")
        await until(lambda: recorded.batches == [["a"]])
        await add(stream, "b")
        await until(lambda: recorded.batches == [["a"], ["b"]])
        first.set()
        await until(lambda: is_empty(stream))


async def test_no_batch_is_larger_than_the_slots(stream: Stream) -> None:
    await fill(stream)
    recorded = RecordedBatches()
    async with consuming(stream, BatchHandler(recorded, size=30), concurrency=40):
        await until(lambda: is_empty(stream))
    assert max(map(len, recorded.batches)) == 30
    assert sorted(name for batch in recorded.batches for name in batch) == sorted(MANY)


async def test_each_event_has_an_outcome_of_its_own(stream: Stream) -> None:
    outcomes = {
        "n1": Transient("timeout"),
        "n2": Later("not_yet", retry_after=0.01),
        "n3": Rejected("no"),
        "n4": Bug("ours"),
        "n5": ValueError("Erika Mustermann"),
    }
    await fill(stream, MANY[:10])
    await stream.redis.xadd(stream.key, {"v": "1", "type": "parcel.exploded", "id": "x"})
    recorded = RecordedBatches(outcomes)
    async with consuming(stream, handler(recorded)) as running:
        await until(lambda: len(recorded.batches))
        recorded.outcomes = {}
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))
    assert recorded.batches[0] == MANY[:10]
    assert {letter[b"reason"] for letter in await raw_dead(stream)} == {b"rejected", b"bug", b"unknown_type"}
    assert running.meter.outcomes == {"done": 8, "retried": 2, "later": 1, "dead": 3}
    assert recorded.attempts == Counter({**dict.fromkeys(MANY[:10], 1), "n1": 2, "n5": 2})
    assert b"Mustermann" not in repr(await raw_dead(stream)).encode()


@pytest.mark.parametrize("crash", [ValueError("x"), Bug("x"), Rejected("x"), asyncio.CancelledError()])
async def test_a_handler_that_fails_as_a_whole_gets_each_event_alone(stream: Stream, crash: BaseException) -> None:
    """One event may be the cause, and the others must not be given up with it."""
    await fill(stream, MANY[:5])
    recorded = RecordedBatches({"n1": Rejected("no")}, crash=crash)
    async with consuming(stream, handler(recorded)) as running:
        await until(lambda: is_empty(stream))
    assert recorded.batches == [MANY[:5], *([name] for name in MANY[:5])]
    assert running.meter.outcomes == {"done": 4, "dead": 1}


async def test_a_handler_that_forgets_an_event_loses_none(stream: Stream) -> None:
    await fill(stream, MANY[:5])

    async def forgetful(events: Sequence[Event]) -> Sequence[Outcome]:
        return [None] * (len(events) - 1 if len(events) > 1 else 1)

    async with consuming(stream, BatchHandler(forgetful)) as running:
        await until(lambda: is_empty(stream))
    assert running.meter.outcomes == {"done": 5}


async def test_what_concerns_all_events_is_not_tried_alone(stream: Stream) -> None:
    await fill(stream, MANY[:5])
    recorded = RecordedBatches(crash=Transient("redis_unavailable", upstream="redis"))
    async with consuming(stream, handler(recorded)) as running:
        await until(lambda: running.meter.outcomes["retried"])
        recorded.crash = None
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))
    assert recorded.batches[0] == MANY[:5]
    assert running.meter.outcomes == {"retried": 5, "done": 5}


def breaker() -> CircuitBreaker:
    async def probe() -> None:
        return

    return CircuitBreaker("afterbuy", probe, secrets_version=lambda: "")


async def test_one_failed_call_is_one_failure_however_many_events_it_served(stream: Stream) -> None:
    shared = Transient("timeout", upstream="afterbuy")
    watched = breaker()
    await fill(stream)
    recorded = RecordedBatches(dict.fromkeys(MANY, shared))
    async with consuming(stream, handler(recorded), breaker=watched, concurrency=100) as running:
        await until(lambda: running.meter.outcomes["retried"] == 100)
        assert len(watched._failures) == 1
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))


async def test_refused_credentials_release_the_whole_batch(stream: Stream) -> None:
    await fill(stream)
    watched = breaker()
    recorded = RecordedBatches(dict.fromkeys(MANY, CredentialsRefused("refused", upstream="afterbuy")))
    async with consuming(stream, handler(recorded), breaker=watched, concurrency=100) as running:
        await until(lambda: running.meter.outcomes["handed_back"] == 100)
        assert watched.is_open
        rows = await stream.redis.xpending_range(stream.key, stream.group, "-", "+", 100)
    assert [(row["consumer"], row["times_delivered"]) for row in rows] == [(RELEASED.encode(), 0)] * 100
    assert len(recorded.batches) == 1


async def test_a_stop_in_the_middle_finishes_some_and_releases_the_rest(stream: Stream) -> None:
    """Some are settled, some are not when the grace is over: each is counted once."""
    await fill(stream, MANY[:20])
    begun = asyncio.Event()

    async def never(_: object) -> Sequence[object]:
        await asyncio.Event().wait()
        return ()

    async def stuck(events: Sequence[Event]) -> Sequence[Outcome]:
        begun.set()
        if len(events) == 20:
            return [None if place % 2 else Transient("timeout") for place in range(20)]
        raise AssertionError

    async with consuming(
        stream, BatchHandler(stuck), concurrency=20, timing=replace(FAST, grace=0.05, release_seconds=60)
    ) as running:
        running.consumer._delivery._move = never  # type: ignore[method-assign]
        await begun.wait()
        await until(lambda: running.meter.outcomes["done"] == 10)
        await running.stop()
    rows = await stream.redis.xpending_range(stream.key, stream.group, "-", "+", 100)
    assert {(row["consumer"], row["times_delivered"]) for row in rows} == {(RELEASED.encode(), 0)}
    assert len(rows) == 10
    assert running.meter.outcomes == {"done": 10, "handed_back": 10}


async def test_a_killed_process_leaves_a_hundred_behind_and_its_heir_is_through_soon(stream: Stream) -> None:
    await fill(stream)
    dead = PendingEntries(stream, "dead")
    await dead.ensure_group()
    assert len(await dead.read(100, block_ms=100)) == 100
    recorded = RecordedBatches()
    async with consuming(stream, handler(recorded), concurrency=200) as running:
        await until(lambda: is_empty(stream))
    assert [len(batch) for batch in recorded.batches] == [10] * 10
    assert running.meter.outcomes == {"done": 100}


async def handled(stream: Stream, handler: BatchHandler) -> tuple[int, Meter]:
    """Handle a hundred events; returns the round trips that it took, apart from the first event's."""
    await fill(stream)
    pending, meter = PendingEntries(stream, "one"), Meter()
    await pending.ensure_group()
    delivery = Delivery(
        stream,
        handler,
        pending=pending,
        breaker=None,
        meter=meter,
        backoff=ConnectionBackoff(),
        on_settled=lambda _: None,
    )
    await delivery.handle(await pending.read(1, block_ms=100))  # the server learns the script
    entries = await pending.read(100, block_ms=100)
    with round_trips() as trips:
        await delivery.handle(entries)
    assert len(entries) == 99
    return trips.count, meter


async def test_a_hundred_done_events_cost_the_round_trip_of_one(stream: Stream) -> None:
    assert (await handled(stream, handler(RecordedBatches())))[0] == 1
    assert await is_empty(stream)


async def test_a_hundred_events_that_are_delayed_or_die_cost_the_round_trip_of_one(stream: Stream) -> None:
    outcomes = {name: Rejected("no") if place % 3 else Transient("timeout") for place, name in enumerate(MANY)}
    trips, meter = await handled(stream, handler(RecordedBatches(outcomes)))
    assert trips == 1
    assert meter.outcomes == {"retried": 34, "dead": 66}
    assert (await stream.length(), await stream.pending(), await stream.delayed(), await stream.dead()) == (
        0,
        0,
        34,
        66,
    )


async def test_what_cannot_move_leaves_the_others_of_its_batch_alone_and_is_tried_again(stream: Stream) -> None:
    outcomes = {name: Rejected("no") if place % 2 else Transient("timeout") for place, name in enumerate(MANY)}
    await stream.redis.set(stream.delayed_key, "no sorted set")
    running = asyncio.create_task(handled(stream, handler(RecordedBatches(outcomes | {"n0": Rejected("no")}))))
    await until(lambda: _has_dead(stream, 51))
    assert (await stream.length(), await stream.pending()) == (49, 49)
    await stream.redis.delete(stream.delayed_key)
    await running
    assert (await stream.length(), await stream.pending(), await stream.delayed(), await stream.dead()) == (
        0,
        0,
        49,
        51,
    )


async def _has_dead(stream: Stream, count: int) -> bool:
    return await stream.dead() == count


async def _counts(stream: Stream) -> tuple[int, int, int, int]:
    return await stream.length(), await stream.pending(), await stream.delayed(), await stream.dead()
