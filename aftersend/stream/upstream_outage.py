"""Remembers when the other side was last down, so that waits during an outage do not count.

One time in Redis, shared by all processes and surviving their restarts. An event whose last copy was written before
that moment waited through an outage, at least in part: its next failure is not counted as an attempt.
"""

from contextlib import suppress
from typing import Final

from aftersend.errors import Transient
from aftersend.redis.connection import guarded
from aftersend.stream.event import seconds_of
from aftersend.stream.stream import Stream

_KEEP_SECONDS: Final = 30 * 86400


class UpstreamOutage:
    """The last outage that events of one stream had to wait for."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def record(self) -> None:
        """The other side is down right now; if Redis is away, too, this is noted next time."""
        now = round(self._stream.clock() * 1000)
        with suppress(Transient), guarded():
            await self._stream.redis.set(self._stream.outage_key, now, ex=_KEEP_SECONDS)

    async def since(self, time: str) -> bool:
        """True if the other side was down at some time after ``time`` (RFC 3339)."""
        with guarded():
            noted = await self._stream.redis.get(self._stream.outage_key)
        written = seconds_of(time)
        return bool(noted and noted.isdigit() and written is not None and int(noted) / 1000 > written)
