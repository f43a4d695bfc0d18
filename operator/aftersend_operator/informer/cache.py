"""The informer's cache: small records of all watched objects by kind and name; a change enqueues its tenant.

The operator decides from here alone, so idle tenants cost no calls. Records come from three sides: watch events, lists
(``list_sync``, ``resync``), and responses to our own writes. They arrive in any order, so an older resource version
never replaces a newer one, and is not even parsed.

Our own writes enqueue nothing: the reconciliation that writes knows what it wrote. Its watch event may be faster than
the response, so changes of an object are held back while a write of it is in flight (``writing``), and dropped if the
response has that version.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from aftersend_operator.model.addresses import webhook_url
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
class OwnWrite:
    """A write of ours in flight."""

    version: int = 0
    """Resource version of its response."""
    changed: tuple[int, Key] | None = None
    """The newest version that changed something meanwhile, and whose."""


@dataclass(slots=True)
class Cache:
    """One per process; ``on_change`` is called with every tenant of which an object changed."""

    on_change: Callable[[Key], None]
    tenants: dict[Key, TenantRecord] = field(default_factory=dict)
    secrets: dict[Key, int] = field(default_factory=dict)
    """Resource versions of all Secrets, the merchants' and the generated ones."""
    revisions: Counter[Key] = field(default_factory=Counter)
    """Changes by tenant, those of pods left out: of its document, its children, its secrets."""
    _children: dict[Key, dict[ChildKey, ChildRecord]] = field(default_factory=lambda: defaultdict(dict))
    """Children by namespace and tenant."""
    _pods: dict[Key, dict[str, PodRecord]] = field(default_factory=lambda: defaultdict(dict))
    """Pods by namespace and tenant, then by name."""
    _tenant_of: dict[Kind, dict[Key, Key]] = field(default_factory=lambda: defaultdict(dict))
    """Index: namespace and tenant of every child and pod."""
    _tenants_by_namespace: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """Index: tenants by namespace."""
    _claims: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """Index: tenants by the webhook address that they claim."""
    _writes: dict[tuple[Kind, Key], OwnWrite] = field(default_factory=dict)
    """Our writes in flight."""

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

    def claims(self, address: str) -> list[TenantRecord]:
        """Return the tenants whose document names this webhook address."""
        return [self.tenants[key] for key in self._claims.get(address, ())]

    @contextmanager
    def writing(self, kind: Kind, key: Key) -> Iterator[OwnWrite]:
        """Hold back changes of an object while it is written; set ``version`` and store the response in the block."""
        write = self._writes[kind, key] = OwnWrite()
        try:
            yield write
        finally:
            del self._writes[kind, key]
            if write.changed and write.changed[0] > write.version:
                self._notify(kind, write.changed[1])

    def upsert(self, kind: Kind, live: Manifest) -> None:
        """Store an object unless this version or a newer one is cached."""
        key, version = key_of(live), version_of(live)
        if self._version(kind, key) >= version:
            return
        if kind is TENANT:
            self._upsert_tenant(tenant_record(live))
        elif kind is POD:
            self._upsert_pod(pod_record(live))
        else:
            if kind is SECRET:
                self._upsert_secret(key, version)
            if (live["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == FIELD_MANAGER:
                self.upsert_child(kind, secret_child(live) if kind is SECRET else child_record(live))

    def upsert_child(self, kind: Kind, record: ChildRecord) -> None:
        """Store a child; one that matched its manifest stays settled while its content is the same."""
        tenant = (record.key[0], record.tenant)
        known = self.children(tenant).get((kind, record.key[1]))
        if known is not None and known.uid == record.uid:
            if known.version >= record.version:
                _settle(known, record)
                return
            record.applied = record.settled or known.applied  # an edit may have taken the annotation away
            if known.digest == record.digest and known.settled and not record.settled:
                record.settled, record.content = known.settled, b""
        self._tenant_of[kind][record.key] = tenant
        self._children[tenant][kind, record.key[1]] = record
        if known is None or _state(known) != _state(record):
            self._changed(kind, record.key, record.version, tenant)

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
        """Return the cached version of an object; -1 if it is not cached."""
        if kind is TENANT:
            return self.tenants[key].version if key in self.tenants else -1
        if kind is SECRET and key in self.secrets:
            return self.secrets[key]
        tenant = self._tenant_of[kind].get(key)
        if tenant is None:
            return -1
        return self._pods[tenant][key[1]].version if kind is POD else self._children[tenant][kind, key[1]].version

    def _changed(self, kind: Kind, key: Key, version: int, tenant: Key) -> None:
        """Notify of a changed object, or hold it back while a write of ours is in flight."""
        write = self._writes.get((kind, key))
        if write is None:
            self._notify(kind, tenant)
        elif write.changed is None or write.changed[0] < version:
            write.changed = version, tenant

    def _notify(self, kind: Kind, tenant: Key) -> None:
        if kind is not POD:
            self.revisions[tenant] += 1
        self.on_change(tenant)

    def _upsert_tenant(self, record: TenantRecord) -> None:
        self._discard_claim(record.key)
        self.tenants[record.key] = record
        self._tenants_by_namespace[record.key[0]].add(record.key)
        if address := _address(record):
            self._claims[address].add(record.key)
        self._changed(TENANT, record.key, record.version, record.key)

    def _remove_tenant(self, key: Key, version: int) -> None:
        if key in self.tenants and self.tenants[key].version <= version:
            self._discard_claim(key)
            del self.tenants[key]
            self._tenants_by_namespace[key[0]].discard(key)
            self._notify(TENANT, key)

    def _discard_claim(self, key: Key) -> None:
        address = _address(self.tenants[key]) if key in self.tenants else None
        if address and address in self._claims:
            self._claims[address].discard(key)
            if not self._claims[address]:
                del self._claims[address]

    def _upsert_secret(self, key: Key, version: int) -> None:
        if self.secrets.get(key, 0) < version:
            self.secrets[key] = version
            self._notify_users(key)

    def _notify_users(self, secret: Key) -> None:
        namespace, name = secret
        for key in self._tenants_by_namespace.get(namespace, ()):
            tenant = self.tenants[key].tenant
            if tenant and (name in referenced_secrets(tenant) or name == tenant.spec.webhook.tls_secret_name):
                self._notify(SECRET, key)

    def _upsert_pod(self, record: PodRecord) -> None:
        tenant = (record.key[0], record.tenant)
        self._tenant_of[POD][record.key] = tenant
        self._pods[tenant][record.key[1]] = record
        self._notify(POD, tenant)

    def _remove_child(self, tenant: Key, kind: Kind, key: Key, version: int) -> None:
        """Remove a child or a pod."""
        removed = (
            _discard(self._pods, tenant, key[1], version)
            if kind is POD
            else _discard(self._children, tenant, (kind, key[1]), version)
        )
        if removed:
            del self._tenant_of[kind][key]
            self._notify(kind, tenant)


def _address(record: TenantRecord) -> str | None:
    return webhook_url(record.tenant) if record.tenant else None


def _settle(known: ChildRecord, response: ChildRecord) -> None:
    """Mark what a watch event brought first: only the response to our apply knows what the content satisfies."""
    known.applied = response.settled or known.applied
    if response.settled and known.digest == response.digest:
        known.settled, known.content = response.settled, b""


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
