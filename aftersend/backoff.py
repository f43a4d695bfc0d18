"""Exponential backoff: delays double from failure to failure, with jitter, up to a longest one."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

_MAX_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """The delays of one kind of retry, in seconds.

    Jitter lengthens a delay by up to its share, evenly spread, so ``jitter=1.0`` draws from the upper half. A delay is
    never shorter than ``first`` and never longer than ``longest``, whatever the jitter.
    """

    first: float
    longest: float
    jitter: float = 0.0
    chance: Callable[[], float] = field(default=random.random, repr=False, compare=False)
    """Between 0 and 1."""

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after ``failures`` failures in a row, counted from 1."""
        doubled = self.first * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)
        return min(doubled, self.longest / (1 + self.jitter)) * (1 + self.jitter * self.chance())
