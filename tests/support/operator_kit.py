"""Tenants, settings and wanted manifests for the tests of the operator."""

from typing import Any

import msgspec

from aftersend.tenant.document import Tenant
from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.model.naming import Manifest
from aftersend_operator.settings import OperatorSettings

UID = "0b2f5c1e-6a3d-4a55-9d0f-2f7f6f0f1a11"
SETTINGS = OperatorSettings(service_image="registry.test/aftersend:1", redis_image="registry.test/redis:8")


def tenant(name: str = "mueller", namespace: str = "tenant-mueller", **spec: Any) -> Tenant:
    """A tenant as it comes out of the cluster."""
    return msgspec.convert(
        {
            "apiVersion": "aftersend.jj-ideenschmiede.de/v1",
            "kind": "AftersendTenant",
            "metadata": {"name": name, "namespace": namespace, "uid": UID, "generation": 3},
            "spec": {
                "afterbuy": {"credentials": {"secretName": "mueller-afterbuy"}},
                "sendcloud": {"credentials": {"secretName": "mueller-sendcloud"}, "integration": "J&J Aftersend"},
                **spec,
            },
        },
        Tenant,
    )


def wanted(
    of: Tenant | None = None, *, settings: OperatorSettings = SETTINGS, facts: ClusterFacts | None = None
) -> dict[str, Manifest]:
    """The desired manifests by ``Kind/what``."""
    of = of or tenant()
    manifests = desired(of, uid=UID, settings=settings, facts=facts or ClusterFacts())
    prefix = f"aftersend-{of.metadata.name}-"
    return {f"{it['kind']}/{it['metadata']['name'].removeprefix(prefix)}": it for it in manifests}
