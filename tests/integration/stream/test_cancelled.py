"""A task that is cancelled in the middle of a command to Redis ends, wherever in the command that happens.

A service that stops, or releases a lease, cancels a task and waits for its end: if the cancellation got
lost on the way, it would wait for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aftersend.redis import lease
from aftersend.redis.connection import connect
from aftersend.secrets import SecretFiles
from tests.support.managed_redis import ManagedRedis
from tests.support.operator_kit import tenant

Place = tuple[str, SecretFiles]
OURS = f"aftersend:{{{tenant().identity}}}:"
"""Prefix of the keys that the writer may touch."""
TURNS = range(60)
"""Turns of the event loop until the cancellation comes: more than several commands take."""


@pytest.fixture(params=["plain", "managed"])
def place(request: pytest.FixtureRequest, flavour: str, redis_url: str, tmp_path: Path) -> Iterator[Place]:
    """Address and secrets of a Redis; the managed one has TLS, where the server can do that."""
    if request.param == "plain":
        yield redis_url, SecretFiles(tmp_path)
    else:
        with ManagedRedis(flavour, tmp_path / "managed", tenant()) as server:
            yield server.url, server.files("writer")


@pytest.fixture
async def redis(place: Place) -> AsyncIterator[Redis]:
    url, secrets = place
    async with connect(url, secrets, part="writer") as client:
        yield client


async def cancelled_after(turns: int, task: asyncio.Task[None]) -> None:
    """Cancel a task that never ends by itself, and wait for its end."""
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=60)
    assert done, f"cancelled after {turns} turns, and still at work"
    assert task.cancelled()


async def ask(redis: Redis, key: str) -> None:
    while True:
        assert await redis.get(key) == key.encode()


async def test_a_cancelled_command_ends_and_its_answer_reaches_no_other_command(redis: Redis) -> None:
    keys = [f"{OURS}{turns}" for turns in TURNS]
    for key in keys:
        await redis.set(key, key)
    for turns, key in zip(TURNS, keys, strict=True):
        await cancelled_after(turns, asyncio.create_task(ask(redis, key)))
        assert await redis.get(keys[0]) == keys[0].encode()


async def test_a_lease_is_given_back_in_the_middle_of_its_renewal(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_RENEW_SECONDS", 0)
    for turns in TURNS:
        async with asyncio.timeout(60):
            async with lease.hold(redis, key=f"{OURS}lease"):
                for _ in range(turns):
                    await asyncio.sleep(0)
        assert not await redis.exists(f"{OURS}lease")
