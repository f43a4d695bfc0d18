"""A consumer as a process of its own, for tests that kill it.

    python -m tests.support.consumer_process REDIS SHOP FOLDER [STEP [together]]

Its handler writes into a shop (some other Redis) whatever the shop does not show yet, as the writer does with Afterbuy:
read, compare, write. The shop counts writes, so a doubled effect shows. An event named ``reject…`` is refused for good,
one named ``retry…`` fails at its first try. With STEP the process dies by SIGKILL when it first gets there;
``together`` handles the events in batches.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from aftersend.errors import AftersendError, Rejected, Transient
from aftersend.redis import lease
from aftersend.redis.lease import hold
from aftersend.stream import consumer
from aftersend.stream.consumer import Consumer
from aftersend.stream.delivery import Delivery
from aftersend.stream.event import Event
from aftersend.stream.handling import BatchHandler, Outcome
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.timing import ConsumerTiming
from tests.support.stream_kit import FAST, Meter, NamedParcel, client, opened

SHIPPED = b"shipped"
PATIENT = ConsumerTiming(block_ms=500, idle_ms=15_000, look=0.2, due=0.1, renew=3.0)
"""Far from taking over what a living process on a busy machine still holds."""


class EffectStore:
    """The other system: it shows what is written, and cannot compare and set."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    async def __call__(self, event: Event) -> None:
        """The effect of an event, as a handler."""
        name = event.read(NamedParcel).name
        if name.startswith("reject"):
            raise Rejected("no")
        if name.startswith("retry") and event.attempt == 1:
            raise Transient("timeout")
        if await self.redis.hget("shop", name) != SHIPPED:
            await self._write(name)

    async def together(self, events: Sequence[Event]) -> Sequence[Outcome]:
        """The effects of many events, as a handler of batches."""
        return [await self._outcome(event) for event in events]

    async def _outcome(self, event: Event) -> Outcome:
        try:
            await self(event)
        except AftersendError as error:
            return error
        return None

    async def under_lease(self, event: Event) -> None:
        """The same by one process at a time, as the writer does it: an event may have been added twice."""
        async with hold(self.redis, key=f"lease:{event.read(NamedParcel).name}") as held:
            await held.check()
            await self(event)

    async def _write(self, name: str) -> None:
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hset("shop", name, SHIPPED)
            pipe.hincrby("shop:writes", name, 1)
            await pipe.execute()

    async def writes(self) -> dict[str, int]:
        """How often each effect was written."""
        return {name.decode(): int(count) for name, count in (await self.redis.hgetall("shop:writes")).items()}


def die() -> None:
    """As if the power went."""
    os.kill(os.getpid(), signal.SIGKILL)


def fatal(owner: Any, name: str, *, after: bool) -> None:
    """Let a step kill this process before it begins, or when it is done (and brought something)."""
    whole: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def step(*args: Any, **options: Any) -> Any:
        if not after:
            die()
        found = await whole(*args, **options)
        if found or found is None:
            die()
        return found

    setattr(owner, name, step)


STEPS: dict[str, Callable[[], None]] = {
    "before read": lambda: fatal(PendingEntries, "read", after=False),
    "after read": lambda: fatal(PendingEntries, "read", after=True),
    "before effect": lambda: fatal(EffectStore, "__call__", after=False),
    "between compare and write": lambda: fatal(EffectStore, "_write", after=False),
    "after effect": lambda: fatal(EffectStore, "_write", after=True),
    "before ack": lambda: fatal(PendingEntries, "done", after=False),
    "after ack": lambda: fatal(PendingEntries, "done", after=True),
    "before dead letter": lambda: fatal(Delivery, "_move", after=False),
    "after dead letter": lambda: fatal(Delivery, "_move", after=True),
    "before delay": lambda: fatal(Delivery, "_move", after=False),
    "after delay": lambda: fatal(Delivery, "_move", after=True),
    "before promotion": lambda: fatal(consumer, "promote", after=False),
    "after promotion": lambda: fatal(consumer, "promote", after=True),
}
"""Everything that happens to an event, in order."""


async def consume(
    url: str, shop_url: str, folder: Path, timing: ConsumerTiming, *, alone: bool, together: bool
) -> None:
    """Consume until SIGTERM; ``alone`` if no other process does."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with opened(url, folder) as stream, client(shop_url, folder) as redis:
        name = consumer.consumer_name()
        shop = EffectStore(redis)
        single = shop if alone else shop.under_lease
        handler = BatchHandler(shop.together) if together else single
        await Consumer(stream, handler, name=name, meter=Meter(), concurrency=8, timing=timing).run(stop)


if __name__ == "__main__":
    url, shop_url, folder, *step = sys.argv[1:]
    if step:
        STEPS[step[0]]()
    timing = replace(FAST, idle_ms=60_000) if step else PATIENT
    lease.LEASE_MS = 15_000
    asyncio.run(consume(url, shop_url, Path(folder), timing, alone=bool(step), together=step[1:] == ["together"]))
