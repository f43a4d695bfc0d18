"""The public address of the webhook: an Ingress, an HTTPRoute, or none if the platform team makes its own.

Only the exact path is routed. The certificate of an HTTPRoute is its gateway's.
"""

from typing import Any

from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.ports import WEBHOOK_PORT

_PART = "webhook"


def public_address(context: RenderContext) -> list[Manifest]:
    """Render the Ingress or HTTPRoute of the document; none of an address that is another tenant's.

    No HTTPRoute where the kind is not served.
    """
    webhook = context.spec.webhook
    if context.facts.address_taken:
        return []
    if webhook.ingress_class_name:
        return [_annotated(context, _ingress(context))]
    if webhook.gateway and "HTTPRoute" in context.facts.kinds:
        return [_annotated(context, _route(context, webhook.gateway))]
    return []


def _annotated(context: RenderContext, manifest: Manifest) -> Manifest:
    """Add what the cluster's controllers, such as cert-manager, look for."""
    if context.settings.ingress_annotations:
        manifest["metadata"]["annotations"] = dict(context.settings.ingress_annotations)
    return manifest


def _ingress(context: RenderContext) -> Manifest:
    webhook = context.spec.webhook
    backend = {"service": {"name": context.name("webhook"), "port": {"name": "http"}}}
    rule: dict[str, Any] = {
        **_host("host", webhook.host),
        "http": {"paths": [{"path": webhook.path, "pathType": "Exact", "backend": backend}]},
    }
    spec: dict[str, Any] = {"ingressClassName": webhook.ingress_class_name, "rules": [rule]}
    if webhook.tls_secret_name:
        spec["tls"] = [{**({"hosts": [webhook.host]} if webhook.host else {}), "secretName": webhook.tls_secret_name}]
    return {**context.manifest("networking.k8s.io/v1", "Ingress", "webhook", part=_PART), "spec": spec}


def _route(context: RenderContext, gateway: str) -> Manifest:
    webhook = context.spec.webhook
    namespace, _, name = gateway.rpartition("/")
    spec = {
        "parentRefs": [{"name": name, **({"namespace": namespace} if namespace else {})}],
        **({"hostnames": [webhook.host]} if webhook.host else {}),
        "rules": [
            {
                "matches": [{"path": {"type": "Exact", "value": webhook.path}}],
                "backendRefs": [{"name": context.name("webhook"), "port": WEBHOOK_PORT}],
            }
        ],
    }
    return {**context.manifest("gateway.networking.k8s.io/v1", "HTTPRoute", "webhook", part=_PART), "spec": spec}


def _host(key: str, host: str | None) -> dict[str, str]:
    return {key: host} if host else {}
