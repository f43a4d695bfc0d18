"""From the start of a process to its first use: each service until it is ready, and ``aftersend --help``.

A service is set beside a process that imports the same libraries, the command line beside one that imports typer and
rich. Processor time counts, which depends on what is imported and hardly on what else the machine does.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aftersend_demo.environment import PARTS
from aftersend_demo.process import ChildProcess
from benchmarks.child import Child, processor_seconds
from benchmarks.race import Run, race
from benchmarks.result import Line, Target
from benchmarks.stage import Stage, wait_until_served

_BARE = [sys.executable, "-c", "import typer, rich"]
_HELP = [str(Path(sys.executable).parent / "aftersend"), "--help"]


def measure(stage: Stage, pairs: int) -> list[Line]:
    """Race the start of each."""
    lines = []
    for part in PARTS:
        found = race(f"{part} until ready", "start", _service(stage, part), _imports, pairs=pairs)
        lines.append(found.cost_in_ms(Target(1.5, most=True)))
    found = race("aftersend --help", "start", lambda: _command(_HELP), lambda: _command(_BARE), pairs=pairs)
    return [*lines, found.cost_in_ms(Target(2, most=True))]


def _service(stage: Stage, part: str) -> Callable[[], Run]:
    def start() -> Run:
        environ = stage.environ(part)
        process = ChildProcess([f"aftersend-{part}"], log=stage.logs / "start.log", environment=environ)
        begun = time.perf_counter()
        process.start()
        try:
            wait_until_served(f"http://{environ['AFTERSEND_ADMIN_LISTEN']}/readyz")
            return Run(1, time.perf_counter() - begun, processor_seconds(process.pid))
        finally:
            process.stop()

    return start


def _imports() -> Run:
    begun = time.perf_counter()
    with Child("floors.imports") as child:
        child.line()
        return Run(1, time.perf_counter() - begun, processor_seconds(child.pid))


def _command(command: list[str]) -> Run:
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Run(1, time.perf_counter() - begun, usage.ru_utime + usage.ru_stime)
