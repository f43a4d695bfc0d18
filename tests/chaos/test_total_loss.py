"""Redis loses everything in the middle of the day: one export and one sweep later all is as it should be.

With the ledger the bridge forgets which orders it sent, which parcels it saw and what it wrote. It must neither send
labelled orders again nor lose one, and above all: a webhook from before, sent again by Sendcloud or by anyone who
recorded it, must not put an old number over a new one.
"""

from functools import partial
from pathlib import Path

import pytest

from tests.support.chaos.calm import Calm
from tests.support.chaos.day import Day
from tests.support.chaos.misfortune import Point, striking
from tests.support.chaos.picture import assert_as_calm, assert_nothing_lost
from tests.support.chaos.scene import Scene, scene
from tests.support.chaos.webhook_replay import number_changes, recorded_webhooks, replay

LOST_AFTER = 120
"""Webhooks of the second half of the afternoon."""


@pytest.mark.timeout(900)
async def test_a_redis_that_lost_everything_is_filled_again(tmp_path: Path, calm: Calm) -> None:
    wanted = await calm.picture()
    async with scene(tmp_path) as running:
        day = Day(running)
        await day.morning()
        await day.noon()
        await day.print_first_half()
        old = await recorded_webhooks(day)
        await day.replace_labels()
        await running.quiet()
        before = await number_changes(day)
        async with striking(running, [Point("webhook", LOST_AFTER)], {"webhook": partial(_lose, running, old)}):
            await day.print_second_half()
        await running.complete_run("export")
        await day.written_back()
        assert not await running.state.recovering()
        await replay(running, old)
        await running.quiet()
        assert await number_changes(day) == before, f"an old webhook changed a number; logs: {running.demo.logs}"
        await day.evening()
        await day.written_back()
        await assert_as_calm(running, wanted)
        await assert_nothing_lost(running)


async def _lose(running: Scene, old: list[bytes]) -> None:
    """Everything is gone, and the first thing that comes in is old."""
    await running.kill_redis(lose=True)
    await replay(running, old)
    assert await running.state.recovering()
