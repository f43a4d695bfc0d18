"""The operator with many tenants: how fast they converge beside a bare loop of the same calls, and what they cost idle.

``KUBECONFIG=… python -m benchmarks.operator_tenants [TENANTS [IDLE_SECONDS]]`` against any cluster without an operator
and without nodes: that of the tests (``python -m tools.test_cluster.launch api``). Applies the
CustomResourceDefinition, makes two namespaces, and deletes them in the end.

    floor, one half ──> operator, all tenants ──> floor, the other half ──> pods answer ──> idle

The floor is a process that sends the same documents, one call for each object, as many at once as the operator has
workers, and knows nothing of watches. It runs before and after the operator, so that what else the machine does hits
both. Then volumes are bound and every pod is written as running, at a loopback address where a stub answers
``/readyz?verbose`` as a service does. So idle means what it means in production: each service is read once a minute.
"""

import asyncio
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from aftersend_operator.api.access import load_access
from aftersend_operator.api.client import Api
from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.manifests.generated_secrets import missing_secrets
from aftersend_operator.model.kinds import POD, Kind
from aftersend_operator.model.naming import TENANT_LABEL, Manifest
from aftersend_operator.model.records import tenant_record
from benchmarks.sight.figures import Figure, print_figures
from benchmarks.sight.readyz_stub import address
from tests.support.operator_objects import SETTINGS, merchant_secrets, tenant_document
from tests.support.servers import free_port

NAMESPACE, FLOOR = "benchmark", "benchmark-floor"
WORKERS = 8
IDLE_SECONDS = 180
COMMANDS = Path(sys.executable).parent
STUB = Path(__file__).resolve().parent / "sight" / "readyz_stub.py"
SPEC: dict[str, Any] = {
    "afterbuy": {"credentials": {"secretName": "shop-afterbuy"}},
    "sendcloud": {"credentials": {"secretName": "shop-sendcloud"}},
    "export": {"schedule": "0 0 1 1 *"},
    "backup": {"schedule": "0 0 1 1 *"},
}
"""The defaults, but for jobs: they would run in the middle of one measurement and not of another."""
_VOLUME = Kind("v1", "PersistentVolume", "persistentvolumes")


class NoCounter:
    """A call counter that counts nothing."""

    def record_call(self, verb: str, outcome: str) -> None:
        """Ignore the call."""


