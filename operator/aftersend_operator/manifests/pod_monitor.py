"""A PodMonitor, for clusters with the Prometheus operator: all services of the tenant on their admin port."""

from aftersend_operator.manifests.plan import Plan
from aftersend_operator.model.naming import Manifest, selector


def pod_monitors(plan: Plan) -> list[Manifest]:
    """One, or none if the settings say to skip it where the kind is unknown."""
    if plan.settings.pod_monitors == "skip" and "PodMonitor" not in plan.facts.kinds:
        return []
    return [
        {
            **plan.manifest("monitoring.coreos.com/v1", "PodMonitor", "services", part="services"),
            "spec": {
                "selector": {"matchLabels": selector(plan.tenant)},
                "podMetricsEndpoints": [{"port": "admin", "path": "/metrics"}],
            },
        }
    ]
