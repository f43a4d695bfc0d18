"""What do metrics and traces cost the webhook?

    python benchmarks/overhead.py [--pairs 5] [--rounds 12] [--seconds 0.5] [--json]

Two webhook services on one Valkey take turns, round by round: one as it is shipped, with metrics and with traces of one
webhook in ten going to a collector, and as the floor one whose metrics do nothing and which makes no traces. A few
clients send without a pause. The ratio of what both get through must not be below 0.85; it is shown the other way
round, as the floor's throughput over ours, so that it has an upper bound like all figures. Beside it stands the
processor time per webhook, which the load of the machine disturbs less. Rounds are short, and each is compared with its
neighbour only: a machine is seldom as fast as half a minute ago. Two equal processes differ by several per cent for as
long as they live, by where things lie in memory: so after some rounds a new pair takes over. A service has the last
core for itself; Valkey, the clients and the collector share the others.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from sight.figures import Figure, print_figures
from sight.waiting import until
from webhook_latency import send

from aftersend_demo.environment import DemoEnvironment, free_port
from aftersend_demo.sandbox_control import SandboxControl

CLIENTS = 16
LOWEST = 0.85
CORES = sorted(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")
SHIPPED = "from aftersend_webhook.main import main; main()"
COLLECTOR = """
import sys
from aiohttp import web
async def take(request):
    await request.read()
    return web.Response()
app = web.Application()
app.router.add_post("/v1/traces", take)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
"""
FLOOR = """
from prometheus_client.metrics import MetricWrapperBase
class Nothing:
    def __getattr__(self, name):
        return lambda *_, **__: None
MetricWrapperBase.labels = lambda self, *_, **__: Nothing()
"""


@dataclass(slots=True)
class Service:
    """One webhook service and what it got through: webhooks, processor seconds, round by round."""

    url: str
    ready: str
    process: "subprocess.Popen[bytes]"
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost of metrics and traces.")
    parser.add_argument("--pairs", type=int, default=5, help="so many services of each kind (default 5)")
    parser.add_argument("--rounds", type=int, default=12, help="rounds of each pair (default 12)")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a round (default 0.5)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return print_figures(asyncio.run(measure(options.pairs, options.rounds, options.seconds)), as_json=options.json)


async def measure(pairs: int, rounds: int, seconds: float) -> list[Figure]:
    """Pair after pair on the same Valkey; ``seconds`` is the length of a round."""
    os.sched_setaffinity(0, CORES[:-1] or CORES)
    with tempfile.TemporaryDirectory() as name, DemoEnvironment(Path(name), orders=0) as demo, collector() as endpoint:
        for part in ("exporter", "webhook", "writer"):
            demo.children[part].stop()
        async with aiohttp.ClientSession() as http:
            found = [await compete(demo, http, endpoint, rounds, seconds) for _ in range(pairs)]
    ours, floor = ([pair[side] for pair in found] for side in (0, 1))
    ratios = [
        theirs / own for mine, other in found for own, theirs in zip(mine.rates[1:], other.rates[1:], strict=True)
    ]
    return [
        Figure("webhooks per second, as shipped", round(middle(one.rates for one in ours), 1), "1/s"),
        Figure("webhooks per second, floor", round(middle(one.rates for one in floor), 1), "1/s"),
        Figure("floor's throughput over ours", round(statistics.median(ratios), 3), "", round(1 / LOWEST, 3)),
        Figure("processor time per webhook, as shipped", round(1000 * middle(one.costs for one in ours), 3), "ms"),
        Figure("processor time per webhook, floor", round(1000 * middle(one.costs for one in floor), 3), "ms"),
    ]


async def compete(
    demo: DemoEnvironment, http: aiohttp.ClientSession, endpoint: str, rounds: int, seconds: float
) -> tuple[Service, Service]:
    """Ours and the floor in turn, the first round of each for nothing: it warms up."""
    tracing = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.1",
    }
    control = SandboxControl(http, url=demo.sandbox_url)
    with started(demo, SHIPPED, **tracing) as ours, started(demo, FLOOR + SHIPPED) as floor:
        for service in (ours, floor):
            await until(lambda service=service: control.answers(service.ready))
        for _ in range(rounds + 1):
            for service in (ours, floor):
                await play(http, service, seconds)
    return ours, floor


def middle(rounds: Iterable[list[float]]) -> float:
    """The median over all rounds of all pairs but the first ones."""
    return statistics.median(value for values in rounds for value in values[1:])


async def play(http: aiohttp.ClientSession, service: Service, seconds: float) -> None:
    """One round: as many webhooks as go, from a few clients at a time."""
    end, sent = time.perf_counter() + seconds, 0

    async def client() -> None:
        nonlocal sent
        while time.perf_counter() < end:
            sent += 1
            status = await send(http, service.url, sent)
            assert status == 200, status

    before, begin = processor_seconds(service.process.pid), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    service.rates.append(sent / (time.perf_counter() - begin))
    service.costs.append((processor_seconds(service.process.pid) - before) / sent)


def processor_seconds(pid: int) -> float:
    """Time that a process has had so far, its own and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def started(demo: DemoEnvironment, code: str, **more: str) -> Iterator[Service]:
    """A webhook service that runs this code."""
    public, admin = free_port(), free_port()
    addresses = {"AFTERSEND_LISTEN": f"127.0.0.1:{public}", "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{admin}"}
    environ = {**os.environ, **demo.variables("webhook"), **addresses, **more, "AFTERSEND_LOG_LEVEL": "warning"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environ)
    os.sched_setaffinity(process.pid, CORES[-1:])
    try:
        yield Service(f"http://127.0.0.1:{public}/webhooks/sendcloud", f"http://127.0.0.1:{admin}/readyz", process)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def collector() -> Iterator[str]:
    """A process that takes traces and forgets them."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", COLLECTOR, str(port)])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
