"""Add the entries that wait at the same moment in one round trip.

While a round trip is under way further entries gather, and the next one takes them all. So a burst costs one connection
and few round trips, and few syncs where Redis writes to disk at every command. An entry that is alone is sent at once.

    add ──┐
    add ──┼── waiting ──> XADD XADD XADD ──> Redis ──> each caller the reply to its own entry
    add ──┘
"""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Final

from redis.asyncio import Redis

from aftersend.errors import Transient
from aftersend.redis.connection import UPSTREAM, exchange
from aftersend.stream.event import Fields

_LARGEST_GROUP: Final = 100

_Waiting = tuple[Fields, "asyncio.Future[None]"]


class GroupCommit:
    """Adds entries to one stream."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key
        self._waiting: list[_Waiting] = []
        self._sender: asyncio.Task[None] | None = None

    async def add(self, fields: Fields) -> None:
        """Return once Redis confirmed this entry; ``StoreFull``, ``StoreAway`` or ``Transient`` if it did not.

        A caller that is cancelled does not know whether its entry is on the stream.
        """
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((fields, confirmed))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(), name="group commit")
            self._sender.add_done_callback(self._never_began)
        await confirmed

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_LARGEST_GROUP], self._waiting[_LARGEST_GROUP:]
                await self._send(group)
        finally:
            self._end()

    def _never_began(self, sender: asyncio.Task[None]) -> None:
        """Let the callers go if the sender was cancelled before its first step, which runs no ``finally``."""
        if self._sender is sender:
            self._end()

    def _end(self) -> None:
        self._sender, left, self._waiting = None, self._waiting, []
        _fail(left)

    async def _send(self, group: Sequence[_Waiting]) -> None:
        try:
            commands = [("XADD", self._key, "*", *chain.from_iterable(fields.items())) for fields, _ in group]
            failures = await exchange(self._redis, commands)
            for (_, confirmed), failure in zip(group, failures, strict=True):
                if confirmed.done():
                    continue  # its caller gave up
                if failure:
                    confirmed.set_exception(failure)
                else:
                    confirmed.set_result(None)
        finally:
            _fail(group)


def _fail(group: Sequence[_Waiting]) -> None:
    """Release those that still wait, because sending has ended: nothing waits for ever."""
    for _, confirmed in group:
        if not confirmed.done():
            confirmed.set_exception(Transient("redis_not_asked", upstream=UPSTREAM))
