"""The work queue: which key is reconciled next, and when again.

    add ──> due (a heap by time) ──> at most ``workers`` at once ──> handle(key) ──> seconds until the next, or None
                 ^                                                        │
                 └────────── backoff with jitter per key <── it raised ───┘

A key is never handled twice at the same time; one that is added meanwhile is handled once more afterwards. A failure
delays its own key only: 1 s, 2 s, 4 s … up to five minutes, never less than ``Retry-After``. Periodic requeues are
spread, so that a thousand tenants do not come due together.
"""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from aftersend.backoff import Backoff
from aftersend.errors import Transient
from aftersend.loops import pause
from aftersend.observe.logs import get_logger

K = TypeVar("K")
_MAX_SLEEP_SECONDS: Final = 5.0
"""Bounds the time between two heartbeats."""
SPREAD: Final = 0.25
"""Share of a periodic requeue's delay that jitter takes away."""
_PERIODIC_SECONDS: Final = 30.0
"""Shorter delays are deadlines: a pass that comes before one only finds that it has to come again."""
BACKOFF: Final = Backoff(first=0.5, longest=300.0, jitter=1.0)


@dataclass(slots=True)
class WorkQueue(Generic[K]):
    """``handle`` returns the seconds until the key is due again, or None if it is not requeued."""

    handle: Callable[[K], Awaitable[float | None]]
    workers: int = 8
    timeout: float = 120.0
    """A reconciliation that takes longer is a failure."""
    heartbeat: Callable[[], None] = lambda: None
    clock: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)
    backoff: Backoff = BACKOFF
    chance: Callable[[], float] = random.random
    _due: dict[K, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, K]] = field(default_factory=list)
    _serial: int = 0
    _active: set[K] = field(default_factory=set)
    _failures: dict[K, int] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: K, delay: float = 0.0) -> None:
        """Handle ``key`` in ``delay`` seconds at the latest."""
        due = self.clock() + delay
        if key not in self._due or due < self._due[key]:
            self._due[key] = due
            self._serial += 1
            heapq.heappush(self._heap, (due, self._serial, key))
            self._wake.set()

    @property
    def depth(self) -> int:
        """Count the keys that are due or being handled."""
        now = self.clock()
        return len(self._active) + sum(due <= now for due in self._due.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Handle keys until ``stop`` is set; those in flight are finished."""
        slots = asyncio.Semaphore(self.workers)
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                self.heartbeat()
                await slots.acquire()
                key = self._next()
                if key is not None:
                    group.create_task(self._process(key, slots))
                    continue
                slots.release()
                await self._wait()

    def _next(self) -> K | None:
        """Take the first key that is due and not in flight."""
        now = self.clock()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            # Otherwise the item is outdated by an earlier one, or `_process` adds the key again when it is done.
            if self._due.get(key) == due and key not in self._active:
                del self._due[key]
                self._active.add(key)
                return key
        return None

    async def _wait(self) -> None:
        self._wake.clear()
        until_next = self._heap[0][0] - self.clock() if self._heap else _MAX_SLEEP_SECONDS
        await pause(self._wake, min(max(until_next, 0.0), _MAX_SLEEP_SECONDS))

    async def _process(self, key: K, slots: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                again = await self.handle(key)
        except Exception as error:  # noqa: BLE001 - any error concerns this key only
            again = self._failed(key, error)
        else:
            self._failures.pop(key, None)
            again = None if again is None else self._spread(again)
        finally:
            slots.release()
        self._active.discard(key)
        meanwhile = self._due.pop(key, None)
        if meanwhile is not None:
            again = meanwhile - self.clock() if again is None else min(again, meanwhile - self.clock())
        if again is not None:
            self.add(key, max(again, 0.0))

    def _spread(self, delay: float) -> float:
        return delay * (1 - SPREAD * self.chance()) if delay >= _PERIODIC_SECONDS else delay

    def _failed(self, key: K, error: Exception) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        asked = error.retry_after if isinstance(error, Transient) else None
        delay = max(self.backoff.delay(self._failures[key]), asked or 0.0)
        get_logger().warning("reconcile_failed", failures=self._failures[key], again_in=round(delay, 1), exc_info=error)
        return delay
