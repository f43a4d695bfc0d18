"""What the exporter shows of its stream: read from Redis now and then, so that a scrape never waits for Redis."""

import asyncio
from contextlib import suppress
from typing import Final

from aftersend.errors import Transient
from aftersend.observe.metrics import Metrics
from aftersend.service.waiting import pause
from aftersend.stream.stream import Stream

EVERY_SECONDS: Final = 15.0


async def keep_gauges(stream: Stream, metrics: Metrics, stop: asyncio.Event) -> None:
    """Refresh until ``stop``; while Redis is away the figures stay as they are."""
    while True:
        with suppress(Transient):
            await refresh(stream, metrics)
        if not await pause(stop, EVERY_SECONDS):
            return


async def refresh(stream: Stream, metrics: Metrics) -> None:
    """Read everything once."""
    labels = (stream.tenant, stream.name)
    metrics.event_age.labels(*labels).set(await stream.oldest_age())
    metrics.events_waiting.labels(*labels).set(await stream.length() + await stream.delayed())
    metrics.dead_letters.labels(*labels).set(await stream.dead())
