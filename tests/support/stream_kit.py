"""What tests of the stream share: a payload, a keyring, short times, and a consumer that runs in the background."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.key_files import make_data_keys
from aftersend.redis.connection import connect
from aftersend.sealing import Keyring, SealKeyring
from aftersend.secrets import SecretFiles
from aftersend.stream.consumer import Consumer
from aftersend.stream.dead_letters import burial
from aftersend.stream.delayed import deferral
from aftersend.stream.event import Event
from aftersend.stream.handling import BatchHandler, Handler
from aftersend.stream.pending_entries import PendingEntries, StreamEntry
from aftersend.stream.retry import DeadLetter, Delay
from aftersend.stream.scripts import MOVE
from aftersend.stream.stream import Stream, StreamName
from aftersend.stream.timing import ConsumerTiming

TENANT = "shops.mueller"
FAST = ConsumerTiming(
    block_ms=50,
    idle_ms=300,
    look=0.02,
    due=0.02,
    renew=0.05,
    tidy=0.05,
    guard=0.05,
    exclusive_wait=5,
    grace=5,
    release_seconds=2,
)


_BOTH = """#!lua flags=allow-oom
return {redis.call('XLEN', KEYS[1]), redis.call('ZCARD', KEYS[2])}"""
"""A full Redis 7 refuses MULTI, whatever is in it."""


class NamedParcel(msgspec.Struct):
    """A small payload; ``name`` identifies it in tests."""

    name: str


class Meter:
    """Counts in the open."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.vanished = 0
        self.replacements = 0

    def handled(self, outcome: str) -> None:
        self.outcomes[outcome] += 1

    def lost(self, count: int) -> None:
        self.vanished += count

    def replaced(self) -> None:
        self.replacements += 1


def keyring_in(folder: Path) -> Keyring:
    make_data_keys(folder / "data-key")
    return Keyring(SecretFiles(folder / "data-key"))


def seals_in(folder: Path) -> SealKeyring:
    """What the webhook seals with: public halves of the keys in that folder."""
    keyring_in(folder)
    return SealKeyring(SecretFiles(folder / "seal-key"), SecretFiles(folder / "data-key"))


def client(url: str, folder: Path, part: str = "writer") -> Redis:
    return connect(url, SecretFiles(folder / "redis"), part=part)


@asynccontextmanager
async def opened(url: str, folder: Path, name: StreamName = "parcels") -> AsyncIterator[Stream]:
    """A stream on that server, keys in that folder."""
    redis = client(url, folder)
    try:
        yield Stream(redis, tenant=TENANT, name=name, keyring=keyring_in(folder))
    finally:
        await redis.aclose()


class Running:
    """A consumer at work."""

    def __init__(self, consumer: Consumer, meter: Meter) -> None:
        self.consumer = consumer
        self.meter = meter
        self.halt = asyncio.Event()
        self.heartbeats = 0
        self.task = asyncio.create_task(consumer.run(self.halt))

    async def stop(self) -> None:
        self.halt.set()
        await self.task

    async def crash(self) -> None:
        """End as a killed process does: nothing is settled, nothing released."""
        for task in list(self.consumer._slots._tasks):
            task.cancel()
        self.consumer._slots._tasks.clear()
        self.consumer._slots._entries.clear()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def consuming(
    stream: Stream,
    handler: Handler | BatchHandler,
    *,
    name: str = "one",
    timing: ConsumerTiming = FAST,
    concurrency: int = 16,
    breaker: CircuitBreaker | None = None,
) -> AsyncIterator[Running]:
    meter = Meter()
    running: list[Running] = []

    def heartbeat() -> None:
        for one in running:
            one.heartbeats += 1

    consumer = Consumer(
        stream,
        handler,
        name=name,
        meter=meter,
        timing=timing,
        concurrency=concurrency,
        breaker=breaker,
        heartbeat=heartbeat,
    )
    running.append(Running(consumer, meter))
    try:
        yield running[0]
    finally:
        await running[0].stop() if not running[0].task.done() else None


async def until(condition: Callable[[], Any | Awaitable[Any]], *, within: float = 120.0) -> None:
    """Wait for a condition, not for a time; fails loudly if it never comes."""
    async with asyncio.timeout(within):
        while True:
            result = condition()
            if isinstance(result, Awaitable):
                result = await result
            if result:
                return
            await asyncio.sleep(0.01)


async def hurry(stream: Stream) -> int:
    """Make everything delayed due now; returns how many."""
    members = await stream.redis.zrange(stream.delayed_key, 0, -1)
    if members:
        await stream.redis.zadd(stream.delayed_key, dict.fromkeys(members, 0), xx=True)
    return len(members)


async def is_empty(stream: Stream) -> bool:
    """Nothing on the stream, nothing delayed, both at the same moment."""
    return bool(await stream.redis.execute_command("EVAL", _BOTH, 2, stream.key, stream.delayed_key) == [0, 0])


async def claim_first(pending: PendingEntries, idle_ms: int = 0) -> StreamEntry | None:
    """Claim the first entry that is idle for so long."""
    claimed = await pending.claim((await pending.idle(idle_ms))[:1], idle_ms)
    assert not claimed.vanished
    return claimed.entries[0] if claimed.entries else None


async def defer(stream: Stream, owner: str, entry: StreamEntry, delay: Delay) -> bool:
    """Move an entry to the delayed set; False if another consumer holds it."""
    return await MOVE.run_many(stream.redis, [deferral(stream, owner, entry, delay)]) == [1]


async def move_to_dead_letters(stream: Stream, owner: str, entry: StreamEntry, letter: DeadLetter) -> bool:
    """Move an entry to the dead letters; False if another consumer holds it."""
    return await MOVE.run_many(stream.redis, [burial(stream, owner, entry, letter)]) == [1]


async def raw_dead(stream: Stream) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in await stream.redis.xrange(stream.dead_key)]


async def add(stream: Stream, name: str) -> str:
    """One event of that name."""
    return await stream.add("parcel.changed", "webhook", NamedParcel(name))


class Recorder:
    """A handler that remembers what it saw and fails as the test says."""

    def __init__(self, *errors: Exception | None) -> None:
        self.seen: list[Event] = []
        self.errors = list(errors)

    async def __call__(self, event: Event) -> None:
        self.seen.append(event)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    @property
    def names(self) -> list[str]:
        """In the order of handling."""
        return [event.read(NamedParcel).name for event in self.seen]
