"""Figures beside their bounds: a table for people or JSON for machines, and an exit code."""

import json
from dataclasses import asdict, dataclass
from math import inf


@dataclass(frozen=True)
class Figure:
    """One measured value; above ``bound`` the measurement fails."""

    name: str
    value: float
    unit: str
    bound: float = inf


def print_figures(figures: list[Figure], *, as_json: bool) -> int:
    """Print them; returns the exit code: 1 if a bound is exceeded."""
    if as_json:
        print(json.dumps([asdict(each) | {"bound": None if each.bound == inf else each.bound} for each in figures]))
    else:
        for each in figures:
            bound = "" if each.bound == inf else f"   (at most {each.bound:g})"
            mark = "TOO MUCH  " if each.value > each.bound else ""
            print(f"{mark}{each.name:<46} {each.value:>10g} {each.unit}{bound}")
    return int(any(each.value > each.bound for each in figures))
