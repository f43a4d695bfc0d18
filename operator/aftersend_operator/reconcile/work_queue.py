"""The work queue: which tenant is looked at next, and when again.

    add ──> due (a heap by time) ──> at most ``workers`` at once ──> handle(key) ──> seconds until the next, or None
                 ^                                                        │
                 └────────── backoff with jitter per key <── it raised ───┘

A key is never handled twice at the same time; what is added meanwhile is handled once more afterwards. A failure delays
its own key only: 1 s, 2 s, 4 s … up to five minutes, never sooner than the other side asked for. Looks without a reason
are spread, so that a thousand tenants do not come due together.
"""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from aftersend.errors import Transient
from aftersend.observe.logs import get_logger

K = TypeVar("K")
_FIRST_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 300.0
_MOST_DOUBLINGS: Final = 10
_LONGEST_SLEEP: Final = 5.0
_SPREAD: Final = 0.25


def backoff(failures: int, retry_after: float | None, chance: float) -> float:
    """Seconds to wait after so many failures in a row; ``chance`` between 0 and 1 takes up to half of it away."""
    delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
    return max(delay * (1 - chance / 2), retry_after or 0.0)


@dataclass(slots=True)
class WorkQueue(Generic[K]):
    """``handle`` answers the seconds until the key is due again, or None if nobody needs to look."""

    handle: Callable[[K], Awaitable[float | None]]
    workers: int = 8
    timeout: float = 120.0
    """A look that takes longer is a failure."""
    pulse: Callable[[], None] = lambda: None
    clock: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)
    chance: Callable[[], float] = random.random
    _due: dict[K, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, K]] = field(default_factory=list)
    _serial: int = 0
    _active: set[K] = field(default_factory=set)
    _failures: dict[K, int] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: K, delay: float = 0.0) -> None:
        """Look at ``key`` in ``delay`` seconds at the latest."""
        due = self.clock() + delay
        if key not in self._due or due < self._due[key]:
            self._due[key] = due
            self._serial += 1
            heapq.heappush(self._heap, (due, self._serial, key))
            self._wake.set()

    @property
    def depth(self) -> int:
        """How many keys are overdue or at work."""
        now = self.clock()
        return len(self._active) + sum(due <= now for due in self._due.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; what is at work then is finished."""
        slots = asyncio.Semaphore(self.workers)
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                self.pulse()
                await slots.acquire()
                key = self._next()
                if key is not None:
                    group.create_task(self._process(key, slots))
                    continue
                slots.release()
                await self._wait()

    def _next(self) -> K | None:
        """The first key that is due and not at work."""
        now = self.clock()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due and key not in self._active:
                del self._due[key]
                self._active.add(key)
                return key
        return None

    async def _wait(self) -> None:
        self._wake.clear()
        until_next = self._heap[0][0] - self.clock() if self._heap else _LONGEST_SLEEP
        with suppress(
            TimeoutError
        ):  # not wait_for: its task would be younger than kopf, which waits for such at the end
            async with asyncio.timeout(min(max(until_next, 0.0), _LONGEST_SLEEP)):
                await self._wake.wait()

    async def _process(self, key: K, slots: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                again = await self.handle(key)
        except Exception as error:  # noqa: BLE001 - whatever it was, it concerns this key only
            again = self._failed(key, error)
        else:
            self._failures.pop(key, None)
            again = None if again is None else again * (1 - _SPREAD * self.chance())
        finally:
            slots.release()
        self._active.discard(key)
        meanwhile = self._due.pop(key, None)
        if meanwhile is not None:
            again = meanwhile - self.clock() if again is None else min(again, meanwhile - self.clock())
        if again is not None:
            self.add(key, max(again, 0.0))

    def _failed(self, key: K, error: Exception) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        asked = error.retry_after if isinstance(error, Transient) else None
        delay = backoff(self._failures[key], asked, self.chance())
        get_logger().warning("reconcile_failed", failures=self._failures[key], again_in=round(delay, 1), exc_info=error)
        return delay
