"""Heartbeats: each service process of a tenant writes its name to Redis every ten seconds.

``restore`` reads them to refuse while services of the tenant run. The consumers of the streams would not do: a
suspended tenant has none, and a writer whose upstream is down reads nothing. The webhook writes no heartbeat, because
its ACL user may only XADD; the entries that it adds during a restore do no harm. Times are those of the Redis server,
so clocks of hosts may differ. An orderly end removes the heartbeat; that of a killed process expires after 30 seconds.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aftersend.errors import Transient
from aftersend.loops import every
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

EVERY_SECONDS: Final = 10.0
GONE_AFTER: Final = 30
_KEEP_SECONDS: Final = 3600


class Heartbeat:
    """The sorted set ``alive`` of one tenant: names of processes, scored by the time of their last heartbeat."""

    def __init__(self, redis: "Redis", *, tenant: str) -> None:
        self._redis = redis
        self._key = Keys(tenant).key("alive")

    async def keep(self, name: str, stop: asyncio.Event) -> None:
        """Write heartbeats until ``stop``, then remove the last one."""
        with suppress(Transient):
            await self._remove_long_gone()
        await every(EVERY_SECONDS, partial(self.beat, name), stop)
        with suppress(Transient), guarded():
            await self._redis.zrem(self._key, name)

    async def beat(self, name: str) -> None:
        """Write one heartbeat."""
        now = await self._now()
        with guarded():
            await self._redis.zadd(self._key, {name: now})

    async def names(self) -> list[str]:
        """Return the processes whose last heartbeat is at most 30 seconds old."""
        now = await self._now()
        with guarded():
            found: Any = await self._redis.zrangebyscore(self._key, now - GONE_AFTER, "+inf")
        return [name.decode() for name in found]

    async def _remove_long_gone(self) -> None:
        """Remove names that expired an hour ago; only a start adds one, so a start is the time for it."""
        now = await self._now()
        with guarded():
            long_gone: Any = await self._redis.zrangebyscore(self._key, 0, now - _KEEP_SECONDS)
            if long_gone:
                await self._redis.zrem(self._key, *long_gone)

    async def _now(self) -> int:
        with guarded():
            return int((await self._redis.time())[0])
