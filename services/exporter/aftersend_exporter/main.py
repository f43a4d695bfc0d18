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
from zoneinfo import ZoneInfo

import msgspec

from aftersend.afterbuy.client import AfterbuyClient, AfterbuyCredentials
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import until_reached
from aftersend.observe.meters import StreamMeter, UpstreamMeter
from aftersend.runs import RunKind, RunRequest, RunSummary, publish
from aftersend.sendcloud.client import SendcloudClient, SendcloudCredentials
from aftersend.service.run import run_part
from aftersend.service.runtime import Part, Runtime
from aftersend.stream.consumer import Consumer
from aftersend.stream.event import rfc3339
from aftersend.stream.stream import Stream
from aftersend_exporter.backups import back_up, show_last
from aftersend_exporter.context import ExportContext
from aftersend_exporter.metrics import ExporterGauges
from aftersend_exporter.report import show_last_successes
from aftersend_exporter.requests.circuits import Circuits
from aftersend_exporter.requests.coalescing import RequestCoalescer
from aftersend_exporter.requests.handler import RunHandler
from aftersend_exporter.requests.repeats import RunRepeats
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
    runtime.health.set_fact("circuits", circuits.states)
    repeats = RunRepeats(runs, context.state, circuits, runtime.metrics)
    coalescer = RequestCoalescer(runtime.redis, runs=runs)
    consumer = Consumer(
        runs,
        RunHandler(context, coalescer, circuits, repeats, on_finished=partial(_publish_fact, runtime)),
        name=runtime.name,
        meter=StreamMeter(runtime.metrics, runtime.identity, "runs"),
        heartbeat=_heartbeat(runtime, "runs"),
    )
    runtime.health.add_reading(partial(show_last, runtime))
    async with asyncio.TaskGroup() as group:
        group.create_task(consumer.run(runtime.stop))
        group.create_task(circuits.keep(runtime.stop))
        group.create_task(repeats.keep(runtime.stop))
        group.create_task(ExporterGauges(context, runs, runtime.settings, runtime.health).keep(runtime.stop))
        if runtime.settings.scheduler == "all" and runtime.settings.backup_target:
            group.create_task(_run_backup_schedule(runtime, context))
        if not runtime.tenant.spec.suspend:
            group.create_task(_watch_recovery(runtime, context, runs))
            group.create_task(_run_schedules(runtime, context, runs, circuits))


def context_for(runtime: Runtime) -> ExportContext:
    """Make clients, ledger and state of the runtime's tenant."""
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
        ledger=Ledger(runtime.redis, tenant=identity, keyring=runtime.keyring, zone=ZoneInfo(spec.time_zone)),
        state=TenantState(runtime.redis, tenant=identity),
        parcels=Stream(runtime.redis, tenant=identity, name="parcels", keyring=runtime.keyring),
        keyring=runtime.keyring,
        metrics=runtime.metrics,
        clock=time.time,
        stop=runtime.stop,
    )


async def _watch_recovery(runtime: Runtime, context: ExportContext, runs: Stream) -> None:
    watch = RecoveryWatch(context.state, runs, clock=time.monotonic)
    await watch.keep(runtime.stop, _heartbeat(runtime, "recovery"))


async def _run_schedules(runtime: Runtime, context: ExportContext, runs: Stream, circuits: Circuits) -> None:
    """Run each schedule from the last run of its kind on, which is known as soon as Redis answers."""
    spec = runtime.tenant.spec
    crons: dict[RunKind, str] = {"export": spec.export.schedule, "sweep": spec.sweep.schedule}
    lasts = await _last_runs(runtime, context)
    if lasts is None:
        return
    async with asyncio.TaskGroup() as group:
        for kind in _SCHEDULES[runtime.settings.scheduler]:
            may_run = partial(circuits.closed_for, kind)
            trigger = partial(publish, runs, RunRequest(kind=kind), source="system")
            schedule = Schedule(kind, crons[kind], context.zone, trigger, may_run=may_run)
            heartbeat = _heartbeat(runtime, f"schedule-{kind}")
            group.create_task(schedule.keep(runtime.stop, last=lasts[kind], heartbeat=heartbeat))


async def _last_runs(runtime: Runtime, context: ExportContext) -> dict[str, datetime | None] | None:
    """Wait for Redis, read and show the last successes; None if the service ends before that."""

    async def read() -> dict[str, datetime | None]:
        await show_last_successes(context.state, runtime.metrics, tenant=runtime.identity)
        return {
            "export": await context.state.moment("export.start"),
            "sweep": await context.state.moment("success.sweep"),
            "backup": await context.state.moment("success.backup"),
        }

    return await until_reached(read, runtime.stop, wait=lambda _: 1.0)


async def _run_backup_schedule(runtime: Runtime, context: ExportContext) -> None:
    """Make backups by schedule, of a suspended tenant, too: its webhook goes on storing events."""
    lasts = await _last_runs(runtime, context)
    if lasts is None:
        return
    heartbeat = _heartbeat(runtime, "schedule-backup")
    trigger = partial(back_up, runtime, heartbeat=heartbeat)
    schedule = Schedule("backup", runtime.tenant.spec.backup.schedule, context.zone, trigger, may_run=lambda: True)
    await schedule.keep(runtime.stop, last=lasts["backup"], heartbeat=heartbeat)


def _publish_fact(runtime: Runtime, summary: RunSummary) -> None:
    """Show the last export and the last sweep in ``/readyz?verbose``."""
    runtime.health.set_fact(summary.kind, {**msgspec.to_builtins(summary), "time": rfc3339(time.time())})


def _heartbeat(runtime: Runtime, loop: str) -> "partial[None]":
    name = f"exporter-{loop}"
    runtime.health.register_loop(name, _MAX_SILENCE)
    return partial(runtime.health.heartbeat, name)


KEYS: Final = {"afterbuy": ("partnerToken", "accountToken"), "sendcloud": ("publicKey", "secretKey")}
PART = Part("exporter", serve, KEYS)


def main() -> None:
    """Run the console script ``aftersend-exporter``."""
    sys.exit(run_part(PART))
