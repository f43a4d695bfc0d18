"""The operator as a process beside a real API server, and what tests do to its tenants.

There is no node here, so nothing runs: what pods of a real cluster would report, tests write into their status
themselves. The operator calls the API server by way of a proxy that counts and fails on demand.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from tests.cluster.cluster import ROOT, Cluster, CommandError
from tests.cluster.proxy import FaultProxy
from tests.operator_objects import merchant_secrets, tenant_document
from tests.servers import free_port

CANARY = "canary-4b1f-never-to-be-seen"
OURS = "app.kubernetes.io/managed-by=aftersend-operator"
CHILDREN = (
    "configmaps,persistentvolumeclaims,services,serviceaccounts,secrets,deployments.apps,statefulsets.apps,"
    "cronjobs.batch,ingresses.networking.k8s.io,networkpolicies.networking.k8s.io"
)
PATIENCE = 90.0
T = TypeVar("T")


def eventually(look: Callable[[], T], *, what: str) -> T:
    """What ``look`` answers as soon as it is true; a refused command counts as not yet."""
    deadline = time.monotonic() + PATIENCE
    found: Any = None
    while time.monotonic() < deadline:
        try:
            found = look()
        except (CommandError, OSError) as error:
            found = error
        else:
            if found:
                return found
        time.sleep(0.5)
    raise AssertionError(f"waited in vain for {what}; last seen: {found!r}")


@dataclass
class Operator:
    """One process of ``aftersend-operator``, with everything it ever printed."""

    environ: dict[str, str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Operator":
        """Start it; returns at once."""
        with self.log.open("ab") as out:
            command = [str(Path(sys.executable).parent / "aftersend-operator")]
            self.process = subprocess.Popen(command, env=self.environ, stdout=out, stderr=out)
        return self

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.process is not None
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        """True until it ended, by itself or not."""
        return self.process is not None and self.process.poll() is None

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=40)

    def ask(self, path: str) -> tuple[int, str]:
        """Status and text of its admin address."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def is_ready(self) -> bool:
        """True when everything was listed once."""
        return self.ask("/readyz")[0] == 200

    def metric(self, name: str) -> float:
        """The sum of all series of a metric whose line begins with ``name``."""
        lines = self.ask("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@dataclass
class Scene:
    """A namespace with tenants in it, and an operator that sees no other namespace."""

    cluster: Cluster
    namespace: str
    proxy: FaultProxy
    folder: Path
    operators: list[Operator] = field(default_factory=list)

    def operator(self, **environ: str) -> Operator:
        """A new process, not started."""
        port = free_port()
        values = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(self.proxy.kubeconfig),
            "AFTERSEND_SERVICE_IMAGE": "localhost/aftersend-service:test",
            "AFTERSEND_REDIS_IMAGE": "localhost/redis:test",
            "AFTERSEND_WATCH_NAMESPACES": self.namespace,
            "AFTERSEND_OPERATOR_LISTEN": f"127.0.0.1:{port}",
            "AFTERSEND_LOG_FORMAT": "json",
            "NO_PROXY": "*",
            **environ,
        }
        self.operators.append(Operator(values, self.folder / "operator.log", port))
        return self.operators[-1]

    # what a person does

    def apply_tenant(self, name: str = "mueller", **spec: Any) -> None:
        """Apply the document, the secrets stay as they are."""
        self.cluster.apply(tenant_document(name, self.namespace, **spec), manager="person")

    def apply_secrets(self, name: str = "mueller") -> None:
        """Create the merchant's secrets, full of what must never be seen."""
        self.cluster.apply(*merchant_secrets(name, self.namespace, CANARY), manager="person")

    def patch(self, what: str, document: dict[str, Any], *more: str) -> None:
        """Merge into an object, as ``kubectl patch`` or ``kubectl edit`` do."""
        body = msgspec.json.encode(document).decode()
        self.cluster.kubectl("patch", what, f"-n{self.namespace}", "--type=merge", f"--patch={body}", *more)

    def delete(self, what: str, *more: str) -> None:
        """Delete and do not wait."""
        self.cluster.kubectl("delete", what, f"-n{self.namespace}", "--wait=false", *more)

    # what is there

    def get(self, what: str) -> Any:
        """One object, as ``kind/name``."""
        return self.cluster.get(what, f"-n{self.namespace}")

    def exists(self, what: str) -> bool:
        """Whether there is such an object."""
        return bool(self.cluster.kubectl("get", what, f"-n{self.namespace}", "--ignore-not-found", "--output=name"))

    def children(self, name: str = "mueller") -> dict[str, Any]:
        """All children of a tenant by ``Kind/name``."""
        labels = f"{OURS},aftersend.jj-ideenschmiede.de/tenant={name}"
        found = self.cluster.get(CHILDREN, f"-n{self.namespace}", f"-l{labels}")["items"]
        return {f"{item['kind']}/{item['metadata']['name']}": item for item in found}

    def conditions(self, name: str = "mueller") -> dict[str, Any]:
        """The conditions of a tenant by type."""
        status = self.get(f"ast/{name}").get("status", {})
        return {condition["type"]: condition for condition in status.get("conditions", ())}

    def reason(self, condition: str = "Ready", name: str = "mueller") -> str:
        """Why a condition is as it is; empty if it is not there yet."""
        return str(self.conditions(name).get(condition, {}).get("reason", ""))

    def settled(self, name: str = "mueller") -> bool:
        """True when the operator has done all it can for this generation of the tenant."""
        tenant = self.get(f"ast/{name}")
        seen = tenant.get("status", {}).get("observedGeneration")
        return bool(seen == tenant["metadata"]["generation"] and self.is_complete(name))

    def is_complete(self, name: str = "mueller") -> bool:
        """Whether the last of the children is there."""
        return self.exists(f"cronjob/aftersend-{name}-backup")

    # what pods of a real cluster would report

    def report_available(self, name: str = "mueller") -> None:
        """Every pod of a service that there is by now runs and is ready, so its controller counts it."""
        label = f"aftersend.jj-ideenschmiede.de/tenant={name}"
        for pod in self.cluster.get("pods", f"-n{self.namespace}", f"-l{label}")["items"]:
            if pod["status"]["phase"] == "Pending":
                running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                self.patch(f"pod/{pod['metadata']['name']}", {"status": running}, "--subresource=status")

    def is_running(self, name: str = "mueller") -> bool:
        """Let the pods run that there are by now, and look whether the tenant is ready and at rest."""
        self.report_available(name)
        return (self.reason(name=name), self.reason("Progressing", name)) == ("Running", "UpToDate")

    def report_job(self, part: str, report: dict[str, Any], *, ended: str, name: str = "mueller") -> None:
        """A job's pod has ended and left its report."""
        job = self.get(f"cronjob/aftersend-{name}-{part}")["spec"]["jobTemplate"]["spec"]["template"]
        pod = f"aftersend-{name}-{part}-{ended.replace(':', '').lower()}"
        metadata = {"name": pod, "namespace": self.namespace, "labels": job["metadata"]["labels"]}
        self.cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": job["spec"]})
        terminated = {"exitCode": 0, "finishedAt": ended, "message": msgspec.json.encode(report).decode()}
        container = {
            "name": job["spec"]["containers"][0]["name"],
            "image": "x",
            "imageID": "x",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": terminated},
        }
        self.patch(
            f"pod/{pod}", {"status": {"phase": "Succeeded", "containerStatuses": [container]}}, "--subresource=status"
        )

    def bring_up(self, name: str = "mueller", **spec: Any) -> None:
        """A tenant that runs as it should."""
        self.apply_secrets(name)
        self.apply_tenant(name, **spec)
        eventually(lambda: self.settled(name), what=f"the children of {name}")
        eventually(lambda: self.is_running(name), what=f"{name} to be ready")

    def log(self) -> str:
        """Everything the operators printed."""
        path = self.folder / "operator.log"
        return path.read_text() if path.exists() else ""


