"""Which addresses of Afterbuy and Sendcloud a document may name where it runs; checked before anything starts.

A merchant's keys are sent there. Who may write the document need not be allowed to read them, so the hosts are limited
by a setting of the process (``AFTERSEND_UPSTREAM_HOSTS``), whatever the document says. This machine is always allowed.
"""

import ipaddress
from collections.abc import Set as AbstractSet
from typing import Final, Literal
from urllib.parse import urlsplit

from aftersend.errors import Misconfigured
from aftersend.tenant.document import Tenant

Refusal = Literal["host", "http"]
_REASONS: Final[dict[Refusal, tuple[str, str]]] = {
    "host": ("this host is not allowed", "leave the field out, or add the host to AFTERSEND_UPSTREAM_HOSTS"),
    "http": ("plain http is allowed on this machine only", "use https, or set AFTERSEND_ALLOW_HTTP=1"),
}


def refused_urls(tenant: Tenant, *, allow_http: bool, hosts: AbstractSet[str]) -> list[tuple[str, Refusal]]:
    """Return the fields whose address is of another host, or plain http beyond loopback, which anyone could read.

    A service refuses to start with one, so the operator asks before it rolls.
    """
    urls = {"spec.afterbuy.url": tenant.spec.afterbuy.url, "spec.sendcloud.url": tenant.spec.sendcloud.url}
    found = ((path, _refusal(url, allow_http=allow_http, hosts=hosts)) for path, url in urls.items())
    return [(path, refusal) for path, refusal in found if refusal]


def _refusal(url: str, *, allow_http: bool, hosts: AbstractSet[str]) -> Refusal | None:
    if is_loopback(url):
        return None
    if host_of(url) not in hosts:
        return "host"
    return "http" if url.startswith("http://") and not allow_http else None


def check_upstream_urls(tenant: Tenant, *, allow_http: bool, hosts: AbstractSet[str]) -> None:
    """Raise ``Misconfigured`` for the first address that is refused."""
    for path, refusal in refused_urls(tenant, allow_http=allow_http, hosts=hosts):
        reason, cure = _REASONS[refusal]
        raise Misconfigured(reason, path=path, cure=cure)


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, without brackets; empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(url: str) -> bool:
    """Return True if the host of ``url`` is this machine."""
    host = host_of(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
