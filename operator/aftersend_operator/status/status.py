"""The status of a tenant, drawn from what is known: pure.

It is written as a whole by server-side apply, and only if it differs from what stands there. What was told once (the
last export, the last backup) stays until something newer is told, because the pods that told it go away.
"""

from collections.abc import Sequence

import msgspec

from aftersend import __version__
from aftersend.tenant.document import API_VERSION, KIND, Tenant
from aftersend.tenant.status import Condition, Status
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import TenantSighting
from aftersend_operator.status.conditions import Picture, dated, verdicts
from aftersend_operator.status.reports import Told


def status_of(seen: TenantSighting, picture: Picture, told: Told, *, now: str) -> Status:
    """What shall stand in the status."""
    before = seen.status
    is_settled = seen.tenant is not None and not picture.rolling and not picture.waits_for_turn
    return Status(
        conditions=[
            dated(verdict, before.conditions, generation=seen.generation, now=now) for verdict in verdicts(picture)
        ],
        observed_generation=seen.generation,
        version=__version__ if is_settled and picture.available else before.version,
        webhook_url=webhook_url(seen.tenant) if seen.tenant else before.webhook_url,
        last_export=told.last_export or before.last_export,
        last_sweep=told.last_sweep or before.last_sweep,
        last_write_back=told.last_write_back or before.last_write_back,
        last_backup=told.last_backup or before.last_backup,
        problems=before.problems if told.problems is None else told.problems or None,
    )


def webhook_url(tenant: Tenant) -> str | None:
    """What to enter in Sendcloud; None as long as no host is known."""
    webhook = tenant.spec.webhook
    return f"https://{webhook.host}{webhook.path}" if webhook.host else None


def status_manifest(seen: TenantSighting, status: Status) -> Manifest:
    """The apply configuration of the status; the uid keeps it from a later tenant of the same name."""
    namespace, name = seen.key
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": namespace, "name": name, "uid": seen.uid},
        "status": msgspec.to_builtins(status),
    }


def event_of(seen: TenantSighting, condition: Condition, *, now: str, serial: str) -> Manifest:
    """The Kubernetes event for a condition that has just changed."""
    namespace, name = seen.key
    is_bad = (condition.type == "Degraded") == (condition.status == "True") and condition.type in ("Degraded", "Ready")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{name}.{serial}"},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": namespace,
            "name": name,
            "uid": seen.uid,
            "resourceVersion": str(seen.version),
        },
        "type": "Warning" if is_bad else "Normal",
        "reason": condition.reason,
        "message": f"{condition.type} is {condition.status}" + (f": {condition.message}" if condition.message else ""),
        "source": {"component": "aftersend-operator"},
        "reportingComponent": "aftersend-operator",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def worth_telling(conditions: Sequence[Condition], *, is_new: bool) -> list[Condition]:
    """Of a new tenant only what is wrong or done; nobody needs to hear that it is not suspended."""
    return [c for c in conditions if not is_new or c.status == "True"]
