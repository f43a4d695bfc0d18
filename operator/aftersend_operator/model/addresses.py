"""Whose a webhook's address is: host and path belong to one tenant, or Sendcloud's webhooks of two would mix. Pure.

The tenant that has the address already keeps it (its status shows it); of several that claim it anew, the oldest one.
So no tenant loses its address because another one's document changes.
"""

from collections.abc import Iterable

from aftersend.tenant.document import Tenant
from aftersend_operator.model.records import TenantRecord


def webhook_url(tenant: Tenant) -> str | None:
    """Return the address to enter in Sendcloud; None without a host."""
    webhook = tenant.spec.webhook
    return f"https://{webhook.host.lower()}{webhook.path}" if webhook.host else None


def holder_of_address(record: TenantRecord, others: Iterable[TenantRecord]) -> TenantRecord | None:
    """Return the other tenant that has the address which ``record`` claims, if there is one."""
    address = webhook_url(record.tenant) if record.tenant else None
    if address is None:
        return None
    claims = [other for other in others if other.tenant and not other.deleting and webhook_url(other.tenant) == address]
    rank = {claim.key: (claim.status.webhook_url != address, claim.created, claim.uid) for claim in claims}
    first = min(claims, key=lambda claim: rank[claim.key], default=record)
    return None if first.key == record.key else first
