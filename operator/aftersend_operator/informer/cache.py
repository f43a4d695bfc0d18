"""What the watches have told so far: small records by kind and name, and who must look again.

Everything the operator decides about idle tenants, it decides from here; so the API server hears nothing of them.
Records come from three sides: watch events, lists (``listings``), and the answers to our own writes. They may arrive in
any order, so an older version never replaces a newer one.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from aftersend_operator.model.kinds import POD, SECRET, TENANT, Kind
from aftersend_operator.model.naming import FIELD_MANAGER, MANAGED_BY_LABEL, Manifest
from aftersend_operator.model.records import (
    Child,
    Key,
    PodSighting,
    SecretSighting,
    TenantSighting,
    child_sighting,
    key_of,
    pod_sighting,
    secret_sighting,
    tenant_sighting,
)
from aftersend_operator.model.references import referenced_secrets

ChildKey = tuple[Kind, str]
"""Kind and name."""
P = TypeVar("P", ChildKey, str)
R = TypeVar("R", Child, PodSighting)


@dataclass(slots=True)
class Cache:
    """One per process; ``changed`` is called with every tenant whose picture changed."""

    changed: Callable[[Key], None]
    tenants: dict[Key, TenantSighting] = field(default_factory=dict)
    secrets: dict[Key, SecretSighting] = field(default_factory=dict)
    _children: dict[Key, dict[ChildKey, Child]] = field(default_factory=lambda: defaultdict(dict))
    """By namespace and tenant."""
    _pods: dict[Key, dict[str, PodSighting]] = field(default_factory=lambda: defaultdict(dict))
    """The same, then by name."""
    _homes: dict[Kind, dict[Key, Key]] = field(default_factory=lambda: defaultdict(dict))
    """Namespace and tenant of every child and pod."""
    _neighbours: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """Tenants by namespace."""

    def children(self, tenant: Key) -> dict[ChildKey, Child]:
        """What carries the tenant's label."""
        return self._children.get(tenant, {})

    def pods(self, tenant: Key) -> Collection[PodSighting]:
        """The tenant's pods."""
        return self._pods.get(tenant, {}).values()

    def versions(self, kind: Kind, namespace: str) -> dict[Key, int]:
        """How new our knowledge is of every object of a kind, in a namespace or in all (empty)."""
        found = {key: self._version(kind, key) for key in self._known(kind)}
        return {key: version for key, version in found.items() if namespace in ("", key[0])}

    def saw(self, kind: Kind, live: Manifest) -> None:
        """An object is there, and looks like this."""
        if kind is TENANT:
            self._saw_tenant(tenant_sighting(live))
        elif kind is POD:
            self._saw_pod(pod_sighting(live))
        else:
            if kind is SECRET:
                self._saw_secret(secret_sighting(live))
            if (live["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == FIELD_MANAGER:
                self.saw_child(kind, child_sighting(live))

    def saw_child(self, kind: Kind, seen: Child) -> None:
        """A child is there; what was known to be in order stays so while its content is the same."""
        home = (seen.key[0], seen.tenant)
        known = self.children(home).get((kind, seen.key[1]))
        if known is not None and known.uid == seen.uid:
            if known.version >= seen.version and not seen.settled:
                return
            if known.digest == seen.digest and known.settled and not seen.settled:
                seen.settled, seen.content = known.settled, b""
        self._homes[kind][seen.key] = home
        self._children[home][kind, seen.key[1]] = seen
        if known is None or (known.digest, known.rollout, known.leaving) != (seen.digest, seen.rollout, seen.leaving):
            self.changed(home)

    def gone(self, kind: Kind, key: Key, *, version: int) -> None:
        """An object of at most this version is there no more."""
        if kind is TENANT:
            self._tenant_gone(key, version)
            return
        if kind is SECRET and key in self.secrets and self.secrets[key].version <= version:
            del self.secrets[key]
            self._tell_users(key)
        home = self._homes[kind].get(key)
        if home is not None:
            self._gone_from(home, kind, key, version)

    def listed(self, kind: Kind, namespace: str, items: list[Manifest], *, version: int) -> None:
        """All objects of a kind, or of a namespace's: what is not among them vanished while nobody watched."""
        for item in items:
            self.saw(kind, item)
        present = {key_of(item) for item in items}
        for key in self._known(kind) - present:
            if not namespace or key[0] == namespace:
                self.gone(kind, key, version=version)

    def _known(self, kind: Kind) -> set[Key]:
        if kind is TENANT:
            return set(self.tenants)
        return {*self._homes[kind], *(self.secrets if kind is SECRET else ())}

    def _version(self, kind: Kind, key: Key) -> int:
        if kind is TENANT:
            return self.tenants[key].version
        if kind is SECRET and key in self.secrets:
            return self.secrets[key].version
        home = self._homes[kind][key]
        return self._pods[home][key[1]].version if kind is POD else self._children[home][kind, key[1]].version

    def _saw_tenant(self, seen: TenantSighting) -> None:
        known = self.tenants.get(seen.key)
        if known is None or known.version < seen.version:
            self.tenants[seen.key] = seen
            self._neighbours[seen.key[0]].add(seen.key)
            self.changed(seen.key)

    def _tenant_gone(self, key: Key, version: int) -> None:
        if key in self.tenants and self.tenants[key].version <= version:
            del self.tenants[key]
            self._neighbours[key[0]].discard(key)
            self.changed(key)

    def _saw_secret(self, seen: SecretSighting) -> None:
        known = self.secrets.get(seen.key)
        if known is None or known.version < seen.version:
            self.secrets[seen.key] = seen
            self._tell_users(seen.key)

    def _tell_users(self, secret: Key) -> None:
        namespace, name = secret
        for key in self._neighbours.get(namespace, ()):
            tenant = self.tenants[key].tenant
            if tenant is not None and name in referenced_secrets(tenant):
                self.changed(key)

    def _saw_pod(self, seen: PodSighting) -> None:
        home = (seen.key[0], seen.tenant)
        known = self._pods[home].get(seen.key[1])
        if known is None or known.version < seen.version:
            self._homes[POD][seen.key] = home
            self._pods[home][seen.key[1]] = seen
            self.changed(home)

    def _gone_from(self, home: Key, kind: Kind, key: Key, version: int) -> None:
        """Forget a child or a pod."""
        forgotten = (
            _forget(self._pods, home, key[1], version)
            if kind is POD
            else _forget(self._children, home, (kind, key[1]), version)
        )
        if forgotten:
            del self._homes[kind][key]
            self.changed(home)


def _forget(shelves: dict[Key, dict[P, R]], home: Key, place: P, version: int) -> bool:
    """Take a record of at most this version away, and the shelf that becomes empty."""
    shelf = shelves.get(home, {})
    if place not in shelf or shelf[place].version > version:
        return False
    del shelf[place]
    if not shelf:
        del shelves[home]
    return True
