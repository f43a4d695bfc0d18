"""Leases: the holder works alone, until 60 seconds after its last renewal.

The key holds a random token. Taking it is ``SET NX PX``; renewing, checking and releasing compare the token on the
server, so a lease that went to another holder meanwhile is never touched. A background task renews every 20
seconds; ``check`` asks the server right before an effect that must not happen twice, and renews as well. If the holder
dies, the lease ends by itself 60 seconds later.

A lease that is lost or held is no failure: it raises ``Later``, and the work is tried again.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aftersend.errors import Later, Transient
from aftersend.redis.connection import guarded

if TYPE_CHECKING:
    from redis.asyncio import Redis

LEASE_MS = 60_000
_RENEW_SECONDS = 20.0
_AGAIN_SECONDS = 1.0
_RENEW = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0"
_RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


class Lease:
    """A lease that is held; made by ``hold``."""

    def __init__(self, redis: "Redis", *, key: str, token: str) -> None:
        self._redis = redis
        self._key = key
        self._token = token

    async def check(self) -> None:
        """Raise ``Later`` unless the lease is still ours; if it is, it is good for another 60 seconds."""
        with guarded():
            ours = await self._redis.eval(_RENEW, 1, self._key, self._token, LEASE_MS)
        if not ours:
            raise Later("lease_lost", retry_after=_AGAIN_SECONDS)

    async def renew(self) -> None:
        """Renew every 20 seconds until cancelled or lost; an unreachable Redis is asked again."""
        with contextlib.suppress(Later):
            while True:
                await asyncio.sleep(_RENEW_SECONDS)
                await self._check_if_reachable()

    async def _check_if_reachable(self) -> None:
        try:
            await self.check()
        except Later:
            raise
        except Transient:
            return

    async def release(self) -> None:
        """Release the lease at once, if it is still ours; otherwise it ends by itself."""
        with contextlib.suppress(Transient), guarded():
            await self._redis.eval(_RELEASE, 1, self._key, self._token)


@contextlib.asynccontextmanager
async def hold(redis: "Redis", *, key: str) -> AsyncIterator[Lease]:
    """Take the lease for the length of the block; ``Later`` if another process holds it."""
    token = secrets.token_hex(16)
    with guarded():
        taken = await redis.set(key, token, nx=True, px=LEASE_MS)
    if not taken:
        raise Later("lease_held", retry_after=_AGAIN_SECONDS)
    lease = Lease(redis, key=key, token=token)
    renewal = asyncio.create_task(lease.renew(), name="lease renewal")
    try:
        yield lease
    finally:
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)
        await lease.release()
