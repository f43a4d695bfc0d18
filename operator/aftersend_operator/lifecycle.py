"""The life of the operator process: start, serve, end.

    settings, access to the API server ── wrong ──> one clear text on standard error, exit 2
    admin address up ──> runtime ──> SIGTERM ──> exit 0
                            └── fails ──> one line with the type of the error ──> exit 1

Shutdown needs no care: all state is found again in the cluster, so a reconciliation may be cut off at any call.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial

from aftersend.errors import Misconfigured
from aftersend.observe import logs, traces
from aftersend.observe.otel_settings import grpc_refused
from aftersend.service.admin import AdminServer
from aftersend.service.early_signals import exit_on_sigterm
from aftersend.service.exit_codes import EXIT_FAILED, EXIT_MISCONFIGURED, EXIT_OK
from aftersend.service.health import Health
from aftersend.service.process_limits import prepare_process
from aftersend_operator.api.access import load_access
from aftersend_operator.api.client import Api
from aftersend_operator.metrics import OperatorMetrics
from aftersend_operator.runtime import OperatorRuntime
from aftersend_operator.settings import OperatorSettings, read_operator_settings


def run(environ: Mapping[str, str] = os.environ) -> int:
    """Serve until SIGTERM; return the exit code."""
    exit_on_sigterm()
    prepare_process()
    try:
        settings = read_operator_settings(environ)
        return asyncio.run(_life(settings, environ))
    except Misconfigured as error:
        sys.stderr.write(f"aftersend-operator cannot start: {error}\n")
        return EXIT_MISCONFIGURED


async def _life(settings: OperatorSettings, environ: Mapping[str, str]) -> int:
    logs.configure(settings.log_format, settings.log_level)
    trace_settings = dict(settings.traces)
    if traces.tracing_enabled(trace_settings):
        grpc_refused(trace_settings)
    metrics, health, access = OperatorMetrics(), Health(), partial(load_access, environ)
    async with AsyncExitStack() as stack:
        api = Api(access, metrics)
        stack.push_async_callback(api.close)
        runtime = OperatorRuntime(settings, load_access=access, api=api, metrics=metrics, health=health)
        metrics.stalled.set_function(lambda: bool(health.stalled()))
        admin = AdminServer(healths={"operator": health}, metrics=metrics)
        await admin.start(settings.listen, setting="AFTERSEND_OPERATOR_LISTEN")
        stack.push_async_callback(admin.stop)
        logs.get_logger().info("started", admin_port=admin.port)
        return await _serve(runtime)


async def _serve(runtime: OperatorRuntime) -> int:
    try:
        await runtime.run()
    except Misconfigured:
        raise
    except Exception as error:  # noqa: BLE001 - logged by its type; a new process starts
        logs.get_logger().critical("failed", exc_info=error)
        os._exit(EXIT_FAILED)  # after one of kopf's tasks failed, others wait for each other, and asyncio for them
    logs.get_logger().info("ended")
    return EXIT_OK
