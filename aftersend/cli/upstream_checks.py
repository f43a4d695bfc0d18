"""What ``check`` and ``setup`` look at in the same way: addresses, both accounts, clock, integration, webhook, keys.

Each look returns findings and never raises. The looks at one upstream share its first call, so that refused credentials
are one finding with a cure and not five.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from aiohttp import ClientSession

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.cli.findings import Finding, failed_call
from aftersend.cli.tenant_context import TenantLocation
from aftersend.errors import AftersendError, Misconfigured
from aftersend.observe.meter import NoMeter
from aftersend.sendcloud.client import SendcloudClient
from aftersend.sendcloud.credentials import MIN_SIGNATURE_KEY, SendcloudCredentials, SignatureKeys
from aftersend.sendcloud.model import Integration
from aftersend.tenant.document import Spec
from aftersend.tenant.upstream_urls import check_upstream_urls, host_of, is_loopback

MAX_CLOCK_SKEW = 30.0
AFTERBUY_KEYS, SENDCLOUD_KEYS = "partnerToken and accountToken", "publicKey and secretKey"
_INTEGRATION_CURE = "Sendcloud, Settings, Integrations: correct spec.sendcloud.integration, or use the numeric id"
_WEBHOOK_CURE = (
    "`aftersend setup` does it; or Sendcloud, Settings, Integrations, Configure: enable webhook feedback and enter "
    "{address}"
)


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Which addresses are allowed where this runs."""

    allow_http: bool
    hosts: AbstractSet[str]


def check_addresses(location: TenantLocation, limits: UpstreamLimits) -> Finding:
    """Check that the document names addresses that may get the merchant's keys."""
    try:
        check_upstream_urls(location.tenant, allow_http=limits.allow_http, hosts=limits.hosts)
    except Misconfigured as error:
        return Finding("addresses", ok=False, message=f"{error.path}: {error.code}", cure=error.cure)
    return Finding("addresses", ok=True, message="tenant document read, addresses usable")


def afterbuy_client(location: TenantLocation, session: ClientSession) -> AfterbuyClient:
    """Make a client of the tenant's Afterbuy account."""
    return AfterbuyClient(
        session,
        url=location.tenant.spec.afterbuy.url,
        credentials=lambda: AfterbuyCredentials.read(location.secrets("afterbuy")),
        meter=NoMeter(),
    )


def sendcloud_client(location: TenantLocation, session: ClientSession) -> SendcloudClient:
    """Make a client of the tenant's Sendcloud account."""
    return SendcloudClient(
        session,
        url=location.tenant.spec.sendcloud.url,
        credentials=lambda: SendcloudCredentials.read(location.secrets("sendcloud")),
        meter=NoMeter(),
    )


async def check_afterbuy(client: AfterbuyClient) -> list[Finding]:
    """Check credentials and clock by one call."""
    before = datetime.now(UTC)
    try:
        answer = await client.clock()
    except AftersendError as error:
        return [failed_call("afterbuy", AFTERBUY_KEYS, error)]
    here = before + (datetime.now(UTC) - before) / 2
    accepted = Finding("afterbuy", ok=True, message="credentials accepted")
    return [accepted, _clock((answer.universal - here).total_seconds())]


def _clock(skew: float) -> Finding:
    message = f"this machine and Afterbuy differ by {abs(skew):.0f} s"
    cure = "set this machine's clock (NTP): order windows and event times depend on it"
    return Finding(
        "clock", ok=abs(skew) <= MAX_CLOCK_SKEW, message=message, cure=cure if abs(skew) > MAX_CLOCK_SKEW else ""
    )


async def read_integrations(client: SendcloudClient) -> tuple[Finding, list[Integration]]:
    """Check the credentials by reading all integrations of the account."""
    try:
        known = await client.integrations()
    except AftersendError as error:
        return failed_call("sendcloud", SENDCLOUD_KEYS, error), []
    return Finding("sendcloud", ok=True, message="credentials accepted"), known


def matching(known: list[Integration], wanted: str | int) -> list[Integration]:
    """Find the integrations that the document may mean: by id, or by exact name."""
    return [one for one in known if wanted in (one.id, one.shop_name)]


def check_integration(found: list[Integration], known: list[Integration]) -> Finding:
    """Check that exactly one integration of those ``known`` is meant."""
    if len(found) != 1:
        ids = ", ".join(str(one.id) for one in known) or "none"
        message = f"{len(found)} integrations have that name" if found else "no integration of that name or id"
        message += f" (ids of this account: {ids})"
        return Finding("integration", ok=False, message=message, cure=_INTEGRATION_CURE)
    feedback = found[0].feedback_type
    message = f"integration {found[0].id} found" + (f", feedback_type {feedback}" if feedback else "")
    return Finding("integration", ok=True, message=message)


def check_webhook(integration: Integration, spec: Spec, *, allow_http: bool = False) -> Finding:
    """Check that the integration sends its webhooks to this tenant."""
    path, host = spec.webhook.path, spec.webhook.host
    address = f"https://{host or '<your public host>'}{path}"
    cure = _WEBHOOK_CURE.format(address=address)
    if not integration.webhook_active:
        return Finding("webhook", ok=False, message="webhook feedback is off", cure=cure)
    if (
        not _private(integration.webhook_url, allow_http=allow_http)
        or (host and host_of(integration.webhook_url) != host.lower())
        or not _below(_path_of(integration.webhook_url), path)
    ):
        return Finding("webhook", ok=False, message=f"another address is entered than {address}", cure=cure)
    if not host:
        message = "active, path fits; the host is not in the document (spec.webhook.host), so it was not compared"
        return Finding("webhook", ok=True, message=message)
    return Finding("webhook", ok=True, message=f"active, {address}")


def _private(url: str, *, allow_http: bool) -> bool:
    """Return whether parcels and names travel over https, stay on this machine, or may be read on their way."""
    return url.startswith("https://") or (url.startswith("http://") and (allow_http or is_loopback(url)))


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _below(path: str, expected: str) -> bool:
    """Return whether it is the path, or the path with the tenant appended, as ``up`` does for several tenants."""
    return path == expected or path.startswith(expected.rstrip("/") + "/")


def check_keys(name: str, check: Callable[[], str]) -> Finding:
    """Turn a check of key files into a finding."""
    try:
        return Finding(name, ok=True, message=check())
    except Misconfigured as error:
        return Finding(name, ok=False, message=error.code, cure=error.cure)


def check_signature_keys(location: TenantLocation) -> Finding:
    """Check that there is a key to verify webhooks with, and none that is ignored."""

    def usable() -> str:
        keys = SignatureKeys.read(location.secrets("sendcloud"))
        keys.check()
        if keys.too_short:
            raise Misconfigured(
                f"{keys.too_short} of webhookSignatureKey ignored: fewer than {MIN_SIGNATURE_KEY} characters",
                cure="enter a longer one at Sendcloud and in the secret, or remove it: secretKey counts, too",
            )
        return f"{len(keys.usable)} key{'s' if len(keys.usable) > 1 else ''} for webhook signatures"

    return check_keys("signature", usable)
