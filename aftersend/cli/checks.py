"""The checks of ``aftersend check``; each returns one or two findings and never raises.

``ok`` is true, false, or null where it cannot be known from outside: Afterbuy has no call that lists the tags of its
Tag Manager, and without Redis there is nothing to ask.
"""

from collections.abc import Set as AbstractSet

from aiohttp import ClientSession

from aftersend.cli.findings import Finding
from aftersend.cli.refused_webhooks import cure_for, refused_webhooks
from aftersend.cli.tenant_context import TenantLocation
from aftersend.cli.upstream_checks import (
    UpstreamLimits,
    afterbuy_client,
    check_addresses,
    check_afterbuy,
    check_integration,
    check_keys,
    check_signature_keys,
    check_webhook,
    matching,
    read_integrations,
    sendcloud_client,
)
from aftersend.errors import AftersendError, Misconfigured
from aftersend.key_files import foreign_seal_keys
from aftersend.redis import durability
from aftersend.redis.connection import connect
from aftersend.sealing import Keyring
from aftersend.service.runtime import http_session
from aftersend.settings import UPSTREAM_HOSTS, ListenAddress
from aftersend.tenant.document import Spec, Tenant

_NOT_ASKED = "not asked: this user may not; the operator's Redis has always"
_TAG_CURE = (
    "create it in Afterbuy's Tag Manager before the first label; should Afterbuy refuse it, the parcel number is "
    "written nevertheless and `aftersend orders --problems` shows tag_refused"
)


async def run_checks(
    location: TenantLocation,
    *,
    allow_http: bool = False,
    hosts: AbstractSet[str] = UPSTREAM_HOSTS,
    admin: ListenAddress | None = None,
) -> list[Finding]:
    """Run all checks, in the order in which they are printed; ``admin`` is where a running service may be asked."""
    findings = [check_addresses(location, UpstreamLimits(allow_http, hosts))]
    if findings[0].ok:
        async with http_session() as session:
            findings += await check_afterbuy(afterbuy_client(location, session))
            findings += await _sendcloud(location, session, allow_http=allow_http)
    findings += [_tag(location.tenant.spec), await _redis(location), *_keys(location)]
    return [*findings, await _refusals(location.tenant, admin)] if admin else findings


async def _sendcloud(location: TenantLocation, session: ClientSession, *, allow_http: bool) -> list[Finding]:
    spec = location.tenant.spec
    account, known = await read_integrations(sendcloud_client(location, session))
    if not account.ok:
        return [account]
    found = matching(known, spec.sendcloud.integration)
    integration = check_integration(found, known)
    return [
        account,
        integration,
        *(check_webhook(each, spec, allow_http=allow_http) for each in found if integration.ok),
    ]


def _tag(spec: Spec) -> Finding:
    if not spec.write_back.tags:
        return Finding("tag", ok=True, message="no tag wanted")
    names = ", ".join(f'"{tag}"' for tag in spec.write_back.tags)
    message = f"no call of Afterbuy shows whether the tag {names} exists"
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
    message = f"keeps what it confirms (appendfsync {found.fsync or _NOT_ASKED})"
    return Finding("redis", ok=True, message=message)


def _keys(location: TenantLocation) -> list[Finding]:
    data_key = check_keys("data-key", lambda: _data_key(location))
    if not location.redis_url and not location.secrets("data-key").names():
        cure = "`aftersend up` makes one; keep a copy elsewhere"
        data_key = Finding("data-key", ok=None, message="none yet", cure=cure)
    return [data_key, check_signature_keys(location)]


async def _refusals(tenant: Tenant, admin: ListenAddress) -> Finding:
    """Compare what the running webhook service refused with what it stored."""
    found = await refused_webhooks(tenant, admin)
    if found is None:
        message = "what the webhook service refused is known to its own process only"
        return Finding("refused", ok=None, message=message, cure=cure_for(tenant, found))
    return Finding("refused", ok=not found.are_many, message=str(found), cure=cure_for(tenant, found))


def _data_key(location: TenantLocation) -> str:
    keyring = Keyring(location.secrets("data-key"))
    keyring.check(fingerprint=True)
    if wrong := foreign_seal_keys(location.secrets_dir):
        raise Misconfigured(
            f"seal-key/{wrong[0]} belongs to no data key, so what the webhook stores would not open",
            cure="remove the folder seal-key: without it the webhook derives its keys from data-key",
        )
    return f"usable, {keyring.key_id()} seals"
