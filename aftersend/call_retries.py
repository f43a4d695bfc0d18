"""Repeating calls to an upstream: short trouble costs a run seconds, not the run.

    call ── Transient of its upstream ──> wait ──> call again … ──> success, or the last error

A wait is exponential backoff with full jitter from half a second, or Retry-After if that is longer. A call is given up
after a minute of trouble, but not before four repeats, so that four time-outs in a row are survived. All calls of a run
together may lose four minutes: who waits for the run, waits for five. A call that was given up shows that the upstream
is down; until one succeeds, further calls to it are tried once.

Everything else is raised at once: refused credentials, rejections, bugs, a Retry-After beyond the minute, and what
concerns our own Redis. Each try is a call of its own for rate limits, budgets and metrics.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from aftersend.backoff import Backoff
from aftersend.errors import Transient
from aftersend.observe.logs import get_logger

CALL_SECONDS: Final = 60.0
MIN_REPEATS: Final = 4
RUN_SECONDS: Final = 240.0
_BACKOFF: Final = Backoff(first=0.5, longest=16.0)
_T = TypeVar("_T")


class Repeat(Protocol):
    """Makes a call to an upstream, as often as it takes."""

    async def __call__(self, upstream: str, call: Callable[[], Awaitable[_T]], /) -> _T:
        """Return the result of the call; raise its last error."""


async def once(_upstream: str, call: Callable[[], Awaitable[_T]], /) -> _T:
    """Make the call once: the caller has a retry of its own."""
    return await call()


class CallRetries:
    """Repeats the calls of one run. ``wait`` sleeps so many seconds, or raises what ends the run meanwhile."""

    def __init__(
        self,
        *,
        wait: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._wait = wait
        self._clock = clock
        self._chance = chance
        self._given_up: set[str] = set()
        """Upstreams whose last call was given up."""
        self._lost = 0.0
        """Seconds in which at least one call was failing or waited."""
        self._lost_until = 0.0
        self._log = get_logger()

    async def __call__(self, upstream: str, call: Callable[[], Awaitable[_T]], /) -> _T:
        """Return the result of the call; raise its last error."""
        began, failures = self._clock(), 0
        while True:
            tried = self._clock()
            try:
                result = await call()
            except Transient as error:
                failures += 1
                seconds = self._delay(error, failures)
                if error.upstream != upstream or not self._may_wait(
                    seconds, upstream, failures=failures, began=began, tried=tried
                ):
                    raise
                self._log.info("call_repeated", upstream=upstream, code=error.code, seconds=round(seconds, 3))
            else:
                self._given_up.discard(upstream)
                return result
            await self._wait(seconds)

    def _delay(self, error: Transient, failures: int) -> float:
        return max(_BACKOFF.delay(failures) * self._chance(), error.retry_after or 0.0)

    def _may_wait(self, seconds: float, upstream: str, *, failures: int, began: float, tried: float) -> bool:
        """Return whether the call may be repeated after so many seconds; if so, they count as lost."""
        end = self._clock() + seconds
        more = max(end - max(tried, self._lost_until), 0.0)
        spent = seconds > CALL_SECONDS or (failures > MIN_REPEATS and end - began > CALL_SECONDS)
        if upstream in self._given_up or spent or self._lost + more > RUN_SECONDS:
            self._given_up.add(upstream)
            return False
        self._lost, self._lost_until = self._lost + more, max(self._lost_until, end)
        return True
