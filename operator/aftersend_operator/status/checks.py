"""Checks before anything is applied: the secrets that a tenant names, and what keeps a service from starting. Pure.

Each fault names cause and cure. It may contain names of objects and of keys, never values.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from aftersend.tenant.document import Tenant
from aftersend.tenant.upstream_urls import Refusal, refused_urls
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.naming import namespace_of
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import Key, SecretRecord
from aftersend_operator.model.references import referenced_secrets
from aftersend_operator.settings import OperatorSettings

_ALSO: Final = {"secretKey": ("webhookSignatureKey",), "": ("accessKeyId", "secretAccessKey")}
"""Keys that are not required, and that a new secret usually holds, by a required one of it; "" = none is required."""
_REFUSED_URLS: Final[dict[Refusal, str]] = {
    "host": "this host is not allowed in this cluster: leave the field out, or add it to tenants.upstreamHosts",
    "http": "plain http is not allowed in this cluster: "
    "use https, or set the chart value tenants.allowHttp (for sandboxes only)",
}


def start_faults(tenant: Tenant, secrets: Mapping[Key, SecretRecord], settings: OperatorSettings) -> Iterable[Fault]:
    """Check what a service checks when it starts: rolled out, it would crash, so the pods of now go on."""
    for path, refusal in refused_urls(tenant, allow_http=settings.allow_http, hosts=settings.upstream_hosts):
        yield Fault(ConditionReason.INVALID_SPEC, f"{path}: {_REFUSED_URLS[refusal]}")
    name = tenant.spec.redis.url_secret_name or ""
    found = secrets.get((namespace_of(tenant), name)) if tenant.spec.redis.mode == "external" else None
    if found is not None and "url" in found.names and not found.has_redis_url:
        cure = "use redis://host:6379/0 or rediss://host:6379/0"
        message = f"spec.redis.urlSecretName: the key url of secret {name} is no address of a Redis: {cure}"
        yield Fault(ConditionReason.INVALID_SPEC, message)


def secret_faults(tenant: Tenant, secrets: Mapping[Key, SecretRecord]) -> Iterable[Fault]:
    """Check the secrets that the tenant names: all that are missing, and all that lack a required key."""
    namespace, missing, lacking = namespace_of(tenant), list[str](), list[str]()
    for name, keys in referenced_secrets(tenant).items():
        found = secrets.get((namespace, name))
        absent = [key for key in keys if found is None or key not in found.names]
        if found is None:
            missing.append(f"secret {name} is missing: {_create(namespace, name, keys)}")
        elif absent:
            lacking.append(f"secret {name} lacks {', '.join(absent)}: kubectl -n {namespace} edit secret {name}")
    if lacking:
        yield Fault(ConditionReason.SECRET_KEY_MISSING, "; ".join(lacking))
    if missing:
        yield Fault(ConditionReason.SECRET_MISSING, "; ".join(missing))


def _create(namespace: str, name: str, keys: tuple[str, ...]) -> str:
    also = [key for of in (keys or ("",)) for key in _ALSO.get(of, ())]
    literals = " ".join(f"--from-literal={key}=…" for key in (*keys, *also))
    return f"kubectl -n {namespace} create secret generic {name} {literals}"
