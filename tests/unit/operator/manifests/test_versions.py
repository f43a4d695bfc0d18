"""Every Kubernetes that the chart admits knows every field of what a tenant gets: no version drops one silently."""

from functools import cache
from typing import Any

import kubernetes_validate
import msgspec
import pytest

from aftersend_operator.model.naming import Manifest
from aftersend_operator.settings import OperatorSettings
from tests.support.operator_kit import tenant
from tests.unit.operator.manifests.test_desired import manifests_of

ADD_ONS = ("PodMonitor", "HTTPRoute")
"""Kinds of others, which Kubernetes' own schemas do not have."""
VERSIONS = ["1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"]
OPERATOR = OperatorSettings(service_image="services:1", redis_image="redis:8", namespace="aftersend-system")
SPECS: tuple[dict[str, Any], ...] = (
    {},
    {
        "topology": "compact",
        "webhook": {"host": "hooks.example.com", "ingressClassName": "nginx", "tlsSecretName": "tls"},
    },
    {"redis": {"mode": "external", "urlSecretName": "redis-url"}, "deletionPolicy": "Delete", "suspend": True},
    {
        "backup": {"target": "s3://bucket/x", "credentialsSecretName": "s3"},
        "pods": {
            "labels": {"team": "shop"},
            "nodeSelector": {"disk": "ssd"},
            "storageClass": "fast",
            "resourcesOf": {"redis": {"requests": {"memory": "1Gi"}}},
            "tolerations": [{"key": "spot", "operator": "Exists"}],
            "imagePullSecrets": [{"name": "pull"}],
        },
    },
)


@cache
def children() -> list[bytes]:
    """Each different child of these tenants once, as JSON."""
    found = [manifest for spec in SPECS for manifest in manifests_of((tenant("mueller", **spec), OPERATOR))]
    return sorted({msgspec.json.encode(m, order="deterministic") for m in found if m["kind"] not in ADD_ONS})


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field_of_every_child(version: str) -> None:
    for child in children():
        kubernetes_validate.validate(msgspec.json.decode(child), version, strict=True)


def test_these_tenants_have_children_of_every_kind() -> None:
    kinds = {msgspec.json.decode(child)["kind"] for child in children()}
    assert kinds == {
        *("ConfigMap", "CronJob", "Deployment", "Ingress", "NetworkPolicy", "PersistentVolumeClaim"),
        *("Service", "ServiceAccount", "StatefulSet"),
    }


def test_the_validator_refuses_a_field_that_kubernetes_does_not_know() -> None:
    (child, *_) = [m for m in map(msgspec.json.decode, children()) if m["kind"] == "Deployment"]
    unknown: Manifest = {**child, "spec": {**child["spec"], "replicaCount": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(unknown, "1.37", strict=True)
