"""Requests and limits of every container: measured defaults, overridden by ``spec.pods``.

An idle service needs less than 80 MB; an export reads page by page and stays below twice that. A request above its
limit (because only the limit was lowered) is reduced to it, because the API server would refuse the pod.
"""

from typing import Final

from aftersend.tenant.pods import Amounts, Pods, Resources
from aftersend.tenant.quantities import memory_bytes, millicores

_DEFAULTS: Final[dict[str, tuple[dict[str, str], dict[str, str]]]] = {
    "exporter": ({"cpu": "50m", "memory": "96Mi"}, {"cpu": "500m", "memory": "256Mi"}),
    "webhook": ({"cpu": "25m", "memory": "80Mi"}, {"cpu": "500m", "memory": "192Mi"}),
    "writer": ({"cpu": "25m", "memory": "80Mi"}, {"cpu": "500m", "memory": "192Mi"}),
    "all": ({"cpu": "50m", "memory": "128Mi"}, {"cpu": "1", "memory": "384Mi"}),
    "redis": ({"cpu": "25m", "memory": "64Mi"}, {"cpu": "500m", "memory": "256Mi"}),
    "export": ({"cpu": "25m", "memory": "64Mi"}, {"cpu": "500m", "memory": "192Mi"}),
    "backup": ({"cpu": "25m", "memory": "96Mi"}, {"cpu": "500m", "memory": "256Mi"}),
}


def resources(pods: Pods, part: str) -> dict[str, dict[str, str]]:
    """Return requests and limits of one part."""
    of_part: Resources = getattr(pods.resources_of, "compact" if part == "all" else part)
    requests, limits = _DEFAULTS[part]
    for asked in (pods.resources, of_part):
        requests, limits = requests | _given(asked.requests), limits | _given(asked.limits)
    return {
        "requests": {
            "cpu": min(requests["cpu"], limits["cpu"], key=millicores),
            "memory": min(requests["memory"], limits["memory"], key=memory_bytes),
        },
        "limits": limits,
    }


def _given(amounts: Amounts) -> dict[str, str]:
    asked = {"cpu": amounts.cpu, "memory": amounts.memory}
    return {name: str(amount) for name, amount in asked.items() if amount is not None}
