"""All children of one tenant: the document in, plain objects out, the same every time.

Order matters to nobody but a reader and a first start: accounts, policies and configuration come before what uses
them.
"""

from aftersend.tenant.document import Tenant
from aftersend_operator.manifests.config_map import config_map
from aftersend_operator.manifests.cron_jobs import cron_jobs
from aftersend_operator.manifests.deployments import deployments
from aftersend_operator.manifests.network_policies import network_policies
from aftersend_operator.manifests.plan import Facts, Plan
from aftersend_operator.manifests.pod_monitor import pod_monitors
from aftersend_operator.manifests.public_address import public_address
from aftersend_operator.manifests.redis import redis_config_map, redis_stateful_set
from aftersend_operator.manifests.service_accounts import service_accounts
from aftersend_operator.manifests.services import redis_service, webhook_service
from aftersend_operator.manifests.volumes import backup_volume, redis_volume
from aftersend_operator.model.naming import Manifest
from aftersend_operator.settings import OperatorSettings

__all__ = ["Facts", "desired"]


def desired(tenant: Tenant, *, uid: str, settings: OperatorSettings, facts: Facts) -> list[Manifest]:
    """Every child that the tenant wants now, but for the generated secrets (``generated``).

    To be applied by server-side apply, each as a whole. What carries the tenant's uid and is not in this list is to be
    pruned.
    """
    plan = Plan(tenant=tenant, uid=uid, settings=settings, facts=facts)
    return [
        *service_accounts(plan),
        *network_policies(plan),
        config_map(plan),
        *_store(plan),
        *([backup_volume(plan)] if plan.spec.backup.target == "volume" else []),
        webhook_service(plan),
        *deployments(plan),
        *cron_jobs(plan),
        *public_address(plan),
        *pod_monitors(plan),
    ]


def _store(plan: Plan) -> list[Manifest]:
    """The managed Redis; nothing for an external one."""
    if not plan.is_managed:
        return []
    return [redis_config_map(plan), redis_volume(plan), redis_service(plan), redis_stateful_set(plan)]
