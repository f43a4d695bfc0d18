"""The operator as a process beside a real API server, and what tests do to its tenants.

There is no node here, so nothing runs: what pods of a real cluster would report, tests write into their status
themselves. The operator calls the API server by way of a proxy that counts and fails on demand.
"""

import base64
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from tests.support.cluster.kube_client import ApiRefusedError, KubeClient
from tests.support.cluster.operator_process import Operator
from tests.support.operator_objects import merchant_secrets, tenant_document
from tests.support.servers import free_port
from tools.test_cluster.cluster import ROOT, Cluster
from tools.test_cluster.proxy import FaultProxy

CANARY = "canary-4b1f-never-to-be-seen"
TENANT_LABEL = "aftersend.jj-ideenschmiede.de/tenant"
CHILDREN = (
    "configmap",
    "persistentvolumeclaim",
    "service",
    "serviceaccount",
    "secret",
    "deployment",
    "statefulset",
    "cronjob",
    "ingress",
    "networkpolicy",
)
PATIENCE = 90.0
T = TypeVar("T")


def eventually(look: Callable[[], T], *, what: str, patience: float = PATIENCE) -> T:
    """What ``look`` answers as soon as it is true; a refused call counts as not yet."""
    deadline = time.monotonic() + patience
    found: Any = None
    while time.monotonic() < deadline:
        try:
            found = look()
        except (ApiRefusedError, OSError) as error:
            found = error
        else:
            if found:
                return found
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}; last seen: {found!r}")


@dataclass
class OperatorScene:
    """A namespace with tenants in it, and an operator that sees no other namespace."""

    cluster: Cluster
    kube: KubeClient
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
        self.kube.apply(tenant_document(name, self.namespace, **spec))

    def apply_secrets(self, name: str = "mueller") -> None:
        """Create the merchant's secrets, full of what must never be seen."""
        self.kube.apply(*merchant_secrets(name, self.namespace, CANARY))

    def patch(self, what: str, document: dict[str, Any], *, subresource: str = "", manager: str = "person") -> None:
        """Merge into an object, as ``kubectl patch`` or ``kubectl edit`` do."""
        self.kube.patch(what, self.namespace, document, subresource=subresource, manager=manager)

    def delete(self, what: str, *, cascade: str = "Background") -> None:
        """Delete and do not wait."""
        self.kube.delete(what, self.namespace, cascade=cascade)

    # what is there

    def get(self, what: str) -> Any:
        """One object, as ``kind/name``."""
        found = self.kube.look(what, self.namespace)
        if found is None:
            raise ApiRefusedError(f"there is no {what} in {self.namespace}")
        return found

    def exists(self, what: str) -> bool:
        """Whether there is such an object."""
        return self.kube.look(what, self.namespace) is not None

    def children(self, name: str = "mueller") -> dict[str, Any]:
        """All children of a tenant by ``Kind/name``."""
        labels = f"app.kubernetes.io/managed-by=aftersend-operator,{TENANT_LABEL}={name}"
        found = [item for kind in CHILDREN for item in self.kube.list(kind, self.namespace, labels=labels)]
        return {f"{item['kind']}/{item['metadata']['name']}": item for item in found}

    def messages(self, reason: str) -> list[str]:
        """Texts of the events of one reason."""
        return [event["message"] for event in self.kube.list("event", self.namespace) if event["reason"] == reason]

    def events(self) -> list[str]:
        """Reasons of all events on tenants."""
        found = self.kube.list("event", self.namespace)
        return [event["reason"] for event in found if event["involvedObject"]["kind"] == "AftersendTenant"]

    def status(self, name: str = "mueller") -> dict[str, Any]:
        """The status of a tenant; empty if there is none yet."""
        return dict(self.get(f"ast/{name}").get("status", {}))

    def conditions(self, name: str = "mueller") -> dict[str, Any]:
        """The conditions of a tenant by type."""
        return {condition["type"]: condition for condition in self.status(name).get("conditions", ())}

    def reason(self, condition: str = "Ready", name: str = "mueller") -> str:
        """Why a condition is as it is; empty if it is not there yet."""
        return str(self.conditions(name).get(condition, {}).get("reason", ""))

    def settled(self, name: str = "mueller") -> bool:
        """True when the operator has done all it can for this generation of the tenant."""
        tenant = self.get(f"ast/{name}")
        seen = tenant.get("status", {}).get("observedGeneration")
        return bool(seen == tenant["metadata"]["generation"] and self.is_complete(name))

    def is_complete(self, name: str = "mueller") -> bool:
        """Whether the last of the children is there, in either topology."""
        last = (f"cronjob/aftersend-{name}-backup", f"deployment/aftersend-{name}-all")
        return any(self.exists(what) for what in last)

    # what pods of a real cluster would report

    def report_available(self, name: str = "mueller") -> None:
        """Every pod of a service that there is by now runs and is ready, so its controller counts it."""
        for pod in self.kube.list("pod", self.namespace, labels=f"{TENANT_LABEL}={name}"):
            if pod["status"]["phase"] == "Pending":
                running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                self.patch(f"pod/{pod['metadata']['name']}", {"status": running}, subresource="status")

    def is_running(self, name: str = "mueller") -> bool:
        """Let the pods run that there are by now, and look whether the tenant is ready and at rest."""
        self.report_available(name)
        return (self.reason(name=name), self.reason("Progressing", name)) == ("Running", "UpToDate")

    def report_job(self, part: str, report: dict[str, Any], *, ended: str, name: str = "mueller") -> None:
        """A job's pod has ended and left its report."""
        job = self.get(f"cronjob/aftersend-{name}-{part}")["spec"]["jobTemplate"]["spec"]["template"]
        pod = f"aftersend-{name}-{part}-{ended.replace(':', '').lower()}"
        metadata = {"name": pod, "namespace": self.namespace, "labels": job["metadata"]["labels"]}
        self.kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": job["spec"]})
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
            f"pod/{pod}", {"status": {"phase": "Succeeded", "containerStatuses": [container]}}, subresource="status"
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


def rights_of(kube: KubeClient, namespace: str) -> str:
    """A token of a service account with the rights that the chart gives the operator in a namespace."""
    text = (ROOT / "charts/aftersend/templates/_rights.tpl").read_text()
    rules = yaml.safe_load(text.partition("-}}\n{{- define")[2].partition("-}}")[2].rpartition("{{- end")[0])
    group = "rbac.authorization.k8s.io"
    metadata = {"name": "operator", "namespace": namespace}
    kube.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "operator"},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        },
    )
    return kube.token(namespace, "operator")


@contextmanager
def ending(scene: OperatorScene) -> Iterator[OperatorScene]:
    """Stop what was started, and hold every test to the promise that nothing secret gets in or out."""
    scene.proxy.look_for(CANARY, base64.b64encode(CANARY.encode()).decode())
    try:
        yield scene
        events = str(scene.kube.list("event", scene.namespace))
        status = str([tenant.get("status") for tenant in scene.kube.list("ast", scene.namespace)])
        assert CANARY not in events + status, "a secret value stands in status or events"
        assert CANARY not in scene.log(), "a secret value stands in the log"
        assert not [call for call in scene.proxy.leaks if "/secrets" in call], (
            "the operator was sent the value of a merchant's secret"
        )
        assert "Traceback" not in scene.log(), scene.log()
    finally:
        sys.stdout.write(scene.log())  # pytest shows it with a failure
        for operator in scene.operators:
            operator.end()
        if scene.cluster.folder is None:  # ours vanishes as a whole
            scene.kube.delete(f"namespace/{scene.namespace}")
