"""The process of ``aftersend up``: all parts for all tenants, each isolated from the others.

    documents, secrets ──> embedded Valkey (or a given Redis) ──> one Runtime per tenant ──> every part of each
                                    │ died? started again            │ one HTTP session, one admin, one public address
                                    └────────────────────────────────┴──> stop: parts release, then Valkey ends

A part that fails is restarted with exponential backoff; other parts and tenants go on. Which tenants are served, and
with which settings, is decided in ``up_plan`` before anything starts.
"""

import asyncio
import dataclasses
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from aftersend.backoff import Backoff
from aftersend.cli import tenant_context
from aftersend.cli.exit_codes import FAILED, OK
from aftersend.cli.output import show_text
from aftersend.cli.up_plan import ServedTenant, UpPlan, served_tenants, summary, update_seal_keys
from aftersend.errors import AftersendError
from aftersend.loops import every, pause
from aftersend.observe import context, logs, traces
from aftersend.redis.embedded import EmbeddedValkey
from aftersend.redis.rewrite import rewrite
from aftersend.service.admin import AdminServer
from aftersend.service.early_signals import exit_on_sigterm
from aftersend.service.health import Health
from aftersend.service.process_limits import prepare_process
from aftersend.service.run import (
    keep_heartbeat,
    run_with_deadline,
    stop_on_signals,
    watch_durability,
    watch_event_loop,
    watch_secrets,
)
from aftersend.service.runtime import Part, Runtime, Shared, http_session, runtime_for

_RESTART_BACKOFF = Backoff(first=1.0, longest=60.0)
_VALKEY_CHECK_SECONDS = 1.0
_REWRITE_SECONDS = 86_400.0
_SEAL_KEY_SECONDS = 15.0


def serve(plan: UpPlan) -> int:
    """Serve until a signal comes; return 0 after an orderly end, 1 if a tenant was left out."""
    exit_on_sigterm()
    prepare_process()
    tenants = served_tenants(plan)
    valkey = None if plan.redis_url else EmbeddedValkey(plan.data_dir / "valkey")
    try:
        if valkey:
            valkey.start()
            tenants = [served.with_redis(valkey.bare_url, valkey.secrets) for served in tenants]
        asyncio.run(_serve(plan, tenants, load_parts(), valkey))
    except BaseExceptionGroup as group:
        raise logs.leaf(group) from None
    finally:
        if valkey:
            valkey.stop()
            tenant_context.clear(plan.data_dir)
        traces.stop_tracing()
    return OK if len(tenants) == len(plan.files) else FAILED


def part_entries() -> list[EntryPoint]:
    """List the entry points of the installed parts."""
    return sorted(entry_points(group="aftersend.parts"), key=lambda entry: entry.name)


def load_parts() -> list[Part]:
    """Load every installed part."""
    return [entry.load() for entry in part_entries()]


async def _serve(plan: UpPlan, tenants: list[ServedTenant], parts: list[Part], valkey: EmbeddedValkey | None) -> None:
    settings = tenants[0].settings
    logs.configure(settings.log_format, settings.log_level)
    traces.start_tracing("aftersend")
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        shared = Shared(http=await stack.enter_async_context(http_session()))
        stop_on_signals(shared.stop)
        healths: dict[str, Health] = {}
        for served in tenants:
            runtime = await stack.enter_async_context(
                runtime_for(
                    tenant=served.tenant,
                    settings=served.settings,
                    shared=shared,
                    part="up",
                    secrets=served.location.secrets,
                )
            )
            healths[served.tenant.identity] = runtime.health
            _start(group, runtime, parts, healths)
        admin = AdminServer(healths=healths, metrics=shared.metrics)
        await admin.start(settings.admin_listen)
        stack.push_async_callback(admin.stop)
        group.create_task(shared.public.serve(settings.listen, shared.stop))
        if valkey:
            group.create_task(every(_VALKEY_CHECK_SECONDS, partial(_restart_if_dead, valkey), shared.stop))
            group.create_task(every(_REWRITE_SECONDS, partial(rewrite, runtime.redis), shared.stop))
        tenant_context.save(plan.data_dir, ((served.settings.tenant_file, served.location) for served in tenants))
        show_text("\n".join(summary(tenants, admin_port=admin.port)))
        await shared.stop.wait()


def _start(group: asyncio.TaskGroup, runtime: Runtime, parts: list[Part], healths: dict[str, Health]) -> None:
    """Start one task per part, each with a health of its own, and the loops of the tenant."""
    group.create_task(_run_tenant_loops(runtime))
    for part in parts:
        own = dataclasses.replace(runtime, health=Health())
        healths[f"{runtime.identity} {part.name}"] = own.health
        group.create_task(_supervise(part, own))


async def _run_tenant_loops(runtime: Runtime) -> None:
    """Run the loops that belong to the tenant and to none of its parts."""
    context.bind(tenant=runtime.identity, part="up")
    await asyncio.gather(
        watch_durability(runtime, part="up"),
        watch_event_loop(runtime),
        watch_secrets(runtime),
        keep_heartbeat(runtime, part="up"),
        every(_SEAL_KEY_SECONDS, partial(_update_seal_keys, runtime), runtime.stop),
    )


async def _update_seal_keys(runtime: Runtime) -> None:
    update_seal_keys(runtime.settings.secrets_dir)


async def _supervise(part: Part, runtime: Runtime) -> None:
    """Run one part of one tenant until stop; restart it when it fails."""
    context.bind(tenant=runtime.identity, part=part.name)
    log = logs.get_logger()
    failures = 1
    while True:
        begun, delay = asyncio.get_running_loop().time(), _RESTART_BACKOFF.delay(failures)
        try:
            await run_with_deadline(part, runtime)
        except Exception as error:
            log.error("part_failed", exc_info=error, again_in=delay)  # noqa: TRY400 - no texts, see observe.logs
        lasted = asyncio.get_running_loop().time() - begun
        runtime.health.clear()
        if not await pause(runtime.stop, delay):
            return
        failures = 1 if lasted > _RESTART_BACKOFF.longest else failures + 1


async def _restart_if_dead(valkey: EmbeddedValkey) -> None:
    """Restart the embedded Valkey after it has died, which must not stop the services."""
    if valkey.is_running:
        return
    logs.get_logger().error("valkey_died")
    try:
        await valkey.restart()
    except (AftersendError, OSError) as error:
        logs.get_logger().error("valkey_not_restarted", exc_info=error)
