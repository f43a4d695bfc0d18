"""The exporter service: Afterbuy -> Sendcloud, and the sweep.

It consumes the stream ``runs``, runs the schedules that ``AFTERSEND_SCHEDULER`` names, and watches for a ledger that
needs recovery. A suspended tenant has no schedules; its requests are answered at once.
"""

import asyncio
import sys
import time
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from aftersend.afterbuy.client import AfterbuyClient, AfterbuyCredentials
from aftersend.errors import AftersendError
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import pause
from aftersend.observe.meters import StreamMeter, UpstreamMeter
from aftersend.runs import RunKind, RunRequest, RunSummary, publish
from aftersend.sendcloud.client import SendcloudClient, SendcloudCredentials
from aftersend.service.run import run_part
from aftersend.service.runtime import Part, Runtime
from aftersend.stream.consumer import Consumer
from aftersend.stream.event import rfc3339
from aftersend.stream.stream import Stream
from aftersend_exporter.backups import back_up, keep_last_backup_shown
from aftersend_exporter.context import ExportContext
from aftersend_exporter.metrics import ExporterGauges
from aftersend_exporter.report import show_last_successes
from aftersend_exporter.requests.circuits import Circuits
from aftersend_exporter.requests.coalescing import RequestCoalescer
from aftersend_exporter.requests.handler import RunHandler
from aftersend_exporter.requests.schedule import Schedule
from aftersend_exporter.sweep.recovery import RecoveryWatch

_MAX_SILENCE: Final = 120.0
_SCHEDULES: Final[dict[str, tuple[RunKind, ...]]] = {"all": ("export", "sweep"), "sweep": ("sweep",), "none": ()}


async def serve(runtime: Runtime) -> None:
    """Serve one tenant until ``runtime.stop`` is set."""
    context = context_for(runtime)
    runs = Stream(runtime.redis, tenant=runtime.identity, name="runs", keyring=runtime.keyring)
    circuits = Circuits(
        afterbuy=context.afterbuy,
        sendcloud=context.sendcloud,
        secrets=runtime.secrets,
        metrics=runtime.metrics,
        tenant=runtime.identity,
    )
    consumer = Consumer(
        runs,
        RunHandler(context, RequestCoalescer(runtime.redis, runs=runs), circuits, on_finished=partial(_tell, runtime)),
        name=runtime.name,
        meter=StreamMeter(runtime.metrics, runtime.identity, "runs"),
        heartbeat=_watched(runtime, "runs"),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(consumer.run(runtime.stop))
        group.create_task(circuits.keep(runtime.stop))
        group.create_task(ExporterGauges(context, runs, runtime.settings).keep(runtime.stop))
        group.create_task(keep_last_backup_shown(runtime))
        if runtime.settings.scheduler == "all" and runtime.settings.backup_target:
            group.create_task(_keep_backups(runtime, context))
        if not runtime.tenant.spec.suspend:
            group.create_task(_recover(runtime, context, runs))
            group.create_task(_keep_schedules(runtime, context, runs, circuits))


def context_for(runtime: Runtime) -> ExportContext:
    """Both clients, ledger and state of the runtime's tenant."""
    spec, identity = runtime.tenant.spec, runtime.identity
    return ExportContext(
        tenant=runtime.tenant,
        afterbuy=AfterbuyClient(
            runtime.http,
            url=spec.afterbuy.url,
            credentials=lambda: AfterbuyCredentials.read(runtime.secrets("afterbuy")),
            meter=UpstreamMeter(runtime.metrics, identity, "afterbuy"),
        ),
        sendcloud=SendcloudClient(
            runtime.http,
            url=spec.sendcloud.url,
            credentials=lambda: SendcloudCredentials.read(runtime.secrets("sendcloud")),
            meter=UpstreamMeter(runtime.metrics, identity, "sendcloud"),
        ),
        ledger=Ledger(runtime.redis, tenant=identity, keyring=runtime.keyring),
        state=TenantState(runtime.redis, tenant=identity),
        parcels=Stream(runtime.redis, tenant=identity, name="parcels", keyring=runtime.keyring),
        keyring=runtime.keyring,
        metrics=runtime.metrics,
        clock=time.time,
    )


async def _recover(runtime: Runtime, context: ExportContext, runs: Stream) -> None:
    watch = RecoveryWatch(context.state, runs, clock=time.monotonic)
    await watch.keep(runtime.stop, _watched(runtime, "recovery"))


async def _keep_schedules(runtime: Runtime, context: ExportContext, runs: Stream, circuits: Circuits) -> None:
    """Start each schedule from when its kind last ran; that is known as soon as Redis answers."""
    spec = runtime.tenant.spec
    crons: dict[RunKind, str] = {"export": spec.export.schedule, "sweep": spec.sweep.schedule}
    lasts = await _last_runs(runtime, context)
    if lasts is None:
        return
    async with asyncio.TaskGroup() as group:
        for kind in _SCHEDULES[runtime.settings.scheduler]:
            may_run = partial(circuits.closed_for, kind)
            ask = partial(publish, runs, RunRequest(kind=kind), source="system")
            schedule = Schedule(kind, crons[kind], context.zone, ask, may_run=may_run)
            pulse = _watched(runtime, f"schedule-{kind}")
            group.create_task(schedule.keep(runtime.stop, last=lasts[kind], heartbeat=pulse))


async def _last_runs(runtime: Runtime, context: ExportContext) -> dict[str, datetime | None] | None:
    """Wait for Redis, and show the last successes; None if the service ends before."""
    while True:
        try:
            await show_last_successes(context.state, runtime.metrics, tenant=runtime.identity)
            return {
                "export": await context.state.moment("export.start"),
                "sweep": await context.state.moment("success.sweep"),
                "backup": await context.state.moment("success.backup"),
            }
        except AftersendError:
            if not await pause(runtime.stop, 1.0):
                return None


async def _keep_backups(runtime: Runtime, context: ExportContext) -> None:
    """A tenant that is suspended is backed up, too: its webhook goes on storing events."""
    lasts = await _last_runs(runtime, context)
    if lasts is None:
        return
    pulse = _watched(runtime, "schedule-backup")
    ask = partial(back_up, runtime, pulse=pulse)
    schedule = Schedule("backup", runtime.tenant.spec.backup.schedule, context.zone, ask, may_run=lambda: True)
    await schedule.keep(runtime.stop, last=lasts["backup"], heartbeat=pulse)


def _tell(runtime: Runtime, summary: RunSummary) -> None:
    """The last export and the last sweep stand in ``/readyz?verbose``, for whoever does not see the job's report."""
    runtime.health.set_fact(summary.kind, {**msgspec.to_builtins(summary), "time": rfc3339(time.time())})


def _watched(runtime: Runtime, loop: str) -> "partial[None]":
    name = f"exporter-{loop}"
    runtime.health.register_loop(name, _MAX_SILENCE)
    return partial(runtime.health.heartbeat, name)


PART = Part(name="exporter", serve=serve)


def main() -> None:
    """The console script ``aftersend-exporter``."""
    sys.exit(run_part(PART))
