"""How long does `aftersend --help` take, compared with Python that imports nothing but typer and rich?

    python benchmarks/start_up.py [--pairs 15] [--json]

Both are started by turns, so that a busy machine slows both down. CPU time in user mode counts, by the median of each:
it depends on what is imported, hardly on what else the machine does.
"""

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

from sight.figures import Figure, tell

_BASE = [sys.executable, "-c", "import typer, rich"]
_HELP = [str(Path(sysconfig.get_path("scripts")) / "aftersend"), "--help"]
_LEAST_PAIRS = 7


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Start-up of the command line.")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return tell(measure(max(options.pairs, _LEAST_PAIRS)), as_json=options.json)


def measure(pairs: int) -> list[Figure]:
    """Start both by turns, after one start that is not counted."""
    times = [(user_seconds(_BASE), user_seconds(_HELP)) for _ in range(pairs + 1)][1:]
    base, ours = (statistics.median(column) for column in zip(*times, strict=True))
    return [
        Figure("python -c 'import typer, rich'", round(base * 1000), "ms"),
        Figure("aftersend --help", round(ours * 1000), "ms"),
        Figure("ratio", round(ours / base, 2), "", 2.0),
    ]


def user_seconds(command: list[str]) -> float:
    """CPU time in user mode of one process."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return usage.ru_utime


if __name__ == "__main__":
    sys.exit(main())
