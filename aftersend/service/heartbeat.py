"""Who is at work for a tenant: each service leaves a sign of life in Redis every ten seconds.

A restore asks here before it touches a running tenant. Consumers of the streams do not tell enough: a suspended tenant
has none, and a writer whose upstream is down reads nothing. The webhook leaves no sign, its ACL knows XADD only; what
it adds meanwhile harms nothing. Redis' own clock counts, so the clocks of hosts may differ. An orderly end takes the
sign away, and a killed process is forgotten after half a minute.
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


class Presence:
    """The sorted set ``alive`` of one tenant: names of processes by the time of their last sign."""

    def __init__(self, redis: "Redis", *, tenant: str) -> None:
        self._redis = redis
        self._key = Keys(tenant).key("alive")

    async def keep(self, name: str, stop: asyncio.Event) -> None:
        """Leave signs until ``stop``; while Redis is away there is nobody to tell."""
        await every(EVERY_SECONDS, partial(self.sign, name), stop)
        with suppress(Transient), guarded():
            await self._redis.zrem(self._key, name)

    async def sign(self, name: str) -> None:
        """Leave one sign."""
        now = await self._now()
        with guarded():
            await self._redis.zadd(self._key, {name: now})
            long_gone: Any = await self._redis.zrangebyscore(self._key, 0, now - _KEEP_SECONDS)
            if long_gone:
                await self._redis.zrem(self._key, *long_gone)

    async def names(self) -> list[str]:
        """Who has left a sign within the last half minute."""
        now = await self._now()
        with guarded():
            found: Any = await self._redis.zrangebyscore(self._key, now - GONE_AFTER, "+inf")
        return [name.decode() for name in found]

    async def _now(self) -> int:
        with guarded():
            return int((await self._redis.time())[0])
