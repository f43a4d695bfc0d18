"""The PodMonitor of clusters with the Prometheus operator: scrape all services on their admin port."""

from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest, selector


def pod_monitors(context: RenderContext) -> list[Manifest]:
    """Render one; none if the settings skip it where the kind is not served."""
    if context.settings.pod_monitors == "skip" and "PodMonitor" not in context.facts.kinds:
        return []
    return [
        {
            **context.manifest("monitoring.coreos.com/v1", "PodMonitor", "services", part="services"),
            "spec": {
                "selector": {"matchLabels": selector(context.tenant)},
                "podMetricsEndpoints": [{"port": "admin", "path": "/metrics"}],
            },
        }
    ]
