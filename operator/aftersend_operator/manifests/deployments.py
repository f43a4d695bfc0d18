"""Deployments of the services: three in the split topology, one in the compact one.

Two pods of one part may overlap during an update: consumer groups, leases and coalesced runs make that safe. So an
update starts the new pod first, and the webhook stays available. Only where both would need the same volume (backups of
the compact topology) the old pod ends first; Sendcloud's retries and the sweep recover what fell into the gap.

``replicas`` stays unset (default 1) where more than one is useful, so that an autoscaler may own it. There is no
PodDisruptionBudget: with one replica it could only forbid evictions, and draining a node would hang for ever.
"""

from typing import Any, Final

from aftersend_operator.manifests.config_map import CONFIG_ANNOTATION, content_hash
from aftersend_operator.manifests.parts import TenantPart, services
from aftersend_operator.manifests.pods import keeps_backups, pod_spec, pod_template
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest, selector

_SCALABLE: Final = ("webhook", "writer")


def deployments(context: RenderContext) -> list[Manifest]:
    """Render one Deployment per service."""
    return [_deployment(context, part) for part in services(context.spec.topology)]


def _deployment(context: RenderContext, part: TenantPart) -> Manifest:
    template = pod_template(
        context, part.name, pod_spec(context, part), {CONFIG_ANNOTATION: content_hash(context.document)}
    )
    spec: dict[str, Any] = {
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": selector(context.tenant, part.name)},
        "strategy": _strategy(context, part),
        "template": template,
    }
    if part.name not in _SCALABLE:
        spec["replicas"] = 1
    return {**context.manifest("apps/v1", "Deployment", part.name, part=part.name), "spec": spec}


def _strategy(context: RenderContext, part: TenantPart) -> dict[str, Any]:
    if keeps_backups(context, part):
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
