"""Restarts of a failing part, in virtual time."""

import asyncio
import itertools
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aftersend.cli import supervisor
from aftersend.observe.metrics import Metrics
from aftersend.service.health import Health
from aftersend.service.runtime import Part, Runtime
from tests.support.virtual_time import run


def starts_of(part_lasts: float, *, restarts: int) -> list[float]:
    """Run a part that fails after so many seconds; returns when each start was."""
    starts: list[float] = []

    async def main() -> None:
        stop = asyncio.Event()

        async def serve(_: Runtime) -> None:
            starts.append(asyncio.get_running_loop().time())
            if len(starts) > restarts:
                stop.set()
            await asyncio.sleep(part_lasts)
            raise RuntimeError

        parts: Any = {"identity": "mueller", "metrics": Metrics(), "health": Health(), "stop": stop, "secrets": None}
        await supervisor._supervise(Part("writer", serve), cast("Runtime", SimpleNamespace(**parts)))

    run(main())
    return starts


def pauses(starts: list[float], part_lasts: float) -> list[float]:
    return [after - before - part_lasts for before, after in itertools.pairwise(starts)]


def test_a_part_that_fails_at_once_is_restarted_ever_later_and_the_wait_does_not_count_as_life() -> None:
    assert pauses(starts_of(0.5, restarts=9), 0.5) == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60])


def test_a_part_that_lived_for_a_while_starts_from_the_first_wait_again() -> None:
    assert pauses(starts_of(61.0, restarts=3), 61.0) == pytest.approx([1, 1, 1])
