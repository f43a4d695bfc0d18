"""A process that is squeezed to a few percent of a core answers its liveness probe, also during a long export.

Processor time, not time by the clock: it is the same however busy this machine is. What keeps the loop from its next
turn keeps it from a probe, and lasts the longer the smaller the share of a core is. A page and a batch are what one
turn works on, so more orders than one page show what thousands would.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from aftersend.redis.connection import connect
from aftersend.runs import RunRequest
from aftersend.secrets import SecretFiles
from aftersend_exporter.export.run import export
from aftersend_sandbox.seed.account import seeded_world
from aftersend_sandbox.world.world import World
from tests.support.exporter_kit import NOW, context_at, secrets_in, served
from tests.support.operator_kit import wanted

ORDERS: Final = 300
SHARE: Final = 0.04
"""Of one core, for the three services of a tenant together."""


@dataclass
class Turns:
    """The longest turn of a loop, in processor time of its thread."""

    longest: float = 0.0

    async def watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest, last = max(self.longest, now - last), now


@asynccontextmanager
async def watched() -> AsyncIterator[Turns]:
    turns = Turns()
    task = asyncio.create_task(turns.watch())
    try:
        yield turns
    finally:
        task.cancel()


@contextmanager
def served_apart(world: World) -> Iterator[str]:
    """Both upstreams in a thread of their own: what they cost does not count."""
    loop, found, done = asyncio.new_event_loop(), list[str](), asyncio.Event()
    is_up = threading.Event()

    async def serve() -> None:
        async with served(world) as (address, _):
            found.append(address)
            is_up.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert is_up.wait(60)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


async def test_a_starved_export_answers_a_probe_before_its_pod_is_ended(redis_url: str, tmp_path: Path) -> None:
    (container,) = wanted()["Deployment/exporter"]["spec"]["template"]["spec"]["containers"]
    probe, world = container["livenessProbe"], seeded_world(ORDERS, now=NOW)
    world.sendcloud.limits.writes_per_minute = world.sendcloud.limits.burst = 10_000
    redis = connect(redis_url, SecretFiles(secrets_in(tmp_path) / "redis"), part="exporter")
    with served_apart(world) as address:
        async with aiohttp.ClientSession() as session, watched() as turns:
            context = context_at(address, session, redis, tmp_path, world)
            _, summary = await export(context, RunRequest(kind="export"), run="run-1")
    await redis.aclose()
    assert summary.read > 250, "more than a page"
    longest = probe["timeoutSeconds"] + (probe["failureThreshold"] - 1) * probe["periodSeconds"]
    assert turns.longest / SHARE < longest, "one answer in a row is late, on this machine; so many would end it"
