"""The child's side of a task: one line of JSON in, one line of JSON out.

Standard output belongs to the answers, so everything else that is printed goes to standard error.
"""

import asyncio
import cProfile
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.service.cycles import collect_rarely
from benchmarks.child import peak


class Stopwatch:
    """Wall clock, processor time and highest resident memory from here on."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # begin the peak anew
        self._begun, self._spent = time.perf_counter(), time.process_time()

    def over(self, units: int) -> dict[str, Any]:
        """What so many units took."""
        return {
            "units": units,
            "seconds": time.perf_counter() - self._begun,
            "cpu": time.process_time() - self._spent,
            "peak": peak(),
        }


Task = dict[str, Any]


async def answer_tasks(work: Callable[[Task], Awaitable[Task]]) -> None:
    """Do tasks one after the other until standard input ends, tuned as the services are, the floors, too."""
    collect_rarely()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    while line := await asyncio.to_thread(sys.stdin.readline):
        with profiled():
            found = await work(json.loads(line))
        answers.write(json.dumps(found) + "\n")
        answers.flush()


@contextmanager
def profiled() -> Iterator[None]:
    """Write a profile of this thread to the file that ``BENCH_PROFILE`` names, if it does."""
    if not (file := os.environ.get("BENCH_PROFILE")):
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        profile.dump_stats(file)
