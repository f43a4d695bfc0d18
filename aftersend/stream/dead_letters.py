"""Dead letters: events that were given up, kept until a person decides, for 90 days at most, like the ledger's orders.

A dead letter is the whole entry as it was, sealed data included, plus four fields: ``reason`` (one of a few words),
``error`` (class and code, never a text), ``attempts`` and ``died``. The table of reasons stands in ``retry``.
Redriving moves it back to its stream in one step: id, first and data stay, attempts start anew, and the trace is a new
one that links to the old. Every dead letter is found by the id of its event, or by that of its entry in Redis (the
only one that an unreadable entry has).
"""

import time
from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec

from aftersend.observe.traces import messaging, span
from aftersend.redis.connection import guarded
from aftersend.redis.scripts import ScriptCall
from aftersend.stream.event import WAIT_FIELDS, Fields, attempt_of, rfc3339, text_of
from aftersend.stream.pending_entries import StreamEntry
from aftersend.stream.retry import DeadLetter
from aftersend.stream.scripts import REDRIVE, flat
from aftersend.stream.stream import Stream

_ADDED_FIELDS: Final = (b"reason", b"error", b"attempts", b"died")
_FIRST_DELIVERY: Final = 1
LIFE_MS: Final = 90 * 86_400_000
_MAX_EXPIRED: Final = 100


class DeadLetterSummary(msgspec.Struct, frozen=True):
    """One line of ``dead list``; nothing in it is personal."""

    id: str
    type: str
    reason: str
    error: str
    attempts: int
    first: str
    """When the event was first added to the stream."""
    time: str
    """When it was given up."""


class DeadLetterDetails(DeadLetterSummary, frozen=True):
    """What ``dead show`` adds."""

    entry: str
    """Id of the entry in Redis."""
    source: str
    traceparent: str
    bytes: int
    """Size of the sealed data, which is not shown."""


def burial(stream: Stream, owner: str, entry: StreamEntry, letter: DeadLetter) -> ScriptCall:
    """Return the move of an entry to the dead letters."""
    attempts = attempt_of(entry.fields) + entry.deliveries - _FIRST_DELIVERY
    fields: dict[bytes, bytes] = {
        **entry.fields,
        b"reason": letter.reason.encode(),
        b"error": letter.error.encode(),
        b"attempts": b"%d" % attempts,
        b"died": rfc3339(stream.clock()).encode(),
    }
    return [stream.key, stream.dead_key], [stream.group, owner, entry.id, "dead", *flat(fields)]


class DeadLetters:
    """The dead letters of one stream."""

    def __init__(self, stream: Stream, *, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._clock = clock

    async def list(self) -> list[DeadLetterSummary]:
        """Return all of them, oldest death first."""
        return [_summary(entry, fields) async for entry, fields in self._stream.entries(dead=True)]

    async def show(self, id: str) -> DeadLetterDetails | None:  # noqa: A002 - what it is called everywhere else
        """Return one by event id or entry id; the newest, if it died more than once."""
        found = [found async for found in self._stream.entries(dead=True) if _is(found, {id})]
        return _details(*found[-1]) if found else None

    async def redrive(self, ids: Collection[str] | None = None) -> int:
        """Move these (None = all that are dead now) back to the stream; returns how many."""
        moved = 0
        letters = [found async for found in self._stream.entries(dead=True) if ids is None or _is(found, ids)]
        for entry, fields in letters:
            moved += await self._redrive(entry, fields)
        return moved

    async def drop(self, ids: Collection[str]) -> int:
        """Delete these for ever; returns how many."""
        entries = [entry async for entry, fields in self._stream.entries(dead=True) if _is((entry, fields), ids)]
        if not entries:
            return 0
        with guarded():
            return int(await self._stream.redis.xdel(self._stream.dead_key, *entries))

    async def expire(self) -> int:
        """Delete those that died more than ``LIFE_MS`` ago, by Redis' clock; returns how many, some at a time."""
        redis, key = self._stream.redis, self._stream.dead_key
        with guarded():
            seconds, _ = await redis.time()
            found: Any = await redis.xrange(key, max=f"({seconds * 1000 - LIFE_MS}", count=_MAX_EXPIRED)
            return int(await redis.xdel(key, *[entry for entry, _ in found])) if found else 0

    async def _redrive(self, entry: bytes, fields: Fields) -> int:
        old = text_of(fields, b"traceparent")
        stream = self._stream
        about = {"tenant": stream.tenant, "event": text_of(fields, b"id"), "event_type": text_of(fields, b"type")}
        about |= messaging("redrive", kind="send", stream=stream.name)
        with span(f"redrive {stream.name}", kind="producer", links=[old], **about) as traced:
            replaced = (b"attempt", b"1", b"time", rfc3339(self._clock()), b"traceparent", traced.traceparent or old)
            dropped = (*_ADDED_FIELDS, *WAIT_FIELDS)
            args = (entry, len(dropped), *dropped, *replaced)
            return int(await REDRIVE.run(stream.redis, keys=[stream.key, stream.dead_key], args=args))


def _is(found: tuple[bytes, Fields], ids: Collection[str]) -> bool:
    return found[0].decode() in ids or text_of(found[1], b"id") in ids


def _summary(entry: bytes, fields: Fields) -> DeadLetterSummary:
    attempts = text_of(fields, b"attempts")
    return DeadLetterSummary(
        id=text_of(fields, b"id") or entry.decode(),
        type=text_of(fields, b"type"),
        reason=text_of(fields, b"reason"),
        error=text_of(fields, b"error"),
        attempts=int(attempts) if attempts.isdigit() else 0,
        first=text_of(fields, b"first"),
        time=text_of(fields, b"died") or rfc3339(int(entry.partition(b"-")[0]) / 1000),
    )


def _details(entry: bytes, fields: Fields) -> DeadLetterDetails:
    return DeadLetterDetails(
        **msgspec.structs.asdict(_summary(entry, fields)),
        entry=entry.decode(),
        source=text_of(fields, b"source"),
        traceparent=text_of(fields, b"traceparent"),
        bytes=len(fields.get(b"data", b"")),
    )
