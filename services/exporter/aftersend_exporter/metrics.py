"""Gauges of one tenant: both streams, Redis, and when the next run of each kind is due.

A run is due at the first time of the tenant's schedule after the last success, no matter what requests it: a CronJob,
the exporter's own scheduler, a person. A suspended tenant expects no export and no sweep, nor does one that was
suspended or new until a moment ago: that moment is kept in Redis (``quiet``), so that neither a restart nor a crash
loop hides that a run is late.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aftersend.ledger.tenant_state import StateField
from aftersend.loops import every, until_reached
from aftersend.service.health import Health
from aftersend.service.redis_metrics import RedisMetrics, refresh_stream_metrics
from aftersend.settings import Settings
from aftersend.stream.event import rfc3339
from aftersend.stream.stream import Stream
from aftersend.tenant.document import Spec
from aftersend_exporter.context import ExportContext
from aftersend_exporter.requests.schedule import next_time

EVERY_SECONDS: Final = 15.0
_SUCCESS: Final[Mapping[str, StateField]] = {
    "export": "success.export",
    "sweep": "success.sweep",
    "backup": "success.backup",
}


def expected(spec: Spec, settings: Settings) -> dict[str, str]:
    """Return the kinds of run that should succeed by schedule, with their schedules."""
    schedules = {} if spec.suspend else {"export": spec.export.schedule}
    if not spec.suspend and settings.scheduler != "none":
        schedules["sweep"] = spec.sweep.schedule
    if settings.scheduler != "all" or settings.backup_target:  # else no backups are made
        schedules["backup"] = spec.backup.schedule
    return schedules


@dataclass(slots=True)
class ExporterGauges:
    """The gauges of one tenant."""

    context: ExportContext
    runs: Stream
    settings: Settings
    health: Health = field(default_factory=Health)
    _redis: RedisMetrics = field(init=False)

    def __post_init__(self) -> None:
        self._redis = RedisMetrics(self.runs.redis, self.context.metrics, self.context.tenant.identity)

    async def keep(self, stop: asyncio.Event) -> None:
        """Read once, then whenever figures are shown; a suspended tenant keeps noting that it is, until ``stop``."""
        self.health.add_reading(self.refresh)
        await until_reached(self.refresh, stop, wait=lambda _: EVERY_SECONDS)
        if self.context.tenant.spec.suspend:
            await every(EVERY_SECONDS, self._quiet_until, stop)

    async def refresh(self) -> None:
        """Refresh all gauges once."""
        streams = (self.runs, self.context.parcels)
        queues = {stream.name: await refresh_stream_metrics(stream, self.context.metrics) for stream in streams}
        self.health.set_fact("queues", queues)
        sweep = await self.context.state.get("success.sweep")
        if sweep:
            self.health.set_fact("lastSweep", rfc3339(int(sweep) / 1000))
        await self._redis.refresh()
        quiet = await self._quiet_until()
        for kind, schedule in expected(self.context.tenant.spec, self.settings).items():
            await self._show_due(kind, schedule, quiet)

    async def _show_due(self, kind: str, schedule: str, quiet: datetime) -> None:
        context = self.context
        success = await context.state.moment(_SUCCESS[kind])
        since = success if success and (kind == "backup" or success > quiet) else quiet
        due = next_time(schedule, after=since, zone=context.zone)
        context.metrics.next_due.labels(context.tenant.identity, kind).set(due.timestamp())

    async def _quiet_until(self) -> datetime:
        context = self.context
        known = await context.state.moment("quiet")
        if known is None or context.tenant.spec.suspend:
            known = context.now()
            await context.state.set("quiet", str(context.now_ms()))
        return known
