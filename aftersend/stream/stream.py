"""One stream of a tenant: add events, read entries, and count for the metrics.

``parcels`` carries changed parcels to the writer, ``runs`` carries requests to the exporter. Beside each lie
``:delayed`` (a sorted set by due time) and ``:dead`` (a stream). Streams are never trimmed: an entry leaves when its
effect is done (XACK and XDEL together) or by moving to one of the other two. Producers send XADD and INFO, nothing
else, so that the webhook's ACL can forbid the rest. They refuse when Redis is nearly full.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import Any, Final, Literal, cast

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis

from aftersend.observe.traces import messaging, span
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.redis.memory_guard import MemoryGuard
from aftersend.sealing import Keyring, SealKeyring, bind, padded
from aftersend.stream.due_time import DueTime
from aftersend.stream.event import Event, EventType, Fields, Source, new_id, pack, rfc3339, text_of, unpack
from aftersend.stream.group_commit import GroupCommit

StreamName = Literal["parcels", "runs"]
GROUPS: Final[dict[StreamName, str]] = {"parcels": "writer", "runs": "exporter"}
_CHUNK: Final = 100
_PAGE: Final = 200


class Stream:
    """``parcels`` or ``runs`` of one tenant."""

    def __init__(
        self,
        redis: Redis,
        *,
        tenant: str,
        name: StreamName,
        keyring: Keyring,
        seals: SealKeyring | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``seals``: seal with a public key instead of a data key."""
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
        self.due_time = DueTime()
        self._bound = bind(tenant, name)
        self._keyring = keyring
        self._seals = seals or keyring
        self._memory_guard = MemoryGuard(redis)
        self._group_commit = GroupCommit(redis, self.key)

    async def add(self, kind: EventType, source: Source, data: msgspec.Struct, *, traceparent: str = "") -> str:
        """Add an event and return its id once Redis confirmed; ``StoreFull`` or ``Transient`` if not."""
        with self._sending(kind, source, traceparent) as sending:
            event = self.new_event(kind, source, data, traceparent=sending.traceparent)
            sending.set(event=event.id)
            await self._memory_guard.check()
            await self._group_commit.add(pack(event))
        return event.id

    async def add_many(
        self, kind: EventType, source: Source, items: Iterable[msgspec.Struct], *, traceparent: str = ""
    ) -> list[str]:
        """Add many events in few round trips; after an error some of them may be on the stream, so repeat all."""
        ids: list[str] = []
        pending = iter(items)
        while chunk := list(islice(pending, _CHUNK)):
            with self._sending(kind, source, traceparent) as sending:
                sending.set(messages=len(chunk))
                events = [self.new_event(kind, source, data, traceparent=sending.traceparent) for data in chunk]
                await self._memory_guard.check()
                with guarded():
                    async with self.redis.pipeline(transaction=False) as pipe:
                        for event in events:
                            pipe.xadd(self.key, cast("Any", pack(event)))
                        await pipe.execute()
            ids += [event.id for event in events]
        return ids

    def open(self, fields: Fields) -> Event:
        """Unseal the event in an entry; ``Rejected`` (dead) or ``UnknownKey`` (later) if that fails."""
        event = unpack(fields)
        return replace(event, data=self.unseal(fields))

    def unseal(self, fields: Fields) -> bytes:
        """Open the sealed data of an entry; only what the webhook writes may be sealed with its public key."""
        kind, source = text_of(fields, b"type"), text_of(fields, b"source")
        is_webhooks = (self.name, kind, source) == ("parcels", "parcel.changed", "webhook")
        bound = self.bound(kind, text_of(fields, b"id"))
        return self._keyring.open(fields.get(b"data", b""), bound=bound, public=is_webhooks)

    async def entries(self, *, dead: bool = False) -> AsyncIterator[tuple[bytes, Fields]]:
        """Yield id and fields of every entry of the stream, or of its dead letters, the oldest first (XRANGE)."""
        start = "-"
        while True:
            with guarded():
                found = await self.redis.xrange(self.dead_key if dead else self.key, min=start, count=_PAGE)
            page = cast("list[tuple[bytes, Fields]]", found)
            for entry in page:
                yield entry
            if len(page) < _PAGE:
                return
            start = f"({page[-1][0].decode()}"

    async def length(self) -> int:
        """Count the entries on the stream: not yet read, or being handled."""
        with guarded():
            return int(await self.redis.xlen(self.key))

    async def pending(self) -> int:
        """Count the pending entries: being handled, or left behind by a dead consumer; 0 without a group."""
        with guarded():
            groups = await self.redis.xinfo_groups(self.key) if await self.redis.exists(self.key) else []
        return sum(int(group["pending"]) for group in groups if group["name"] == self.group.encode())

    async def delayed(self) -> int:
        """Count the delayed events."""
        with guarded():
            return int(await self.redis.zcard(self.delayed_key))

    async def dead(self) -> int:
        """Count the dead letters."""
        with guarded():
            return int(await self.redis.xlen(self.dead_key))

    async def oldest_age(self) -> float:
        """Return the seconds since the oldest entry was added, by Redis' clock; 0 if the stream is empty.

        Delayed events do not count: they are not late, they are not due.
        """
        with guarded():
            head = await self.redis.xrange(self.key, count=1)
            seconds, micros = await self.redis.time()
        if not head:
            return 0.0
        added_ms = int(cast("bytes", head[0][0]).partition(b"-")[0])
        return max(0.0, seconds + micros / 1e6 - added_ms / 1000)

    def _sending(self, kind: EventType, source: Source, traceparent: str) -> span:
        """Open the span whose context travels with the events."""
        about = {"tenant": self.tenant, "event_type": kind, "source": source}
        about |= messaging("send", kind="send", stream=self.name)
        return span(f"send {self.name}", kind="producer", parent=traceparent, **about)

    def new_event(self, kind: EventType, source: Source, data: msgspec.Struct, *, traceparent: str = "") -> Event:
        """Make a sealed event that is nowhere yet."""
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
            data=self._seals.seal(padded(msgspec.json.encode(data)), bound=self.bound(kind, name)),
        )

    def bound(self, kind: str, name: str) -> bytes:
        """Return the associated data of an event: sealed data opens nowhere else."""
        return self._bound + bind(kind, name)
