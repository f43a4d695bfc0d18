"""How long does `aftersend --help` take, compared with Python that imports nothing but typer and rich?

    python benchmarks/start_up.py [--pairs 15] [--json]

Both are started by turns, so that a busy machine slows both down. The ratio compares the medians of CPU time in user
mode, which depends on what is imported and hardly on what else the machine does. Of the time on the clock the best
counts: the others depend on the machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from sight.figures import Figure, print_figures

_BASE = [sys.executable, "-c", "import typer, rich"]
_HELP = [str(Path(sysconfig.get_path("scripts")) / "aftersend"), "--help"]
_LEAST_PAIRS = 7


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Start-up of the command line.")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return print_figures(measure(max(options.pairs, _LEAST_PAIRS)), as_json=options.json)


def measure(pairs: int) -> list[Figure]:
    """Start both by turns, after one start that is not counted."""
    runs = [(run(_BASE), run(_HELP)) for _ in range(pairs + 1)][1:]
    base, ours = zip(*runs, strict=True)
    ratio = statistics.median(user for _, user in ours) / statistics.median(user for _, user in base)
    return [
        Figure("python -c 'import typer, rich'", round(min(base)[0], 3), "s"),
        Figure("aftersend --help", round(min(ours)[0], 3), "s", 0.4),
        Figure("ratio of their CPU times", round(ratio, 2), "", 2.0),
    ]


def run(command: list[str]) -> tuple[float, float]:
    """Seconds on the clock and of CPU time in user mode that one process takes."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return seconds, usage.ru_utime


if __name__ == "__main__":
    sys.exit(main())
