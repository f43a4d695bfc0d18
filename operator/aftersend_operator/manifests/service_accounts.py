"""One ServiceAccount per part, without a token: nobody of ours talks to the API server."""

from aftersend_operator.manifests.parts import REDIS, jobs, services
from aftersend_operator.manifests.plan import Plan
from aftersend_operator.model.naming import Manifest


def service_accounts(plan: Plan) -> list[Manifest]:
    """An account for each part that has pods."""
    topology = plan.spec.topology
    names = [part.name for part in (*services(topology), *jobs(topology))] + ([REDIS] if plan.is_managed else [])
    return [
        {**plan.manifest("v1", "ServiceAccount", name, part=name), "automountServiceAccountToken": False}
        for name in names
    ]
