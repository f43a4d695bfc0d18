"""Equal requests are served by one run: the newest of them runs, and every waiter gets its result.

Whoever gets the lease looks which equal requests are there, on the stream or put off because somebody else held the
lease, and runs under the name of the newest. In the end it leaves the result for each of them. A request that finds a
result under its own name is done. So a run that dies leaves nothing behind but requests that come again.

A request that comes while an equal run is under way is not served by it: that run may have read the order already that
somebody wants to see transferred. It waits for the next one, together with all others that come meanwhile.
"""

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final, cast

import msgspec

from aftersend.errors import AftersendError
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.runs import RESULT_SECONDS, RunRequest
from aftersend.stream.stream import Stream

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PAGE: Final = 100


class RequestCoalescer:
    """The requests of one tenant that nobody has served yet."""

    def __init__(self, redis: "Redis", *, runs: Stream) -> None:
        self._redis = redis
        self._runs = runs
        self._keys = Keys(runs.tenant)

    async def equal_to(self, request: RunRequest, *, run: str) -> list[str]:
        """Ids of all requests that equal this one, itself included, oldest first."""
        with guarded():
            waiting = cast("set[bytes]", await self._redis.smembers(self._waiting(request)))
        on_stream = [found async for found, wanted in self._on_stream() if wanted == request]
        return sorted({run, *on_stream, *(found.decode() for found in waiting)})

    async def defer(self, request: RunRequest, *, run: str) -> None:
        """Remember a request that leaves the stream for a moment, so that the next run serves it, too."""
        key = self._waiting(request)
        with guarded():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.sadd(key, run)
                pipe.expire(key, RESULT_SECONDS)
                await pipe.execute()

    async def served(self, request: RunRequest, *, runs: list[str]) -> None:
        """These have their result."""
        with guarded():
            await self._redis.srem(self._waiting(request), *runs)

    async def _on_stream(self) -> AsyncIterator[tuple[str, RunRequest]]:
        start = "-"
        while True:
            with guarded():
                raw = await self._redis.xrange(self._runs.key, min=start, count=_PAGE)
            entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", raw)
            for _, fields in entries:
                if found := self._read(fields):
                    yield found
            if len(entries) < _PAGE:
                return
            start = f"({entries[-1][0].decode()}"

    def _read(self, fields: dict[bytes, bytes]) -> tuple[str, RunRequest] | None:
        """Id and request of an entry; None for what nobody can read: the consumer deals with that."""
        try:
            event = self._runs.open(fields)
            return event.id, event.read(RunRequest)
        except AftersendError:
            return None

    def _waiting(self, request: RunRequest) -> str:
        shape = hashlib.blake2b(msgspec.json.encode(request), digest_size=8).hexdigest()
        return self._keys.key("waiting", shape)
