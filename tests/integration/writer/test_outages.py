"""Afterbuy goes away for seconds, minutes, hours, in every way there is, while labels are printed.

Consumer, circuit breaker and batcher are the writer's own, with the times of production; Afterbuy and Redis are
modelled, so that hours pass in virtual time. After each outage: every number is there within 60 seconds, no event is
dead, and Afterbuy is never called more often than in calm.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.errors import AftersendError, Transient
from aftersend.stream.consumer import Consumer
from aftersend.stream.event import Event
from aftersend.stream.handling import BatchHandler, Outcome
from aftersend.stream.stream import Stream
from aftersend_writer.batcher import MAX_CONCURRENT_SINGLES, OrderBatcher, OrderRequest
from aftersend_writer.main import CONCURRENCY
from tests.support.stream_kit import TENANT, Meter, NamedParcel, keyring_in
from tests.support.virtual_redis import VirtualRedis, wall_clock
from tests.support.virtual_time import run

LATENCY = 0.3
CALLS_PER_ORDER = 3
MOST_PER_SECOND = MAX_CONCURRENT_SINGLES * 4
"""What the writer does in calm: so many orders at a time, each call a third of a second."""


class Afterbuy:
    """Answers after a moment, unless it is away; ``calls`` are the times of calls, probes included."""

    def __init__(self, away: Callable[[float], str]) -> None:
        self.written: dict[str, float] = {}
        self.calls: list[float] = []
        self.probes: list[float] = []
        self._away = away

    async def write_batch(self, orders: Mapping[str, bool]) -> dict[str, AftersendError | None]:
        """Read, update and read again, as the writer does."""
        try:
            for _ in range(CALLS_PER_ORDER):
                await self._call("order")
        except AftersendError as error:
            return dict.fromkeys(orders, error)
        self.written |= dict.fromkeys(orders, asyncio.get_running_loop().time())
        return dict.fromkeys(orders, None)

    async def probe(self) -> None:
        self.probes.append(asyncio.get_running_loop().time())
        await self._call("probe")

    async def _call(self, kind: str) -> None:
        began = asyncio.get_running_loop().time()
        self.calls.append(began)
        match self._away(began):
            case "refuses":
                raise Transient("http_503", upstream="afterbuy")
            case "hangs":
                await asyncio.sleep(30)
                raise Transient("timeout", upstream="afterbuy")
            case "answers probes" if kind != "probe":
                raise Transient("code_999", upstream="afterbuy")
        await asyncio.sleep(LATENCY)


def during(start: float, seconds: float, how: str) -> Callable[[float], str]:
    return lambda now: how if start <= now < start + seconds else ""


@dataclass
class Shop:
    """The writer of one tenant at work, in virtual time."""

    folder: Path
    afterbuy: Afterbuy
    redis: VirtualRedis = field(default_factory=VirtualRedis)
    meter: Meter = field(default_factory=Meter)
    printed: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stream = Stream(
            cast("Any", self.redis), tenant=TENANT, name="parcels", keyring=keyring_in(self.folder), clock=wall_clock
        )

    async def print(self, count: int, *, every: float) -> None:
        for number in range(count):
            name = str(len(self.printed) + 1)
            self.printed[name] = asyncio.get_running_loop().time()
            await self.stream.add("parcel.changed", "webhook", NamedParcel(name))
            await asyncio.sleep(every if number < count - 1 else 0)

    async def writer(self, stop: asyncio.Event) -> None:
        """One life of the writer's process."""
        clock = asyncio.get_running_loop().time
        breaker = CircuitBreaker("afterbuy", self.afterbuy.probe, secrets_version=lambda: 0, clock=clock)
        batcher = OrderBatcher(self.afterbuy.write_batch, backlog=self.stream.length, clock=clock)

        async def handle(events: Sequence[Event]) -> Sequence[Outcome]:
            requests = [OrderRequest(event.read(NamedParcel).name) for event in events]
            return cast("list[Outcome]", await batcher.write_back(requests))

        handler = BatchHandler(handle)
        consumer = Consumer(
            self.stream, handler, name="one", meter=self.meter, concurrency=CONCURRENCY, breaker=breaker
        )
        try:
            await consumer.run(stop)
        finally:
            await batcher.close()


async def lived(shop: Shop, act: Awaitable[None], *, until: float) -> None:
    """The writer at work from 0 on, while ``act`` happens."""
    stop = asyncio.Event()
    writer = asyncio.create_task(shop.writer(stop))
    await act
    await asyncio.sleep(max(until - asyncio.get_running_loop().time(), 0))
    stop.set()
    await writer


