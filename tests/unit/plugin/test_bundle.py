"""What leaves the cluster in a support bundle."""

import json
from typing import Any

import pytest

from aftersend_kubectl.bundle import without_secrets

TOKEN = "Bearer canary-5d21"
CONTAINER = {
    "name": "writer",
    "env": [
        {"name": "AFTERSEND_LOG_FORMAT", "value": "json"},
        {"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": f"authorization={TOKEN}"},
        {"name": "AFTERSEND_REDIS_URL", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "url"}}},
    ],
}


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [CONTAINER]},
        {"template": {"spec": {"containers": [CONTAINER]}}},
        {"jobTemplate": {"spec": {"template": {"spec": {"containers": [], "initContainers": [CONTAINER]}}}}},
        {"containers": [{"name": "empty", "env": None}, CONTAINER]},
    ],
)
def test_variables_of_others_are_blanked_wherever_a_pod_is_described(spec: dict[str, Any]) -> None:
    text = json.dumps(without_secrets({"kind": "X", "spec": spec}))
    assert TOKEN not in text
    assert '"value": "json"' in text
    assert '"secretKeyRef"' in text


def test_nothing_is_repeated_that_a_person_applied() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": TOKEN, "a": "b"}
    found = without_secrets({"kind": "X", "metadata": {"annotations": applied, "managedFields": [TOKEN]}})
    assert found == {"kind": "X", "metadata": {"annotations": {"a": "b"}}}


def test_config_maps_keep_their_names_only() -> None:
    found = without_secrets({"kind": "ConfigMap", "data": {"tenant.yaml": TOKEN}, "binaryData": {"x": TOKEN}})
    assert (list(found["data"]), TOKEN in str(found)) == (["tenant.yaml"], False)
