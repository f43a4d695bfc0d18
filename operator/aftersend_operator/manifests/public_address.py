"""How Sendcloud finds the webhook: an Ingress, an HTTPRoute, or whatever the platform team makes itself.

Only the exact path is open. The certificate of an HTTPRoute is the business of its gateway.
"""

from typing import Any

from aftersend.tenant.document import Tenant
from aftersend_operator.manifests.plan import Plan
from aftersend_operator.manifests.services import WEBHOOK_PORT
from aftersend_operator.model.naming import Manifest

_PART = "webhook"


def public_address(plan: Plan) -> list[Manifest]:
    """The Ingress or HTTPRoute that the document asks for; none where the cluster does not know HTTPRoutes."""
    webhook = plan.spec.webhook
    if webhook.ingress_class_name:
        return [_ingress(plan)]
    if webhook.gateway and "HTTPRoute" in plan.facts.kinds:
        return [_route(plan, webhook.gateway)]
    return []


def webhook_url(tenant: Tenant) -> str:
    """What to enter in Sendcloud; empty if the document names no host."""
    webhook = tenant.spec.webhook
    return f"https://{webhook.host}{webhook.path}" if webhook.host else ""


def _ingress(plan: Plan) -> Manifest:
    webhook = plan.spec.webhook
    backend = {"service": {"name": plan.name("webhook"), "port": {"name": "http"}}}
    rule: dict[str, Any] = {
        **_host("host", webhook.host),
        "http": {"paths": [{"path": webhook.path, "pathType": "Exact", "backend": backend}]},
    }
    spec: dict[str, Any] = {"ingressClassName": webhook.ingress_class_name, "rules": [rule]}
    if webhook.tls_secret_name:
        spec["tls"] = [{**({"hosts": [webhook.host]} if webhook.host else {}), "secretName": webhook.tls_secret_name}]
    return {**plan.manifest("networking.k8s.io/v1", "Ingress", "webhook", part=_PART), "spec": spec}


def _route(plan: Plan, gateway: str) -> Manifest:
    webhook = plan.spec.webhook
    namespace, _, name = gateway.rpartition("/")
    spec = {
        "parentRefs": [{"name": name, **({"namespace": namespace} if namespace else {})}],
        **({"hostnames": [webhook.host]} if webhook.host else {}),
        "rules": [
            {
                "matches": [{"path": {"type": "Exact", "value": webhook.path}}],
                "backendRefs": [{"name": plan.name("webhook"), "port": WEBHOOK_PORT}],
            }
        ],
    }
    return {**plan.manifest("gateway.networking.k8s.io/v1", "HTTPRoute", "webhook", part=_PART), "spec": spec}


def _host(key: str, host: str | None) -> dict[str, str]:
    return {key: host} if host else {}
