"""The pending entries list of the consumer group: read, claim, renew, release, acknowledge.

The group lists the entries that were delivered and not acknowledged, each with its consumer, idle time and delivery
count. That list makes a crash harmless: what a dead consumer held grows idle there, and a live one claims it. Three
rules keep it true:

* The group starts at 0, is created again at 0 if it vanished, and never starts at ``$``: older entries count.
* Work that takes long renews its claims, without raising the delivery count.
* A release resets idle time and delivery count, as if the entry had never been delivered.

An entry that is pending but gone from the stream was deleted by a program that is none of ours: it is reported as lost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import OutOfMemoryError, ResponseError

from aftersend.errors import Transient
from aftersend.redis.connection import guarded
from aftersend.redis.scripts import ScriptArgument
from aftersend.stream.event import Fields
from aftersend.stream.scripts import ACKNOWLEDGE, CLAIM, DELETE_IDLE_CONSUMERS, RELEASE, RENEW
from aftersend.stream.stream import Stream

RELEASED: Final = "handed-back"
"""The consumer that holds released entries: no process has this name."""
_RELEASED_IDLE_MS: Final = 864_000_000
_MAX_IDLE_READ: Final = 100


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An entry as it was delivered; ``deliveries`` counts this delivery."""

    id: bytes
    fields: Fields
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class IdleEntry:
    """A pending entry that was not renewed for too long; ``deliveries`` is 0 after a release."""

    id: bytes
    deliveries: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was claimed."""

    entries: Sequence[StreamEntry]
    vanished: Sequence[bytes]
    """Ids that were pending but had been deleted from the stream: lost."""


class PendingEntries:
    """The pending entries of one consumer on one stream."""

    def __init__(self, stream: Stream, consumer: str) -> None:
        self._stream = stream
        self._redis = stream.redis
        self._key = stream.key
        self._group = stream.group
        self.consumer = consumer
        self.orphans: set[bytes] = set()
        """Ids of entries whose stream was seen to vanish: this consumer holds the only copy left."""

    async def ensure_group(self) -> bool:
        """Create stream and group if they are missing; True if they were created.

        A full Redis refuses XGROUP CREATE even for the group that it has. A consumer that starts then must still
        drain it.
        """
        with guarded():
            try:
                await self._redis.xgroup_create(self._key, self._group, id="0", mkstream=True)
            except OutOfMemoryError:
                if not await self._has_group():
                    raise
                return False
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
                return False
        return True

    async def _has_group(self) -> bool:
        if not await self._redis.exists(self._key):
            return False
        groups: Any = await self._redis.xinfo_groups(self._key)
        return any(group["name"] == self._group.encode() for group in groups)

    async def read(self, count: int, *, block_ms: int) -> list[StreamEntry]:
        """Read up to ``count`` new entries (XREADGROUP); waits for the first at most ``block_ms``."""
        with guarded():
            answer: Any = await self._redis.xreadgroup(
                self._group, self.consumer, {self._key: ">"}, count=count, block=block_ms
            )
        return [StreamEntry(entry_id, fields) for _, entries in answer or () for entry_id, fields in entries]

    async def idle(self, idle_ms: int) -> list[IdleEntry]:
        """Return some of the entries that are idle for so long, without claiming them."""
        with guarded():
            rows: Any = await self._redis.xpending_range(self._key, self._group, "-", "+", _MAX_IDLE_READ, idle=idle_ms)
        return [IdleEntry(row["message_id"], row["times_delivered"]) for row in rows]

    async def claim(self, found: Iterable[IdleEntry], idle_ms: int) -> Claimed:
        """Claim those of these entries that are still idle for so long; their delivery counts go up by one."""
        args: list[ScriptArgument] = [self._group, self.consumer, idle_ms, *(entry.id for entry in found)]
        claimed, vanished = await CLAIM.run(self._redis, keys=[self._key], args=args)
        return Claimed([_delivered(*entry, deliveries=deliveries) for entry, deliveries in claimed], vanished)

    async def renew(self, ids: Iterable[bytes]) -> int:
        """Renew the claims of entries in flight; returns how many are held by another consumer by now."""
        return int(await RENEW.run(self._redis, keys=[self._key], args=[self._group, self.consumer, *ids]))

    async def release(self, ids: Iterable[bytes]) -> int:
        """Give entries back as if they had never been delivered; returns how many."""
        return int(await RELEASE.run(self._redis, keys=[self._key], args=self._releasing(ids)))

    async def release_each(self, ids: Iterable[bytes]) -> list[bool | Transient]:
        """Give entries back; returns, for each, whether that was possible, or the error of Redis."""
        answers = await RELEASE.run_many(self._redis, [([self._key], self._releasing([entry])) for entry in ids])
        return [answer if isinstance(answer, Transient) else bool(answer) for answer in answers]

    def _releasing(self, ids: Iterable[bytes]) -> list[ScriptArgument]:
        return [self._group, self.consumer, RELEASED, _RELEASED_IDLE_MS, *ids]

    async def note_orphans(self, ids: Iterable[bytes]) -> None:
        """Note which of these vanished with the stream; the next group delivers the others again."""
        asked = list(ids)
        with guarded():
            async with self._redis.pipeline(transaction=False) as pipe:
                for entry_id in asked:
                    pipe.xrange(self._key, min=entry_id, max=entry_id)
                found = await pipe.execute()
        self.orphans.update(entry_id for entry_id, there in zip(asked, found, strict=True) if not there)

    def owner(self, entry: StreamEntry) -> str:
        """Return the consumer that must hold the entry when it moves; empty if its claim vanished with the stream."""
        return "" if entry.id in self.orphans else self.consumer

    async def done(self, ids: Sequence[bytes]) -> None:
        """Acknowledge and delete entries in one step."""
        await ACKNOWLEDGE.run(self._redis, keys=[self._key], args=[self._group, *ids])

    async def delete_idle_consumers(self, idle_ms: int) -> int:
        """Delete consumers that hold nothing and are idle for so long; returns how many."""
        keys, args = [self._key], (self._group, self.consumer, idle_ms)
        return int(await DELETE_IDLE_CONSUMERS.run(self._redis, keys=keys, args=args))


def _delivered(entry_id: bytes, flat: Sequence[bytes], *, deliveries: int) -> StreamEntry:
    pairs = iter(flat)
    return StreamEntry(entry_id, dict(zip(pairs, pairs, strict=True)), deliveries)
