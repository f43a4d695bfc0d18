"""What a release consists of: objects, containers, rights, selectors, names of alerts; no sentences.

The CustomResourceDefinition is pinned by ``tests/contracts``, and so are the chart's values.
"""

from typing import Any

import pytest

from tests.support.chart_kit import VERSION, Manifest, render
from tests.support.snapshots import Compare, as_yaml

EVERYTHING: dict[str, Any] = {
    "watchNamespaces": ["a", "b"],
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccount": {"annotations": {"a": "b"}},
    "operator": {
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "podLabels": {"a": "b"},
        "podAnnotations": {"a": "b"},
    },
    "tenants": {
        "podMonitors": "always",
        "ingressNamespaceSelector": {"a": "b"},
        "scrapeNamespaceSelector": {"a": "b"},
        "allowHttp": True,
        "traces": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
    },
    "monitoring": {
        "kind": "PodMonitor",
        "renderMode": "always",
        "alerts": {"enabled": True},
        "dashboards": {"enabled": True},
        "notifications": {
            "enabled": True,
            "pager": {"kind": "webhook", "url": "https://pager.example.org"},
            "chat": {"enabled": True},
            "mail": {"to": "a@example.org", "sender": "b@example.org", "smarthost": "mail.example.org:587"},
        },
    },
    "networkPolicy": {"enabled": True, "scrapeNamespaceSelector": {"a": "b"}},
}
RELEASES: dict[str, dict[str, Any]] = {"defaults": {}, "everything": EVERYTHING}
_KEYS_ONLY = ("data", "stringData", "annotations", "labels")
_DROPPED = ("expr", "for", "keep_firing_for", "description", "message")


def structure(value: Any) -> Any:
    """The manifest without texts: of labels, annotations and files only the names, of rules no expressions."""
    match value:
        case dict():
            return {
                key: sorted(below) if key in _KEYS_ONLY and isinstance(below, dict) else structure(below)
                for key, below in value.items()
                if key not in _DROPPED
            }
        case list():
            return [structure(each) for each in value]
        case str():
            return "<text>" if "\n" in value else value.replace(VERSION, "<version>")
        case _:
            return value


def described(manifests: list[Manifest]) -> dict[str, Any]:
    """The manifests by kind, namespace and name."""
    found = {}
    for manifest in manifests:
        kind, metadata = manifest["kind"], manifest["metadata"]
        name = f"{kind} {metadata.get('namespace', '')}/{metadata['name']}"
        found[name] = structure(manifest) if kind != "CustomResourceDefinition" else "see custom_resource.yaml"
    assert len(found) == len(manifests)
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_objects_of_a_release(release: str, contract: Compare) -> None:
    contract(f"chart_{release}.yaml", as_yaml(described(render(RELEASES[release]))))
