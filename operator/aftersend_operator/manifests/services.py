"""Services: the webhook's, which the Ingress or a gateway leads to, and that of the managed Redis."""

from typing import Any

from aftersend_operator.manifests.parts import REDIS, services
from aftersend_operator.manifests.plan import Plan
from aftersend_operator.model.naming import Manifest, selector

REDIS_PORT = 6379
WEBHOOK_PORT = 80


def webhook_service(plan: Plan) -> Manifest:
    """Port 80 to the public port of whatever part serves the webhook."""
    part = next(part.name for part in services(plan.spec.topology) if part.serves_webhook)
    return {
        **plan.manifest("v1", "Service", "webhook", part=part),
        "spec": _spec(plan, part, {"name": "http", "port": WEBHOOK_PORT, "targetPort": "http", "protocol": "TCP"}),
    }


def redis_service(plan: Plan) -> Manifest:
    """The address in the services' ``AFTERSEND_REDIS_URL``, and a name in the certificate."""
    return {
        **plan.manifest("v1", "Service", "redis", part=REDIS),
        "spec": _spec(plan, REDIS, {"name": "redis", "port": REDIS_PORT, "targetPort": "redis", "protocol": "TCP"}),
    }


def _spec(plan: Plan, part: str, port: dict[str, Any]) -> dict[str, Any]:
    return {"type": "ClusterIP", "selector": selector(plan.tenant, part), "ports": [port]}
