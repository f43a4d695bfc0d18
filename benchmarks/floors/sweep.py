"""The floor of the sweep: read pages, decode, look up what is known of each parcel, compare."""

import asyncio
import os
from typing import Any

import msgspec
from aiohttp import ClientSession
from redis.asyncio import Redis
from yarl import URL

from benchmarks.floors.webhook import Parcel
from benchmarks.stub.sendcloud import FIRST_PARCEL, parcel
from benchmarks.worker import Stopwatch, Task, answer_tasks

_URL = f"{os.environ.get('BENCH_UPSTREAM', '')}/api/v2/parcels"
_KNOWN = "floor:known"


class Page(msgspec.Struct):
    """A page of parcels."""

    parcels: list[Parcel]
    next: str | None = None


_decoder, _encoder = msgspec.json.Decoder(Page), msgspec.json.Encoder()


async def work(task: Task) -> Task:
    """Store what is known, then sweep ``times`` times."""
    async with Redis.from_url(os.environ["BENCH_REDIS"]) as redis, ClientSession() as session:
        await _fill(redis, task["first"], task["parcels"])
        watch, read = Stopwatch(), 0
        for _ in range(task["times"]):
            read += await _sweep(redis, session)
        assert read == task["times"] * task["parcels"], read
        return watch.over(read)


async def _fill(redis: "Redis", first: int, parcels: int) -> None:
    decode = msgspec.json.Decoder(Parcel).decode
    for start in range(0, parcels, 500):
        found = [parcel(FIRST_PARCEL + place, first + place) for place in range(start, min(start + 500, parcels))]
        known: dict[Any, Any] = {str(each["id"]): _encoder.encode(decode(_encoder.encode(each))) for each in found}
        await redis.hset(_KNOWN, mapping=known)


async def _sweep(redis: "Redis", session: ClientSession) -> int:
    cursor, read = "", 0
    while True:
        async with session.get(_URL, params={"cursor": cursor} if cursor else {}) as response:
            page = _decoder.decode(await response.read())
        known = await redis.hmget(_KNOWN, [str(each.id) for each in page.parcels])
        news = [each for each, stored in zip(page.parcels, known, strict=True) if stored != _encoder.encode(each)]
        assert not news
        read += len(page.parcels)
        if page.next is None:
            return read
        cursor = URL(page.next).query["cursor"]


if __name__ == "__main__":
    asyncio.run(answer_tasks(work))
