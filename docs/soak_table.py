"""The sentence about the last soak: rendered from what ``make soak`` wrote to ``docs/soak.json``."""

import json
from pathlib import Path

_MEASURED = Path(__file__).resolve().parent / "soak.json"


def table() -> str:
    """Render one line: how long, how much failed, and what labels and runs took."""
    found = json.loads(_MEASURED.read_text())
    names = ("minutes", "calls that failed", "labels", "label to Afterbuy: median", "99 of 100", "slowest")
    seconds = [f"{found[name]} s" for name in ("median", "p99", "slowest")]
    figures = [f"{found['minutes']:.0f}", found["failed_calls"], found["labels"], *seconds]
    runs = f"{found['export']} and {found['sweep']}"
    rows = [(*names, "exports and sweeps, all done"), ("---",) * (len(names) + 1), (*figures, runs)]
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)