@dataclass(frozen=True)
class Bench:
    """The API server, and the operator's admin port."""

    api: Api
    port: int
    tenants: int

    async def floor(self, numbers: Iterable[int]) -> float:
        """Send the documents of tenants; return the seconds."""
        begin = time.monotonic()
        await in_parallel(map(self._send, numbers))
        return time.monotonic() - begin

    async def _send(self, number: int) -> None:
        """Send what the operator sends for one tenant: 26 children, 5 secrets, the status, an event."""
        record = tenant_record(await self.api.apply(document(number, FLOOR)))
        assert record.tenant is not None
        for secret in missing_secrets(record.tenant, uid=record.uid, existing={}, now=datetime.now(UTC)):
            await self.api.create(secret)
        for manifest in desired(record.tenant, uid=record.uid, settings=SETTINGS, facts=ClusterFacts()):
            await self.api.apply(manifest)
        status = {"status": {"observedGeneration": 1, "version": "0"}}
        await self.api.apply({**document(number, FLOOR, spec=False), **status}, subresource="status")
        await self.api.post_event(event(record.key[1], record.uid))

    async def converge(self) -> float:
        """Apply all tenants; return the seconds until each has its children and its status."""
        begin = time.monotonic()
        await in_parallel(self.api.apply(document(number, NAMESPACE)) for number in range(self.tenants))
        await self.until(lambda now: now["conditions"] >= 4 * self.tenants and not now["depth"])
        return time.monotonic() - begin

    async def run_pods(self) -> None:
        """Bind all volumes, and let every pod run where the stub answers."""
        claims = [f"aftersend-shop-{number}-{what}" for number in range(self.tenants) for what in ("redis", "backup")]
        await in_parallel(self.api._call("POST", _VOLUME.path(), volume(claim)) for claim in claims)  # noqa: SLF001
        while len(pods := await self._pods()) < 4 * self.tenants:  # noqa: ASYNC110 - made by another process
            await asyncio.sleep(2)
        await in_parallel(self._run(pod) for pod in pods)
        await self.until(lambda now: now["running"] >= self.tenants and not now["depth"])

    async def _pods(self) -> list[Manifest]:
        return list((await self.api._call("GET", POD.path(NAMESPACE)) or {}).get("items") or ())  # noqa: SLF001

    async def _run(self, pod: Manifest) -> None:
        labels, name = pod["metadata"]["labels"], pod["metadata"]["name"]
        part = labels["app.kubernetes.io/component"]
        path = POD.path(NAMESPACE, name, "status") + "?fieldManager=benchmark"
        body = {"status": running(address(int(labels[TENANT_LABEL].rpartition("-")[2]), part))}
        await self.api._call("PATCH", path, body, content_type="application/strategic-merge-patch+json")  # noqa: SLF001

    async def idle_share(self, seconds: float) -> float:
        """Return the share of a core that the operator takes."""
        before = await metrics(self.port)
        await asyncio.sleep(seconds)
        return ((await metrics(self.port))["cpu"] - before["cpu"]) / seconds

    async def until(self, wanted: Callable[[dict[str, float]], bool]) -> None:
        """Wait for the operator to be ready and for its metrics to be as wanted."""
        while True:
            try:
                if wanted(await metrics(self.port)):
                    return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)


