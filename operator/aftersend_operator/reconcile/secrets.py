"""The generated secrets of one tenant: created when missing, never overwritten, renewed by patches.

Keys are an exception: once there is data, a new key in the place of a lost one would look like a cure, while backups
and stored events became unreadable silently. So a lost key is a fault, and nothing of the tenant is changed until it is
restored: running pods still have theirs.

Contents are read only when the watch, which shows metadata only, shows that one of the secrets changed, or once a day
for expiring certificates. In between only a hash of them is kept, never a value.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aftersend.tenant.document import Tenant
from aftersend_operator.api.client import Api
from aftersend_operator.informer.cache import Cache
from aftersend_operator.manifests.generated_secrets import (
    adopted_secrets,
    key_names,
    missing_secrets,
    redis_secrets_hash,
    renewed_certificate,
    renewed_seal_keys,
    renewed_users,
    secret_names,
)
from aftersend_operator.model.faults import Fault, not_ours
from aftersend_operator.model.kinds import SECRET
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import Key, TenantRecord, key_of, version_of
from aftersend_operator.reconcile.repairs import Repairs

_RECHECK_INTERVAL: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Ensured:
    versions: tuple[object, ...]
    redis_hash: str
    until: datetime


@dataclass(frozen=True, slots=True)
class GeneratedSecrets:
    """Create and renew the generated secrets."""

    api: Api
    cache: Cache
    repairs: Repairs
    _known: dict[Key, _Ensured] = field(default_factory=dict)

    async def ensure(self, record: TenantRecord, tenant: Tenant, *, now: datetime) -> tuple[str, list[Fault]]:
        """Ensure that all exist; return the hash of Redis' secrets, and faults."""
        known = self._known.get(record.key)
        if known is not None and known.versions == self._versions(record, tenant) and now < known.until:
            return known.redis_hash, []
        existing, faults = await self._read(record, tenant)
        faults += [_key_lost(name) for name in key_names(tenant) if name not in existing and self._has_data(record)]
        if faults:
            return "", faults
        existing |= await self._create(record, missing_secrets(tenant, uid=record.uid, existing=existing, now=now))
        for patch in _renewals(record, tenant, existing, now):
            existing[patch["metadata"]["name"]] = await self._write(patch, self.api.patch)
        redis_hash = redis_secrets_hash(tenant, existing)
        self._known[record.key] = _Ensured(self._versions(record, tenant), redis_hash, now + _RECHECK_INTERVAL)
        return redis_hash, []

    def forget(self, tenant: Key) -> None:
        """Drop what is kept of a deleted tenant."""
        self._known.pop(tenant, None)

    def _has_data(self, record: TenantRecord) -> bool:
        """Return True if data may exist that only the first keys open: the tenant ran, or volumes exist."""
        volumes = [kind for kind, _ in self.cache.children(record.key) if kind.name == "PersistentVolumeClaim"]
        return bool(volumes or record.status.version or record.status.last_export or record.status.last_backup)

    def _versions(self, record: TenantRecord, tenant: Tenant) -> tuple[object, ...]:
        children = self.cache.children(record.key)
        found = [children.get((SECRET, name)) for name in secret_names(tenant)]
        return (record.uid, record.generation, *(child and child.version for child in found))

    async def _read(self, record: TenantRecord, tenant: Tenant) -> tuple[dict[str, Manifest], list[Fault]]:
        """Read those that are there; one of another owner is not read but a fault."""
        existing, faults, children = {}, [], self.cache.children(record.key)
        for name in secret_names(tenant):
            if (record.key[0], name) not in self.cache.secrets:
                continue
            child = children.get((SECRET, name))
            if child is None or child.owner not in ("", record.uid):
                faults.append(not_ours("Secret", name))
            elif (live := await self.api.get(SECRET, record.key[0], name)) is not None:
                self.cache.upsert(SECRET, live)
                existing[name] = live
        return existing, faults

    async def _create(self, record: TenantRecord, secrets: list[Manifest]) -> dict[str, Manifest]:
        created = {}
        for secret in secrets:
            name = secret["metadata"]["name"]
            created[name] = await self._write(secret, self.api.create)
            if self.repairs.was_there(record, (SECRET, name)):
                await self.repairs.report(record, (SECRET, name), "deleted")
        return created

    async def _write(self, secret: Manifest, call: Callable[[Manifest], Awaitable[Manifest]]) -> Manifest:
        """Create or patch a secret, and cache the response."""
        with self.cache.writing(SECRET, key_of(secret)) as write:
            live = await call(secret)
            write.version = version_of(live)
            self.cache.upsert(SECRET, live)
        return live


def _renewals(record: TenantRecord, tenant: Tenant, existing: Mapping[str, Manifest], now: datetime) -> list[Manifest]:
    renewed = (
        renewed_seal_keys(tenant, existing=existing),
        renewed_certificate(tenant, existing=existing, now=now),
        renewed_users(tenant, existing=existing),
    )
    adopted = adopted_secrets(tenant, uid=record.uid, existing=existing)
    return [*adopted, *(patch for patch in renewed if patch is not None)]


def _key_lost(name: str) -> Fault:
    cure = "restore your copy with its labels; without one, delete the tenant and its volumes, and apply it anew"
    return Fault(ConditionReason.DATA_KEY_MISSING, f"secret {name} is missing, and stored data needs it: {cure}")
