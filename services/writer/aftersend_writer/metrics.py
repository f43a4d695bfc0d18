"""Metrics of the writer: read from Redis when they are to be shown.

The time of the last success is kept in memory and stored in Redis within seconds; the exporter reads it there for the
status of the tenant, and the next writer process for its metric.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Counter

from aftersend.afterbuy.model import AFTERBUY
from aftersend.circuit_breaker import CircuitState
from aftersend.errors import Transient
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import first, pause
from aftersend.observe.meters import CircuitMeter, exemplar
from aftersend.observe.metrics import Metrics
from aftersend.sendcloud.model import ParcelEvent
from aftersend.service.health import Health
from aftersend.service.redis_metrics import refresh_stream_metrics
from aftersend.stream.event import rfc3339
from aftersend.stream.stream import Stream

STORE_SECONDS: Final = 5.0


@dataclass(slots=True)
class WriterMetrics:
    """Metrics of one tenant's write-back."""

    tenant: str
    metrics: Metrics
    health: Health
    ledger: Ledger
    state: TenantState
    stream: Stream
    clock: Callable[[], float] = time.time
    _circuit: CircuitMeter = field(init=False)
    _too_old: Counter = field(init=False)
    """Created at 0: Prometheus sees no increase in a series that begins with its first event."""
    _written: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    """A success is not stored yet."""
    _success: float = 0.0
    _stored: float = 0.0

    def __post_init__(self) -> None:
        self._circuit = CircuitMeter(self.metrics, self.tenant, AFTERBUY)
        self._too_old = self.metrics.events_handled.labels(self.tenant, "too_old", self.stream.name)

    def record_success(self) -> None:
        """Note the time of a successful write-back."""
        self._success = self.clock()
        self._written.set()

    def record_written(self, parcel: ParcelEvent) -> None:
        """Observe the latency from the event to Afterbuy."""
        since = parcel.received if parcel.time is None else parcel.time
        self.metrics.writeback_seconds.labels(self.tenant).observe(max(self.clock() - since / 1000, 0.0), exemplar())

    def record_race_window(self, seconds: float) -> None:
        """Observe for how long a person's edit could have been overwritten."""
        self.metrics.write_race.labels(self.tenant).observe(seconds)

    def count_foreign(self) -> None:
        """Count an event of a parcel that is not ours."""
        self.metrics.events_handled.labels(self.tenant, "foreign", self.stream.name).inc()

    def count_too_old(self) -> None:
        """Count an event that was refused as too old."""
        self._too_old.inc()

    def count_forgotten(self) -> None:
        """Count an event of an order that was erased on request."""
        self.metrics.events_handled.labels(self.tenant, "forgotten", self.stream.name).inc()

    def show_circuit(self, state: CircuitState) -> None:
        """Show the state of Afterbuy's circuit breaker."""
        self._circuit.show(is_open=state is not CircuitState.CLOSED, refused=state is CircuitState.REFUSED)
        self.health.set_fact("afterbuy", state.value)

    async def run(self, stop: asyncio.Event) -> None:
        """Read once, then whenever figures are shown; store successes until ``stop`` is set, and once more then."""
        self.show_circuit(CircuitState.CLOSED)
        self.health.add_reading(self.refresh)
        with suppress(Transient):
            await self.refresh()
        while await first(self._written, stop) and await pause(stop, STORE_SECONDS):
            self._written.clear()
            await self._store_or_repeat()
        await self._store_or_repeat()

    async def _store_or_repeat(self) -> None:
        try:
            await self._keep_success()
        except Transient:
            self._written.set()

    async def refresh(self) -> None:
        """Read everything once."""
        queue = await refresh_stream_metrics(self.stream, self.metrics)
        problems, notices = await self.ledger.counts(), await self.ledger.notice_counts()
        for code, count in problems.items():
            self.metrics.problems.labels(self.tenant, code).set(count)
        for notice, count in notices.items():
            self.metrics.notices.labels(self.tenant, notice).set(count)
        self.health.set_fact("queues", {self.stream.name: queue})
        self.health.set_fact("problems", {code: count for code, count in problems.items() if count})
        self.health.set_fact("notices", {code: count for code, count in notices.items() if count})
        await self._keep_success()

    async def _keep_success(self) -> None:
        if not self._success:
            self._success = self._stored = int(await self.state.get("success.writeback") or 0) / 1000
        if self._success > self._stored:
            await self.state.set("success.writeback", str(int(self._success * 1000)))
            self._stored = self._success
        if self._success:
            self.metrics.last_success.labels(self.tenant, "writeback").set(self._success)
            self.health.set_fact("lastWriteBack", rfc3339(self._success))
