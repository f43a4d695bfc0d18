"""Redis is killed and comes back, again and again, while webhooks and writes go on: what was acknowledged is there.

The embedded Valkey syncs every command to disk before it answers (``appendfsync always``), as managed Redis does. So no
sweep is needed for a webhook that was answered with 200, and the one that was answered with 503 comes again: every
number has to be in Afterbuy before anything is swept.
"""

import asyncio
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.support.chaos.calm import Calm
from tests.support.chaos.day import Day
from tests.support.chaos.misfortune import points, striking
from tests.support.chaos.picture import assert_as_calm, assert_nothing_lost, picture
from tests.support.chaos.scene import Scene, scene

KILLS_PER_PART = 3


@pytest.mark.timeout(900)
async def test_redis_may_die_at_any_time(tmp_path: Path, calm: Calm) -> None:
    wanted = await calm.picture()
    async with scene(tmp_path) as running:
        day = Day(running)
        await running.control.arm("afterbuy", "latency", seconds=0.03)
        await day.morning()
        await day.noon()
        await _afternoon(day, Random(5))
        await running.quiet()
        assert await _unwritten(day) == [], f"before any sweep; logs: {running.demo.logs}"
        await day.evening()
        await day.written_back()
        await assert_as_calm(running, wanted)
        await assert_nothing_lost(running)
        assert running.kills == {"redis": 2 * KILLS_PER_PART}


async def _afternoon(day: Day, random: Random) -> None:
    """Redis dies while webhooks come in, and while the writer is at work."""
    running, one_at_a_time = day.scene, asyncio.Lock()
    plan = [
        *points(random, "webhook", most=500, times=KILLS_PER_PART),
        *points(random, "writer", most=200, times=KILLS_PER_PART),
    ]
    strikes = {
        "webhook": partial(_restart_after_a_503, running, one_at_a_time),
        "writer": partial(_restart, running, one_at_a_time),
    }
    async with striking(running, plan, strikes):
        await day.afternoon()


async def _restart(running: Scene, one_at_a_time: asyncio.Lock) -> None:
    async with one_at_a_time:
        await running.kill_redis()


async def _restart_after_a_503(running: Scene, one_at_a_time: asyncio.Lock) -> None:
    """Redis stays away until Sendcloud has been refused."""
    async with one_at_a_time:
        before = await _refused(running)

        async def refused_again() -> bool:
            return await _refused(running) > before

        await running.kill_redis(away=refused_again)


async def _refused(running: Scene) -> int:
    return int((await running.control.state())["webhooks"].get("retried", 0))


async def _unwritten(day: Day) -> list[str]:
    """Orders with a label that Afterbuy does not show, though no sweep has helped."""
    shown = (await picture(day.scene)).afterbuy
    return [order for order in day.orders if not shown[order]["AdditionalInfo"]]
