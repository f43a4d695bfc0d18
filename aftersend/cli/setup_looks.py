"""What ``setup`` looks at before it changes anything: both accounts, one order, the integration, the keys.

The looks are those of ``check``, without what needs a running service. Each returns a finding and none raises.
"""

from dataclasses import dataclass
from typing import Final

from aiohttp import ClientSession

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.cli.findings import Finding, failed_call
from aftersend.cli.setup_plan import find_integration
from aftersend.cli.tenant_context import TenantLocation
from aftersend.cli.upstream_checks import (
    AFTERBUY_KEYS,
    UpstreamLimits,
    afterbuy_client,
    check_addresses,
    check_afterbuy,
    check_integration,
    check_signature_keys,
    check_webhook,
    read_integrations,
    sendcloud_client,
)
from aftersend.errors import AftersendError
from aftersend.sendcloud.model import Integration
from aftersend.settings import ListenAddress
from aftersend.tenant.document import Tenant
from aftersend.tenant.upstream_urls import is_loopback

_FEEDBACK: Final = {
    "eager": "Sendcloud reports a parcel as soon as its label exists",
    "delayed": "Sendcloud may report a parcel only when the carrier has scanned it",
    "none": "Sendcloud may report nothing",
}
"""Whether it holds back the webhooks of an API integration, the documentation leaves open."""
_NO_ADDRESS: Final = Finding(
    "webhook",
    ok=False,
    message="spec.webhook.host is missing, so there is no address to enter",
    cure="name the public host in the document",
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found; without ``integration`` nothing can be changed."""

    findings: list[Finding]
    integration: Integration | None = None

    @property
    def is_right(self) -> bool:
        """Whether nothing stands against a change."""
        return self.integration is not None and all(each.ok is not False for each in self.findings)


async def look(location: TenantLocation, session: ClientSession, limits: UpstreamLimits, address: str) -> Looked:
    """Look at everything, in the order in which it is printed; without an ``address`` none can be entered."""
    addresses = check_addresses(location, limits)
    if not addresses.ok:
        return Looked([addresses])
    client = afterbuy_client(location, session)
    findings = [addresses, (await check_afterbuy(client))[0]]
    if findings[1].ok:
        findings.append(await _one_order(client))
    account, known = await read_integrations(sendcloud_client(location, session))
    findings.append(account)
    integration = None
    if account.ok:
        found = find_integration(known, location.tenant.spec.sendcloud.integration)
        findings.append(check_integration(found, known))
        integration = found[0] if len(found) == 1 else None
        if integration and not address and not _is_entered(integration, location, limits):
            findings.append(_NO_ADDRESS)
    return Looked([*findings, check_signature_keys(location)], integration)


def _is_entered(integration: Integration, location: TenantLocation, limits: UpstreamLimits) -> bool:
    return bool(check_webhook(integration, location.tenant.spec, allow_http=limits.allow_http).ok)


async def _one_order(client: AfterbuyClient) -> Finding:
    """Read the newest order, with all its sections: the interface shows orders, not only its clock."""
    try:
        newest = await client.highest_order_id()
        if newest is None:
            message = "Afterbuy shows no order yet"
            return Finding("order", ok=None, message=message, cure="run `aftersend setup` again when there is one")
        async for page in client.orders_by_id([str(newest)]):
            if page.orders:
                return Finding("order", ok=True, message=f"order {newest} read")
    except AftersendError as error:
        return failed_call("order", AFTERBUY_KEYS, error)
    message = f"order {newest} cannot be read"
    return Finding("order", ok=None, message=message, cure="`aftersend trigger export --dry-run` shows how many can")


def webhook_address(tenant: Tenant, listen: ListenAddress) -> str:
    """Return the address to enter in Sendcloud; empty if the document names no host.

    A Sendcloud on this machine is the sandbox, which reaches the webhook service at ``listen`` without any host.
    """
    webhook = tenant.spec.webhook
    if webhook.host:
        return f"https://{webhook.host}{webhook.path}"
    return f"http://127.0.0.1:{listen.port}{webhook.path}" if is_loopback(tenant.spec.sendcloud.url) else ""


def feedback(integration: Integration) -> Finding:
    """Explain the integration's feedback_type."""
    kind = integration.feedback_type or "absent"
    message = f"feedback_type {kind}: {_FEEDBACK.get(kind, 'Sendcloud does not say when it reports a parcel')}"
    if kind == "eager":
        return Finding("feedback", ok=True, message=message)
    cure = "Sendcloud, Settings, Integrations, Configure: let it report once the label exists (eager)"
    return Finding("feedback", ok=None, message=message, cure=cure)
