"""Coalescing: equal requests are served by one run, the newest of them, and every waiter gets its result.

The handler that gets the lease collects the equal requests, on the stream or deferred while another run held the lease,
and runs under the id of the newest. In the end it stores the result for each of them. A request that finds a result
under its own id is done. So a run that dies leaves nothing behind but requests that are delivered again.

A request that arrives during an equal run is not served by it: that run may already have read the order that the
request is about. It waits for the next one, together with all others that arrive meanwhile.
"""

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

import msgspec

from aftersend.errors import AftersendError
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.runs import RESULT_SECONDS, RunRequest
from aftersend.stream.event import Fields
from aftersend.stream.stream import Stream

if TYPE_CHECKING:
    from redis.asyncio import Redis


class RequestCoalescer:
    """The requests of one tenant that have no result yet."""

    def __init__(self, redis: "Redis", *, runs: Stream) -> None:
        self._redis = redis
        self._runs = runs
        self._keys = Keys(runs.tenant)

    async def equal_to(self, request: RunRequest, *, run: str) -> list[str]:
        """Return the ids of all requests that equal this one, itself included, oldest first."""
        with guarded():
            waiting = cast("set[bytes]", await self._redis.smembers(self._waiting(request)))
        on_stream = [found async for found, wanted in self._on_stream() if wanted == request]
        return sorted({run, *on_stream, *(found.decode() for found in waiting)})

    async def defer(self, request: RunRequest, *, run: str) -> None:
        """Remember a request that is delayed, so that the next run serves it, too."""
        key = self._waiting(request)
        with guarded():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.sadd(key, run)
                pipe.expire(key, RESULT_SECONDS)
                await pipe.execute()

    async def served(self, request: RunRequest, *, runs: list[str]) -> None:
        """Forget requests that have their result."""
        with guarded():
            await self._redis.srem(self._waiting(request), *runs)

    async def _on_stream(self) -> AsyncIterator[tuple[str, RunRequest]]:
        async for _, fields in self._runs.entries():
            if found := self._read(fields):
                yield found

    def _read(self, fields: Fields) -> tuple[str, RunRequest] | None:
        """Return id and request of an entry; None if it cannot be read: the consumer makes that a dead letter."""
        try:
            event = self._runs.open(fields)
            return event.id, event.read(RunRequest)
        except AftersendError:
            return None

    def _waiting(self, request: RunRequest) -> str:
        shape = hashlib.blake2b(msgspec.json.encode(request), digest_size=8).hexdigest()
        return self._keys.key("waiting", shape)
