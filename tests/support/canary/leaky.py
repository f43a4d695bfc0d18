"""A service that leaks one word wherever a service can leak: the proof that the search would see it.

Called as ``python leaky.py <part> <word>``: patches the real part, then runs it.
"""

import asyncio
import importlib
import sys
from typing import Any

import msgspec
from aiohttp import web

from aftersend.observe.logs import get_logger
from aftersend.observe.traces import span
from aftersend.service.run import run_part
from aftersend.service.runtime import Part, Runtime


def main(part: str, word: str) -> int:
    """Run the part until SIGTERM."""
    real: Part = importlib.import_module(f"aftersend_{part}.main").PART
    _break(part, word)

    async def serve(runtime: Runtime) -> None:
        runtime.health.set_fact("leak", word)
        runtime.metrics.webhooks.labels(runtime.identity, word).inc()
        get_logger().debug("leak", what=word)
        with span("leak", order=word):
            await runtime.redis.set(f"leak:{part}:{word}", word)
        await asyncio.gather(real.serve(runtime))

    return run_part(Part(part, serve))


def _break(part: str, word: str) -> None:
    if part == "webhook":
        body_reader = importlib.import_module("aftersend_webhook.body_reader")
        body_reader.WebhookResponse.to_aiohttp = lambda self: web.Response(status=self.status, text=word)
    if part == "exporter":
        handle = importlib.import_module("aftersend_exporter.requests.handler")
        store = handle.store_result

        async def quoting(*args: Any, summary: Any, **how: Any) -> None:
            health = msgspec.structs.replace(summary.health, message=word)
            await store(*args, summary=msgspec.structs.replace(summary, health=health), **how)

        handle.store_result = quoting


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
