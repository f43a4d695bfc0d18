"""Who is asked how a tenant is: the last jobs in the split topology, the one process in the compact one.

A verdict on credentials is worth nothing any more once the secret has changed: it is dropped then, until the next run
tells again. So a corrected key clears the condition at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from aftersend_operator.informer.cache import Cache
from aftersend_operator.model.reasons import Reason
from aftersend_operator.model.records import Key, PodSighting, TenantSighting
from aftersend_operator.model.references import referenced_secrets
from aftersend_operator.status.readyz_client import Asking
from aftersend_operator.status.reports import Told, told_by_jobs, told_by_service

_COMPACT = frozenset({"all"})
_SERVICES = frozenset({"exporter", "webhook", "writer"})


@dataclass(frozen=True, slots=True)
class Telling:
    """Collects what jobs and services tell."""

    cache: Cache
    asking: Asking
    _secrets: dict[Key, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    """Versions of the merchant's secrets, and which export had run last when they changed."""

    async def listen(self, seen: TenantSighting) -> Told:
        """What is known of the tenant's health."""
        if seen.tenant is None:
            return Told()
        pods = self.cache.pods(seen.key)
        if seen.tenant.spec.topology == "compact":
            pod = _newest(pods, _COMPACT)
            told = told_by_service(await self.asking.readyz(pod.address), seen.identity) if pod else Told()
        else:
            told = told_by_jobs(pods)
            unready = _newest([pod for pod in pods if not pod.ready and not pod.waiting], _SERVICES)
            if unready is not None:
                faults = told_by_service(await self.asking.readyz(unready.address), seen.identity).faults
                told = msgspec.structs.replace(told, faults=(*told.faults, *faults))
        return self._without_stale_verdicts(seen, told)

    def forget(self, tenant: Key) -> None:
        """The tenant is gone."""
        self._secrets.pop(tenant, None)

    def _without_stale_verdicts(self, seen: TenantSighting, told: Told) -> Told:
        run = (told.last_export and told.last_export.run) or ""
        versions = self._versions(seen)
        known, stale_run = self._secrets.get(seen.key, (versions, ""))
        stale_run = stale_run if versions == known else run
        self._secrets[seen.key] = (versions, stale_run)
        if not run or run != stale_run:
            return told
        faults = tuple(fault for fault in told.faults if fault.reason is not Reason.CREDENTIALS_REFUSED)
        return msgspec.structs.replace(told, faults=faults)

    def _versions(self, seen: TenantSighting) -> tuple[int, ...]:
        names = referenced_secrets(seen.tenant) if seen.tenant else ()
        found = (self.cache.secrets.get((seen.key[0], name)) for name in names)
        return tuple(secret.version if secret else 0 for secret in found)


def _newest(pods: Iterable[PodSighting], parts: frozenset[str]) -> PodSighting | None:
    """The youngest pod of these parts that can be reached."""
    found = [pod for pod in pods if pod.part in parts and pod.address and not pod.ended]
    return max(found, key=lambda pod: pod.version, default=None)
