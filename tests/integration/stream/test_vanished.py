"""Streams, groups and entries that vanish under a consumer: made again, finished, or counted as lost."""

import asyncio
from collections import Counter

import pytest

from aftersend.errors import Rejected, Transient
from aftersend.stream.event import Event
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.retry import DeadLetter, Delay, Release
from aftersend.stream.stream import Stream
from tests.support.stream_kit import (
    FAST,
    NamedParcel,
    Recorder,
    add,
    claim_first,
    consuming,
    defer,
    hurry,
    is_empty,
    move_to_dead_letters,
    until,
)


async def test_a_deleted_stream_is_made_again_and_the_work_goes_on(stream: Stream) -> None:
    recorder = Recorder()
    async with consuming(stream, recorder):
        await add(stream, "before")
        await until(lambda: is_empty(stream))
        await stream.redis.delete(stream.key)
        await add(stream, "after")
        await until(lambda: recorder.names == ["before", "after"])
        await until(lambda: is_empty(stream))


async def test_what_is_in_flight_while_the_stream_is_deleted_is_not_lost(stream: Stream) -> None:
    for outcome in ("retry", "reject", "done"):
        await add(stream, outcome)
    deleted = asyncio.Event()
    inside: Counter[str] = Counter()
    errors = {"retry": Transient("timeout"), "reject": Rejected("no")}

    async def handler(event: Event) -> None:
        name = event.read(NamedParcel).name
        inside[name] += 1
        await deleted.wait()
        if event.attempt == 1 and name in errors:
            raise errors[name]

    async with consuming(stream, handler):
        await until(lambda: len(inside) == 3)
        await stream.redis.delete(stream.key)
        deleted.set()
        await until(stream.dead)
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))
    assert inside == {"retry": 2, "reject": 1, "done": 1}


async def test_what_is_in_flight_while_the_group_is_destroyed_is_handled_once(stream: Stream) -> None:
    """The new group starts at 0 and delivers everything again, to the very consumer that is at it."""
    for outcome in ("retry", "reject", "done"):
        await add(stream, outcome)
    release = asyncio.Event()
    inside: Counter[str] = Counter()
    errors = {"retry": Transient("timeout"), "reject": Rejected("no")}

    async def handler(event: Event) -> None:
        name = event.read(NamedParcel).name
        inside[name] += 1
        await release.wait()
        if event.attempt == 1 and name in errors:
            raise errors[name]

    async def delivered_again() -> bool:
        groups = await stream.redis.xinfo_groups(stream.key)
        return bool(groups) and groups[0]["pending"] == 3

    async with consuming(stream, handler) as running:
        await until(lambda: len(inside) == 3)
        await stream.redis.xgroup_destroy(stream.key, stream.group)
        await until(delivered_again)
        await until(lambda: not running.consumer._pending.orphans)
        release.set()
        await until(stream.dead)
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))
    assert inside == {"retry": 2, "reject": 1, "done": 1}
    assert running.meter.outcomes == {"retried": 1, "dead": 1, "done": 2}
    assert (await stream.dead(), await stream.pending()) == (1, 0)


async def test_an_entry_that_outlived_its_group_is_not_copied(stream: Stream) -> None:
    """A consumer that settles it before the new group delivers it again leaves the original alone."""
    await add(stream, "x")
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    (entry,) = await pending.read(1, block_ms=100)
    await stream.redis.xgroup_destroy(stream.key, stream.group)
    for owner in ("one", ""):
        assert not await defer(stream, owner, entry, Delay(0.0, counted=True))
        assert not await move_to_dead_letters(stream, owner, entry, DeadLetter("bug", "Bug"))
    assert (await stream.length(), await stream.delayed(), await stream.dead()) == (1, 0, 0)
    await pending.ensure_group()
    assert [found.id for found in await pending.read(1, block_ms=100)] == [entry.id]


async def test_an_entry_that_went_down_with_a_stream_that_others_made_again_is_moved(stream: Stream) -> None:
    """We never saw the stream vanish: this copy is the only one, and no other consumer can know of it."""
    await add(stream, "x")
    await add(stream, "y")
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    entries = await pending.read(2, block_ms=100)
    await stream.redis.delete(stream.key)
    await PendingEntries(stream, "two").ensure_group()
    assert await defer(stream, "one", entries[0], Delay(0.0, counted=True))
    assert await move_to_dead_letters(stream, "one", entries[1], DeadLetter("bug", "Bug"))
    assert (await stream.length(), await stream.delayed(), await stream.dead()) == (0, 1, 1)


async def test_an_entry_that_another_consumer_finished_is_not_copied(stream: Stream) -> None:
    await add(stream, "x")
    pending, heir = PendingEntries(stream, "one"), PendingEntries(stream, "two")
    await pending.ensure_group()
    (entry,) = await pending.read(1, block_ms=100)
    claimed = await claim_first(heir)
    assert claimed is not None
    assert not await defer(stream, "one", entry, Delay(0.0, counted=True))
    await heir.done([claimed.id])
    assert not await defer(stream, "one", entry, Delay(0.0, counted=True))
    assert not await move_to_dead_letters(stream, "one", entry, DeadLetter("bug", "Bug"))
    assert (await stream.length(), await stream.delayed(), await stream.dead()) == (0, 0, 0)


@pytest.mark.parametrize("notice", ["noticed", "unnoticed"])
async def test_entries_released_into_a_deleted_stream_survive(stream: Stream, notice: str) -> None:
    await add(stream, "x")
    pending = PendingEntries(stream, "one")
    await pending.ensure_group()
    entries = await pending.read(1, block_ms=100)
    async with consuming(stream, Recorder()) as running:
        await stream.redis.delete(stream.key)
        if notice == "noticed":
            running.consumer._pending.orphans.add(entries[0].id)
        await running.consumer._delivery.settle([(entries[0], Release())])
        await until(lambda: running.meter.outcomes["done"])
    assert await is_empty(stream)


async def test_entries_that_vanished_are_counted_as_lost(stream: Stream) -> None:
    await add(stream, "x")
    await add(stream, "y")
    pending = PendingEntries(stream, "dead")
    await pending.ensure_group()
    entries = await pending.read(2, block_ms=100)
    await stream.redis.xdel(stream.key, *[entry.id for entry in entries])
    async with consuming(stream, Recorder()) as running:
        await until(lambda: running.meter.vanished == 2)
    assert await stream.pending() == 0


async def test_a_vanished_entry_in_our_hands_is_finished_not_lost(stream: Stream) -> None:
    await add(stream, "x")
    begun, release = asyncio.Event(), asyncio.Event()

    async def handler(event: Event) -> None:
        begun.set()
        await release.wait()
        if event.attempt == 1:
            raise Transient("timeout")

    async with consuming(stream, handler) as running:
        await begun.wait()
        await stream.redis.xtrim(stream.key, maxlen=0, approximate=False)
        await asyncio.sleep(2 * FAST.renew)
        release.set()
        await until(lambda: hurry(stream))
        await until(lambda: running.meter.outcomes["done"])
    assert running.meter.vanished == 0
