"""The informer's cache: small records of all watched objects by kind and name; a change enqueues its tenant.

The operator decides from here alone, so idle tenants cost no calls. Records come from three sides: watch events, lists
(``list_sync``, ``resync``), and responses to our own writes. They arrive in any order, so an older resource version
never replaces a newer one.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from aftersend_operator.model.kinds import POD, SECRET, TENANT, Kind
from aftersend_operator.model.naming import FIELD_MANAGER, MANAGED_BY_LABEL, Manifest
from aftersend_operator.model.pods import PodRecord, pod_record
from aftersend_operator.model.records import (
    ChildRecord,
    Key,
    TenantRecord,
    child_record,
    key_of,
    secret_child,
    tenant_record,
    version_of,
)
from aftersend_operator.model.references import referenced_secrets

ChildKey = tuple[Kind, str]
"""Kind and name of a child."""
P = TypeVar("P", ChildKey, str)
R = TypeVar("R", ChildRecord, PodRecord)


@dataclass(slots=True)
class Cache:
    """One per process; ``on_change`` is called with every tenant of which an object changed."""

    on_change: Callable[[Key], None]
    tenants: dict[Key, TenantRecord] = field(default_factory=dict)
    secrets: dict[Key, int] = field(default_factory=dict)
    """Resource versions of all Secrets, the merchants' and the generated ones."""
    _children: dict[Key, dict[ChildKey, ChildRecord]] = field(default_factory=lambda: defaultdict(dict))
    """Children by namespace and tenant."""
    _pods: dict[Key, dict[str, PodRecord]] = field(default_factory=lambda: defaultdict(dict))
    """Pods by namespace and tenant, then by name."""
    _tenant_of: dict[Kind, dict[Key, Key]] = field(default_factory=lambda: defaultdict(dict))
    """Index: namespace and tenant of every child and pod."""
    _tenants_by_namespace: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """Index: tenants by namespace."""

    def children(self, tenant: Key) -> dict[ChildKey, ChildRecord]:
        """Return the objects that carry the tenant's label."""
        return self._children.get(tenant, {})

    def pods(self, tenant: Key) -> Collection[PodRecord]:
        """Return the tenant's pods."""
        return self._pods.get(tenant, {}).values()

    def versions(self, kind: Kind, namespace: str) -> dict[Key, int]:
        """Return the cached resource versions of a kind, in a namespace or in all (empty)."""
        found = {key: self._version(kind, key) for key in self._keys(kind)}
        return {key: version for key, version in found.items() if namespace in ("", key[0])}

    def upsert(self, kind: Kind, live: Manifest) -> None:
        """Store an object unless a newer version is cached."""
        if kind is TENANT:
            self._upsert_tenant(tenant_record(live))
        elif kind is POD:
            self._upsert_pod(pod_record(live))
        else:
            if kind is SECRET:
                self._upsert_secret(key_of(live), version_of(live))
            if (live["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == FIELD_MANAGER:
                self.upsert_child(kind, secret_child(live) if kind is SECRET else child_record(live))

    def upsert_child(self, kind: Kind, record: ChildRecord) -> None:
        """Store a child; one that matched its manifest stays settled while its content is the same."""
        tenant = (record.key[0], record.tenant)
        known = self.children(tenant).get((kind, record.key[1]))
        if known is not None and known.uid == record.uid:
            # The response to our own apply may come after its watch event: then its version is not newer, but only
            # it knows that the content satisfies the manifest.
            if known.version >= record.version and not record.settled:
                return
            record.applied = record.settled or known.applied  # an edit may have taken the annotation away
            if known.digest == record.digest and known.settled and not record.settled:
                record.settled, record.content = known.settled, b""
        self._tenant_of[kind][record.key] = tenant
        self._children[tenant][kind, record.key[1]] = record
        if known is None or _state(known) != _state(record):
            self.on_change(tenant)

    def remove(self, kind: Kind, key: Key, *, version: int) -> None:
        """Remove an object if its cached version is at most this one."""
        if kind is TENANT:
            self._remove_tenant(key, version)
            return
        if kind is SECRET and key in self.secrets and self.secrets[key] <= version:
            del self.secrets[key]
            self._notify_users(key)
        tenant = self._tenant_of[kind].get(key)
        if tenant is not None:
            self._remove_child(tenant, kind, key, version)

    def replace_all(self, kind: Kind, namespace: str, items: list[Manifest], *, version: int) -> None:
        """Store a complete list of a kind, or of a namespace's; remove what is not in it."""
        for item in items:
            self.upsert(kind, item)
        present = {key_of(item) for item in items}
        for key in self._keys(kind) - present:
            if not namespace or key[0] == namespace:
                self.remove(kind, key, version=version)

    def _keys(self, kind: Kind) -> set[Key]:
        if kind is TENANT:
            return set(self.tenants)
        return {*self._tenant_of[kind], *(self.secrets if kind is SECRET else ())}

    def _version(self, kind: Kind, key: Key) -> int:
        if kind is TENANT:
            return self.tenants[key].version
        if kind is SECRET and key in self.secrets:
            return self.secrets[key]
        tenant = self._tenant_of[kind][key]
        return self._pods[tenant][key[1]].version if kind is POD else self._children[tenant][kind, key[1]].version

    def _upsert_tenant(self, record: TenantRecord) -> None:
        known = self.tenants.get(record.key)
        if known is None or known.version < record.version:
            self.tenants[record.key] = record
            self._tenants_by_namespace[record.key[0]].add(record.key)
            self.on_change(record.key)

    def _remove_tenant(self, key: Key, version: int) -> None:
        if key in self.tenants and self.tenants[key].version <= version:
            del self.tenants[key]
            self._tenants_by_namespace[key[0]].discard(key)
            self.on_change(key)

    def _upsert_secret(self, key: Key, version: int) -> None:
        if self.secrets.get(key, 0) < version:
            self.secrets[key] = version
            self._notify_users(key)

    def _notify_users(self, secret: Key) -> None:
        namespace, name = secret
        for key in self._tenants_by_namespace.get(namespace, ()):
            tenant = self.tenants[key].tenant
            if tenant and (name in referenced_secrets(tenant) or name == tenant.spec.webhook.tls_secret_name):
                self.on_change(key)

    def _upsert_pod(self, record: PodRecord) -> None:
        tenant = (record.key[0], record.tenant)
        known = self._pods[tenant].get(record.key[1])
        if known is None or known.version < record.version:
            self._tenant_of[POD][record.key] = tenant
            self._pods[tenant][record.key[1]] = record
            self.on_change(tenant)

    def _remove_child(self, tenant: Key, kind: Kind, key: Key, version: int) -> None:
        """Remove a child or a pod."""
        removed = (
            _discard(self._pods, tenant, key[1], version)
            if kind is POD
            else _discard(self._children, tenant, (kind, key[1]), version)
        )
        if removed:
            del self._tenant_of[kind][key]
            self.on_change(tenant)


def _state(child: ChildRecord) -> tuple[object, ...]:
    """Return what decisions depend on."""
    return child.digest, child.rollout, child.claim, child.route, child.deleting


def _discard(by_tenant: dict[Key, dict[P, R]], tenant: Key, place: P, version: int) -> bool:
    """Remove a record of at most this version, and the map that becomes empty."""
    records = by_tenant.get(tenant, {})
    if place not in records or records[place].version > version:
        return False
    del records[place]
    if not records:
        del by_tenant[tenant]
    return True