async def main(tenants: int, idle_seconds: int) -> int:
    """Measure and print."""
    bench = Bench(Api(partial(load_access, os.environ), NoCounter()), free_port(), tenants)
    teach()
    for namespace in (NAMESPACE, FLOOR):
        kubectl("create", "namespace", namespace)
    operator, stub = start(bench.port), start_stub(tenants)
    try:
        await bench.until(lambda _: True)
        alone = await bench.idle_share(idle_seconds / 2)
        await in_parallel(map(bench.api.create, merchant_secrets("shop", NAMESPACE)))
        used = own_cpu()
        floor = await bench.floor(range(tenants // 2))
        used = own_cpu() - used
        started = await metrics(bench.port)
        converged = await bench.converge()
        at_first = await metrics(bench.port)
        floor += await bench.floor(range(tenants // 2, tenants))
        await bench.run_pods()
        running = await metrics(bench.port)
        await asyncio.sleep(60)
        before = await metrics(bench.port)
        share = await bench.idle_share(idle_seconds)
        after = await metrics(bench.port)
        minute = 60 / idle_seconds
        figures = [
            Figure(f"{tenants} tenants: the bare loop", floor, "s"),
            Figure("converged", converged, "s", 1.5 * floor),
            Figure("over the bare loop", converged / floor, "", 1.5),
            Figure("processor of the bare loop, per tenant", 2000 * used / tenants, "ms"),
            Figure("processor of the operator, per tenant", 1000 * (at_first["cpu"] - started["cpu"]) / tenants, "ms"),
            Figure("writes until then, per tenant", (at_first["writes"] - started["writes"]) / tenants, "", 45),
            Figure("writes until all run, per tenant", (running["writes"] - started["writes"]) / tenants, "", 45),
            Figure("reads per idle minute, all tenants", (after["reads"] - before["reads"]) * minute, "", 25),
            Figure("writes per idle minute, all tenants", (after["writes"] - before["writes"]) * minute, "", 0),
            Figure("processor without a tenant", 100 * alone, "% of a core"),
            Figure("processor when idle", 100 * share, "% of a core"),
            Figure("so of a thousand", 100 * (alone + (share - alone) * 1000 / tenants), "% of a core", 5),
            Figure("memory", after["memory"] / 1e6, "MB", 512),
        ]
        return print_figures(figures, as_json=False)
    finally:
        for process in (operator, stub):
            process.terminate()
            process.wait()
        for namespace in (NAMESPACE, FLOOR):
            kubectl("delete", "namespace", namespace, "--wait=false")
        kubectl("delete", "persistentvolume", f"--selector=benchmark={NAMESPACE}", "--wait=false")
        await bench.api.close()


async def in_parallel(calls: Iterable[Any]) -> None:
    """Await all, as many at once as the operator has workers."""
    gate = asyncio.Semaphore(WORKERS)

    async def one(call: Any) -> None:  # noqa: ANN401 - any awaitable
        async with gate:
            await call

    await asyncio.gather(*map(one, calls))


def document(number: int, namespace: str, *, spec: bool = True) -> Manifest:
    """One tenant."""
    found = tenant_document(f"shop-{number}", namespace, **SPEC)
    return found if spec else {name: value for name, value in found.items() if name != "spec"}


def event(name: str, uid: str) -> Manifest:
    """An event about a tenant of the floor."""
    about = {"kind": "AftersendTenant", "name": name, "namespace": FLOOR, "uid": uid}
    metadata = {"namespace": FLOOR, "name": f"{name}.{uid}"}
    return {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": about, "reason": "Benchmark"}


def volume(claim: str) -> Manifest:
    """A volume for one claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{NAMESPACE}-{claim}", "labels": {"benchmark": NAMESPACE}},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "claimRef": {"namespace": NAMESPACE, "name": claim},
            "hostPath": {"path": "/nowhere"},
        },
    }


def running(pod_address: str) -> dict[str, Any]:
    """The status of a pod that serves."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": now}]
    return {"phase": "Running", "podIP": pod_address, "podIPs": [{"ip": pod_address}], "conditions": conditions}


def teach() -> None:
    """Let the cluster know tenants."""
    definition = subprocess.run([COMMANDS / "aftersend", "crd"], check=True, capture_output=True).stdout
    subprocess.run(["kubectl", "apply", "--server-side", "-f", "-"], input=definition, check=True)
    established = "--for=jsonpath={.status.conditions[?(@.type=='Established')].status}=True"
    kubectl("wait", established, "crd", "aftersendtenants.aftersend.jj-ideenschmiede.de")


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


def start_stub(tenants: int) -> "subprocess.Popen[bytes]":
    """What answers for the pods."""
    return subprocess.Popen([sys.executable, STUB, NAMESPACE, str(tenants)])


async def metrics(port: int) -> dict[str, float]:
    """The few that matter, summed over their series."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    calls = "aftersend_operator_api_requests_total"
    names = {
        "calls": f"{calls}{{.*}}",
        "reads": f'{calls}{{.*verb="GET".*}}',
        "writes": f'{calls}{{.*verb="(?:PATCH|POST|DELETE)".*}}',
        "depth": "aftersend_operator_queue_depth",
        "cpu": "process_cpu_seconds_total",
        "memory": "process_resident_memory_bytes",
        "running": 'aftersend_tenant_condition{condition="Ready",reason="Running",.*}',
    }
    found = {"conditions": float(len(re.findall(r"^aftersend_tenant_condition{", text, re.MULTILINE)))}
    return found | {
        short: sum(float(value) for value in re.findall(rf"^{name} (\S+)$", text, re.MULTILINE))
        for short, name in names.items()
    }


def own_cpu() -> float:
    """Processor seconds of this process, which is the floor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def kubectl(*arguments: str) -> None:
    """Call it; it must be on the PATH."""
    subprocess.run(["kubectl", *arguments], check=True)


if __name__ == "__main__":
    if "KUBECONFIG" not in os.environ:
        sys.exit(print("left out: set KUBECONFIG to a cluster"))
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(asyncio.run(main(given[0] if given else 1000, given[1] if len(given) > 1 else IDLE_SECONDS)))
