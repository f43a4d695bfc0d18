"""The life of one service process: start, serve, end.

    settings, tenant document ── wrong ──> one clear text on standard error, exit 2
    admin address up ──> part serves ──> SIGTERM ──> stop is set: the listener drains, the part releases ──> exit 0
                              └── fails ──> one line with the type of the error ──> exit 1

Redis may be away at any time, at the start, too: then the process runs, is not ready and keeps trying. The end takes at
most 25 seconds: after 20 the part is cancelled, after 24 the process exits anyway.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial

from aftersend.errors import Misconfigured
from aftersend.loops import every
from aftersend.observe import context, logs, traces
from aftersend.redis import durability
from aftersend.service.admin import AdminServer
from aftersend.service.early_signals import exit_on_sigterm
from aftersend.service.exit_codes import EXIT_FAILED, EXIT_MISCONFIGURED, EXIT_OK
from aftersend.service.heartbeat import Heartbeat
from aftersend.service.process_limits import prepare_process
from aftersend.service.runtime import Part, Runtime, Shared, http_session, runtime_for
from aftersend.service.secret_watch import SecretWatcher, missing_keys
from aftersend.settings import Settings, read_settings
from aftersend.tenant.document import Tenant
from aftersend.tenant.loading import load_tenant
from aftersend.tenant.upstream_urls import check_upstream_urls

_CANCEL_AFTER = 20.0
_LEAVE_AFTER = 24.0


def run_part(part: Part, environ: Mapping[str, str] = os.environ) -> int:
    """Run the main function of each console script; returns the exit code."""
    exit_on_sigterm()
    prepare_process()
    try:
        settings, tenant = _prepare(environ)
        return asyncio.run(_life(part, settings, tenant))
    except Misconfigured as error:
        sys.stderr.write(f"aftersend-{part.name} cannot start: {error}\n")
        return EXIT_MISCONFIGURED
    finally:
        traces.stop_tracing()


def _prepare(environ: Mapping[str, str]) -> tuple[Settings, Tenant]:
    settings = read_settings(environ)
    tenant = load_tenant(settings.tenant_file)
    check_upstream_urls(tenant, allow_http=settings.allow_http, hosts=settings.upstream_hosts)
    if not settings.secrets_dir.is_dir():
        raise Misconfigured(f"there is no folder {settings.secrets_dir}", cure="AFTERSEND_SECRETS_DIR must name it")
    return settings, tenant


async def _life(part: Part, settings: Settings, tenant: Tenant) -> int:
    logs.configure(settings.log_format, settings.log_level)
    context.bind(tenant=tenant.identity, part=part.name)
    traces.start_tracing(f"aftersend-{part.name}")
    async with AsyncExitStack() as stack:
        shared = Shared(http=await stack.enter_async_context(http_session()))
        stop_on_signals(shared.stop)
        runtime = await stack.enter_async_context(
            runtime_for(tenant=tenant, settings=settings, shared=shared, part=part.name)
        )
        admin = AdminServer(healths={runtime.identity: runtime.health}, metrics=runtime.metrics)
        await admin.start(settings.admin_listen)
        stack.push_async_callback(admin.stop)
        logs.get_logger().info("started", admin_port=admin.port)
        return await _serve(part, runtime)


async def _serve(part: Part, runtime: Runtime) -> int:
    """Run the part and its companions until stop; the first failure ends them all."""
    log = logs.get_logger()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(runtime.public.serve(runtime.settings.listen, runtime.stop))
            group.create_task(watch_durability(runtime, part=part.name))
            group.create_task(watch_event_loop(runtime))
            group.create_task(watch_secrets(runtime))
            group.create_task(keep_heartbeat(runtime, part=part.name))
            group.create_task(_run_only_part(part, runtime))
    except BaseExceptionGroup as group_error:
        error = logs.leaf(group_error)
        if isinstance(error, Misconfigured):
            raise error from None
        log.critical("failed", exc_info=error)
        return EXIT_FAILED
    log.info("ended")
    return EXIT_OK


async def run_with_deadline(part: Part, runtime: Runtime) -> None:
    """Serve until stop, then for 20 seconds at most; the metric ``part`` shows the tenant meanwhile."""
    shown = (runtime.identity, part.name)
    runtime.metrics.part.labels(*shown).set(1)
    runtime.health.set_fact("missingKeys", partial(missing_keys, runtime.secrets, part.keys))
    serving = asyncio.ensure_future(part.serve(runtime))
    stopping = asyncio.create_task(runtime.stop.wait())
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([serving], timeout=_CANCEL_AFTER)
    finally:
        runtime.metrics.part.remove(*shown)
        stopping.cancel()
        serving.cancel()
        await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


async def _run_only_part(part: Part, runtime: Runtime) -> None:
    """Run the only part of a process: when it returns, the process ends."""
    await run_with_deadline(part, runtime)
    runtime.stop.set()


async def watch_durability(runtime: Runtime, *, part: str) -> None:
    """Show in metrics and log whether Redis keeps what it confirms."""
    await durability.watch(
        runtime.redis,
        runtime.metrics.redis_durable,
        runtime.stop,
        tenant=runtime.identity,
        ask_config=part != "webhook" and durability.may_ask_config(runtime.secrets("redis")),
    )


async def keep_heartbeat(runtime: Runtime, *, part: str) -> None:
    """Write heartbeats; the webhook writes none, because its ACL user has no command for that."""
    if part != "webhook":
        await Heartbeat(runtime.redis, tenant=runtime.identity).keep(f"{part} {runtime.name}", runtime.stop)


async def watch_secrets(runtime: Runtime) -> None:
    """Count and log changed secrets, also those that no part is reading right now."""
    await SecretWatcher(runtime.secrets, runtime.metrics, tenant=runtime.identity).keep(runtime.stop)


async def watch_event_loop(runtime: Runtime) -> None:
    """Prove that the event loop turns."""
    runtime.health.register_loop("event-loop", 30)

    async def turn() -> None:
        runtime.health.heartbeat("event-loop")

    await every(5, turn, runtime.stop)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set ``stop`` on SIGTERM and SIGINT; the process exits 24 seconds later, even if something hangs."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        if not stop.is_set():
            stop.set()
            leave = threading.Timer(_LEAVE_AFTER, os._exit, (EXIT_OK,))
            leave.daemon = True
            leave.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
