"""Workloads and pods of a tenant's parts in every phase, as the API server shows them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aftersend_operator.informer.cache import ChildKey
from aftersend_operator.model.pods import PodRecord, pod_record
from aftersend_operator.model.records import ChildRecord, TenantRecord, child_record
from aftersend_operator.status.parts import PartState, part_states
from tests.support.operator_objects import kind_named, live, recorded_tenant

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC).timestamp()
PARTS = ("exporter", "webhook", "writer", "redis")
LABELS = {
    "aftersend.jj-ideenschmiede.de/tenant": "mueller",
    "app.kubernetes.io/managed-by": "aftersend-operator",
}


def at(seconds_ago: float) -> str:
    """A time before ``NOW``, as Kubernetes writes it."""
    return f"{datetime.fromtimestamp(NOW - seconds_ago, UTC):%Y-%m-%dT%H:%M:%SZ}"


def workload(part: str, *, wanted: int = 1, ready: int = 1, updated: int = 1, total: int = 1, **status: Any) -> Any:
    """The Deployment (or StatefulSet) of a part."""
    kind = "StatefulSet" if part == "redis" else "Deployment"
    labels = {**LABELS, "app.kubernetes.io/component": part}
    counts = {"observedGeneration": 1, "availableReplicas": ready, "updatedReplicas": updated, "replicas": total}
    return live(
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": f"aftersend-mueller-{part}", "namespace": "shops", "labels": labels},
            "spec": {"replicas": wanted},
            "status": {**counts, **status},
        }
    )


def pod(
    part: str, name: str = "", *, ready: bool = True, age: float = 3600.0, conditions: Any = (), **container: Any
) -> PodRecord:
    """A pod of a part; ``container``: its status over that of one that runs."""
    state = {"restartCount": 0, "state": {"running": {"startedAt": at(age)}}, **container}
    is_ready = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": at(age)}
    labels = {**LABELS, "app.kubernetes.io/component": part}
    where = {"name": name or f"{part}-1", "namespace": "shops", "labels": labels, "creationTimestamp": at(age)}
    return pod_record(
        live(
            {
                "kind": "Pod",
                "metadata": where,
                "spec": {"containers": [{"image": "registry.example/aftersend:2"}]},
                "status": {
                    "podIP": "10.0.0.1",
                    "conditions": [is_ready, *conditions],
                    "containerStatuses": [state],
                },
            }
        )
    )


def claim(what: str, *, age: float = 30.0, phase: str = "Pending", volume: str = "", **status: Any) -> Any:
    """The claim of Redis' volume or of that of the backups."""
    labels = {**LABELS, "app.kubernetes.io/component": what}
    where = {"name": f"aftersend-mueller-{what}", "namespace": "shops", "labels": labels, "creationTimestamp": at(age)}
    spec = {"resources": {"requests": {"storage": "1Gi"}}, **({"volumeName": volume} if volume else {})}
    kind = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return live({**kind, "metadata": where, "spec": spec, "status": {"phase": phase, **status}}, uid=f"uid-{what}")


def recorded(*manifests: Any) -> dict[ChildKey, ChildRecord]:
    """Children as the cache keeps them."""
    return {(kind_named(each["kind"]), each["metadata"]["name"]): child_record(each) for each in manifests}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    """A container that waits."""
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def restarted(times: int = 1, reason: str = "Error") -> dict[str, Any]:
    """A container that runs again after it ended by itself."""
    return {"restartCount": times, "lastState": {"terminated": {"reason": reason, "exitCode": 1}}}


def states(
    workloads: dict[str, Any] | None = None,
    pods: dict[str, list[PodRecord]] | None = None,
    record: TenantRecord | None = None,
    *,
    claims: Sequence[Any] = (),
    words: Mapping[str, str] = {},
) -> list[PartState]:
    """The states of all parts: each serves, unless its workload (None: missing) or its pods are given."""
    manifests = {part: workload(part) for part in PARTS} | (workloads or {})
    children = recorded(*(manifest for manifest in manifests.values() if manifest), *claims)
    found = {part: [pod(part)] for part, manifest in manifests.items() if manifest} | (pods or {})
    everything = [each for of_part in found.values() for each in of_part]
    return part_states(record or recorded_tenant(), children, everything, now=NOW, words=words)
