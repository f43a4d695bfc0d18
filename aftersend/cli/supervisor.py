"""The process behind ``aftersend up``: all parts for all tenants, each isolated from the others.

    documents, secrets ──> embedded Valkey (or a given Redis) ──> one Runtime per tenant ──> every part of each
                                    │ died? started again            │ one HTTP session, one admin, one public address
                                    └────────────────────────────────┴──> stop: parts hand back, then Valkey ends

A part that fails is started again after a while, ever later up to a minute; the other tenants notice nothing. Who is
served, and with which settings, is decided in ``served_tenants`` before anything starts.
"""

import asyncio
import dataclasses
from contextlib import AsyncExitStack
from importlib.metadata import EntryPoint, entry_points

from aftersend.cli import tenant_context
from aftersend.cli.exit_codes import FAILED, OK
from aftersend.cli.output import show_text
from aftersend.cli.up_plan import ServedTenant, UpPlan, served_tenants, summary
from aftersend.errors import AftersendError
from aftersend.loops import pause
from aftersend.observe import context, logs, traces
from aftersend.redis.embedded import EmbeddedValkey
from aftersend.service.admin import AdminServer
from aftersend.service.health import Health
from aftersend.service.run import (
    disable_core_dumps,
    exit_on_early_signals,
    keep_heartbeat,
    run_with_deadline,
    stop_on_signals,
    watch_durability,
    watch_event_loop,
    watch_secrets,
)
from aftersend.service.runtime import Part, Runtime, Shared, http_session, runtime_for

_SHORTEST_REST, _LONGEST_REST = 1.0, 60.0
_LOOK_AT_VALKEY = 1.0


def serve(plan: UpPlan) -> int:
    """Run until a signal comes; 0 after an orderly end, 1 if a tenant had to be left out."""
    exit_on_early_signals()
    disable_core_dumps()
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
    """Where the installed parts are."""
    return sorted(entry_points(group="aftersend.parts"), key=lambda entry: entry.name)


def load_parts() -> list[Part]:
    """Every installed part."""
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
            group.create_task(_keep_alive(valkey, shared.stop))
        tenant_context.save(plan.data_dir, ((served.settings.tenant_file, served.location) for served in tenants))
        show_text("\n".join(summary(tenants, admin_port=admin.port)))
        await shared.stop.wait()


def _start(group: asyncio.TaskGroup, runtime: Runtime, parts: list[Part], healths: dict[str, Health]) -> None:
    """One task per part, each with loops of its own, and the companions of the tenant."""
    group.create_task(_watch(runtime))
    for part in parts:
        own = dataclasses.replace(runtime, health=Health())
        healths[f"{runtime.identity} {part.name}"] = own.health
        group.create_task(_supervise(part, own))


async def _watch(runtime: Runtime) -> None:
    """What belongs to the tenant and to none of its parts."""
    context.bind(tenant=runtime.identity, part="up")
    await asyncio.gather(
        watch_durability(runtime, part="up"),
        watch_event_loop(runtime),
        watch_secrets(runtime),
        keep_heartbeat(runtime, part="up"),
    )


async def _supervise(part: Part, runtime: Runtime) -> None:
    """Keep one part of one tenant running until stop."""
    context.bind(tenant=runtime.identity, part=part.name)
    log = logs.get_logger()
    rest = _SHORTEST_REST
    while True:
        begun = asyncio.get_running_loop().time()
        try:
            await run_with_deadline(part, runtime)
        except Exception as error:
            log.error("part_failed", exc_info=error, again_in=rest)  # noqa: TRY400 - no texts, see observe.logs
        runtime.health.clear()
        if not await pause(runtime.stop, rest):
            return
        lasted = asyncio.get_running_loop().time() - begun
        rest = _SHORTEST_REST if lasted > _LONGEST_REST else min(rest * 2, _LONGEST_REST)


async def _keep_alive(valkey: EmbeddedValkey, stop: asyncio.Event) -> None:
    """Start the embedded Valkey again if it dies under us."""
    while await pause(stop, _LOOK_AT_VALKEY):
        if not valkey.is_running:
            logs.get_logger().error("valkey_died")
            try:
                await valkey.restart()
            except AftersendError as error:
                logs.get_logger().error("valkey_not_restarted", exc_info=error)
