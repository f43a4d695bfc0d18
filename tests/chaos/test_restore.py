"""Redis is destroyed in the middle of the day, and a backup of the early afternoon is put back.

The backup is from before the first labels were replaced. Until the loss labels are replaced, others are printed, and
all of that is written back. So the restored ledger knows numbers that are no longer true: none of them may reach
Afterbuy. Once the services are stopped and start on what was restored, once they run on and the restore goes into what
they have begun to build anew.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.chaos.calm import Calm
from tests.support.chaos.day import Day
from tests.support.chaos.misfortune import Point, striking
from tests.support.chaos.picture import assert_as_calm
from tests.support.chaos.scene import Scene, scene
from tests.support.chaos.webhook_replay import number_changes, recorded_webhooks, replay

LOST_AFTER = 120
"""Webhooks of the second half of the afternoon."""
_COMMAND = [sys.executable, "-c", "from aftersend.cli.main import main; main()", "backup"]
_AT_WORK = ("exporter", "writer")
Loss = Callable[[Scene, list[bytes]], Awaitable[None]]


async def _into_an_empty_tenant(running: Scene, old: list[bytes]) -> None:
    """The webhook runs on, and the first thing that it stores is old."""
    for part in _AT_WORK:
        running.demo.children[part].kill()
    await running.kill_redis(lose=True)
    await replay(running, old)
    await _restored(running)
    for part in _AT_WORK:
        running.demo.children[part].start()
    await running.ready()


async def _into_a_running_one(running: Scene, old: list[bytes]) -> None:
    await running.kill_redis(lose=True)
    await replay(running, old)
    await _restored(running, "--live")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("loss", [_into_an_empty_tenant, _into_a_running_one])
async def test_a_restored_day_ends_like_the_calm_one(tmp_path: Path, calm: Calm, loss: Loss) -> None:
    wanted = await calm.picture()
    async with scene(tmp_path) as running:
        day = Day(running)
        await day.morning()
        await day.noon()
        await day.print_first_half()
        old = await recorded_webhooks(day)
        await running.quiet()
        await running.until(partial(_is_recovered, running), "the ledger is complete")
        assert (await _called(running, "create"))["keys"] > len(day.orders)
        await day.replace_labels()
        await running.quiet()
        before = await number_changes(day)
        async with striking(running, [Point("webhook", LOST_AFTER)], {"webhook": partial(loss, running, old)}):
            await day.print_second_half()
        await running.complete_run("export")
        await running.until(partial(_is_recovered, running), "the recovery ends")
        await day.written_back()
        await replay(running, old)
        await running.quiet()
        assert await number_changes(day) == before, f"an old number came back; logs: {running.demo.logs}"
        await day.evening()
        await day.written_back()
        await assert_as_calm(running, wanted)


async def _is_recovered(running: Scene) -> bool:
    return not await running.state.recovering()


async def _restored(running: Scene, *words: str) -> None:
    """Put the backup back; it must hold what it is there for."""
    result = await _called(running, "restore", "latest", "--yes", *words)
    running.note(f"restored {result}")
    assert result["orders"], "the backup brought nothing back"
    assert await running.state.get("restored")


async def _called(running: Scene, *words: str) -> dict[str, Any]:
    environment = {
        **running.demo.variables("exporter"),
        "AFTERSEND_BACKUP_TARGET": str(running.demo.folder / "backups"),
    }
    command = [*_COMMAND, *words, "--json"]
    done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    result: dict[str, Any] = json.loads(done.stdout)
    return result
