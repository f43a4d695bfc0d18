"""Staying below Sendcloud's limits: one bucket of calls for reads, one for writes.

Sendcloud counts per account: 1000 reads a minute; 100 writes a minute, of which 15 in one second. Each bucket holds a
few calls and is refilled at a steady pace, so that no minute sees more than 90 % of what is allowed. Calls wait here,
in order, before they go out.

A 429 pauses the whole bucket, for as long as Sendcloud says, else 5 s, 10 s, 20 s … up to a minute with some jitter,
because others on the same account (a shop plug-in, a second process of ours) eat from the same plate. Nobody waits here
for longer than a minute: then the call fails as ``Transient``, and whoever wants it comes back.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aftersend.errors import Transient
from aftersend.sendcloud.model import SENDCLOUD

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 60.0
_JITTER: Final = 0.25
_NO_TIME: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Limit:
    """How many calls go at once, and how many follow per second: at most ``burst + 60 * rate`` a minute."""

    burst: int
    rate: float


READS: Final = Limit(burst=60, rate=14.0)  # 900 of 1000 a minute
WRITES: Final = Limit(burst=12, rate=1.3)  # 90 of 100 a minute, 13 of 15 a second


class Bucket:
    """Calls that may go out; shared by everybody who uses the account."""

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
        self._jitter = jitter
        self._calls = float(limit.burst)
        self._filled = clock()
        self._paused_until = self._filled
        self._refusals = 0
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait until one call may go; ``Transient`` at once if that takes longer than a minute."""
        async with self._turn:
            while (wait := self._wait()) > _NO_TIME:
                if wait > LONGEST_PAUSE:
                    raise Transient("rate_limited", upstream=SENDCLOUD, retry_after=wait)
                await self._sleep(wait)
            self._calls -= 1

    @property
    def remaining(self) -> float:
        """How many calls could go right now."""
        self._fill()
        return 0.0 if self._clock() < self._paused_until else max(self._calls, 0.0)

    def accepted(self) -> None:
        """Sendcloud served a call: the next refusal is a first one again."""
        self._refusals = 0

    def refused(self, asked: float | None) -> None:
        """Sendcloud answered 429 and asked for so many seconds, or did not say."""
        self._refusals += 1
        pause = min(FIRST_PAUSE * 2 ** min(self._refusals - 1, 10), LONGEST_PAUSE * (1 - _JITTER))
        seconds = pause * (1 + _JITTER * self._jitter()) if asked is None else asked
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _wait(self) -> float:
        self._fill()
        paused = self._paused_until - self._clock()
        return max(paused, (1 - self._calls) / self._limit.rate)

    def _fill(self) -> None:
        now = self._clock()
        grown = self._calls + (now - self._filled) * self._limit.rate
        self._calls, self._filled = min(grown, float(self._limit.burst)), now
