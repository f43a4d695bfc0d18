"""The checks of ``aftersend check``; each returns one or two findings and never raises.

``ok`` is true, false, or null where it cannot be known from outside: Afterbuy has no call that lists the tags of its
Tag Manager, and without Redis there is nothing to ask. The checks of one upstream share its first call, so that
refused credentials are one finding with a cure and not five.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
from aiohttp import ClientSession

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.cli.refused_webhooks import cure_for, refused_webhooks
from aftersend.cli.tenant_context import TenantLocation
from aftersend.errors import AftersendError, CredentialsRefused, Misconfigured
from aftersend.key_files import foreign_seal_keys
from aftersend.observe.meter import NoMeter
from aftersend.redis import durability
from aftersend.redis.connection import connect
from aftersend.sealing import Keyring
from aftersend.sendcloud.client import SendcloudClient
from aftersend.sendcloud.credentials import MIN_SIGNATURE_KEY, SendcloudCredentials, SignatureKeys
from aftersend.sendcloud.model import Integration
from aftersend.service.runtime import http_session
from aftersend.settings import UPSTREAM_HOSTS, ListenAddress
from aftersend.tenant.document import Spec, Tenant
from aftersend.tenant.upstream_urls import check_upstream_urls, host_of, is_loopback

MAX_CLOCK_SKEW = 30.0
_TAG_CURE = (
    "create it in Afterbuy's Tag Manager before the first label; should Afterbuy refuse it, the parcel number is "
    "written nevertheless and `aftersend orders --problems` shows tag_refused"
)
_INTEGRATION_CURE = "Sendcloud, Settings, Integrations: correct spec.sendcloud.integration, or use the numeric id"
_WEBHOOK_CURE = "Sendcloud, Settings, Integrations, Configure: enable webhook feedback and enter {address}"


class Finding(msgspec.Struct, frozen=True):
    """One line of ``check``."""

    check: str
    ok: bool | None
    message: str
    cure: str = ""


async def run_checks(
    location: TenantLocation,
    *,
    allow_http: bool = False,
    hosts: AbstractSet[str] = UPSTREAM_HOSTS,
    admin: ListenAddress | None = None,
) -> list[Finding]:
    """Run all checks, in the order in which they are printed; ``admin`` is where a running service may be asked."""
    findings = [_addresses(location, allow_http=allow_http, hosts=hosts)]
    if findings[0].ok:
        async with http_session() as session:
            findings += await _afterbuy(location, session)
            findings += await _sendcloud(location, session)
    findings += [_tag(location.tenant.spec), await _redis(location), *_keys(location)]
    return [*findings, await _refusals(location.tenant, admin)] if admin else findings


def _addresses(location: TenantLocation, *, allow_http: bool, hosts: AbstractSet[str]) -> Finding:
    try:
        check_upstream_urls(location.tenant, allow_http=allow_http, hosts=hosts)
    except Misconfigured as error:
        return Finding("addresses", ok=False, message=f"{error.path}: {error.code}", cure=error.cure)
    return Finding("addresses", ok=True, message="tenant document read, addresses usable")


async def _afterbuy(location: TenantLocation, session: ClientSession) -> list[Finding]:
    client = AfterbuyClient(
        session,
        url=location.tenant.spec.afterbuy.url,
        credentials=lambda: AfterbuyCredentials.read(location.secrets("afterbuy")),
        meter=NoMeter(),
    )
    before = datetime.now(UTC)
    try:
        answer = await client.clock()
    except AftersendError as error:
        return [_refused("afterbuy", "partnerToken and accountToken", error)]
    here = before + (datetime.now(UTC) - before) / 2
    return [
        Finding("afterbuy", ok=True, message="credentials accepted"),
        _clock((answer.universal - here).total_seconds()),
    ]


def _clock(skew: float) -> Finding:
    message = f"this machine and Afterbuy differ by {abs(skew):.0f} s"
    cure = "set this machine's clock (NTP): order windows and event times depend on it"
    return Finding(
        "clock", ok=abs(skew) <= MAX_CLOCK_SKEW, message=message, cure=cure if abs(skew) > MAX_CLOCK_SKEW else ""
    )


async def _sendcloud(location: TenantLocation, session: ClientSession) -> list[Finding]:
    client = SendcloudClient(
        session,
        url=location.tenant.spec.sendcloud.url,
        credentials=lambda: SendcloudCredentials.read(location.secrets("sendcloud")),
        meter=NoMeter(),
    )
    try:
        known = await client.integrations()
    except AftersendError as error:
        return [_refused("sendcloud", "publicKey and secretKey", error)]
    accepted = Finding("sendcloud", ok=True, message="credentials accepted")
    found = matching(known, location.tenant.spec.sendcloud.integration)
    if len(found) != 1:
        return [accepted, _no_integration(len(found), known)]
    feedback = found[0].feedback_type
    message = f"integration {found[0].id} found" + (f", feedback_type {feedback}" if feedback else "")
    return [accepted, Finding("integration", ok=True, message=message), webhook(found[0], location.tenant.spec)]


def _refused(check: str, keys: str, error: AftersendError) -> Finding:
    if isinstance(error, CredentialsRefused):
        cure = error.cure or f"renew {keys} in the secrets"
        return Finding(check, ok=False, message="credentials refused", cure=cure)
    if isinstance(error, Misconfigured):
        return Finding(check, ok=False, message=error.code, cure=error.cure)
    cure = "try again; if it stays, look at the address in the document, at proxies and firewalls"
    return Finding(check, ok=False, message=f"no usable answer ({error})", cure=cure)


def matching(known: list[Integration], wanted: str | int) -> list[Integration]:
    """Find the integrations that the document may mean: by id, or by exact name."""
    return [one for one in known if wanted in (one.id, one.shop_name)]


def _no_integration(count: int, known: list[Integration]) -> Finding:
    ids = ", ".join(str(one.id) for one in known) or "none"
    message = f"{count} integrations have that name" if count else "no integration of that name or id"
    return Finding("integration", ok=False, message=f"{message} (ids of this account: {ids})", cure=_INTEGRATION_CURE)


def webhook(integration: Integration, spec: Spec) -> Finding:
    """Check that the integration sends its webhooks to this tenant."""
    path, host = spec.webhook.path, spec.webhook.host
    address = f"https://{host or '<your public host>'}{path}"
    cure = _WEBHOOK_CURE.format(address=address)
    if not integration.webhook_active:
        return Finding("webhook", ok=False, message="webhook feedback is off", cure=cure)
    if (
        not _private(integration.webhook_url)
        or (host and host_of(integration.webhook_url) != host.lower())
        or not _below(_path_of(integration.webhook_url), path)
    ):
        return Finding("webhook", ok=False, message=f"another address is entered than {address}", cure=cure)
    if not host:
        message = "active, path fits; the host is not in the document (spec.webhook.host), so it was not compared"
        return Finding("webhook", ok=True, message=message)
    return Finding("webhook", ok=True, message=f"active, {address}")


def _private(url: str) -> bool:
    """Return whether parcels and names travel over https or stay on this machine."""
    return url.startswith("https://") or (url.startswith("http://") and is_loopback(url))


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _below(path: str, expected: str) -> bool:
    """Return whether it is the path, or the path with the tenant appended, as ``up`` does for several tenants."""
    return path == expected or path.startswith(expected.rstrip("/") + "/")


def _tag(spec: Spec) -> Finding:
    if not spec.write_back.tag:
        return Finding("tag", ok=True, message="no tag wanted")
    message = f'no call of Afterbuy shows whether the tag "{spec.write_back.tag}" exists'
    return Finding("tag", ok=None, message=message, cure=_TAG_CURE)


async def _redis(location: TenantLocation) -> Finding:
    if not location.redis_url:
        message = "no Redis to ask: `aftersend up` is not running and brings its own durable one"
        return Finding("redis", ok=None, message=message, cure="check again while it runs")
    secrets = location.secrets("redis")
    redis = connect(location.redis_url, secrets, part="cli")
    try:
        found = await durability.inspect(redis, ask_config=durability.may_ask_config(secrets))
    except AftersendError as error:
        return Finding("redis", ok=False, message=str(error), cure="start it; look at address, user name and password")
    finally:
        await redis.aclose()
    if found.faults:
        cure = "set appendonly yes, appendfsync always, maxmemory-policy noeviction"
        return Finding("redis", ok=False, message=", ".join(found.faults), cure=cure)
    message = f"keeps what it confirms (appendfsync {found.fsync or 'unknown'})"
    return Finding("redis", ok=True, message=message)


def _keys(location: TenantLocation) -> list[Finding]:
    data_key = _keys_finding("data-key", lambda: _data_key(location))
    if not location.redis_url and not location.secrets("data-key").names():
        cure = "`aftersend up` makes one; keep a copy elsewhere"
        data_key = Finding("data-key", ok=None, message="none yet", cure=cure)
    return [data_key, _keys_finding("signature", lambda: _signature(location))]


async def _refusals(tenant: Tenant, admin: ListenAddress) -> Finding:
    """Compare what the running webhook service refused with what it stored."""
    found = await refused_webhooks(tenant, admin)
    if found is None:
        message = "what the webhook service refused is known to its own process only"
        return Finding("refused", ok=None, message=message, cure=cure_for(tenant, found))
    return Finding("refused", ok=not found.are_many, message=str(found), cure=cure_for(tenant, found))


def _keys_finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, ok=True, message=check())
    except Misconfigured as error:
        return Finding(name, ok=False, message=error.code, cure=error.cure)


def _data_key(location: TenantLocation) -> str:
    keyring = Keyring(location.secrets("data-key"))
    keyring.check(fingerprint=True)
    if wrong := foreign_seal_keys(location.secrets_dir):
        raise Misconfigured(
            f"seal-key/{wrong[0]} belongs to no data key, so what the webhook stores would not open",
            cure="remove the folder seal-key: without it the webhook derives its keys from data-key",
        )
    return f"usable, {keyring.key_id()} seals"


def _signature(location: TenantLocation) -> str:
    keys = SignatureKeys.read(location.secrets("sendcloud"))
    keys.check()
    if keys.too_short:
        raise Misconfigured(
            f"{keys.too_short} of webhookSignatureKey ignored: fewer than {MIN_SIGNATURE_KEY} characters",
            cure="enter a longer one at Sendcloud and in the secret, or remove it: secretKey counts, too",
        )
    return f"{len(keys.usable)} key{'s' if len(keys.usable) > 1 else ''} for webhook signatures"
