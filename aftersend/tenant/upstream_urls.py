"""Which addresses of Afterbuy and Sendcloud a document may name where it runs; checked before anything starts."""

import ipaddress
from urllib.parse import urlsplit

from aftersend.errors import Misconfigured
from aftersend.tenant.document import Tenant


def refused_urls(tenant: Tenant, *, allow_http: bool) -> list[str]:
    """Return the fields whose address is plain http beyond loopback: orders and keys would cross the network in clear.

    A service refuses to start with one, so the operator asks before it rolls.
    """
    urls = {"spec.afterbuy.url": tenant.spec.afterbuy.url, "spec.sendcloud.url": tenant.spec.sendcloud.url}
    return [path for path, url in urls.items() if not allow_http and url.startswith("http://") and not is_loopback(url)]


def check_upstream_urls(tenant: Tenant, *, allow_http: bool) -> None:
    """Raise ``Misconfigured`` for the first address that is refused."""
    for path in refused_urls(tenant, allow_http=allow_http):
        raise Misconfigured(
            "plain http is allowed on this machine only", path=path, cure="use https, or set AFTERSEND_ALLOW_HTTP=1"
        )


def is_loopback(url: str) -> bool:
    """Return True if the host of ``url`` is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
