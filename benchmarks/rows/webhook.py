"""Webhooks over 32 connections: throughput, processor time, and the wait for the answer at half of the maximum.

Ours is the service as it is shipped, with metrics, logs and traces of one webhook in ten.
"""

import asyncio
from contextlib import ExitStack

from benchmarks.child import Child, processor_seconds
from benchmarks.load import flood, steady
from benchmarks.race import Run, race
from benchmarks.result import Line, Target
from benchmarks.stage import Stage, wait_until_listening, wait_until_served

_SECONDS = 2.0
_PATH = "webhook, 32 connections"


def measure(stage: Stage, pairs: int) -> list[Line]:
    """Race two services that stay up."""
    with ExitStack() as stack:
        ours, floor = (Service(stage, stack, kind) for kind in ("ours", "floors"))
        found = race(_PATH, "webhook", ours.run, floor.run, pairs=pairs)
        rate = found.median_rates()[0] / 2
        waits = asyncio.run(steady(ours.url, rate=rate, seconds=5))
    p99, median = (waits[int(len(waits) * share)] * 1000 for share in (0.99, 0.5))
    late = Line(
        _PATH,
        f"answer at {rate:,.0f}/s, 99 of 100",
        f"{p99:.1f} ms",
        "",
        f"median {median:.1f} ms",
        p99,
        Target(100, most=True, unit="ms"),
    )
    return [found.throughput(Target(0.9)), found.cost(), late]


class Service:
    """A webhook service in a process of its own."""

    def __init__(self, stage: Stage, stack: ExitStack, kind: str, **more: str) -> None:
        self._stage = stage
        environ = stage.environ("webhook", **stage.tracing(), **more)
        module = ("ours.service", "webhook") if kind == "ours" else ("floors.webhook",)
        self._child = stack.enter_context(Child(*module, environ=environ))
        self.url = f"http://{environ['AFTERSEND_LISTEN']}/webhooks/sendcloud"
        if kind == "ours":
            wait_until_served(f"http://{environ['AFTERSEND_ADMIN_LISTEN']}/readyz")
        wait_until_listening(environ["AFTERSEND_LISTEN"])

    def run(self) -> Run:
        """Flood it for two seconds; what it stored goes."""
        before = processor_seconds(self._child.pid)
        answers, seconds = asyncio.run(flood(self.url, _SECONDS))
        found = Run(answers, seconds, processor_seconds(self._child.pid) - before)
        self._stage.redis.flushall()
        return found
