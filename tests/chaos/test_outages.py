"""Both sides go away for seconds, while labels are printed and runs are asked for, and all follows at once afterwards.

An outage lasts as long as it is called. ``make outages`` tries longer ones, too (``AFTERSEND_TEST_OUTAGES``), and
writes what was measured to ``docs/outages.json``. Minutes and hours pass in virtual time, in
``integration/writer/test_outages``.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from aftersend import runs
from aftersend.runs import RunKind
from tests.support.chaos.day import Day
from tests.support.chaos.picture import assert_nothing_lost
from tests.support.chaos.scene import Scene, scene

MEASURED = Path(__file__).resolve().parents[2] / "docs" / "outages.json"
LENGTHS = [int(word) for word in os.environ.get("AFTERSEND_TEST_OUTAGES", "1 8 30").split()]
KINDS = {1: "reset", 8: "http_503", 30: "http_503", 90: "half_open"}
LABELS = 30
WITHIN = 60.0
CALLS_PER_LABEL = 6
"""Calls of the writer to Afterbuy from the beginning of an outage to the last number; three of them in calm."""
WRITERS_CALLS = ("afterbuy UpdateSoldItems", "afterbuy GetAfterbuyTime")
RUNS: tuple[RunKind, ...] = ("export", "sweep")


@pytest.mark.timeout(900)
async def test_all_follows_within_a_minute_of_the_return(tmp_path: Path) -> None:
    measured = []
    async with scene(tmp_path) as running:
        day = Day(running)
        await day.morning()
        orders = sorted(await running.control.incoming(), key=int)
        for seconds in LENGTHS:
            labels, orders = orders[:LABELS], orders[LABELS:]
            found = await _outage(running, labels, KINDS.get(seconds, "http_503"), seconds)
            running.note(f"outage {found}")
            measured.append(found)
            assert max(found["numbers"], found["runs"]) <= WITHIN, measured
            assert found["calls"] <= CALLS_PER_LABEL * LABELS + seconds, measured
        await assert_nothing_lost(running)
    if "AFTERSEND_TEST_OUTAGES" in os.environ:
        MEASURED.write_text(json.dumps(measured, indent=1) + "\n")


async def _outage(running: Scene, labels: list[str], kind: str, seconds: int) -> dict[str, Any]:
    """Print labels all through an outage, and ask for runs; returns how long after it the last number and run came."""
    wanted = int((await running.control.state())["with_number"]) + len(labels)
    began, calls = time.time(), await _calls(running)
    for upstream in ("afterbuy", "sendcloud"):
        await running.control.arm(upstream, kind)
    async with asyncio.TaskGroup() as group:
        for run in RUNS:
            group.create_task(runs.publish(running.requests, runs.RunRequest(kind=run), source="cron"))
        group.create_task(_print(running, labels, seconds))
    await running.control.disarm()
    back = time.time()

    async def written() -> bool:
        return (await running.control.state())["with_number"] == wanted and await _is_quiet(running)

    async def run_again() -> bool:
        moments = (await running.state.get("success.export"), await running.state.get("success.sweep"))
        return all(moment and int(moment) / 1000 > began for moment in moments)

    async def passed(condition: Callable[[], Awaitable[bool]], what: str) -> float:
        await running.until(condition, f"{what} after {kind} for {seconds} s", progress=running.left, every=0.2)
        return round(time.time() - back, 1)

    numbers, ran = await asyncio.gather(passed(written, "all numbers"), passed(run_again, "all runs"))
    calls = await _calls(running) - calls
    return {"seconds": seconds, "kind": kind, "labels": len(labels), "numbers": numbers, "runs": ran, "calls": calls}


async def _print(running: Scene, labels: list[str], seconds: int) -> None:
    end = time.time() + seconds
    for place, order in enumerate(labels):
        await running.control.print_labels([order])
        await asyncio.sleep(max((end - time.time()) / (len(labels) - place), 0))


async def _is_quiet(running: Scene) -> bool:
    if await running.parcels.length() or await running.parcels.delayed():
        return False
    return not [order async for order in running.ledger.lagging(0)]


async def _calls(running: Scene) -> int:
    counted = (await running.control.state())["calls"]
    return sum(counted.get(call, 0) for call in WRITERS_CALLS)
