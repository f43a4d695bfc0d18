"""Entries that wait at the same moment share a round trip; each caller learns of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from aftersend.errors import StoreAway, Transient
from aftersend.redis.connection import exchange
from aftersend.stream.stream import Stream
from tests.support.round_trips import round_trips
from tests.support.servers import RedisServer
from tests.support.stream_kit import NamedParcel, opened, until


async def add(stream: Stream, number: int) -> str:
    return await stream.add("parcel.changed", "webhook", NamedParcel(str(number)))


async def names(stream: Stream) -> list[str]:
    return [stream.open(fields).read(NamedParcel).name async for _, fields in stream.entries()]


@asynccontextmanager
async def paused(server: RedisServer, folder: Path) -> AsyncIterator[tuple[Stream, "Redis[bytes]"]]:
    """A stream with one event, whose server answers nothing until it is unpaused."""
    async with opened(server.url, folder) as stream, Redis.from_url(server.url) as admin:
        await add(stream, 0)
        await admin.client_pause(60_000, all=False)
        yield stream, admin


async def test_a_burst_costs_few_round_trips_and_keeps_its_order(stream: Stream) -> None:
    await add(stream, 0)
    stream._memory_guard._asked = float("inf")
    with round_trips() as trips:
        ids = await asyncio.gather(*(add(stream, number) for number in range(1, 251)))
    assert trips.count == 3  # two full groups and the rest
    assert len(set(ids)) == 250
    assert await names(stream) == [str(number) for number in range(251)]


async def test_one_event_alone_is_one_round_trip(stream: Stream) -> None:
    await add(stream, 0)
    stream._memory_guard._asked = float("inf")
    with round_trips() as trips:
        await add(stream, 1)
    assert trips.count == 1


async def test_what_comes_during_a_round_trip_goes_with_the_next(own_server: RedisServer, tmp_path: Path) -> None:
    async with paused(own_server, tmp_path) as (stream, admin):
        with round_trips() as trips:
            first = asyncio.create_task(add(stream, 1))
            await until(lambda: trips.count == 1)
            rest = [asyncio.create_task(add(stream, number)) for number in range(2, 50)]
            await asyncio.sleep(0)
            await admin.client_unpause()
            await asyncio.gather(first, *rest)
        assert trips.count <= 3  # the memory may be asked for once more
        assert await names(stream) == [str(number) for number in range(50)]


async def test_a_caller_that_gives_up_takes_no_other_with_it(own_server: RedisServer, tmp_path: Path) -> None:
    async with paused(own_server, tmp_path) as (stream, admin):
        with round_trips() as trips:
            tasks = [asyncio.create_task(add(stream, number)) for number in range(1, 6)]
            await until(lambda: trips.count == 1)
        tasks[1].cancel()
        await admin.client_unpause()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [
            number == 1 for number in range(5)
        ]
        assert set(await names(stream)) >= {"0", "1", "3", "4", "5"}


async def test_a_sender_that_is_ended_lets_all_callers_go(own_server: RedisServer, tmp_path: Path) -> None:
    async with paused(own_server, tmp_path) as (stream, admin):
        with round_trips() as trips:
            waiting = [asyncio.create_task(add(stream, number)) for number in range(1, 4)]
            await until(lambda: trips.count == 1)
        (sender,) = (task for task in asyncio.all_tasks() if task.get_name() == "group commit")
        sender.cancel()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert {(type(answer), str(answer)) for answer in answers} == {(Transient, "redis: redis_not_asked")}
        await admin.client_unpause()
        await add(stream, 4)
        assert (await names(stream))[-1] == "4"


async def test_each_caller_learns_that_redis_is_away_and_the_next_one_that_it_is_back(
    own_server: RedisServer, tmp_path: Path
) -> None:
    async with opened(own_server.url, tmp_path) as stream:
        await add(stream, 0)
        own_server.stop()
        answers = await asyncio.gather(*(add(stream, number) for number in range(1, 31)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {StoreAway}
        own_server.start()
        await add(stream, 31)


async def test_each_caller_learns_that_redis_refuses(stream: Stream) -> None:
    await stream.redis.set(stream.key, "no stream")
    answers = await asyncio.gather(*(add(stream, number) for number in range(5)), return_exceptions=True)
    assert {(type(answer), str(answer)) for answer in answers} == {(Transient, "redis: redis_error")}
    await stream.redis.delete(stream.key)
    await add(stream, 5)
    assert await names(stream) == ["5"]


async def test_one_that_is_refused_takes_no_other_with_it(stream: Stream) -> None:
    failures = await exchange(stream.redis, [("SET", "text", "1"), ("LPUSH", "text", "2"), ("SET", "other", "3")])
    assert [str(failure or "") for failure in failures] == ["", "redis: redis_error", ""]
    assert await stream.redis.mget("text", "other") == [b"1", b"3"]


async def test_a_sender_that_is_cancelled_anywhere_leaves_no_reply_to_the_next_command(stream: Stream) -> None:
    await stream.redis.set("probe", "found")
    for turns in range(30):
        adding = [asyncio.create_task(add(stream, number)) for number in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in asyncio.all_tasks():
            if task.get_name() == "group commit":
                task.cancel()
        await asyncio.gather(*adding, return_exceptions=True)
        assert await stream.redis.get("probe") == b"found"
    await add(stream, 4)
    assert await stream.redis.get("probe") == b"found"
