"""A backlog of labels, one for each order, worked off by the writer: ``orders``, and ``first`` OrderID.

The ledger knows the orders, and the events are sealed as the webhook seals them. What is measured begins with the start
of the service and ends with the last event that is acknowledged.
"""

import asyncio
import time

from aftersend.ledger.entry import Entry
from aftersend.ledger.store import Ledger
from aftersend.sealing import SealKeyring
from aftersend.sendcloud.model import ParcelEvent
from aftersend.service.runtime import Runtime
from aftersend.stream.stream import Stream
from aftersend_writer.main import serve
from benchmarks.ours.tenants import fresh_tenant, prepare
from benchmarks.stub.sendcloud import FIRST_PARCEL, tracking_number
from benchmarks.worker import Stopwatch, Task, answer_tasks

_CHUNK = 500


async def work(task: Task) -> Task:
    """Fill the stream, then let the writer empty it."""
    orders = range(task["first"], task["first"] + task["orders"])
    async with fresh_tenant("writer", since=time.time()) as runtime:
        stream = await filled(runtime, orders)
        watch = Stopwatch()
        serving = asyncio.create_task(serve(runtime))
        await emptied(stream)
        found = watch.over(len(orders))
        runtime.stop.set()
        await serving
        return found


async def emptied(stream: Stream) -> None:
    """Wait until every event is acknowledged."""
    while await stream.length() + await stream.delayed():  # noqa: ASYNC110 - Redis sets no event
        await asyncio.sleep(0.02)


async def filled(runtime: Runtime, orders: range) -> Stream:
    """Put one label for each order on the stream; the ledger knows the orders."""
    ledger = Ledger(runtime.redis, tenant=runtime.identity, keyring=runtime.keyring)
    seals = SealKeyring(runtime.secrets("seal-key"), runtime.secrets("data-key"))
    stream = Stream(runtime.redis, tenant=runtime.identity, name="parcels", keyring=runtime.keyring, seals=seals)
    for start in range(orders.start, orders.stop, _CHUNK):
        chunk = range(start, min(start + _CHUNK, orders.stop))
        await ledger.change_many({str(order): _confirmed for order in chunk})
        await stream.add_many("parcel.changed", "webhook", map(_label, chunk))
    return stream


def _confirmed(entry: Entry) -> Entry:
    now = int(time.time() * 1000)
    return Entry(order=entry.order, state="confirmed", since=now, pushed=now, pushes=1, fingerprint="f" * 32)


def _label(order: int) -> ParcelEvent:
    now, number = int(time.time() * 1000), FIRST_PARCEL + order
    return ParcelEvent(
        parcel=str(number),
        status=1000,
        time=now,
        received=now,
        number=tracking_number(number),
        url=f"https://tracking.example/{number}",
        carrier="dhl_de",
        external_order_id=f"afterbuy-{order}",
        order_number=str(order),
    )


if __name__ == "__main__":
    prepare("writer")
    asyncio.run(answer_tasks(work))
