"""Pods of a tenant: how many serve, and what they use."""

import json
from collections.abc import Mapping
from typing import Any

from aftersend.errors import AftersendError
from aftersend.tenant.quantities import memory_bytes, millicores
from aftersend_kubectl.kubectl import Kubectl
from aftersend_kubectl.tenants import LABELS, TenantView

_PART = "app.kubernetes.io/component"


def serving_parts(kubectl: Kubectl, tenant: TenantView) -> dict[str, str]:
    """Return ``ready/wanted`` for each part of a tenant."""
    selector = f"--selector={LABELS},app.kubernetes.io/instance={tenant.name}"
    found = kubectl.read("deployments,statefulsets", selector)["items"]
    return dict(sorted((each["metadata"]["labels"][_PART], _serving(each)) for each in found))


def used_by_tenants(kubectl: Kubectl, *, everywhere: bool) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Return millicores and bytes by namespace and tenant; empty where the cluster has no metrics API."""
    scope = "" if everywhere else f"namespaces/{kubectl.namespace or 'default'}/"
    path = f"/apis/metrics.k8s.io/v1beta1/{scope}pods?labelSelector={LABELS.replace('=', '%3D').replace(',', '%2C')}"
    try:
        found = json.loads(kubectl.text("get", "--raw", path))["items"]
    except AftersendError:
        return {}
    used: dict[tuple[str, str], tuple[int, int]] = {}
    for pod in found:
        metadata = pod["metadata"]
        key = metadata["namespace"], metadata["labels"].get("app.kubernetes.io/instance", "")
        cpu, memory = used.get(key, (0, 0))
        more = [_usage(container["usage"]) for container in pod["containers"]]
        used[key] = cpu + sum(each[0] for each in more), memory + sum(each[1] for each in more)
    return used


def _serving(workload: dict[str, Any]) -> str:
    return f"{workload.get('status', {}).get('readyReplicas', 0)}/{workload['spec'].get('replicas', 1)}"


def _usage(usage: Mapping[str, str]) -> tuple[int, int]:
    """Parse amounts of the metrics API, whose cores may be nanocores: ``1234567n``."""
    cpu = usage["cpu"]
    small = {"n": 10**6, "u": 10**3}.get(cpu[-1])
    return (int(cpu[:-1]) // small if small else round(millicores(cpu))), memory_bytes(usage["memory"])
