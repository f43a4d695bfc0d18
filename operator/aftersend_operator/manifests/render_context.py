"""What all manifests of one tenant are drawn from, and the frame that every one of them has."""

from dataclasses import dataclass

from aftersend.tenant.document import Spec, Tenant
from aftersend_operator.model.naming import Manifest, child_name, kept_labels, labels, namespace_of, owner_reference
from aftersend_operator.model.ports import REDIS_PORT
from aftersend_operator.settings import OperatorSettings


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What the cluster knows and no document tells."""

    redis_secrets: str = ""
    """Mark of Redis' certificate and users (``generated.redis_mark``): when it changes, Redis starts again."""
    redis_port: int = REDIS_PORT
    """Port of an external Redis (``ports.port_of_url`` of its URL)."""
    kinds: frozenset[str] = frozenset()
    """Optional kinds that this cluster has: ``HTTPRoute``, ``PodMonitor``."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """One tenant, one cluster, one operator."""

    tenant: Tenant
    uid: str
    settings: OperatorSettings
    facts: ClusterFacts

    @property
    def spec(self) -> Spec:
        """What the document asks for."""
        return self.tenant.spec

    @property
    def is_managed(self) -> bool:
        """True if the tenant gets a Redis of its own."""
        return self.spec.redis.mode == "managed"

    def name(self, what: str) -> str:
        """Name of a child."""
        return child_name(self.tenant, what)

    def manifest(self, api_version: str, kind: str, what: str, *, part: str) -> Manifest:
        """The frame of a child that goes with its tenant."""
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
        """The frame of a child that holds data: ``deletionPolicy`` decides whether it goes with its tenant."""
        manifest = self.manifest(api_version, kind, what, part=part)
        manifest["metadata"]["labels"] = kept_labels(self.tenant, part)
        if self.spec.deletion_policy == "Retain":
            del manifest["metadata"]["ownerReferences"]
        return manifest
