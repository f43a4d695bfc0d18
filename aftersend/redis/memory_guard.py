"""The memory guard: producers refuse above 80 % of ``maxmemory``; the rest is room for consumers to drain.

Redis itself refuses only at 100 %, and then it refuses the consumer's own bookkeeping as well. INFO is sent at most
once a second, however many producers ask.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import Redis

from aftersend.errors import StoreFull
from aftersend.redis.connection import UPSTREAM, guarded

PRODUCER_LIMIT: Final = 0.8
_CACHE_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 30.0


class MemoryGuard:
    """Refuses while Redis is nearly full."""

    def __init__(self, redis: Redis, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._asked = float("-inf")
        self._full = False
        self._lock = asyncio.Lock()

    async def check(self) -> None:
        """Raise ``StoreFull`` above the limit; ``Transient`` if Redis does not answer."""
        if self._is_outdated():
            async with self._lock:
                if self._is_outdated():
                    await self._ask()
        if self._full:
            raise StoreFull("redis_nearly_full", upstream=UPSTREAM, retry_after=_RETRY_SECONDS)

    def _is_outdated(self) -> bool:
        return self._clock() - self._asked >= _CACHE_SECONDS

    async def _ask(self) -> None:
        with guarded():
            memory = await self._redis.info("memory")
        self._full = fullness(memory) > PRODUCER_LIMIT
        self._asked = self._clock()


def fullness(memory: dict[str, Any]) -> float:
    """Return the share of ``maxmemory`` in use, 0 without a limit; buffers that Redis does not count are left out."""
    limit = int(memory.get("maxmemory", 0))
    used = int(memory.get("used_memory", 0)) - int(memory.get("mem_not_counted_for_evict", 0))
    return used / limit if limit > 0 else 0.0
