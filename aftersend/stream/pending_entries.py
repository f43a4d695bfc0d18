"""Who holds which entry: all that a consumer does to the stream itself.

The group keeps a list of entries that were delivered and not acknowledged. It says who has each, since when, and how
often it was delivered. That list is what makes a crash harmless: what a dead consumer held grows idle there, and
whoever is alive takes it over. Three rules keep it true:

* The group starts at 0, is made again at 0 if it vanished, and never starts at ``$``: older entries count.
* Work that takes long renews its claims, without raising the delivery count.
* Handing back resets idle time and count, so that an orderly stop looks like nothing ever happened.

An entry that is in the list but gone from the stream was deleted by somebody else: it is reported as lost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import OutOfMemoryError, ResponseError

from aftersend.redis.connection import guarded
from aftersend.redis.scripts import ScriptArgument, run_script
from aftersend.stream.event import Fields
from aftersend.stream.stream import Stream

RELEASED: Final = "handed-back"
"""Owner of entries that were handed back: no process has this name."""
_AGES_MS: Final = 864_000_000
_PEEK: Final = 16


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An entry as it lies on the stream; ``deliveries`` counts this one."""

    id: bytes
    fields: Fields
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class IdleEntry:
    """A pending entry that nobody has touched for too long; ``deliveries`` is 0 after a hand-back."""

    id: bytes
    deliveries: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """Result of one look for overdue entries."""

    entry: StreamEntry | None
    vanished: Sequence[bytes]
    """Ids that were pending but had been deleted from the stream: lost."""


class PendingEntries:
    """The claims of one consumer on one stream."""

    def __init__(self, stream: Stream, consumer: str) -> None:
        self._stream = stream
        self._redis = stream.redis
        self._key = stream.key
        self._group = stream.group
        self.consumer = consumer
        self.orphans: set[bytes] = set()
        """Entries in our hands whose stream was seen to vanish: what we hold is the only copy left."""

    async def ensure_group(self) -> bool:
        """Make stream and group if they are not there; True if they were made.

        A full Redis refuses to make even the group that it has. A consumer that starts then must still drain it.
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
        """Up to ``count`` entries nobody has had yet; waits for the first at most ``block_ms``."""
        with guarded():
            answer: Any = await self._redis.xreadgroup(
                self._group, self.consumer, {self._key: ">"}, count=count, block=block_ms
            )
        return [StreamEntry(entry_id, fields) for _, entries in answer or () for entry_id, fields in entries]

    async def idle(self, idle_ms: int) -> list[IdleEntry]:
        """Some of the entries idle for so long; only looks."""
        with guarded():
            rows: Any = await self._redis.xpending_range(self._key, self._group, "-", "+", _PEEK, idle=idle_ms)
        return [IdleEntry(row["message_id"], row["times_delivered"]) for row in rows]

    async def claim(self, idle_ms: int, *, start: bytes = b"0-0") -> Claimed:
        """Take over the first entry from ``start`` on that is idle for so long; its delivery count goes up by one."""
        vanished: list[bytes] = []
        while True:
            args = (self._group, self.consumer, idle_ms, start)
            found, deliveries, gone, start = await run_script(self._redis, "claim", keys=[self._key], args=args)
            vanished += gone
            if found:
                pairs = iter(found[1])
                return Claimed(StreamEntry(found[0], dict(zip(pairs, pairs, strict=True)), deliveries), vanished)
            if start == b"0-0":
                return Claimed(None, vanished)

    async def renew(self, ids: Iterable[bytes]) -> int:
        """Say that work goes on; returns how many of the entries are ours no longer."""
        args: list[ScriptArgument] = [self._group, self.consumer, *ids]
        return int(await run_script(self._redis, "renew", keys=[self._key], args=args))

    async def release(self, ids: Iterable[bytes]) -> int:
        """Give entries back as if they had never been delivered; returns how many."""
        args: list[ScriptArgument] = [self._group, self.consumer, RELEASED, _AGES_MS, *ids]
        return int(await run_script(self._redis, "release", keys=[self._key], args=args))

    async def note_orphans(self, ids: Iterable[bytes]) -> None:
        """Remember which of these went down with the stream; the next group delivers the others again."""
        asked = list(ids)
        with guarded():
            async with self._redis.pipeline(transaction=False) as pipe:
                for entry_id in asked:
                    pipe.xrange(self._key, min=entry_id, max=entry_id)
                found = await pipe.execute()
        self.orphans.update(entry_id for entry_id, there in zip(asked, found, strict=True) if not there)

    def owner(self, entry: StreamEntry) -> str:
        """Whose claim a move must check: ours, or nobody's if the claim went down with its stream."""
        return "" if entry.id in self.orphans else self.consumer

    async def done(self, ids: Sequence[bytes]) -> None:
        """Acknowledge and delete together: what is done leaves nothing behind."""
        args: list[ScriptArgument] = [self._group, *ids]
        await run_script(self._redis, "done", keys=[self._key], args=args)

    async def delete_idle_consumers(self, idle_ms: int) -> int:
        """Forget consumers that hold nothing and have been silent for so long; returns how many."""
        args: list[ScriptArgument] = [self._group, self.consumer, idle_ms]
        return int(await run_script(self._redis, "delete_idle_consumers", keys=[self._key], args=args))
