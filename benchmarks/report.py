"""Keep what was measured in ``docs/benchmarks.json``, row by row, for the tables of ``docs/benchmarks.md``."""

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.child import ROOT
from benchmarks.result import Line

FILE = ROOT / "docs" / "benchmarks.json"


def store(row: str, lines: list[Line], *, pairs: int, seconds: float, load: float) -> None:
    """Replace one row; ``load`` is that of the machine before it."""
    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    found[row] = {
        "date": time.strftime("%Y-%m-%d"),
        "commit": _commit(),
        "machine": _machine(),
        "pairs": pairs,
        "seconds": round(seconds),
        "load": round(load, 1),
        "lines": [_cells(line) for line in lines],
    }
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def _cells(line: Line) -> dict[str, str]:
    return {**{name: value for name, value in asdict(line).items() if isinstance(value, str)}, "target": line.aim} | {
        "holds": line.verdict
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    linux = platform.release().partition("-")[0]
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GB, Linux {linux}, Python {platform.python_version()}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
