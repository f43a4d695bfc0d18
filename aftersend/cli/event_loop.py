"""The event loop of one command: logging and traces around the coroutine that does the work."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any

from aftersend.observe import logs, traces


def run(work: Coroutine[Any, Any, int], *, sends_events: bool = False, audited: bool = False) -> int:
    """Run the work of a command; return its exit code.

    A command that ``sends_events`` starts a trace for them, if traces are configured. One that is ``audited`` logs that
    it was called, in the form of the services.
    """
    logs.configure(_log_format() if audited else "console", "info" if audited else "error")
    return _traced(work) if sends_events else asyncio.run(work)


def _log_format() -> str:
    return os.environ.get("AFTERSEND_LOG_FORMAT") or ("console" if sys.stderr.isatty() else "json")


def _traced(work: Coroutine[Any, Any, int]) -> int:
    try:
        traces.start_tracing("aftersend-cli")
        return asyncio.run(work)
    finally:
        work.close()
        traces.stop_tracing()
