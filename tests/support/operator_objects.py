"""Objects as the API server shows them, for tests of the operator."""

import base64
from itertools import count
from typing import Any

from aftersend.tenant.document import API_VERSION, KIND
from aftersend_operator.model.kinds import CHILDREN, POD, TENANT, Kind
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import TenantRecord, tenant_record
from aftersend_operator.settings import OperatorSettings

SETTINGS = OperatorSettings(service_image="registry.example/aftersend:1", redis_image="registry.example/redis:8")
_versions = count(100)


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """``more`` over ``base``, map by map."""
    both = {key: merged(base[key], more[key]) for key in base.keys() & more.keys() if isinstance(more[key], dict)}
    return {**base, **more, **both}


def tenant_document(name: str = "mueller", namespace: str = "shops", **spec: Any) -> Manifest:
    """What a person applies."""
    least = {
        "afterbuy": {"credentials": {"secretName": f"{name}-afterbuy"}},
        "sendcloud": {"credentials": {"secretName": f"{name}-sendcloud"}, "integration": "J&J Aftersend"},
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": merged(least, spec),
    }


def merchant_secrets(name: str = "mueller", namespace: str = "shops", value: str = "value") -> list[Manifest]:
    """The two secrets that the document names."""
    encoded = base64.b64encode(value.encode()).decode()
    keys = {"afterbuy": ("partnerToken", "accountToken"), "sendcloud": ("publicKey", "secretKey")}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"{name}-{side}", "namespace": namespace},
            "data": dict.fromkeys(names, encoded),
        }
        for side, names in keys.items()
    ]


def live(manifest: Manifest, **metadata: Any) -> Manifest:
    """The same as a watch shows it: with uid, generation and a version that grows."""
    version = next(_versions)
    known = {"uid": f"uid-{version}", "generation": 1, "resourceVersion": str(version)}
    return merged(manifest, {"metadata": {**known, **metadata}})


def recorded_tenant(**spec: Any) -> TenantRecord:
    """A tenant as the cache keeps it."""
    return tenant_record(live(tenant_document(**spec), uid="uid-tenant"))


def kind_named(name: str) -> Kind:
    """A kind by its name."""
    return next(kind for kind in (TENANT, POD, *CHILDREN) if kind.name == name)
