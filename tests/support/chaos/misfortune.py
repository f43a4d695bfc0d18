"""When things break: at seeded points of the work, counted in what has been done, not in seconds.

A point names a part, the figure that shows its progress, and how far that has to get on. So a fast machine and a slow
one break in comparable places, always in the middle of the work.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.chaos.scene import Scene

_LOOK = 0.005
_EXPORTER_CALLS = ("afterbuy GetShopProducts", "sendcloud POST /orders", "sendcloud GET /parcels")
Strike = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Point:
    """Strike ``target`` once ``after`` more steps of its work are done."""

    target: str
    after: int


def points(random: Random, target: str, *, most: int, times: int) -> list[Point]:
    """Several points within the next ``most`` steps."""
    return [Point(target, after) for after in sorted(random.sample(range(1, most + 1), times))]


def progress(state: dict[str, Any], target: str) -> int:
    """How much the part has done, seen from outside."""
    if target == "writer":
        return int(state["updates"])
    if target == "exporter":
        calls = (
            "afterbuy GetSoldItems",
            "sendcloud POST /orders",
            "sendcloud GET /parcels",
            "afterbuy GetShopProducts",
        )
        return sum(state["calls"].get(call, 0) for call in calls)
    return int(state["webhooks"].get("delivered", 0))


@asynccontextmanager
async def striking(scene: Scene, plan: Sequence[Point], strikes: Mapping[str, Strike]) -> AsyncIterator[None]:
    """Meanwhile, strike at each point; ends when the block is done and every point was reached."""
    before = await scene.control.state()
    async with asyncio.TaskGroup() as group:
        for target, strike in strikes.items():
            own = [point for point in plan if point.target == target]
            group.create_task(_strike(scene, own, progress(before, target), strike))
        yield


async def _strike(scene: Scene, plan: Sequence[Point], start: int, strike: Strike) -> None:
    for point in plan:

        async def reached(point: Point = point) -> bool:
            return progress(await scene.control.state(), point.target) >= start + point.after

        await scene.until(reached, f"{point.target} does {point.after} more steps", every=_LOOK)
        await strike()
