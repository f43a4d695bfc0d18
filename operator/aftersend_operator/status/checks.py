"""Checks before anything is applied: the secrets that a tenant names, and what keeps a service from starting. Pure.

Each fault names cause and cure. It may contain names of objects and of keys, never values.
"""

from collections.abc import Collection, Container, Iterable
from fnmatch import fnmatchcase
from typing import Final

from aftersend.printable import printable
from aftersend.tenant.document import Tenant
from aftersend.tenant.pods import Pods
from aftersend.tenant.upstream_urls import Refusal, is_loopback, refused_urls
from aftersend_operator.manifests.network_policies import upstream_port
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.naming import namespace_of
from aftersend_operator.model.ports import port_of_url
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import Key
from aftersend_operator.model.references import referenced_secrets
from aftersend_operator.settings import OperatorSettings
from aftersend_operator.status.secret_commands import create_secret, set_keys

_CONTROL_PLANE: Final = "node-role.kubernetes.io/"
_TOLERATES_ALL: Final = "tenants do not run on the control plane: name the key of another taint"
_OTHER_PORT: Final = (
    "only port 443 of this host is allowed: "
    "leave the port out, or set the chart value tenants.allowHttp (for sandboxes only)"
)
_DELAY: Final = "pods see a changed secret within two minutes"
_REFUSED_URLS: Final[dict[Refusal, str]] = {
    "host": "this host is not allowed in this cluster: leave the field out, or add it to tenants.upstreamHosts",
    "http": "plain http is not allowed in this cluster: "
    "use https, or set the chart value tenants.allowHttp (for sandboxes only)",
}


def start_faults(tenant: Tenant, settings: OperatorSettings) -> Iterable[Fault]:
    """Check what a service checks when it starts: rolled out, it would crash, so the pods of now go on."""
    for path, refusal in refused_urls(tenant, allow_http=settings.allow_http, hosts=settings.upstream_hosts):
        yield Fault(ConditionReason.INVALID_SPEC, f"{path}: {_REFUSED_URLS[refusal]}")
    yield from _pod_faults(tenant.spec.pods, settings)
    for side, url in (("afterbuy", tenant.spec.afterbuy.url), ("sendcloud", tenant.spec.sendcloud.url)):
        if upstream_port(url, settings) != port_of_url(url) and not is_loopback(url):
            yield Fault(ConditionReason.INVALID_SPEC, f"spec.{side}.url: {_OTHER_PORT}")


def _pod_faults(pods: Pods, settings: OperatorSettings) -> Iterable[Fault]:
    """Check what could weaken pods, or let policies and selectors of others take them for theirs."""
    for name, keys, allowed in (
        ("annotations", pods.annotations, settings.pod_annotations),
        ("labels", pods.labels, settings.pod_labels),
    ):
        refused = [printable(key[:80]) for key in keys if not any(fnmatchcase(key, known) for known in allowed)]
        if refused:
            value = f"tenants.pod{name.capitalize()}"
            cure = f"leave them out, or add them to the chart value {value}"
            message = f"spec.pods.{name}: not allowed in this cluster: {', '.join(refused[:3])}: {cure}"
            yield Fault(ConditionReason.INVALID_SPEC, message)
    for index, toleration in enumerate(pods.tolerations):
        if (toleration.key or _CONTROL_PLANE).startswith(_CONTROL_PLANE):
            yield Fault(ConditionReason.INVALID_SPEC, f"spec.pods.tolerations[{index}]: {_TOLERATES_ALL}")


def secret_faults(tenant: Tenant, secrets: Container[Key], missing_keys: Collection[str]) -> Iterable[Fault]:
    """Check the secrets that the tenant names: all that are not there, and the keys that its services miss."""
    namespace, missing, lacking = namespace_of(tenant), list[str](), list[str]()
    for name, keys in referenced_secrets(tenant).items():
        absent = tuple(key for key in keys if key in missing_keys)
        if (namespace, name) not in secrets:
            missing.append(f"secret {name} is missing: {create_secret(namespace, name, keys)}")
        elif absent:
            lacking.append(f"secret {name} lacks {', '.join(absent)}: {set_keys(namespace, name, absent)}")
    if lacking:
        yield Fault(ConditionReason.SECRET_KEY_MISSING, f"{'; '.join(lacking)}; {_DELAY}")
    if missing:
        yield Fault(ConditionReason.SECRET_MISSING, "; ".join(missing))
