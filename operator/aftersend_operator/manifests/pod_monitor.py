"""The PodMonitor of clusters with the Prometheus operator: scrape all services on their admin port.

A Prometheus selects its monitors by labels, which the settings add; ours stay.
"""

from typing import Any

from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest, selector


def pod_monitors(context: RenderContext) -> list[Manifest]:
    """Render one; none if the settings skip it where the kind is not served."""
    if context.settings.pod_monitors == "skip" and "PodMonitor" not in context.facts.kinds:
        return []
    wished = context.settings.pod_monitor
    manifest = context.manifest("monitoring.coreos.com/v1", "PodMonitor", "services", part="services")
    metadata = {**manifest["metadata"], "labels": {**wished.labels, **manifest["metadata"]["labels"]}}
    if wished.annotations:
        metadata["annotations"] = wished.annotations
    endpoint: dict[str, Any] = {"port": "admin", "path": "/metrics"}
    if wished.interval:
        endpoint["interval"] = wished.interval
    if wished.relabelings:
        endpoint["relabelings"] = wished.relabelings
    spec = {"selector": {"matchLabels": selector(context.tenant)}, "podMetricsEndpoints": [endpoint]}
    return [{**manifest, "metadata": metadata, "spec": spec}]
