"""Rate limits: one token bucket for reads, one for writes, below the limits of Sendcloud.

Sendcloud counts per account: 1000 reads a minute; 100 writes a minute, of which 15 in one second. Each bucket holds a
few calls and is refilled at a steady rate, so that no minute sees more than 90 % of what is allowed. Calls wait here,
in order, before they are sent.

A 429 pauses the whole bucket, by its Retry-After, else for 5 s, 10 s, 20 s … up to a minute with some jitter,
because others on the same account (a shop plug-in, a second process of ours) share the same limits. A call that would
wait for longer than a minute fails as ``Transient`` at once, and is retried by its caller.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aftersend.backoff import Backoff
from aftersend.errors import Transient
from aftersend.sendcloud.model import SENDCLOUD

MAX_PAUSE: Final = 60.0
_EPSILON: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Limit:
    """Calls at once (``burst``) and refill per second (``rate``): at most ``burst + 60 * rate`` a minute."""

    burst: int
    rate: float


READS: Final = Limit(burst=60, rate=14.0)  # 900 of 1000 a minute
WRITES: Final = Limit(burst=12, rate=1.3)  # 90 of 100 a minute, 13 of 15 a second


class RateBucket:
    """Token bucket of one kind of call, shared by all users of the account."""

    def __init__(
        self,
        limit: Limit,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._backoff = Backoff(first=5.0, longest=56.25, jitter=0.25, chance=jitter)  # 5, 10, 20, 40, 45 s and jitter
        self._calls = float(limit.burst)
        self._filled = clock()
        self._paused_until = self._filled
        self._refusals = 0
        self._queue = asyncio.Lock()

    async def take(self) -> None:
        """Wait until one call may be sent; ``Transient`` at once if that takes longer than a minute."""
        async with self._queue:
            while (wait := self._wait()) > _EPSILON:
                if wait > MAX_PAUSE:
                    raise Transient("rate_limited", upstream=SENDCLOUD, retry_after=wait)
                await self._sleep(wait)
            self._calls -= 1

    @property
    def remaining(self) -> float:
        """The number of calls that could be sent right now."""
        self._fill()
        return 0.0 if self._clock() < self._paused_until else max(self._calls, 0.0)

    def accepted(self) -> None:
        """Reset the backoff after a call that Sendcloud served."""
        self._refusals = 0

    def refused(self, asked: float | None) -> None:
        """Pause after a 429, for the seconds of its Retry-After, or by backoff without one."""
        self._refusals += 1
        seconds = self._backoff.delay(self._refusals) if asked is None else asked
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _wait(self) -> float:
        self._fill()
        paused = self._paused_until - self._clock()
        return max(paused, (1 - self._calls) / self._limit.rate)

    def _fill(self) -> None:
        now = self._clock()
        grown = self._calls + (now - self._filled) * self._limit.rate
        self._calls, self._filled = min(grown, float(self._limit.burst)), now