def assert_all_well(shop: Shop, back: float, *, within: float = 60.0) -> None:
    """Every number is there in time, none is dead or waits, and no second had more calls than a busy one in calm."""
    assert shop.redis.dead == []
    assert (len(shop.redis.entries), len(shop.redis.delayed)) == (0, 0)
    assert shop.afterbuy.written.keys() == shop.printed.keys()
    late = {
        name: at - max(back, shop.printed[name])
        for name, at in shop.afterbuy.written.items()
        if at > max(back, shop.printed[name]) + within
    }
    assert late == {}
    seconds = Counter(int(at) for at in shop.afterbuy.calls if at >= back)
    assert max(seconds.values(), default=0) <= MOST_PER_SECOND


OUTAGES = (1, 8, 30, 90, 1200)
LABELS = {"one": (1, 0.0), "a few": (4, 2.0), "thirty": (30, 0.25), "many": (300, 0.02)}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("seconds", OUTAGES)
@pytest.mark.parametrize("how", ["refuses", "hangs"])
def test_every_number_is_there_within_a_minute_of_the_return(
    how: str, seconds: int, labels: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, Afterbuy(during(10, seconds, how)))
    count, distance = LABELS[labels]

    async def act() -> None:
        await asyncio.sleep(9.9)
        await shop.print(count, every=distance)

    back = 10.0 + seconds
    run(lived(shop, act(), until=back + 120))
    assert_all_well(shop, back)


@pytest.mark.parametrize("seconds", [8, 30, 90, 1200])
def test_an_upstream_that_answers_probes_only_is_left_in_peace_and_found_back(seconds: int, tmp_path: Path) -> None:
    shop = Shop(tmp_path, Afterbuy(during(10, seconds, "answers probes")))

    async def act() -> None:
        await asyncio.sleep(9.9)
        await shop.print(30, every=0.25)

    back = 10.0 + seconds
    run(lived(shop, act(), until=back + 120))
    assert_all_well(shop, back)
    calls = [at for at in shop.afterbuy.calls if 130 <= at < back]
    assert len(calls) <= max(back - 130, 0) / 32 * 10


@pytest.mark.parametrize("how", ["refuses", "hangs"])
def test_labels_printed_all_through_an_outage(how: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path, Afterbuy(during(60, 1200, how)))
    run(lived(shop, shop.print(300, every=5.0), until=1620))
    assert_all_well(shop, 1260.0)


@pytest.mark.parametrize("seconds", [8, 90, 1200])
def test_a_writer_that_is_replaced_meanwhile(seconds: int, tmp_path: Path) -> None:
    """The new process has seen neither the failures nor the return."""
    back = 10.0 + seconds
    shop = Shop(tmp_path, Afterbuy(during(10, seconds, "refuses")))

    async def main() -> None:
        for end in (back - 3, back + 120):
            stop = asyncio.Event()
            writer = asyncio.create_task(shop.writer(stop))
            if not shop.printed:
                await asyncio.sleep(9.9)
                await shop.print(8, every=0.0)
            await asyncio.sleep(end - asyncio.get_running_loop().time())
            stop.set()
            await writer

    run(main())
    assert_all_well(shop, back)


def test_a_call_that_hangs_longer_than_the_outage_lasted(tmp_path: Path) -> None:
    """Its failure comes when the circuit has closed long since, and the event would wait for minutes."""
    shop = Shop(tmp_path, Afterbuy(lambda now: "hangs" if 10 <= now < 10.5 else "refuses" if 10.5 <= now < 18 else ""))

    async def act() -> None:
        await asyncio.sleep(9.9)
        await shop.print(3, every=0.0)
        for fields in shop.redis.entries.values():
            fields[b"attempt"] = b"4"
        await asyncio.sleep(0.8)
        await shop.print(27, every=0.05)

    run(lived(shop, act(), until=200))
    assert_all_well(shop, 18.0)


def test_odd_orders_harm_no_other(tmp_path: Path) -> None:
    """Afterbuy fails at six orders for ever and at no other: the circuit opens now and then, and nothing is late."""
    shop, odd_orders = Shop(tmp_path, Afterbuy(lambda _: "")), {str(number) for number in range(1, 7)}
    write, odd_calls = shop.afterbuy.write_batch, []

    async def write_batch(orders: Mapping[str, bool]) -> dict[str, AftersendError | None]:
        odd = orders.keys() & odd_orders
        odd_calls.extend(odd)
        written = await write({name: False for name in orders if name not in odd}) if orders.keys() - odd else {}
        return {**written, **{name: Transient("code_999", upstream="afterbuy") for name in odd}}

    shop.afterbuy.write_batch = write_batch  # type: ignore[method-assign]
    run(lived(shop, shop.print(30, every=60.0), until=1900))
    assert shop.afterbuy.written.keys() == shop.printed.keys() - odd_orders
    assert {n for n, at in shop.afterbuy.written.items() if at > shop.printed[n] + 60} == set()
    assert len(odd_calls) < 1900 / 4
    assert len(shop.afterbuy.probes) < 1900 / 5
