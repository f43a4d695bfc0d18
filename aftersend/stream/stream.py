"""One stream of a tenant: what producers need, and the numbers that show how it does.

``parcels`` carries changed parcels to the writer, ``runs`` carries requests to the exporter. Beside each lie
``:delayed`` (a sorted set by due time) and ``:dead`` (a stream). Nothing is ever trimmed: an entry leaves the stream
when its effect is done (XACK and XDEL together) or by moving to one of the other two. Producers add with plain XADD
and ask INFO, nothing else, so that the webhook's ACL can forbid the rest. When Redis is nearly full they refuse.
"""

import dataclasses
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, Literal, cast

import msgspec
from redis.asyncio import Redis

from aftersend.observe.traces import messaging, span
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.redis.memory_guard import MemoryGuard
from aftersend.sealing import Keyring, bind
from aftersend.stream.event import Event, EventType, Fields, Source, new_id, pack, rfc3339, unpack

StreamName = Literal["parcels", "runs"]
GROUPS: Final[dict[StreamName, str]] = {"parcels": "writer", "runs": "exporter"}
_CHUNK: Final = 100


class Stream:
    """``parcels`` or ``runs`` of one tenant."""

    def __init__(
        self,
        redis: Redis,
        *,
        tenant: str,
        name: StreamName,
        keyring: Keyring,
        clock: Callable[[], float] = time.time,
    ) -> None:
        keys = Keys(tenant)
        self.redis = redis
        self.tenant = tenant
        self.name = name
        self.group = GROUPS[name]
        self.key = keys.key(name)
        self.delayed_key = keys.key(name, "delayed")
        self.dead_key = keys.key(name, "dead")
        self.outage_key = keys.key(name, "outage")
        self.clock = clock
        self._keyring = keyring
        self._memory_guard = MemoryGuard(redis)

    async def add(self, kind: EventType, source: Source, data: msgspec.Struct, *, traceparent: str = "") -> str:
        """Put an event on the stream and return its id once Redis confirmed; ``StoreFull`` or ``Transient`` if not."""
        with self._sending(kind, source, traceparent) as sending:
            event = self._new(kind, source, data, sending.traceparent)
            sending.set(event=event.id)
            await self._memory_guard.check()
            with guarded():
                await self.redis.xadd(self.key, cast("Any", pack(event)))
        return event.id

    async def add_many(
        self, kind: EventType, source: Source, items: Iterable[msgspec.Struct], *, traceparent: str = ""
    ) -> list[str]:
        """Put many events in few round trips; after an error some of them may be on the stream, so do all again."""
        ids: list[str] = []
        pending = iter(items)
        while chunk := list(islice(pending, _CHUNK)):
            with self._sending(kind, source, traceparent) as sending:
                sending.set(messages=len(chunk))
                events = [self._new(kind, source, data, sending.traceparent) for data in chunk]
                await self._memory_guard.check()
                with guarded():
                    async with self.redis.pipeline(transaction=False) as pipe:
                        for event in events:
                            pipe.xadd(self.key, cast("Any", pack(event)))
                        await pipe.execute()
            ids += [event.id for event in events]
        return ids

    def open(self, fields: Fields) -> Event:
        """The event in an entry; ``Rejected`` (dead) or ``UnknownKey`` (later) if it cannot be read."""
        event = unpack(fields)
        plain = self._keyring.open(event.data, bound=self.bound(event.type, event.id))
        return dataclasses.replace(event, data=plain)

    async def length(self) -> int:
        """Entries on the stream: not yet read, or being handled."""
        with guarded():
            return int(await self.redis.xlen(self.key))

    async def pending(self) -> int:
        """Entries being handled, or left behind by a dead consumer; 0 without a group."""
        with guarded():
            groups = await self.redis.xinfo_groups(self.key) if await self.redis.exists(self.key) else []
        return sum(int(group["pending"]) for group in groups if group["name"] == self.group.encode())

    async def delayed(self) -> int:
        """Events that wait for their time."""
        with guarded():
            return int(await self.redis.zcard(self.delayed_key))

    async def dead(self) -> int:
        """Events given up, waiting for a person."""
        with guarded():
            return int(await self.redis.xlen(self.dead_key))

    async def oldest_age(self) -> float:
        """Seconds since the oldest entry on the stream was put there, by Redis' clock; 0 if it is empty.

        Delayed events do not count: they are not late, they are waiting for their time.
        """
        with guarded():
            head = await self.redis.xrange(self.key, count=1)
            seconds, micros = await self.redis.time()
        if not head:
            return 0.0
        added_ms = int(cast("bytes", head[0][0]).partition(b"-")[0])
        return max(0.0, seconds + micros / 1e6 - added_ms / 1000)

    def _sending(self, kind: EventType, source: Source, traceparent: str) -> span:
        """The span whose context travels with the events."""
        about = {"tenant": self.tenant, "event_type": kind, "source": source}
        about |= messaging("send", kind="send", stream=self.name)
        return span(f"send {self.name}", kind="producer", parent=traceparent, **about)

    def _new(self, kind: EventType, source: Source, data: msgspec.Struct, traceparent: str) -> Event:
        now = self.clock()
        name = new_id(now)
        moment = rfc3339(now)
        return Event(
            id=name,
            type=kind,
            time=moment,
            source=source,
            attempt=1,
            first=moment,
            traceparent=traceparent,
            data=self._keyring.seal(msgspec.json.encode(data), bound=self.bound(kind, name)),
        )

    def bound(self, kind: str, name: str) -> bytes:
        """What the data of an event is sealed to: it opens nowhere else."""
        return bind(self.tenant, self.name, kind, name)
