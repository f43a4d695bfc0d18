"""A line of the table: what was measured, beside its floor and what it has to reach."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, and the lowest and highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Of at least one value."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Target:
    """A bound: at least or at most so much."""

    bound: float
    most: bool = False
    unit: str = ""

    def holds(self, value: float) -> bool:
        """Return whether a value keeps it."""
        return value <= self.bound if self.most else value >= self.bound

    def __str__(self) -> str:
        return f"{'at most' if self.most else 'at least'} {self.bound:g} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of one path. ``value`` is what the target is about; ``shown`` is how it is printed."""

    path: str
    figure: str
    ours: str
    floor: str
    shown: str
    value: float
    target: Target | None = None

    @property
    def holds(self) -> bool:
        """Return whether it keeps its target, if it has one."""
        return self.target is None or self.target.holds(self.value)

    @property
    def verdict(self) -> str:
        """yes, no, or nothing without a target."""
        return "" if self.target is None else "yes" if self.holds else "no"

    @property
    def aim(self) -> str:
        """The target, or nothing."""
        return str(self.target or "")


HEAD = ("path", "figure", "ours", "floor", "ratio", "to reach", "holds")


def as_text(lines: Iterable[Line]) -> str:
    """Render the table for a terminal."""
    rows = [
        HEAD,
        *((each.path, each.figure, each.ours, each.floor, each.shown, each.aim, each.verdict) for each in lines),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
