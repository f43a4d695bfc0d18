"""SIGKILL for every service, again and again, while 300 orders travel: in the end it makes no difference.

The kills hit in the middle of the work: latency on both APIs makes sure that calls are under way, so a write may be
carried out for a process that is dead already. Webhooks are lost, doubled and reordered all the while.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.support.chaos.calm import Calm
from tests.support.chaos.day import Day
from tests.support.chaos.misfortune import Strike, points, striking
from tests.support.chaos.picture import Picture, assert_as_calm, assert_nothing_lost
from tests.support.chaos.scene import Scene, scene

SEEDS = (11, 23)
WEBHOOK_FAULTS = {"lost": 0.08, "doubled": 0.12, "reordered": 0.12}
MORNING = {"exporter": (5, 1)}
AFTERNOON = {"webhook": (500, 4), "writer": (200, 4), "exporter": (1, 1)}
EVENING = {"webhook": (80, 2), "writer": (8, 2), "exporter": (3, 1)}
"""By part: within how many steps of its work it is killed, and how often."""


@pytest.mark.timeout(900)
async def test_days_full_of_kills_end_like_the_calm_one(tmp_path: Path, calm: Calm) -> None:
    async with asyncio.TaskGroup() as group:
        wanted = group.create_task(calm.picture())
        for seed in SEEDS:
            group.create_task(_disturbed(tmp_path / str(seed), Random(seed), wanted))


async def _disturbed(folder: Path, random: Random, wanted: "asyncio.Task[Picture]") -> None:
    async with scene(folder) as running:
        await _live(Day(running), random)
        await assert_as_calm(running, await wanted)
        await assert_nothing_lost(running)
        await running.until(partial(_nothing_waits, running), "no event waits for its time", progress=running.left)
        assert all(running.kills[part] >= 3 for part in ("exporter", "webhook", "writer")), running.kills
        assert await running.control.struck() != {}


async def _nothing_waits(running: Scene) -> bool:
    """True once the last event that met a lease of the dead has come back."""
    return await running.parcels.delayed() == 0


async def _live(day: Day, random: Random) -> None:
    running = day.scene
    await running.control.arm("afterbuy", "latency", seconds=0.03)
    await running.control.arm("sendcloud", "latency", seconds=0.05)
    async with _killing(running, random, MORNING):
        await day.morning()
    await day.noon()
    await running.control.arm_webhook_faults(WEBHOOK_FAULTS)
    async with _killing(running, random, AFTERNOON):
        await asyncio.gather(day.afternoon(), running.run("sweep"))
    await day.written_back()
    async with _killing(running, random, EVENING):
        await asyncio.gather(day.evening(), running.run("sweep"))
    await running.control.disarm()
    await running.quiet()
    await day.written_back()


@asynccontextmanager
async def _killing(running: Scene, random: Random, plan: dict[str, tuple[int, int]]) -> AsyncIterator[None]:
    chosen = [point for part, (most, times) in plan.items() for point in points(random, part, most=most, times=times)]
    strikes: dict[str, Strike] = {part: partial(_kill, running, part) for part in plan}
    async with striking(running, chosen, strikes):
        yield


async def _kill(running: Scene, part: str) -> None:
    running.kill(part)
