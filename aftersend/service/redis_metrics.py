"""Metrics read from Redis when they are to be shown.

The exporter shows both streams and the writer its own once more, so the age of the oldest event stays visible when one
of them is down. ``redis_denied`` comes from the counters of the server (``acl_access_denied_*`` of INFO, since Redis
7.2): they need no dangerous command and count all clients, not only ours. They restart at 0 with the server.
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


async def refresh_stream_metrics(stream: Stream, metrics: Metrics) -> dict[str, int]:
    """Read the gauges of one stream; ``Transient`` if Redis is away, then they keep their values.

    Return what ``/readyz?verbose`` shows of the stream.
    """
    labels = (stream.tenant, stream.name)
    age, length = await stream.oldest_age(), await stream.length()
    delayed, dead = await stream.delayed(), await stream.dead()
    metrics.event_age.labels(*labels).set(age)
    metrics.stream_length.labels(*labels).set(length)
    metrics.stream_pending.labels(*labels).set(await stream.pending())
    metrics.events_delayed.labels(*labels).set(delayed)
    metrics.dead_letters.labels(*labels).set(dead)
    return {"waiting": length, "delayed": delayed, "dead": dead, "oldestMinutes": int(age // 60)}


@dataclass(slots=True)
class RedisMetrics:
    """Memory, connections and ACL denials of one tenant's Redis."""

    redis: "Redis"
    metrics: Metrics
    tenant: str
    _denied: dict[str, int] = field(default_factory=dict)

    async def refresh(self) -> None:
        """Read INFO once; ``Transient`` if Redis is away."""
        with guarded():
            facts: dict[str, Any] = await self.redis.info()
        self.metrics.redis_memory.labels(self.tenant).set(fullness(facts))
        self.metrics.redis_clients.labels(self.tenant).set(int(facts.get("connected_clients", 0)))
        for fact, kind in _DENIALS.items():
            if fact not in facts:
                continue  # Redis before 7.2 does not count denials; 0 would look like none
            now = int(facts[fact])
            self.metrics.redis_denied.labels(self.tenant, kind).inc(counter_growth(self._denied.get(kind, now), now))
            self._denied[kind] = now


def counter_growth(before: int, now: int) -> int:
    """Return the growth of a counter that restarts at 0 with its process."""
    return now - before if now >= before else now
