"""Ports that manifests, network policies and the readyz client agree on."""

from typing import Final
from urllib.parse import urlsplit

PUBLIC_PORT: Final = 8080
"""The webhook service in its pod."""
ADMIN_PORT: Final = 9090
"""``/healthz``, ``/readyz`` and ``/metrics`` of every service."""
HTTPS_PORT: Final = 443
WEBHOOK_PORT: Final = 80
"""The webhook's Service, in front of the pod."""
REDIS_PORT: Final = 6379


def port_of_url(url: str) -> int:
    """Return the port of a URL, explicit or implied by its scheme."""
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": HTTPS_PORT}.get(parts.scheme, REDIS_PORT)
