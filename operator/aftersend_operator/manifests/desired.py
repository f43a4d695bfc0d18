"""All children of one tenant: the document in, manifests out, deterministic.

The order matters for the first start only: accounts, policies and configuration come before what uses them.
"""

from aftersend.tenant.document import Tenant
from aftersend_operator.manifests.config_map import config_map, tenant_yaml
from aftersend_operator.manifests.cron_jobs import cron_jobs
from aftersend_operator.manifests.deployments import deployments
from aftersend_operator.manifests.network_policies import network_policies
from aftersend_operator.manifests.pod_monitor import pod_monitors
from aftersend_operator.manifests.public_address import public_address
from aftersend_operator.manifests.redis import redis_config_map, redis_stateful_set
from aftersend_operator.manifests.render_context import ClusterFacts, RenderContext
from aftersend_operator.manifests.service_accounts import service_accounts
from aftersend_operator.manifests.services import exporter_service, redis_service, webhook_service
from aftersend_operator.manifests.volumes import backup_volume, redis_volume
from aftersend_operator.model.naming import Manifest
from aftersend_operator.settings import OperatorSettings

__all__ = ["ClusterFacts", "desired"]


def desired(tenant: Tenant, *, uid: str, settings: OperatorSettings, facts: ClusterFacts) -> list[Manifest]:
    """Render every child of the tenant but the generated secrets (``generated_secrets``).

    Each is applied as a whole by server-side apply. A child that carries the tenant's uid and is not in this list is
    pruned.
    """
    context = RenderContext(tenant=tenant, uid=uid, settings=settings, facts=facts, document=tenant_yaml(tenant))
    return [
        *service_accounts(context),
        *network_policies(context),
        config_map(context),
        *_store(context),
        *([backup_volume(context)] if context.spec.backup.target == "volume" else []),
        exporter_service(context),
        webhook_service(context),
        *deployments(context),
        *cron_jobs(context),
        *public_address(context),
        *pod_monitors(context),
    ]


def _store(context: RenderContext) -> list[Manifest]:
    """Render the managed Redis; nothing for an external one."""
    if not context.is_managed:
        return []
    return [redis_config_map(context), redis_volume(context), redis_service(context), redis_stateful_set(context)]
