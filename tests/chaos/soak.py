"""Minutes in which one of twenty calls fails on both sides, while labels are printed and runs are asked for.

``make soak`` lives through ten of them and writes what was measured to ``docs/soak.json``; with ``MINUTES=2`` it tries
fewer and writes nothing. Too long for the checks of every change, so no session collects it.
"""

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from aftersend.runs import RunKind
from tests.support.chaos.day import Day
from tests.support.chaos.picture import assert_nothing_lost
from tests.support.chaos.scene import Scene, scene

MINUTES = float(os.environ.get("MINUTES", "10"))
WHOLE = 10.0
MEASURED = Path(__file__).resolve().parents[2] / "docs" / "soak.json"
FAULTS = {
    "afterbuy": ("http_503", "reset", "code_14", "html", "lost_answer"),
    "sendcloud": ("http_502", "reset", "html", "truncated", "lost_answer"),
}
EACH = 0.01
"""Five kinds at each side: one of twenty calls meets one of them."""
PERIODS: dict[RunKind, float] = {"export": 20.0, "sweep": 30.0}
CHANGES_PER_EXPORT = 3
ORDINARY = {"shop", "ebay", "kaufland", "phone", "today", "yesterday"}
WITHIN = 30.0


@dataclass(slots=True)
class Soak:
    """What happens side by side, and what is measured."""

    running: Scene
    orders: list[str]
    """Incoming orders without a label."""
    ordinary: frozenset[str]
    """Orders whose address is complete, so that another street makes no odd one of it."""
    end: float = field(default_factory=lambda: time.monotonic() + 60 * MINUTES)
    waiting: dict[str, float] = field(default_factory=dict)
    """When the labels were printed whose numbers Afterbuy does not show yet."""
    changed: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    outcomes: dict[RunKind, list[str]] = field(default_factory=lambda: {kind: [] for kind in PERIODS})

    async def live(self) -> None:
        """Do everything until the time is over and every number is in Afterbuy."""
        async with asyncio.TaskGroup() as group:
            printing = group.create_task(self._print())
            group.create_task(self._watch(printing))
            for kind in PERIODS:
                group.create_task(self._ask_for_runs(kind))

    async def _print(self) -> None:
        pause = 60 * MINUTES / len(self.orders)
        while self.orders and time.monotonic() < self.end:
            order = self.orders.pop()
            self.waiting[order] = time.monotonic()
            await self.running.control.print_labels([order])
            await asyncio.sleep(pause)

    async def _watch(self, printing: asyncio.Task[None]) -> None:
        while self.waiting or not printing.done():
            for order, printed in list(self.waiting.items()):
                if (await self.running.control.order(order))["additional_info"]:
                    self.seconds.append(time.monotonic() - printed)
                    del self.waiting[order]
            await asyncio.sleep(0.2)

    async def _ask_for_runs(self, kind: RunKind) -> None:
        while time.monotonic() < self.end:
            for order in self._next_changes() if kind == "export" else ():
                await self.running.control.correct_address(order)
            self.outcomes[kind].append((await self.running.run(kind)).outcome)
            await asyncio.sleep(PERIODS[kind])

    def _next_changes(self) -> list[str]:
        """Return orders without a label that were not changed yet, so that each export has something to push."""
        left = (order for order in self.orders if order in self.ordinary and order not in self.changed)
        chosen = list(islice(left, CHANGES_PER_EXPORT))
        self.changed.update(chosen)
        return chosen

    def measured(self, struck: dict[str, int]) -> dict[str, Any]:
        """Return the figures."""
        ordered = sorted(self.seconds)
        return {
            "minutes": MINUTES,
            "failed_calls": sum(struck.values()),
            "labels": len(ordered),
            "median": round(ordered[len(ordered) // 2], 1),
            "p99": round(ordered[int(0.99 * (len(ordered) - 1))], 1),
            "slowest": round(ordered[-1], 1),
            **{kind: len(outcomes) for kind, outcomes in self.outcomes.items()},
        }


@pytest.mark.timeout(60 * MINUTES + 600)
async def test_one_of_twenty_calls_fails(tmp_path: Path) -> None:
    async with scene(tmp_path) as running:
        await Day(running).morning()
        orders = await running.control.incoming()
        scenarios = {order: (await running.control.order(order))["scenario"] for order in orders}
        soak = Soak(running, orders, frozenset(order for order in orders if scenarios[order] in ORDINARY))
        for upstream, kinds in FAULTS.items():
            for kind in kinds:
                await running.control.arm(upstream, kind, probability=EACH)
        await soak.live()
        found = soak.measured(await running.control.struck())
        await running.control.disarm()
        running.note(f"soak {found}")
        assert {outcome for outcomes in soak.outcomes.values() for outcome in outcomes} == {"done"}, soak.outcomes
        assert found["p99"] < WITHIN, found
        await running.quiet()
        await assert_nothing_lost(running)
    if MINUTES >= WHOLE:
        MEASURED.write_text(json.dumps(found, indent=1) + "\n")
