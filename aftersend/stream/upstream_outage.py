"""The last outage of the upstream, so that waits during an outage do not count as attempts.

One time in Redis, shared by all processes and surviving their restarts. An event whose last copy was written before
that moment waited through an outage, at least in part: its next failure is not counted as an attempt.
"""

from contextlib import suppress
from typing import Final

from aftersend.errors import Transient
from aftersend.redis.connection import guarded
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

    async def last(self) -> float:
        """Return when the upstream was seen to be down last, in seconds since 1970; 0 if never."""
        with guarded():
            noted = await self._stream.redis.get(self._stream.outage_key)
        return int(noted) / 1000 if noted and noted.isdigit() else 0.0
