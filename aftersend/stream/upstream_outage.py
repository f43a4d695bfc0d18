"""The last outage of the upstream, so that waits during an outage do not count as attempts.

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
        """Record that the upstream is down now; if Redis is away, too, the next call records it."""
        now = round(self._stream.clock() * 1000)
        with suppress(Transient), guarded():
            await self._stream.redis.set(self._stream.outage_key, now, ex=_KEEP_SECONDS)

    async def since(self, time: str) -> bool:
        """Return True if the upstream was down at some time after ``time`` (RFC 3339)."""
        with guarded():
            noted = await self._stream.redis.get(self._stream.outage_key)
        written = seconds_of(time)
        return bool(noted and noted.isdigit() and written is not None and int(noted) / 1000 > written)
