"""A consumer process is killed at every step of an event's way; its heir finishes as if nothing had happened."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aftersend.stream.handling import BatchHandler
from aftersend.stream.stream import Stream
from tests.support.consumer_process import STEPS, EffectStore
from tests.support.stream_kit import NamedParcel, consuming, hurry, is_empty, keyring_in, opened, raw_dead, until

ROOT = Path(__file__).resolve().parents[3]
KILLED = -9
NAMES = {
    "before read": "plain",
    "after read": "plain",
    "before effect": "plain",
    "between compare and write": "plain",
    "after effect": "plain",
    "before ack": "plain",
    "after ack": "plain",
    "before dead letter": "reject",
    "after dead letter": "reject",
    "before delay": "retry",
    "after delay": "retry",
    "before promotion": "retry",
    "after promotion": "retry",
}
"""Step -> name of an event that gets there."""


@pytest.fixture
async def stream(redis_url: str, tmp_path: Path) -> AsyncIterator[Stream]:
    keyring_in(tmp_path)
    async with opened(redis_url, tmp_path) as opened_stream:
        yield opened_stream


async def die(url: str, folder: Path, step: str, stream: Stream, *, together: bool = False) -> None:
    """Run a process that ends at that step; what it delays becomes due at once."""
    words = ["-m", "tests.support.consumer_process", url, url, str(folder), step, *(["together"] if together else [])]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
    ended = asyncio.create_task(process.wait())
    try:
        async with asyncio.timeout(200):
            while not ended.done():
                if step.endswith("promotion"):
                    await hurry(stream)
                await asyncio.wait({ended}, timeout=0.02)
    finally:
        if process.returncode is None:
            process.kill()
        await ended
    assert process.returncode == KILLED


def test_every_step_has_its_event() -> None:
    assert NAMES.keys() == STEPS.keys()


@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_any_step_loses_and_doubles_nothing(
    redis_url: str, stream: Stream, tmp_path: Path, step: str
) -> None:
    name = NAMES[step]
    event_id = await stream.add("parcel.changed", "webhook", NamedParcel(name))
    await die(redis_url, tmp_path, step, stream)
    shop = EffectStore(stream.redis)

    async def finished() -> bool:
        await hurry(stream)
        return await is_empty(stream)

    async with consuming(stream, shop, name="heir") as heir:
        await until(finished)
    assert await shop.writes() == ({} if name == "reject" else {name: 1})
    dead = [letter[b"id"].decode() for letter in await raw_dead(stream)]
    assert dead == ([event_id] if name == "reject" else [])
    assert (await stream.pending(), heir.meter.vanished) == (0, 0)


@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_any_step_of_a_batch_loses_and_doubles_nothing(
    redis_url: str, stream: Stream, tmp_path: Path, step: str
) -> None:
    """Of each kind some, in one batch: the process dies between the effects of two of them, or of their ends."""
    names = ["plain 1", "reject 1", "plain 2", "retry 1", "plain 3", "reject 2", "retry 2"]
    ids = await stream.add_many("parcel.changed", "webhook", [NamedParcel(name) for name in names])
    await die(redis_url, tmp_path, step, stream, together=True)
    shop = EffectStore(stream.redis)

    async def finished() -> bool:
        await hurry(stream)
        return await is_empty(stream)

    async with consuming(stream, BatchHandler(shop.together), name="heir") as heir:
        await until(finished)
    assert await shop.writes() == {name: 1 for name in names if not name.startswith("reject")}
    dead = sorted(letter[b"id"].decode() for letter in await raw_dead(stream))
    assert dead == sorted(one for one, name in zip(ids, names, strict=True) if name.startswith("reject"))
    assert (await stream.pending(), heir.meter.vanished) == (0, 0)
