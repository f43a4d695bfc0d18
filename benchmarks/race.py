"""Interleaved pairs of runs: ours and the floor by turns, so that a busy machine slows both down.

What counts is the ratio within each pair; of the pairs the median. Each side warms up once, and takes turns in going
first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from benchmarks.result import Line, Spread, Target


@dataclass(frozen=True, slots=True)
class Run:
    """So many units took so long and so much processor time."""

    units: int
    seconds: float
    cpu: float

    @classmethod
    def of(cls, found: dict[str, Any]) -> Self:
        """From what a child answered."""
        return cls(found["units"], found["seconds"], found["cpu"])

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.units / self.seconds

    @property
    def cost(self) -> float:
        """Processor time per unit, microseconds."""
        return self.cpu / self.units * 1e6


@dataclass(frozen=True, slots=True)
class Race:
    """The pairs of one path; ``unit`` is a word such as order."""

    path: str
    unit: str
    pairs: tuple[tuple[Run, Run], ...]

    def throughput(self, target: Target | None = None) -> Line:
        """Our units per second over the floor's."""
        ratio = Spread.of(ours.rate / floor.rate for ours, floor in self.pairs)
        ours, floor = (f"{value:,.0f}/s" for value in self._medians(lambda run: run.rate))
        return Line(self.path, f"{self.unit}s a second", ours, floor, str(ratio), ratio.median, target)

    def cost(self, target: Target | None = None) -> Line:
        """Our processor time per unit, and how many times the floor's it is; the target is about ours."""
        ratio = Spread.of(ours.cost / floor.cost for ours, floor in self.pairs)
        ours, floor = self._medians(lambda run: run.cost)
        figure = f"processor time a {self.unit}"
        return Line(self.path, figure, f"{ours:,.0f} µs", f"{floor:,.0f} µs", str(ratio), ours, target)

    def cost_in_ms(self, target: Target) -> Line:
        """The same in milliseconds; the target is about the ratio."""
        ratio = Spread.of(ours.cost / floor.cost for ours, floor in self.pairs)
        ours, floor = (f"{cost / 1000:,.0f} ms" for cost in self._medians(lambda run: run.cost))
        return Line(self.path, "processor time", ours, floor, str(ratio), ratio.median, target)

    def median_rates(self) -> tuple[float, float]:
        """Units per second, ours and the floor's."""
        ours, floor = self._medians(lambda run: run.rate)
        return ours, floor

    def _medians(self, value: Callable[[Run], float]) -> tuple[float, ...]:
        return tuple(Spread.of(value(pair[side]) for pair in self.pairs).median for side in (0, 1))


def race(path: str, unit: str, ours: Callable[[], Run], floor: Callable[[], Run], *, pairs: int) -> Race:
    """Let both run by turns."""
    found = []
    for number in range(pairs + 1):
        first, second = (ours, floor) if number % 2 else (floor, ours)
        runs = first(), second()
        found.append(runs if number % 2 else runs[::-1])
    return Race(path, unit, tuple(found[1:]))
