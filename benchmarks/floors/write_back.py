"""The floor of the write-back: XREADGROUP, read the orders, update them, XACK and XDEL; four batches at once.

With ``serve`` it works off the floor's webhooks for ever, else one backlog for each task: ``orders`` and ``first``.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import ClientSession
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from benchmarks.floors.afterbuy import by_id, sold_items, update
from benchmarks.floors.webhook import STREAM, Parcel
from benchmarks.stub.sendcloud import FIRST_PARCEL, parcel
from benchmarks.worker import Stopwatch, Task, answer_tasks

_URL = f"{os.environ.get('BENCH_UPSTREAM', '')}/afterbuy/ABInterface.aspx"
_GROUP, _BATCH, _SIDE_BY_SIDE = "writer", 100, 4
_CARRIERS = {"dhl_de": "DHL"}
_decoder = msgspec.json.Decoder(Parcel)


async def consume(redis: "Redis", session: ClientSession, stream: str, *, once: bool) -> None:
    """Read batches; with ``once`` until the stream is empty."""
    running: set[asyncio.Task[None]] = set()
    block = None if once else 5000
    while True:
        found: Any = await redis.xreadgroup(_GROUP, "floor", {stream: ">"}, count=_BATCH, block=block)
        if found:
            running.add(asyncio.create_task(_write(redis, session, stream, found[0][1])))
        if len(running) >= _SIDE_BY_SIDE or (running and not found):
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            _ = [task.result() for task in done]
        elif once and not found:
            return


async def _write(redis: "Redis", session: ClientSession, stream: str, entries: list[Any]) -> None:
    parcels = {}
    for _, fields in entries:
        event = _decoder.decode(fields[b"data"])
        parcels[event.external_order_id.removeprefix("afterbuy-")] = event
    orders, _, _ = await sold_items(session, _URL, by_id(parcels))
    due = {order.findtext("OrderID") for order in orders if not order.findtext("AdditionalInfo")}
    changes = {
        order: (event.tracking_number, _CARRIERS.get(event.carrier["code"], ""))
        for order, event in parcels.items()
        if order in due
    }
    await update(session, _URL, changes)
    names = [name for name, _ in entries]
    async with redis.pipeline(transaction=True) as pipe:
        pipe.xack(stream, _GROUP, *names)
        pipe.xdel(stream, *names)
        await pipe.execute()


async def _group(redis: "Redis", stream: str) -> None:
    with suppress(ResponseError):  # it exists
        await redis.xgroup_create(stream, _GROUP, id="0", mkstream=True)


async def work(task: Task) -> Task:
    """Fill a stream, then empty it."""
    stream = f"floor:backlog:{time.monotonic_ns()}"
    async with Redis.from_url(os.environ["BENCH_REDIS"]) as redis, ClientSession() as session:
        async with redis.pipeline(transaction=False) as pipe:
            for order in range(task["first"], task["first"] + task["orders"]):
                body = msgspec.json.encode(parcel(FIRST_PARCEL + order, order))
                pipe.xadd(stream, {"data": msgspec.json.encode(_decoder.decode(body))})
            await pipe.execute()
        await _group(redis, stream)
        watch = Stopwatch()
        await consume(redis, session, stream, once=True)
        return watch.over(task["orders"])


async def serve() -> None:
    """Work off what the floor's webhook stores."""
    async with Redis.from_url(os.environ["BENCH_REDIS"]) as redis, ClientSession() as session:
        await _group(redis, STREAM)
        print("ready", flush=True)
        await consume(redis, session, STREAM, once=False)


if __name__ == "__main__":
    asyncio.run(serve() if "serve" in sys.argv else answer_tasks(work))
