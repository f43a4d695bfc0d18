"""Pending entries of dead consumers, and released ones: who may claim them, when, and in exclusive mode or not."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from aftersend.stream.event import Event
from aftersend.stream.pending_entries import RELEASED, PendingEntries
from aftersend.stream.redelivery import GROUP_DELIVERIES, MAX_GROUP_SIZE, MAX_LONELY_DELIVERIES
from aftersend.stream.stream import Stream
from tests.support.stream_kit import FAST, NamedParcel, Recorder, add, claim_first, consuming, is_empty, raw_dead, until

IDLE_MS = 60_000
UNHURRIED = replace(FAST, idle_ms=IDLE_MS, release_seconds=60)
"""An entry is as old as ``age`` makes it, however slow the machine is."""


async def held_by(stream: Stream, name: str) -> list[bytes]:
    """Let a consumer that does no more read everything; returns the ids."""
    pending = PendingEntries(stream, name)
    await pending.ensure_group()
    return [entry.id for entry in await pending.read(99, block_ms=100)]


async def age(stream: Stream, name: str, entry: bytes, idle_ms: int) -> None:
    """Let an entry that this consumer holds be idle for so long; its delivery count stays."""
    await stream.redis.xclaim(stream.key, stream.group, name, 0, [entry], idle=idle_ms, justid=True)


@pytest.mark.parametrize("deaths", [1, 2])
async def test_what_dead_consumers_held_is_handled_with_nothing_else_in_flight(stream: Stream, deaths: int) -> None:
    """In groups after one death, one by one after another."""
    for number in range(25):
        await add(stream, f"old{number}")
    dead = PendingEntries(stream, "dead")
    await dead.ensure_group()
    await dead.read(25, block_ms=100)
    for _ in range(deaths - 1):
        await dead.claim(await dead.idle(0), 0)
    for number in range(20):
        await add(stream, f"new{number}")
    together: dict[str, set[str]] = {}
    inside: set[str] = set()

    async def watching(event: Event) -> None:
        name = event.read(NamedParcel).name
        inside.add(name)
        for _ in range(5):
            await asyncio.sleep(0.002)
            together.setdefault(name, set()).update(inside)
        inside.discard(name)

    async with consuming(stream, watching, name="heir"):
        await until(lambda: is_empty(stream))
    assert len(together) == 45
    largest = max(len(together[f"old{number}"]) for number in range(25))
    assert largest == (MAX_GROUP_SIZE if deaths == 1 else 1)
    for number in range(25):
        assert not [other for other in together[f"old{number}"] if other.startswith("new")]
    assert any(len(together[f"new{number}"]) > 1 for number in range(20))


async def test_the_fifth_lonely_death_makes_it_poison(stream: Stream) -> None:
    await add(stream, "poison")
    pending = PendingEntries(stream, "victim")
    await pending.ensure_group()
    await pending.read(1, block_ms=100)
    for _ in range(GROUP_DELIVERIES + MAX_LONELY_DELIVERIES):
        assert await claim_first(pending) is not None
    recorder = Recorder()
    async with consuming(stream, recorder) as running:
        await until(stream.dead)
    assert recorder.seen == []
    (letter,) = await raw_dead(stream)
    assert (letter[b"reason"], letter[b"attempts"]) == (b"poison", b"8")
    assert running.meter.outcomes == {"dead": 1}


async def test_the_fifth_lonely_delivery_still_happens(stream: Stream) -> None:
    await add(stream, "unlucky")
    pending = PendingEntries(stream, "victim")
    await pending.ensure_group()
    await pending.read(1, block_ms=100)
    for _ in range(GROUP_DELIVERIES + MAX_LONELY_DELIVERIES - 1):
        assert await claim_first(pending) is not None
    recorder = Recorder()
    async with consuming(stream, recorder):
        await until(lambda: is_empty(stream))
    assert recorder.names == ["unlucky"]


async def test_long_work_keeps_its_claim_and_its_delivery_count(stream: Stream) -> None:
    """Another consumer, which takes what a dead one held, leaves it alone."""
    await add(stream, "lost")
    (lost,) = await held_by(stream, "dead")
    await add(stream, "long")
    release = asyncio.Event()
    recorder = Recorder()

    async def long(event: Event) -> None:
        await recorder(event)
        await release.wait()

    async def row() -> dict[str, Any]:
        return (await stream.redis.xpending_range(stream.key, stream.group, "-", "+", 10, consumername="slow"))[0]

    async def renewed() -> bool:
        return int((await row())["time_since_delivered"]) < IDLE_MS - 1_000

    async with consuming(stream, long, name="slow", timing=UNHURRIED):
        await until(lambda: recorder.seen)
        await age(stream, "slow", (await row())["message_id"], IDLE_MS - 1_000)
        await until(renewed)
        await age(stream, "dead", lost, IDLE_MS)
        async with consuming(stream, recorder, name="eager", timing=UNHURRIED):
            await until(lambda: recorder.names == ["long", "lost"])
            assert (await row())["times_delivered"] == 1
        release.set()
        await until(lambda: is_empty(stream))
    assert recorder.names == ["long", "lost"]


async def test_a_graceful_stop_finishes_what_is_in_flight(stream: Stream) -> None:
    await add(stream, "x")
    begun = asyncio.Event()

    async def steady(_: Event) -> None:
        begun.set()
        await asyncio.sleep(0.1)

    async with consuming(stream, steady, timing=replace(FAST, grace=60)) as running:
        await begun.wait()
        await running.stop()
    assert running.meter.outcomes == {"done": 1}
    assert await is_empty(stream)


async def test_a_graceful_stop_releases_the_rest_without_counting(stream: Stream) -> None:
    for number in range(3):
        await add(stream, f"n{number}")
    recorder = Recorder()

    async def stuck(event: Event) -> None:
        await recorder(event)
        await asyncio.Event().wait()

    hasty = replace(UNHURRIED, grace=0.05)
    async with consuming(stream, stuck, timing=hasty) as running:
        await until(lambda: len(recorder.seen) == 3)
        await running.stop()
    rows = await stream.redis.xpending_range(stream.key, stream.group, "-", "+", 10)
    assert [(row["consumer"], row["times_delivered"]) for row in rows] == [(RELEASED.encode(), 0)] * 3
    assert running.meter.outcomes == {"handed_back": 3}

    together = Recorder()
    async with consuming(stream, together, name="next", timing=hasty):
        await until(lambda: is_empty(stream))
    assert sorted(together.names) == ["n0", "n1", "n2"]


async def test_releasing_keeps_the_count_of_an_entry_seen_before(stream: Stream) -> None:
    await add(stream, "x")
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    await pending.read(1, block_ms=100)
    claimed = await claim_first(pending)
    assert claimed is not None
    assert claimed.deliveries == 2
    assert await pending.release([claimed.id]) == 1
    (row,) = await pending.idle(60_000)
    assert row.deliveries == 1
    again = await claim_first(pending, 60_000)
    assert again is not None
    assert again.deliveries == 2


async def test_an_entry_of_another_consumer_is_neither_released_nor_renewed(stream: Stream) -> None:
    await add(stream, "x")
    one, two = PendingEntries(stream, "one"), PendingEntries(stream, "two")
    await one.ensure_group()
    (entry,) = await one.read(1, block_ms=100)
    assert await two.release([entry.id]) == 0
    assert await two.renew([entry.id]) == 1
    assert await one.renew([entry.id]) == 0
    (row,) = await stream.redis.xpending_range(stream.key, stream.group, "-", "+", 10)
    assert (row["consumer"], row["times_delivered"]) == (b"one", 1)


async def test_an_entry_that_waits_for_exclusive_mode_does_not_stop_the_others_for_ever(stream: Stream) -> None:
    await add(stream, "redelivered")
    (held,) = await held_by(stream, "dead")
    await add(stream, "long")
    release = asyncio.Event()
    recorder = Recorder()

    async def handler(event: Event) -> None:
        await recorder(event)
        if recorder.names[-1] == "long":
            await release.wait()

    async with consuming(stream, handler, timing=replace(UNHURRIED, exclusive_wait=0.05)) as running:
        await until(lambda: recorder.names == ["long"])
        await age(stream, "dead", held, IDLE_MS)
        await until(lambda: not running.consumer._shared.is_set())
        await add(stream, "fresh")
        await until(lambda: recorder.names == ["long", "fresh"])
        release.set()
        await until(lambda: is_empty(stream))
    assert recorder.names == ["long", "fresh", "redelivered"]
