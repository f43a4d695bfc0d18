"""Tenants as the API server shows them: read leniently, so that older and newer clusters can be asked, too."""

from typing import Any, Final

import msgspec

from aftersend.errors import Misconfigured
from aftersend.tenant.status import Condition, Status
from aftersend_kubectl.kubectl import Kubectl

KIND: Final = "aftersendtenants.aftersend.jj-ideenschmiede.de"
LABELS: Final = "app.kubernetes.io/name=aftersend,app.kubernetes.io/managed-by=aftersend-operator"


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    namespace: str
    creation_timestamp: str = ""


class _Schedule(msgspec.Struct, frozen=True):
    schedule: str = "0 * * * *"


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    topology: str = "split"
    suspend: bool = False
    time_zone: str = "Europe/Berlin"
    export: _Schedule = _Schedule()


class TenantView(msgspec.Struct, frozen=True):
    """What the commands show of a tenant."""

    metadata: _Metadata
    spec: _Spec = _Spec()
    status: Status = Status()

    @property
    def name(self) -> str:
        """Return its name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Return its namespace."""
        return self.metadata.namespace

    @property
    def problems(self) -> int:
        """Return how many orders a person must look at."""
        return sum((self.status.problems or {}).values())

    def condition(self, kind: str) -> Condition:
        """Return a condition; Unknown where the operator has not written it."""
        unknown = Condition(
            type=kind, status="Unknown", observed_generation=0, last_transition_time="", reason="Unseen",
            message="no operator has looked at this tenant yet – does one run, and does it watch this namespace?",
        )  # fmt: skip
        return next((each for each in self.status.conditions if each.type == kind), unknown)

    def child(self, what: str) -> str:
        """Return the name of a child object."""
        return f"aftersend-{self.name}-{what}"

    @property
    def deployments(self) -> tuple[str, ...]:
        """Return the names of its Deployments."""
        parts = ("all",) if self.spec.topology == "compact" else ("exporter", "webhook", "writer")
        return tuple(self.child(part) for part in parts)


def read_tenants(kubectl: Kubectl, *, everywhere: bool) -> list[TenantView]:
    """Read the tenants of the namespace, or of all; those that need a person first."""
    found = kubectl.read(KIND, *(["--all-namespaces"] if everywhere else []))["items"]
    return sorted(map(_view, found), key=_urgency)


def read_tenant(kubectl: Kubectl, name: str | None) -> TenantView:
    """Read one tenant; without a name the only one of the namespace."""
    if name:
        return _view(kubectl.read(f"{KIND}/{name}"))
    tenants = read_tenants(kubectl, everywhere=False)
    if len(tenants) == 1:
        return tenants[0]
    names = ", ".join(sorted(tenant.name for tenant in tenants))
    cure = f"name one of {names}" if names else "name a namespace with -n; `kubectl aftersend status -A` shows all"
    raise Misconfigured("which tenant?" if names else "there is no tenant in this namespace", cure=cure)


def _view(document: dict[str, Any]) -> TenantView:
    return msgspec.convert(document, TenantView, strict=False)


def _urgency(tenant: TenantView) -> tuple[bool, bool, bool, str, str]:
    ready, degraded = tenant.condition("Ready").status == "True", tenant.condition("Degraded").status == "True"
    return ready, not degraded, not tenant.problems, tenant.namespace, tenant.name
