"""Read every event of a stream where it is stored: on the stream, delayed, or dead. For backups and resealing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal

from aftersend.stream.event import Fields
from aftersend.stream.scripts import READ_DELAYED
from aftersend.stream.stream import Stream

EventPlace = Literal["stream", "delayed", "dead"]
PLACES: Final[tuple[EventPlace, ...]] = ("stream", "delayed", "dead")
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored."""

    name: bytes
    """Id of its entry, or the member of the delayed set."""
    fields: Fields
    due: float = 0.0
    """Delayed ones: ms since 1970."""


async def stored_events(stream: Stream, place: EventPlace) -> AsyncIterator[StoredEvent]:
    """Yield all events in one place; a member of the delayed set that is no event is left out."""
    if place == "delayed":
        async for event in _delayed(stream):
            yield event
    else:
        async for name, fields in stream.entries(dead=place == "dead"):
            yield StoredEvent(name, fields)


async def _delayed(stream: Stream) -> AsyncIterator[StoredEvent]:
    cursor: bytes | str = "0"
    while True:
        cursor, page = await READ_DELAYED.run(stream.redis, keys=[stream.delayed_key], args=[cursor, _PAGE])
        for member, due, flat in page:
            if flat:
                pairs = iter(flat)
                yield StoredEvent(member, dict(zip(pairs, pairs, strict=True)), float(due))
        if cursor == b"0":
            return
