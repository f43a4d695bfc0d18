"""What the writer shows of itself: read from Redis every few seconds, so that a scrape never waits for Redis.

The last success is kept in memory and handed to Redis with the same beat; there the exporter finds it for the status of
the tenant, and the next process for its metric.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aftersend.afterbuy.model import AFTERBUY
from aftersend.circuit_breaker import BreakerState
from aftersend.errors import Transient
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import pause
from aftersend.observe.meters import CircuitMeter, exemplar
from aftersend.observe.metrics import Metrics
from aftersend.sendcloud.model import ParcelEvent
from aftersend.service.health import Health
from aftersend.service.redis_metrics import show_stream
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
    _circuit: CircuitMeter = field(init=False)
    _success: float = 0.0
    _stored: float = 0.0

    def __post_init__(self) -> None:
        self._circuit = CircuitMeter(self.metrics, self.tenant, AFTERBUY)

    def succeeded(self) -> None:
        """An order is right in Afterbuy, just now."""
        self._success = self.clock()

    def shown(self, parcel: ParcelEvent) -> None:
        """Afterbuy shows what this event told, just now."""
        since = parcel.received if parcel.time is None else parcel.time
        self.metrics.writeback_seconds.labels(self.tenant).observe(max(self.clock() - since / 1000, 0.0), exemplar())

    def raced(self, seconds: float) -> None:
        """A write could have met a person's edit for so long."""
        self.metrics.write_race.labels(self.tenant).observe(seconds)

    def foreign(self) -> None:
        """An event told of a parcel that is not ours."""
        self.metrics.events_handled.labels(self.tenant, "foreign", self.stream.name).inc()

    def circuit(self, state: BreakerState) -> None:
        """Calls to Afterbuy were suspended, or go on."""
        self._circuit.show(is_open=state is not BreakerState.CLOSED, refused=state is BreakerState.REFUSED)
        self.health.tell("afterbuy", state.value)

    async def run(self, stop: asyncio.Event) -> None:
        """Refresh until ``stop`` is set, and once more then."""
        self.circuit(BreakerState.CLOSED)
        while True:
            with suppress(Transient):  # Redis is away: the numbers stay as they are, /readyz tells
                await self.refresh()
            if not await pause(stop, EVERY_SECONDS):
                break
        with suppress(Transient):
            await self._keep_success()

    async def refresh(self) -> None:
        """Read everything once."""
        await show_stream(self.stream, self.metrics)
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
