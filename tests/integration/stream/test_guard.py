"""What a stolen user of the webhook can do to a stream: it may XADD, and XADD takes an id and a length."""

import asyncio

import pytest
from redis.exceptions import ResponseError

from aftersend.stream.guard import StreamGuard
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.stream import Stream
from tests.support.stream_kit import NamedParcel, Recorder, add, consuming, is_empty, until

HIGHEST = "18446744073709551615-18446744073709551615"


async def far_ahead(stream: Stream) -> str:
    seconds, _ = await stream.redis.time()
    return f"{(seconds + 86_400) * 1000}-0"


@pytest.mark.parametrize("exhausted", [True, False])
async def test_a_stream_whose_ids_are_exhausted_is_replaced_and_loses_nothing(
    stream: Stream, *, exhausted: bool
) -> None:
    """The forged entry itself becomes a dead letter, as evidence."""
    recorder = Recorder()
    await add(stream, "before")
    await stream.redis.xadd(stream.key, {"v": "x"}, id=HIGHEST if exhausted else await far_ahead(stream))
    if exhausted:
        with pytest.raises(ResponseError, match="ID"):
            await stream.redis.xadd(stream.key, {"v": "y"})
    async with consuming(stream, recorder) as running:
        await until(lambda: running.meter.replacements == 1)
        await add(stream, "after")
        await until(lambda: recorder.names == ["before", "after"])
        await until(lambda: is_empty(stream))
        assert await stream.dead() == 1
        assert (running.meter.replacements, running.meter.vanished) == (1, 0)


async def test_it_is_replaced_while_events_are_in_hand_and_while_the_consumer_waits(stream: Stream) -> None:
    begun, release = asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def handler(event: object) -> None:
        seen.append(event.read(NamedParcel).name)  # type: ignore[attr-defined]
        begun.set()
        await release.wait()

    async with consuming(stream, handler) as running:
        await add(stream, "in hand")
        await begun.wait()
        await stream.redis.xadd(stream.key, {"v": "x"}, id=HIGHEST)
        await until(lambda: running.meter.replacements)
        await add(stream, "after")
        release.set()
        await until(lambda: "after" in seen)
        await until(lambda: is_empty(stream))
    assert set(seen) == {"in hand", "after"}
    assert running.meter.vanished == 0


async def test_unread_entries_that_were_trimmed_are_counted_once(stream: Stream) -> None:
    pending, guard = PendingEntries(stream, "one"), StreamGuard(stream)
    await pending.ensure_group()
    await add(stream, "read")
    await pending.done([entry.id for entry in await pending.read(9, block_ms=100)])
    for name in "abc":
        await add(stream, name)
    assert await guard.inspect() == (False, 0)
    await stream.redis.xadd(stream.key, {"v": "x"}, maxlen=1, approximate=False)
    assert [await guard.inspect() for _ in range(3)] == [(False, 3), (False, 0), (False, 0)]
    await stream.redis.xadd(stream.key, {"v": "x"}, maxlen=1, approximate=False)
    assert await guard.inspect() == (False, 1)
    (entry,) = await pending.read(9, block_ms=100)
    await pending.done([entry.id])
    assert await guard.inspect() == (False, 0)
    await add(stream, "d")
    await stream.redis.xadd(stream.key, {"v": "x"}, maxlen=1, approximate=False)
    assert await guard.inspect() == (False, 1)


async def test_a_consumer_that_starts_counts_what_was_trimmed_before_it_reads(stream: Stream) -> None:
    async with consuming(stream, Recorder()):
        await add(stream, "read")
        await until(lambda: is_empty(stream))
    for name in "abc":
        await add(stream, name)
    await stream.redis.xtrim(stream.key, maxlen=1, approximate=False)
    recorder = Recorder()
    async with consuming(stream, recorder) as running:
        await until(lambda: recorder.names == ["c"])
        assert running.meter.vanished == 2


async def test_what_is_ours_counts_as_nothing(stream: Stream) -> None:
    """Acknowledged, in hand, delayed, dead, exchanged by a reseal: all of these delete entries."""
    pending, guard = PendingEntries(stream, "one"), StreamGuard(stream)
    assert await guard.inspect() == (False, 0)
    await pending.ensure_group()
    for name in "abcd":
        await add(stream, name)
    entries = await pending.read(2, block_ms=100)
    assert await guard.inspect() == (False, 0)
    await pending.done([entries[0].id])
    assert await guard.inspect() == (False, 0)
    ((unread, fields),) = await stream.redis.xrange(stream.key, min=f"({entries[1].id.decode()}", count=1)
    await stream.redis.xdel(stream.key, unread)
    await stream.redis.xadd(stream.key, fields)
    assert await guard.inspect() == (False, 0)
