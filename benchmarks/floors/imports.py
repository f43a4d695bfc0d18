"""The floor of a service's memory and start: import the libraries that it works with, print a line, wait.

What structlog and redis-py import without need (rich, OpenTelemetry) is left out here, too.
"""

import asyncio
import sys
from importlib import import_module

LIBRARIES = ("aiohttp.web", "lxml.etree", "msgspec", "nacl.bindings", "prometheus_client", "redis.asyncio", "structlog")


async def wait() -> None:
    """Start the event loop as a service does."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    for unused in ("rich", "opentelemetry"):
        sys.modules[unused] = None  # type: ignore[assignment]  # the documented way to make an import fail
    for library in LIBRARIES:
        import_module(library)
    asyncio.run(wait())