def rights_of(cluster: Cluster, namespace: str) -> str:
    """A token of a service account with the rights that the chart gives the operator in a namespace."""
    text = (ROOT / "charts/aftersend/templates/_rights.tpl").read_text()
    rules = yaml.safe_load(text.partition("-}}\n{{- define")[2].partition("-}}")[2].rpartition("{{- end")[0])
    group = "rbac.authorization.k8s.io"
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "operator", "namespace": namespace}},
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": {"name": "operator", "namespace": namespace},
            "rules": rules,
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "operator", "namespace": namespace},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "operator"},
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace}],
        },
    )
    return cluster.kubectl("create", "token", "operator", f"-n{namespace}", "--duration=2h").strip()


@contextmanager
def ending(scene: Scene) -> Iterator[Scene]:
    """Stop what was started, and hold every test to the promise that nothing secret gets out."""
    try:
        yield scene
        events = scene.cluster.kubectl("get", "events", f"-n{scene.namespace}", "--output=yaml")
        status = scene.cluster.kubectl("get", "ast", f"-n{scene.namespace}", "--output=jsonpath={.items[*].status}")
        assert CANARY not in events + status, "a secret value stands in status or events"
        assert CANARY not in scene.log(), "a secret value stands in the log"
        assert "Traceback" not in scene.log(), scene.log()
    finally:
        sys.stdout.write(scene.log())  # pytest shows it with a failure
        for operator in scene.operators:
            operator.end()
