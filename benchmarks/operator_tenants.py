"""A thousand tenants: how long until all have their children, what they cost when idle, and how much memory.

``KUBECONFIG=… python benchmarks/operator_tenants.py [TENANTS]`` against any cluster without an operator: that of the
tests will do (``python -m tools.test_cluster.launch api``). Applies the CustomResourceDefinition, makes a namespace
of its own and deletes that in the end. Without a node no pod ever runs, which makes no difference to the operator: a
tenant counts as converged when its last child is there and its status is written.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import aiohttp
from sight.figures import Figure, print_figures

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from aftersend_operator.api.access import load_access
from aftersend_operator.api.client import Api
from tests.support.operator_objects import tenant_document
from tests.support.servers import free_port

NAMESPACE = "benchmark"
IDLE_SECONDS = 180
COMMANDS = Path(sys.executable).parent


class NoCounter:
    """A call counter that counts nothing."""

    def record_call(self, verb: str, outcome: str) -> None:
        """Ignore the call."""


async def main(tenants: int) -> int:
    """Measure and print."""
    port = free_port()
    api = Api(partial(load_access, os.environ), NoCounter())
    teach()
    kubectl("create", "namespace", NAMESPACE)
    operator = start(port)
    try:
        await until(port, lambda _: True)
        begin = time.monotonic()
        gate = asyncio.Semaphore(8)
        await asyncio.gather(*(create(api, gate, number) for number in range(tenants)))
        created = time.monotonic() - begin
        await until(port, lambda now: now["conditions"] >= 4 * tenants and not now["depth"])
        converged = time.monotonic() - begin
        await asyncio.sleep(60)
        before = await metrics(port)
        await asyncio.sleep(IDLE_SECONDS)
        after = await metrics(port)
        idle = after["calls"] - before["calls"]
        figures = [
            Figure(f"{tenants} tenants created", created, "s"),
            Figure("converged", converged, "s"),
            Figure("calls until then, per tenant", before["calls"] / tenants, ""),
            Figure("calls per idle minute, all tenants", idle * 60 / IDLE_SECONDS, "", 21 + tenants / 20),
            Figure("processor when idle", 100 * (after["cpu"] - before["cpu"]) / IDLE_SECONDS, "% of a core"),
            Figure("memory", after["memory"] / 1e6, "MB", 512),
        ]
        return print_figures(figures, as_json=False)
    finally:
        operator.terminate()
        operator.wait()
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")
        await api.close()


def teach() -> None:
    """Let the cluster know tenants."""
    definition = subprocess.run([COMMANDS / "aftersend", "crd"], check=True, capture_output=True).stdout
    subprocess.run(["kubectl", "apply", "--server-side", "-f", "-"], input=definition, check=True)
    kubectl("wait", "--for=condition=Established", "crd", "aftersendtenants.aftersend.jj-ideenschmiede.de")


def start(port: int) -> "subprocess.Popen[bytes]":
    """The operator as a process."""
    environ = {
        **os.environ,
        "AFTERSEND_SERVICE_IMAGE": "localhost/aftersend-service:test",
        "AFTERSEND_REDIS_IMAGE": "localhost/redis:test",
        "AFTERSEND_WATCH_NAMESPACES": NAMESPACE,
        "AFTERSEND_OPERATOR_LISTEN": f"127.0.0.1:{port}",
        "AFTERSEND_LOG_FORMAT": "json",
    }
    return subprocess.Popen([COMMANDS / "aftersend-operator"], env=environ)


async def create(api: Api, gate: asyncio.Semaphore, number: int) -> None:
    """One tenant; its merchant's secrets are missing, which changes a condition and nothing else."""
    async with gate:
        await api.apply(tenant_document(f"shop-{number}", NAMESPACE))


async def until(port: int, wanted: Callable[[dict[str, float]], bool]) -> None:
    """Wait for the operator to be ready and for its metrics to be as wanted."""
    while True:
        try:
            if wanted(await metrics(port)):
                return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(1)


async def metrics(port: int) -> dict[str, float]:
    """The few that matter, summed over their series."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    names = {
        "calls": "aftersend_operator_api_requests_total",
        "depth": "aftersend_operator_queue_depth",
        "cpu": "process_cpu_seconds_total",
        "memory": "process_resident_memory_bytes",
    }
    found = {"conditions": float(len(re.findall(r"^aftersend_tenant_condition{", text, re.MULTILINE)))}
    return found | {
        short: sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))
        for short, name in names.items()
    }


def kubectl(*arguments: str) -> None:
    """Call it; it must be on the PATH."""
    subprocess.run(["kubectl", *arguments], check=True)


if __name__ == "__main__":
    if "KUBECONFIG" not in os.environ:
        sys.exit(print("left out: set KUBECONFIG to a cluster"))
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)))
