"""The times of a consumer."""

from dataclasses import dataclass
from typing import Final

from aftersend.redis.connection import BLOCK_MS


@dataclass(frozen=True, slots=True)
class ConsumerTiming:
    """All times of a consumer, shortened only by tests. Seconds, unless the name says ms."""

    block_ms: int = BLOCK_MS
    idle_ms: int = 45_000
    """An entry not renewed for so long has lost its consumer; longer than the longest handling without renewal."""
    look: float = 5.0
    """The longest time between two looks for what is due. Only what another process left behind waits so long: its
    pending entries, which are 45 s old anyway, released ones, and delayed events if it died before they were due."""
    due: float = 1.0
    """The shortest time between two looks."""
    renew: float = 15.0
    """A third of ``idle_ms``: two renewals may fail."""
    tidy: float = 60.0
    guard: float = 10.0
    forget_ms: int = 3_600_000
    """A consumer idle for so long, with nothing pending, is deleted."""
    exclusive_wait: float = 45.0
    """How long an entry that needs exclusive mode waits for the slots to run empty before reading goes on."""
    grace: float = 15.0
    """How long a stop waits for what is in flight."""
    release_seconds: float = 3.0
    """How long a stop tries to release the rest."""


DEFAULT_TIMING: Final = ConsumerTiming()
