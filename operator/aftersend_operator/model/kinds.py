"""The kinds of objects that the operator reads or writes, and their API paths."""

from dataclasses import dataclass
from typing import Any, Final

from aftersend.tenant.document import API_VERSION, KIND
from aftersend_operator.model.naming import FIELD_MANAGER, MANAGED_BY_LABEL


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object: API version, name, plural."""

    api_version: str
    name: str
    plural: str
    optional: bool = False
    """Defined by an add-on that a cluster may lack."""

    @property
    def group(self) -> str:
        """Return the API group; empty for the core group."""
        return self.api_version.partition("/")[0] if "/" in self.api_version else ""

    @property
    def version(self) -> str:
        """Return the version, such as v1."""
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the API path of one object, of all in a namespace, or of all."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        parts = [root, *(("namespaces", namespace) if namespace else ()), self.plural, name, subresource]
        return "/".join(part for part in parts if part)


TENANT: Final = Kind(API_VERSION, KIND, "aftersendtenants")
SECRET: Final = Kind("v1", "Secret", "secrets")
POD: Final = Kind("v1", "Pod", "pods")
EVENT: Final = Kind("v1", "Event", "events")
CHILDREN: Final = (
    Kind("v1", "ConfigMap", "configmaps"),
    Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    Kind("v1", "Service", "services"),
    Kind("v1", "ServiceAccount", "serviceaccounts"),
    SECRET,
    Kind("apps/v1", "Deployment", "deployments"),
    Kind("apps/v1", "StatefulSet", "statefulsets"),
    Kind("batch/v1", "CronJob", "cronjobs"),
    Kind("networking.k8s.io/v1", "Ingress", "ingresses"),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes", optional=True),
    Kind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors", optional=True),
)
"""The kinds of children: all that ``desired`` may render."""
_BULKY_SECRETS: Final = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token"


def selectors(kind: Kind) -> dict[str, str]:
    """Return the selectors of a list: labelled children, all tenants, all secrets but bulky ones."""
    if kind is TENANT:
        return {}
    if kind is SECRET:
        return {"fieldSelector": _BULKY_SECRETS}
    return {"labelSelector": f"{MANAGED_BY_LABEL}={FIELD_MANAGER}"}


_BY_NAME: Final = {(kind.api_version, kind.name): kind for kind in (TENANT, *CHILDREN)}


def kind_of(manifest: dict[str, Any]) -> Kind:
    """Return the kind of a manifest; ``KeyError`` for kinds that the operator never writes."""
    return _BY_NAME[manifest["apiVersion"], manifest["kind"]]
