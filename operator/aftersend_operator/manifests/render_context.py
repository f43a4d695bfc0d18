"""The render context: what the manifests of one tenant are rendered from, and their common metadata."""

from dataclasses import dataclass

from aftersend.tenant.document import Spec, Tenant
from aftersend_operator.model.naming import Manifest, child_name, kept_labels, labels, namespace_of, owner_reference
from aftersend_operator.settings import OperatorSettings


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What is known of the cluster and not from the document."""

    redis_secrets: str = ""
    """Hash of Redis' users and certificate (``redis_secrets_hash``): when it changes, Redis restarts."""
    kinds: frozenset[str] = frozenset()
    """Optional kinds that the cluster serves: ``HTTPRoute``, ``PodMonitor``."""
    address_taken: bool = False
    """The webhook's address belongs to another tenant (``addresses``)."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """One tenant, with the settings of the operator and the facts of the cluster."""

    tenant: Tenant
    uid: str
    settings: OperatorSettings
    facts: ClusterFacts
    document: str
    """The tenant document as a file, for services and jobs."""

    @property
    def spec(self) -> Spec:
        """Return the spec of the document."""
        return self.tenant.spec

    @property
    def is_managed(self) -> bool:
        """Return True if the operator runs the tenant's Redis."""
        return self.spec.redis.mode == "managed"

    def name(self, what: str) -> str:
        """Return the name of a child."""
        return child_name(self.tenant, what)

    def manifest(self, api_version: str, kind: str, what: str, *, part: str) -> Manifest:
        """Start the manifest of a child that is deleted with its tenant."""
        return {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": self.name(what),
                "namespace": namespace_of(self.tenant),
                "labels": labels(self.tenant, part, self.uid),
                "ownerReferences": [owner_reference(self.tenant, self.uid)],
            },
        }

    def kept_manifest(self, api_version: str, kind: str, what: str, *, part: str) -> Manifest:
        """Start the manifest of a child that holds data: ``deletionPolicy`` decides whether its tenant owns it."""
        manifest = self.manifest(api_version, kind, what, part=part)
        manifest["metadata"]["labels"] = kept_labels(self.tenant, part)
        if self.spec.deletion_policy == "Retain":
            del manifest["metadata"]["ownerReferences"]
        return manifest
