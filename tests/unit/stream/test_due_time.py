"""An idle consumer sleeps until something is due, and looks in time when it is; in virtual time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from aftersend.errors import Transient
from aftersend.stream import scripts
from aftersend.stream.consumer import Consumer
from aftersend.stream.delayed import add_delayed
from aftersend.stream.due_time import DueTime
from aftersend.stream.event import Event
from aftersend.stream.stream import Stream
from aftersend.stream.timing import DEFAULT_TIMING
from tests.support.stream_kit import TENANT, Meter, NamedParcel, keyring_in
from tests.support.virtual_redis import VirtualRedis, wall_clock
from tests.support.virtual_time import run

NAMES = {getattr(scripts, name).digest: name for name in ("PROMOTE", "GUARD", "RENEW", "DELETE_IDLE_CONSUMERS")}


class CountingRedis(VirtualRedis):
    """Counts what a consumer asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def run_script(self, command: str, digest: str, count: int, *words: Any) -> Any:
        self.calls[NAMES.get(digest, "other")] += 1
        return super().run_script(command, digest, count, *words)

    async def xpending_range(self, *words: Any, **options: Any) -> Any:
        self.calls["XPENDING"] += 1
        return await super().xpending_range(*words, **options)


class Shop:
    """A consumer of a stream, and when it handled which event."""

    def __init__(self, folder: Path, *failures: Exception) -> None:
        self.redis = CountingRedis()
        self.stream = self.another(folder)
        self.failures = list(failures)
        self.handled: list[float] = []

    def another(self, folder: Path) -> Stream:
        """The stream as another process has it."""
        keyring = keyring_in(folder)
        return Stream(cast("Any", self.redis), tenant=TENANT, name="parcels", keyring=keyring, clock=wall_clock)

    async def __call__(self, _: Event) -> None:
        self.handled.append(asyncio.get_running_loop().time())
        if self.failures:
            raise self.failures.pop(0)

    async def consume(self, seconds: float, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(Consumer(self.stream, self, name="one", meter=Meter()).run(stop))
            if meanwhile is not None:
                await meanwhile()
            await asyncio.sleep(seconds - asyncio.get_running_loop().time())
            stop.set()


def test_an_idle_consumer_looks_every_five_seconds(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    run(shop.consume(600))
    assert (
        shop.redis.calls["PROMOTE"] == shop.redis.calls["XPENDING"] == pytest.approx(600 / DEFAULT_TIMING.look, abs=1)
    )


def test_what_it_delays_itself_is_handled_when_it_is_due(tmp_path: Path) -> None:
    shop = Shop(tmp_path, Transient("limited", retry_after=7.3), Transient("limited", retry_after=30.0))

    async def add() -> None:
        await asyncio.sleep(0.5)
        await shop.stream.add("parcel.changed", "webhook", NamedParcel("x"))

    run(shop.consume(60, add))
    waits = [after - before for before, after in zip(shop.handled, shop.handled[1:], strict=False)]
    assert len(waits) == 2
    assert 7.3 <= waits[0] <= 7.3 * 1.1 + 0.1
    assert 30 <= waits[1] <= 30 * 1.1 + 0.1


@pytest.mark.parametrize(("seconds", "latest"), [(0.0, 5.1), (3.0, 5.1), (7.0, 7.1), (23.0, 23.1)])
def test_what_another_process_delays_is_seen_within_five_seconds_or_when_it_is_due(
    tmp_path: Path, seconds: float, latest: float
) -> None:
    shop = Shop(tmp_path)

    async def delay() -> None:
        await asyncio.sleep(30.5)
        other = shop.another(tmp_path)
        event = other.new_event("parcel.changed", "webhook", NamedParcel("x"))
        await add_delayed(other, event, seconds=seconds)

    run(shop.consume(90, delay))
    (at,) = shop.handled
    assert seconds - 1 <= at - 30.5 <= latest


def test_a_look_that_comes_earlier_ends_the_wait_but_not_the_shortest_one() -> None:
    async def waited(*, earlier_after: float, seconds: float) -> float:
        due_time, clock = DueTime(), asyncio.get_running_loop().time
        due_time.reset(5)
        began = clock()
        asyncio.get_running_loop().call_later(earlier_after, due_time.within, seconds)
        await due_time.wait(asyncio.Event(), at_least=1)
        return clock() - began

    async def all_waits() -> None:
        assert await waited(earlier_after=9, seconds=0) == pytest.approx(5)
        assert await waited(earlier_after=0.2, seconds=0) == pytest.approx(1)
        assert await waited(earlier_after=2, seconds=0.5) == pytest.approx(2.5, abs=0.01)
        assert await waited(earlier_after=2, seconds=50) == pytest.approx(5)

    run(all_waits())


def test_a_stop_ends_the_wait() -> None:
    async def stopped() -> None:
        due_time, stop = DueTime(), asyncio.Event()
        due_time.reset(5)
        asyncio.get_running_loop().call_later(0.3, stop.set)
        await due_time.wait(stop, at_least=1)
        assert asyncio.get_running_loop().time() == pytest.approx(0.3)

    run(stopped())
