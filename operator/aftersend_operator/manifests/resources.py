"""Requests and limits of every container: measured defaults, overridden by ``spec.pods``.

An idle service needs less than 80 MB; an export reads page by page and stays below twice that. A request above its
limit (because only the limit was lowered) is reduced to it, because the API server would refuse the pod.
"""

from typing import Final

from aftersend.tenant.pods import Amounts, Pods, Resources

_DEFAULTS: Final[dict[str, tuple[dict[str, str], dict[str, str]]]] = {
    "exporter": ({"cpu": "50m", "memory": "96Mi"}, {"cpu": "500m", "memory": "256Mi"}),
    "webhook": ({"cpu": "25m", "memory": "80Mi"}, {"cpu": "500m", "memory": "192Mi"}),
    "writer": ({"cpu": "25m", "memory": "80Mi"}, {"cpu": "500m", "memory": "192Mi"}),
    "all": ({"cpu": "50m", "memory": "128Mi"}, {"cpu": "1", "memory": "384Mi"}),
    "redis": ({"cpu": "25m", "memory": "64Mi"}, {"cpu": "500m", "memory": "256Mi"}),
    "export": ({"cpu": "25m", "memory": "64Mi"}, {"cpu": "500m", "memory": "192Mi"}),
    "backup": ({"cpu": "25m", "memory": "96Mi"}, {"cpu": "500m", "memory": "256Mi"}),
}
_UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}


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


def memory_bytes(quantity: str) -> int:
    """Parse a memory quantity such as 128Mi into bytes."""
    number = quantity.rstrip("KMGik")
    return int(number) * _UNITS[quantity.removeprefix(number)]


def millicores(quantity: str) -> float:
    """Parse a CPU quantity such as 250m or 0.5 into thousandths of a core."""
    return float(quantity[:-1]) if quantity.endswith("m") else float(quantity) * 1000


def _given(amounts: Amounts) -> dict[str, str]:
    asked = {"cpu": amounts.cpu, "memory": amounts.memory}
    return {name: str(amount) for name, amount in asked.items() if amount is not None}
