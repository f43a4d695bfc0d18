"""Both APIs fail in every way a network and a busy provider know, all day long; then they recover.

The faults are counted, not timed: each kind strikes a read and a write, while there is work, before the next is armed.
Runs are asked for again, as the schedule would; what waits for its next try is not waited for: the next sweep has to
bring it.
"""

import asyncio
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from tests.support.chaos.calm import Calm
from tests.support.chaos.day import Day
from tests.support.chaos.picture import assert_as_calm, assert_nothing_lost
from tests.support.chaos.scene import Scene, scene

AFTERBUY_READS = ("http_500", "html", "truncated", "reset")
SENDCLOUD_PUSHES = ("http_503", "empty_429", "lost_answer", "still_processing", "reset", "truncated")
SENDCLOUD_READS = ("http_502", "html", "truncated", "empty_429", "reset", "lost_answer")
WRITE_BACK = ("http_503", "html", "code_999", "truncated", "lost_answer", "reset", "empty", "code_14")
WRITERS_CALLS = ("GetSoldItems", "UpdateSoldItems")
"""Not the probe of a circuit that is open: it would have to wait ever longer."""


@pytest.mark.timeout(900)
async def test_faults_at_both_ends_leave_no_trace(tmp_path: Path, calm: Calm) -> None:
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
    """One run that meets every way to fail, in reading orders and in pushing them; then one in peace."""
    for kind in AFTERBUY_READS:
        await day.scene.control.arm("afterbuy", kind, count=1, calls=["GetSoldItems"])
    for kind in SENDCLOUD_PUSHES:
        await day.scene.control.arm("sendcloud", kind, count=1, calls=["POST /orders"])
    summary = await day.scene.run("export")
    struck = await day.scene.control.struck()
    met = {f"afterbuy/{kind}" for kind in AFTERBUY_READS} | {f"sendcloud/{kind}" for kind in SENDCLOUD_PUSHES}
    assert {name: struck.get(name) for name in met} == dict.fromkeys(met, 1)
    assert summary.outcome == "done", "its calls were repeated"
    await day.morning()


async def _stormy_afternoon(day: Day) -> None:
    """Writing back and sweeping, while both sides are slow, refuse, lose answers and drop connections."""
    running = day.scene
    await running.control.arm("afterbuy", "latency", seconds=0.05, probability=0.3)
    for kind in SENDCLOUD_READS:
        await running.control.arm("sendcloud", kind, count=1, calls=["GET /parcels"])
    await asyncio.gather(_print_through(day), _sweep_through(running))
    await running.control.disarm()


async def _print_through(day: Day) -> None:
    """The acts of the afternoon; each of the first labels meets another way to fail until all have struck."""
    faults = list(product(WRITE_BACK, WRITERS_CALLS))
    size = len(day.first_half) // len(faults)
    for number, (kind, call) in enumerate(faults):
        await _print_into(day.scene, day.first_half[number * size : (number + 1) * size], kind, call)
    await day.scene.control.print_labels(day.first_half[len(faults) * size :])
    await day.replace_labels()
    await day.print_second_half()


async def _print_into(running: Scene, orders: list[str], kind: str, call: str) -> None:
    before = (await running.control.struck()).get(f"afterbuy/{kind}", 0)

    async def struck() -> bool:
        return (await running.control.struck()).get(f"afterbuy/{kind}", 0) > before

    await running.control.arm("afterbuy", kind, count=1, calls=[call])
    await running.control.print_labels(orders)
    await running.until(struck, f"{kind} strikes {call}")


async def _sweep_through(running: Scene) -> None:
    """Sweep again and again, until each way to fail has struck a sweep."""
    before = struck = Counter(await running.control.struck())
    while not all((struck - before)[f"sendcloud/{kind}"] for kind in SENDCLOUD_READS):
        await running.run("sweep")
        struck = Counter(await running.control.struck())
