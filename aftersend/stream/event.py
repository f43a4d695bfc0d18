"""One event, and the flat envelope that carries it through Redis.

An entry on a stream is a handful of plain fields, readable with ``redis-cli``, around one sealed field:

    v=1  id=<UUIDv7>  type  time  source  attempt  first  traceparent  data=<sealed>

A delayed one may have ``upstream`` besides, and one that was woken up ``remaining`` (see ``wake_up``).

``id`` stays the same wherever an event goes (delayed, dead, redriven), and so does ``first``, the moment when it was
first added to a stream. ``time`` is the moment when this copy was written, ``attempt`` counts from 1. ``pack`` and
``unpack`` turn an ``Event`` into fields and back; ``data`` is sealed on both sides of them, ``Stream`` seals and opens.

An unreadable entry is refused with a reason that becomes the reason of its dead letter. It never raises anything else,
because the next consumer would crash on it, too. During a rolling upgrade old and new processes run side by side, so a
version that is unknown here may be known to a newer process after a redrive.
"""

import builtins
import os
import time as clock
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TypeVar, cast, get_args

import msgspec

from aftersend.errors import Rejected
from aftersend.undecodable import UNDECODABLE

VERSION: Final = b"1"
EventType = Literal["parcel.changed", "order.check", "export.requested", "sweep.requested"]
Source = Literal["webhook", "sweep", "cli", "cron", "system"]
TYPES: Final[frozenset[str]] = frozenset(get_args(EventType))
SOURCES: Final[frozenset[str]] = frozenset(get_args(Source))
WAIT_FIELDS: Final = (b"upstream", b"remaining")
"""Fields that belong to one wait, and not to the event."""
Fields = Mapping[bytes, bytes]
_T = TypeVar("_T")


class Event(msgspec.Struct, frozen=True):
    """An event as a handler gets it."""

    id: str
    """UUIDv7; the same for every copy of this event."""
    type: EventType
    time: str
    """RFC 3339, UTC, ms; when this copy was written."""
    source: Source
    attempt: int
    """1 for the first try."""
    first: str
    """RFC 3339, UTC, ms; when the event was first added to a stream."""
    traceparent: str
    """W3C trace context of its cause, or empty."""
    data: bytes
    """The payload as JSON."""

    def read(self, kind: builtins.type[_T]) -> _T:
        """Decode the payload; ``Rejected("malformed_data")`` if it is not of that kind."""
        try:
            return msgspec.json.decode(self.data, type=kind)
        except UNDECODABLE:
            raise Rejected("malformed_data") from None


def pack(event: Event) -> dict[bytes, bytes]:
    """Return the fields of an entry."""
    return {
        b"v": VERSION,
        b"id": event.id.encode(),
        b"type": event.type.encode(),
        b"time": event.time.encode(),
        b"source": event.source.encode(),
        b"attempt": b"%d" % event.attempt,
        b"first": event.first.encode(),
        b"traceparent": event.traceparent.encode(),
        b"data": event.data,
    }


def unpack(fields: Fields) -> Event:
    """Return the event in an entry, ``data`` still sealed; ``Rejected`` with the reason of the dead letter."""
    if b"v" not in fields:
        raise Rejected("malformed_entry", path="v")
    if fields[b"v"] != VERSION:
        raise Rejected("unknown_version", path="v")
    if _text(fields, b"type") not in TYPES:
        raise Rejected("unknown_type", path="type")
    return Event(
        id=_text(fields, b"id"),
        type=cast("EventType", _text(fields, b"type")),
        time=_text(fields, b"time"),
        source=_source(fields),
        attempt=attempt_of(fields),
        first=_text(fields, b"first"),
        traceparent=text_of(fields, b"traceparent"),
        data=fields.get(b"data", b""),
    )


def text_of(fields: Fields, name: bytes) -> str:
    """Return a field as text for lists and logs, undecodable bytes replaced; empty if it is missing."""
    return fields.get(name, b"").decode("ascii", "replace")


def attempt_of(fields: Fields) -> int:
    """Return the number of the present try; 1 if the field is no such number."""
    digits = fields.get(b"attempt", b"")
    return max(int(digits), 1) if digits.isdigit() and len(digits) < 6 else 1  # noqa: PLR2004 - no real count has six digits


def remaining_of(fields: Fields) -> float | None:
    """Return the seconds that remained of the wait of an event that was woken up; None if it was not."""
    digits = fields.get(b"remaining", b"")
    return int(digits) / 1000 if digits.isdigit() and len(digits) < 12 else None  # noqa: PLR2004 - no wait takes years


def _text(fields: Fields, name: bytes) -> str:
    value = fields.get(name, b"")
    if not value or not value.isascii():
        raise Rejected("malformed_entry", path=name.decode())
    return value.decode()


def _source(fields: Fields) -> Source:
    source = _text(fields, b"source")
    if source not in SOURCES:
        raise Rejected("malformed_entry", path="source")
    return cast("Source", source)


def new_id(now: float | None = None) -> str:
    """Make a UUIDv7 (RFC 9562): sorts by time, and two processes never make the same."""
    ms = int((clock.time() if now is None else now) * 1000)
    time, noise = f"{ms & 0xFFFF_FFFF_FFFF:012x}", os.urandom(10).hex()
    variant = "89ab"[int(noise[0], 16) & 3]
    return f"{time[:8]}-{time[8:]}-7{noise[1:4]}-{variant}{noise[4:7]}-{noise[7:19]}"


def rfc3339(seconds: float) -> str:
    """Format seconds since 1970 as ``2026-11-24T08:30:00.123Z``."""
    ms = round(seconds * 1_000_000) // 1000
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    """Format a whole second; many events have the same."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def seconds_of(text: str) -> float | None:
    """Parse what ``rfc3339`` formats; None if the text is no such time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
