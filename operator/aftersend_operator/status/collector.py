"""The status collector: reports of the last jobs in the split topology, of the one process in the compact one.

A refusal of credentials is stale once their secret has changed: it is dropped until the next run reports again. So a
corrected key clears the condition at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from aftersend_operator.informer.cache import Cache
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import Key, PodRecord, TenantRecord
from aftersend_operator.model.references import referenced_secrets
from aftersend_operator.status.readyz_client import ReadyzClient
from aftersend_operator.status.reports import ReportedState, state_from_jobs, state_from_readyz

_COMPACT = frozenset({"all"})
_SERVICES = frozenset({"exporter", "webhook", "writer"})


@dataclass(frozen=True, slots=True)
class StatusCollector:
    """Collect the reports of a tenant's jobs and services."""

    cache: Cache
    readyz_client: ReadyzClient
    _secrets: dict[Key, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    """Versions of the merchant's secrets, and the last export run before they changed."""

    async def collect(self, record: TenantRecord) -> ReportedState:
        """Return the newest reports."""
        if record.tenant is None:
            return ReportedState()
        pods = self.cache.pods(record.key)
        if record.tenant.spec.topology == "compact":
            reported = await self._readyz(record, _newest(pods, _COMPACT))
        else:
            reported = state_from_jobs(pods)
            unready = _newest([pod for pod in pods if not pod.ready and not pod.waiting], _SERVICES)
            faults = (await self._readyz(record, unready)).faults
            reported = msgspec.structs.replace(reported, faults=(*reported.faults, *faults))
        return self._without_stale_refusals(record, reported)

    async def _readyz(self, record: TenantRecord, pod: PodRecord | None) -> ReportedState:
        return (
            state_from_readyz(await self.readyz_client.fetch(pod.address), record.identity) if pod else ReportedState()
        )

    def forget(self, tenant: Key) -> None:
        """Drop what is kept of a deleted tenant."""
        self._secrets.pop(tenant, None)

    def _without_stale_refusals(self, record: TenantRecord, reported: ReportedState) -> ReportedState:
        run = (reported.last_export and reported.last_export.run) or ""
        versions = self._versions(record)
        known, stale_run = self._secrets.get(record.key, (versions, ""))
        stale_run = stale_run if versions == known else run
        self._secrets[record.key] = (versions, stale_run)
        if not run or run != stale_run:
            return reported
        faults = tuple(fault for fault in reported.faults if fault.reason is not ConditionReason.CREDENTIALS_REFUSED)
        return msgspec.structs.replace(reported, faults=faults)

    def _versions(self, record: TenantRecord) -> tuple[int, ...]:
        names = referenced_secrets(record.tenant) if record.tenant else ()
        found = (self.cache.secrets.get((record.key[0], name)) for name in names)
        return tuple(secret.version if secret else 0 for secret in found)


def _newest(pods: Iterable[PodRecord], parts: frozenset[str]) -> PodRecord | None:
    """Return the newest running pod of these parts that has an address."""
    found = [pod for pod in pods if pod.part in parts and pod.address and not pod.ended]
    return max(found, key=lambda pod: pod.version, default=None)
