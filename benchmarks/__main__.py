"""Race every path against its floor and print one table; ``--report`` keeps it for ``docs/benchmarks.md``.

    python -m benchmarks [--pairs 7] [--only export,webhook] [--report]

The operator's figures need a cluster and are not among them (``python -m benchmarks.operator_tenants``).
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import store
from benchmarks.result import Line, as_text
from benchmarks.rows import export, guarantees, idle, label, memory, scrape, start, sweep, webhook, write_back
from benchmarks.stage import Stage

Measure = Callable[[Stage, int], list[Line]]
ROWS: dict[str, Measure] = {
    "webhook": webhook.measure,
    "export": export.measure,
    "export-limits": export.measure_limited,
    "write-back": write_back.measure,
    "write-back-20ms": write_back.measure_slow,
    "label": label.measure,
    "sweep": sweep.measure,
    "memory": memory.measure,
    "idle": idle.measure,
    "start": start.measure,
    "scrape": scrape.measure,
    "guarantees": guarantees.measure,
}


def main() -> int:
    """Measure, print, and return 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Every path beside its floor.")
    parser.add_argument("--pairs", type=int, default=7, help="interleaved pairs of each path (default 7)")
    parser.add_argument("--only", default=",".join(ROWS), help=f"some of: {', '.join(ROWS)}")
    parser.add_argument("--report", action="store_true", help="keep the figures for docs/benchmarks.md")
    options = parser.parse_args()
    lines = [line for name in options.only.split(",") for line in _measured(name, options)]
    print(as_text(lines))
    return int(not all(line.holds for line in lines))


def _measured(name: str, options: argparse.Namespace) -> list[Line]:
    """Measure one row on a stage of its own, and print how long that took."""
    begun, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        lines = ROWS[name](stage, options.pairs)
    seconds = time.monotonic() - begun
    print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
    if options.report:
        store(name, lines, pairs=options.pairs, seconds=seconds, load=load)
    return lines


if __name__ == "__main__":
    sys.exit(main())
