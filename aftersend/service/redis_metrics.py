"""What the metrics show of Redis: read now and then, so that a scrape never waits for it.

The exporter shows both streams, the writer its own again: whoever of them is gone, the age of the oldest event is
still seen. ``redis_denied`` comes from Redis' own counters (``acl_access_denied_*`` of INFO), which need no dangerous
rights and see everybody, not only us. They begin anew when Redis restarts. Redis counts them since 7.2.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aftersend.observe.metrics import Metrics
from aftersend.redis.connection import guarded
from aftersend.redis.memory_guard import fullness
from aftersend.stream.stream import Stream

if TYPE_CHECKING:
    from redis.asyncio import Redis

_DENIALS: Final = {
    "acl_access_denied_auth": "login",
    "acl_access_denied_cmd": "command",
    "acl_access_denied_key": "key",
    "acl_access_denied_channel": "channel",
}


async def show_stream(stream: Stream, metrics: Metrics) -> None:
    """Read everything once; ``Transient`` if Redis is away, then the figures stay as they are."""
    labels = (stream.tenant, stream.name)
    metrics.event_age.labels(*labels).set(await stream.oldest_age())
    metrics.stream_length.labels(*labels).set(await stream.length())
    metrics.stream_pending.labels(*labels).set(await stream.pending())
    metrics.events_delayed.labels(*labels).set(await stream.delayed())
    metrics.dead_letters.labels(*labels).set(await stream.dead())


@dataclass(slots=True)
class RedisFigures:
    """Memory, connections and refusals of one tenant's Redis."""

    redis: "Redis"
    metrics: Metrics
    tenant: str
    _denied: dict[str, int] = field(default_factory=dict)

    async def show(self) -> None:
        """Ask once; ``Transient`` if Redis is away."""
        with guarded():
            facts: dict[str, Any] = await self.redis.info()
        self.metrics.redis_memory.labels(self.tenant).set(fullness(facts))
        self.metrics.redis_clients.labels(self.tenant).set(int(facts.get("connected_clients", 0)))
        for fact, kind in _DENIALS.items():
            if fact not in facts:
                continue  # a Redis before 7.2 does not count; 0 would say that all is well
            now = int(facts[fact])
            self.metrics.redis_denied.labels(self.tenant, kind).inc(grown(self._denied.get(kind, now), now))
            self._denied[kind] = now


def grown(before: int, now: int) -> int:
    """By how much a counter of another process grew; it may have begun anew."""
    return now - before if now >= before else now
