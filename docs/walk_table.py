"""The tables of the last walk of a fleet: rendered from what ``make walk`` wrote to ``docs/walk.json``."""

import json
from pathlib import Path
from typing import Any

_MEASURED = Path(__file__).resolve().parent / "walk.json"


def table() -> str:
    """Render what was done, and what the sampler found."""
    found = json.loads(_MEASURED.read_text())
    return f"{_summary(found)}\n\n{_steps(found['steps'])}\n{_untruths(found['untruths'])}"


def _summary(found: dict[str, Any]) -> str:
    return (
        f"{found['tenants']} tenants on one node of {found['cores']} cores, {found['minutes']} minutes: "
        f"{found['orders']} orders to Sendcloud, {found['numbers']} updates to Afterbuy. "
        f"{found['looks']} looks at every tenant, {found['longest_gap']} s apart at most; {found['not_counted']} of "
        "them fell into seconds without an operator or an API server, which do not count."
    )


def _steps(steps: list[dict[str, Any]]) -> str:
    rows = [
        "| what was done | tenants that said so | all said it after | all well after the cure |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| {step['what']} | {step['concerned'] or '–'} | {_seconds(step['noticed'])} | {_seconds(step['healed'])} |"
        for step in steps
    ]
    return "\n".join(rows) + "\n"


def _untruths(claims: list[dict[str, Any]]) -> str:
    rows = ["| untrue at some moment | limit | times | longest | longer than the limit |", "|---|---|---|---|---|"]
    rows += [
        f"| {each['claim']} | {each['limit']:.0f} s | {each['times']} | {each['longest']} s | {each['too_long']} |"
        for each in claims
    ]
    return "\n".join(rows) + "\n"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds else "–"
