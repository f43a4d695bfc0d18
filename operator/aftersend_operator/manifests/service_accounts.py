"""One ServiceAccount per part, without a token: no service calls the API server."""

from aftersend_operator.manifests.parts import REDIS, jobs, services
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest


def service_accounts(context: RenderContext) -> list[Manifest]:
    """Render an account for each part that has pods."""
    topology = context.spec.topology
    names = [part.name for part in (*services(topology), *jobs(topology))] + ([REDIS] if context.is_managed else [])
    return [
        {**context.manifest("v1", "ServiceAccount", name, part=name), "automountServiceAccountToken": False}
        for name in names
    ]
