"""The tables of the benchmarks: rendered from what ``make bench-report`` wrote to ``docs/benchmarks.json``."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_MEASURED = Path(__file__).resolve().parent / "benchmarks.json"
_COSTS = "guarantees"
"""The row with a table of its own."""
_COLUMNS = ("path", "figure", "ours", "floor", "shown", "target", "holds")
_HEAD = ("path", "figure", "ours", "floor", "ratio", "to reach", "holds")

REASONS: dict[str, str] = {
    "webhook, 32 connections, answer": "The service waits for a core: see the load before the row.",
    "webhook": "Event (decoded, sealed; a fifth), log line, spans, looks at keys and a timer, which the floor lacks.",
    "export, 5,000 orders,": "75 fields of 111 elements are read (two fifths); rules (a quarter), three ledger steps.",
    "write-back": "Each order is read (two fifths) and compared (a tenth) twice; its event is merged (a fifth).",
    "label": "Five round trips to Redis that the floor lacks, each alone: parcel, entry, change, lease, check.",
    "sweep": "Each entry is read, opened and merged, to prove that nothing is new; the floor compares bytes.",
    "exporter until ready": "190 modules of our own, read and executed one by one, take 0.23 s; a sixth is patterns.",
    "writer until ready": "130 modules of our own, read and executed one by one, take 0.2 s.",
    "idle, memory": "Beside the imports: our own modules (9 MB), the tables of countries, and open connections.",
    "idle, processor": "For each consumer a blocking read every two seconds and a look every five, then heartbeats.",
}
"""Why a figure misses its target, by the beginning of path and figure; measured in docs/benchmarks/profiles.md."""


def table() -> str:
    """Render every figure beside its floor."""
    return _table(_HEAD, (_cells(line) for line in _lines(_found())))


def costs() -> str:
    """Render what each guarantee costs."""
    lines = _found().get(_COSTS, {"lines": []})["lines"]
    rows = ((line["path"], line["ours"], line["floor"], line["shown"]) for line in lines)
    return _table(("path", "processor time a unit", "without", "share"), rows)


def misses() -> str:
    """Render one line for each figure that misses its target."""
    missed = [line for line in _lines(_found()) if line["holds"] == "no"]
    return "".join(f"- {_miss(line)}\n" for line in missed) or "Every target holds.\n"


def circumstances() -> str:
    """Render when, where and with how many pairs each row was measured."""
    rows = (
        (row, each["date"], f"`{each['commit']}`", each["pairs"], f"{each['load']:g}", f"{each['seconds']} s")
        for row, each in _found().items()
    )
    machines = sorted({each["machine"] for each in _found().values()})
    head = ("row", "date", "commit", "pairs", "load before", "took")
    return f"Machine: {'; '.join(machines)}.\n\n{_table(head, rows)}"


def _found() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_MEASURED.read_text())
    return found


def _lines(found: dict[str, Any]) -> Iterator[dict[str, str]]:
    for row, measured in found.items():
        if row != _COSTS:
            yield from measured["lines"]


def _cells(line: dict[str, str]) -> tuple[str, ...]:
    return tuple(line[column] for column in _COLUMNS)


def _miss(line: dict[str, str]) -> str:
    name = f"{line['path']}, {line['figure']}"
    measured = line["shown"] or line["ours"]
    reason = next((reason for start, reason in REASONS.items() if name.startswith(start)), "")
    return f"**{name}**: {line['target']}, measured {measured} (ours {line['ours']}). {reason}".strip()


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    columns = tuple(head)
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in (columns, ("---",) * len(columns), *rows))
