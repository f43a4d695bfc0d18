"""The table of measured outages: rendered from what ``make outages`` wrote to ``docs/outages.json``."""

import json
from pathlib import Path

_MEASURED = Path(__file__).resolve().parent / "outages.json"
_KINDS = {
    "reset": "connections are cut",
    "http_503": "every call is answered with 503",
    "half_open": "connections stay open, nothing is answered",
}


def table() -> str:
    """Render one line per outage: what was tried, and how long afterwards the last number and the last run came."""
    rows = ["| away for | how | last of 30 numbers after the return | export and sweep after it |", "|---|---|---|---|"]
    rows += [
        f"| {found['seconds']} s | {_KINDS[found['kind']]} | {found['numbers']:.0f} s | {found['runs']:.0f} s |"
        for found in json.loads(_MEASURED.read_text())
    ]
    return "\n".join(rows) + "\n"
