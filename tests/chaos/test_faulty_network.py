"""Both APIs fail in every way a network and a busy provider know, all day long; then the weather clears.

The faults are counted, not timed: a burst of each kind strikes while there is work, on reads and on writes. Runs are
asked for again, as the schedule would; what waits for its next try is not waited for: the next sweep has to bring it.
"""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.conftest import Calm
from tests.chaos.day import Day
from tests.chaos.picture import assert_as_calm, assert_nothing_lost
from tests.chaos.scene import Scene, scene

AFTERBUY_READS = ("http_500", "html", "truncated", "reset")
SENDCLOUD_PUSHES = {"http_503": 1, "empty_429": 1, "lost_answer": 1, "still_processing": 4, "reset": 1, "truncated": 1}
"""How often in a row until a run notices; "still processing" is overcome three times in passing."""
SENDCLOUD_READS = ("http_502", "html", "truncated", "empty_429", "reset", "lost_answer")
WRITE_BACK = ("http_503", "html", "code_999", "truncated", "lost_answer", "reset", "empty", "code_14")
BURST = 4
"""How often each kind strikes in the afternoon: together far more than any circuit breaker lets pass."""


@pytest.mark.timeout(400)
async def test_bad_weather_at_both_ends_leaves_no_trace(tmp_path: Path, calm: Calm) -> None:
    wanted = await calm.picture()
    async with scene(tmp_path) as running:
        day = Day(running)
        await _stormy_morning(day)
        await day.noon()
        await _stormy_afternoon(day)
        await day.written_back()
        await day.evening()
        await day.written_back()
        await assert_as_calm(running, wanted)
        await assert_nothing_lost(running)


async def _stormy_morning(day: Day) -> None:
    """One run for every way to fail, in reading orders and in pushing them; then the export is asked for in peace."""
    for kind in AFTERBUY_READS:
        await _fails(day.scene, "afterbuy", kind, "GetSoldItems", times=1)
    for kind, times in SENDCLOUD_PUSHES.items():
        await _fails(day.scene, "sendcloud", kind, "POST /orders", times=times)
    await day.morning()


async def _fails(running: Scene, upstream: str, kind: str, call: str, *, times: int) -> None:
    await running.control.arm(upstream, kind, count=times, calls=[call])
    summary = await running.run("export")
    assert (await running.control.struck()).get(f"{upstream}/{kind}") == times, f"{kind} did not strike"
    assert summary.outcome != "done", f"nobody noticed {kind}"


async def _stormy_afternoon(day: Day) -> None:
    """Writing back and sweeping, while both sides are slow, refuse, lose answers and drop connections."""
    running = day.scene
    await running.control.arm("afterbuy", "latency", seconds=0.05, probability=0.3)
    for kind in WRITE_BACK:
        await running.control.arm("afterbuy", kind, count=BURST, probability=0.2)
    for kind in SENDCLOUD_READS:
        await running.control.arm("sendcloud", kind, count=1, calls=["GET /parcels"])
    await asyncio.gather(day.afternoon(), _sweep_through(running))
    await running.control.disarm()
    struck = await running.control.struck()
    assert all(struck.get(f"afterbuy/{kind}") for kind in WRITE_BACK), struck


async def _sweep_through(running: Scene) -> None:
    """Sweep again and again, until each way to fail has struck a sweep."""
    struck: dict[str, int] = {}
    while not all(struck.get(f"sendcloud/{kind}") for kind in SENDCLOUD_READS):
        await running.run("sweep")
        struck = await running.control.struck()
