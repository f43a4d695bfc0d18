"""What the writer shows of itself: read from Redis every few seconds, so that a scrape never waits for Redis.

The last success is kept in memory and handed to Redis with the same beat; there the exporter finds it for the status of
the tenant, and the next process for its metric.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aftersend.errors import Transient
from aftersend.ledger.state import TenantState
from aftersend.ledger.store import Ledger
from aftersend.observe.metrics import Metrics
from aftersend.service.health import Health
from aftersend.service.waiting import pause
from aftersend.stream.event import rfc3339
from aftersend.stream.stream import Stream

EVERY_SECONDS: Final = 5.0


@dataclass(slots=True)
class Gauges:
    """The numbers of one tenant's write-back."""

    tenant: str
    metrics: Metrics
    health: Health
    ledger: Ledger
    state: TenantState
    stream: Stream
    clock: Callable[[], float] = time.time
    _success: float = 0.0
    _stored: float = 0.0

    def succeeded(self) -> None:
        """An order is right in Afterbuy, just now."""
        self._success = self.clock()

    def raced(self, seconds: float) -> None:
        """A write could have met a person's edit for so long."""
        self.metrics.write_race.labels(self.tenant).observe(seconds)

    def foreign(self) -> None:
        """An event told of a parcel that is not ours."""
        self.metrics.events_handled.labels(self.tenant, "foreign", self.stream.name).inc()

    def circuit(self, is_open: bool) -> None:  # noqa: FBT001 - the breaker's own signature
        """Calls to Afterbuy were suspended, or go on."""
        self.metrics.circuit_open.labels(self.tenant, "afterbuy").set(is_open)
        self.health.tell("afterbuy", "suspended" if is_open else "ok")

    async def run(self, stop: asyncio.Event) -> None:
        """Refresh until ``stop`` is set, and once more then."""
        self.circuit(is_open=False)
        while True:
            with suppress(Transient):  # Redis is away: the numbers stay as they are, /readyz tells
                await self.refresh()
            if not await pause(stop, EVERY_SECONDS):
                break
        with suppress(Transient):
            await self._keep_success()

    async def refresh(self) -> None:
        """Read everything once."""
        name = self.stream.name
        age, length, delayed = await asyncio.gather(
            self.stream.oldest_age(), self.stream.length(), self.stream.delayed()
        )
        self.metrics.event_age.labels(self.tenant, name).set(age)
        self.metrics.events_waiting.labels(self.tenant, name).set(length + delayed)
        self.metrics.dead_letters.labels(self.tenant, name).set(await self.stream.dead())
        for code, count in (await self.ledger.counts()).items():
            self.metrics.problems.labels(self.tenant, code).set(count)
        await self._keep_success()

    async def _keep_success(self) -> None:
        if not self._success:
            self._success = self._stored = int(await self.state.get("success.writeback") or 0) / 1000
        if self._success > self._stored:
            await self.state.set("success.writeback", str(int(self._success * 1000)))
            self._stored = self._success
        if self._success:
            self.metrics.last_success.labels(self.tenant, "writeback").set(self._success)
            self.health.tell("lastWriteBack", rfc3339(self._success))
