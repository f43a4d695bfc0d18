"""Services: the webhook's (backend of the Ingress or gateway), that of the managed Redis, and a name for commands.

``kubectl exec svc/aftersend-<tenant>-exporter -- aftersend …`` finds the pod that runs exports in both topologies.
"""

from typing import Any

from aftersend_operator.manifests.parts import REDIS, services
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest, selector
from aftersend_operator.model.ports import REDIS_PORT, WEBHOOK_PORT


def webhook_service(context: RenderContext) -> Manifest:
    """Map port 80 to the public port of the part that serves the webhook."""
    part = next(part.name for part in services(context.spec.topology) if part.serves_webhook)
    return {
        **context.manifest("v1", "Service", "webhook", part=part),
        "spec": _spec(context, part, {"name": "http", "port": WEBHOOK_PORT, "targetPort": "http", "protocol": "TCP"}),
    }


def exporter_service(context: RenderContext) -> Manifest:
    """Name the pod of the exporter, whichever Deployment makes it; headless and without ports, for nothing calls it."""
    part = next(part.name for part in services(context.spec.topology) if {"afterbuy", "sendcloud"} <= {*part.calls})
    return {
        **context.manifest("v1", "Service", "exporter", part=part),
        "spec": {"type": "ClusterIP", "clusterIP": "None", "selector": selector(context.tenant, part)},
    }


def redis_service(context: RenderContext) -> Manifest:
    """Render the address in ``AFTERSEND_REDIS_URL``, which is also a name in the certificate."""
    return {
        **context.manifest("v1", "Service", "redis", part=REDIS),
        "spec": _spec(context, REDIS, {"name": "redis", "port": REDIS_PORT, "targetPort": "redis", "protocol": "TCP"}),
    }


def _spec(context: RenderContext, part: str, port: dict[str, Any]) -> dict[str, Any]:
    return {"type": "ClusterIP", "selector": selector(context.tenant, part), "ports": [port]}
