"""The status document of a tenant, and its events: pure.

Written as a whole by server-side apply, and only if it differs from the current one. A report (last export, last
backup) stays until a newer one replaces it, because the pods that left it are deleted.
"""

from collections.abc import Sequence

import msgspec

from aftersend import __version__
from aftersend.tenant.document import API_VERSION, KIND
from aftersend.tenant.status import Condition, Status
from aftersend_operator.model.addresses import webhook_url
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import TenantRecord
from aftersend_operator.status.conditions import TenantHealth, condition_drafts, with_timestamps
from aftersend_operator.status.reports import ReportedState


def status_of(
    record: TenantRecord, health: TenantHealth, reported: ReportedState, *, now: str, served_by: str = ""
) -> Status:
    """Compose the status; ``served_by`` names this operator."""
    before = record.status
    is_settled = record.tenant is not None and not health.rolling and not health.waits_for_turn
    return Status(
        conditions=[
            with_timestamps(draft, before.conditions, generation=record.generation, now=now)
            for draft in condition_drafts(health)
        ],
        observed_generation=record.generation,
        version=__version__ if is_settled and health.available else before.version,
        served_by=served_by or before.served_by,
        webhook_url=_webhook_url(record, health),
        last_export=reported.last_export or before.last_export,
        last_sweep=reported.last_sweep or before.last_sweep,
        last_write_back=reported.last_write_back or before.last_write_back,
        last_backup=reported.last_backup or before.last_backup,
        problems=before.problems if reported.problems is None else reported.problems or None,
        notices=before.notices if reported.notices is None else reported.notices or None,
        queues=reported.queues or before.queues,
        webhooks=reported.webhooks or before.webhooks,
    )


def _webhook_url(record: TenantRecord, health: TenantHealth) -> str | None:
    """Return the address to enter in Sendcloud, unless it is another tenant's; of an invalid spec the last good one."""
    if record.tenant is None:
        return record.status.webhook_url
    is_taken = any(fault.reason is ConditionReason.ADDRESS_TAKEN for fault in health.faults)
    return None if is_taken else webhook_url(record.tenant)


def status_manifest(record: TenantRecord, status: Status) -> Manifest:
    """Build the apply configuration; its uid keeps it from a later tenant of the same name."""
    namespace, name = record.key
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": namespace, "name": name, "uid": record.uid},
        "status": msgspec.to_builtins(status),
    }


def event_of(record: TenantRecord, condition: Condition, *, now: str, serial: str) -> Manifest:
    """Build the Kubernetes event for a transition."""
    is_bad = (condition.type == "Degraded") == (condition.status == "True") and condition.type in ("Degraded", "Ready")
    is_bad = is_bad or condition.reason in (ConditionReason.WAVE_STOPPED, ConditionReason.UPGRADE_FAILED)
    message = f"{condition.type} is {condition.status}" + (f": {condition.message}" if condition.message else "")
    return event(record, condition.reason, message, is_bad=is_bad, now=now, serial=serial)


def event(record: TenantRecord, reason: str, message: str, *, is_bad: bool, now: str, serial: str) -> Manifest:
    """Build a Kubernetes event about a tenant."""
    namespace, name = record.key
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{name}.{serial}"},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": namespace,
            "name": name,
            "uid": record.uid,
            "resourceVersion": str(record.version),
        },
        "type": "Warning" if is_bad else "Normal",
        "reason": reason,
        "message": message,
        "source": {"component": "aftersend-operator"},
        "reportingComponent": "aftersend-operator",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def events_for(conditions: Sequence[Condition], *, is_new: bool) -> list[Condition]:
    """Select the transitions that get an event: of a new tenant only those to True."""
    return [c for c in conditions if not is_new or c.status == "True"]
