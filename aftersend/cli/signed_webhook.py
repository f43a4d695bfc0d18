"""A signed test webhook by way of the public address: whether DNS, certificate, proxy, path and keys fit together.

The service answers a test with 200, no body and ``Cache-Control: no-store``, without asking Redis; so another page that
answers 200 to everything is not taken for it. What Sendcloud itself signs with, only its own test shows.
"""

import hashlib
import hmac
import ssl
import time
from typing import Final

import aiohttp
import msgspec

from aftersend.cli.findings import Finding
from aftersend.tenant.upstream_urls import is_loopback

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15, sock_connect=10)
_CHECK: Final = "test-webhook"
_OWN_TEST: Final = 'Sendcloud, Settings, Integrations, Configure: press "Test API Webhook"'
NOT_SENT: Final = Finding(
    _CHECK, ok=None, message="not sent: the document names no host (spec.webhook.host)", cure=_OWN_TEST
)
_STATUS: Final = {
    401: (
        "the service refuses the signature",
        "its webhookSignatureKey and secretKey are not those of this command; changed files are in use after 30 s",
    ),
    404: ("nothing is served at this path", "compare spec.webhook.path with the rules of the proxy or Ingress"),
    503: ("the service is not ready, or has no key to verify with", "look at its /readyz?verbose"),
}


async def send_test_webhook(session: aiohttp.ClientSession, url: str, key: bytes) -> Finding:
    """Send it and explain the answer; null where it cannot be known from here."""
    body = msgspec.json.encode({"action": "test_webhook", "timestamp": int(time.time() * 1000)})
    headers = {
        "Sendcloud-Signature": hmac.new(key, body, hashlib.sha256).hexdigest(),
        "Content-Type": "application/json",
    }
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False, timeout=_TIMEOUT) as response:
            return await _explained(response, url)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return _unreachable(error, url)


async def _explained(response: aiohttp.ClientResponse, url: str) -> Finding:
    if 300 <= response.status < 400:  # noqa: PLR2004 - the 3xx
        cure = "let the address itself be served: Sendcloud need not follow a redirect"
        return Finding(_CHECK, ok=False, message=f"{url} redirects", cure=cure)
    if response.status != 200:  # noqa: PLR2004 - OK
        message, cure = _STATUS.get(response.status, ("something else answers", "look at the proxy in front of it"))
        return Finding(_CHECK, ok=False, message=f"{url}: {message} ({response.status})", cure=cure)
    if response.headers.get("Cache-Control") != "no-store" or await response.content.read(1):
        cure = "compare host and path with the rules of the proxy or Ingress"
        return Finding(_CHECK, ok=False, message=f"{url}: another page answers, not the webhook service", cure=cure)
    return Finding(_CHECK, ok=True, message=f"a signed test webhook was accepted at {url}")


def _unreachable(error: Exception, url: str) -> Finding:
    """Explain a failed call; null where this place may be the only reason."""
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        cure = "renew it, or let the proxy send the whole chain: Sendcloud wants a valid one"
        return Finding(_CHECK, ok=False, message=f"{url}: no valid certificate", cure=cure)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        cure = "make the DNS entry of spec.webhook.host"
        return Finding(_CHECK, ok=False, message=f"{url}: the host has no address", cure=cure)
    if is_loopback(url):
        cure = "start `aftersend up`, then run setup again: it only sends the test then"
        return Finding(_CHECK, ok=False, message=f"{url}: nothing listens there", cure=cure)
    message = f"{url} cannot be reached from here, which need not be so for Sendcloud"
    return Finding(_CHECK, ok=None, message=message, cure=_OWN_TEST)
