"""The child's side of a task: one line of JSON in, one line of JSON out.

Standard output belongs to the answers, so everything else that is printed goes to standard error.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

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
    """Do tasks one after the other until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    while line := await asyncio.to_thread(sys.stdin.readline):
        answers.write(json.dumps(await work(json.loads(line))) + "\n")
        answers.flush()
