"""The metrics of the operator: reconciliations, API calls, queue, and the conditions of its tenants.

Series of a tenant are removed with the tenant.
"""

import platform
from collections.abc import Iterable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from aftersend import __version__
from aftersend.tenant.status import Condition

_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 120)


class OperatorMetrics:
    """All metrics of one operator process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter, which no rule reads
        self.registry = CollectorRegistry()
        self._declare_work()
        self._declare_fleet()
        self._declare_tenants()
        build = Gauge("aftersend_operator_build_info", "Always 1.", ["version", "python"], registry=self.registry)
        build.labels(__version__, platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._shown: dict[str, tuple[tuple[str, str, bool], ...]] = {}
        self._generations: dict[str, int] = {}

    def _declare_work(self) -> None:
        """Declare what the process does."""
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        self.reconciles = counter(
            "aftersend_operator_reconciles", "Reconciliations of a tenant, by outcome.", ["outcome"]
        )
        self.seconds = Histogram(
            "aftersend_operator_reconcile_seconds",
            "Duration of a reconciliation.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.calls = counter("aftersend_operator_api_requests", "Calls to the API server.", ["verb", "outcome"])
        self.queue_depth = gauge("aftersend_operator_queue_depth", "Tenants that are due or being reconciled.")
        self.stalled = gauge("aftersend_operator_stalled", "1 while a watch or the queue makes no progress.")

    def _declare_fleet(self) -> None:
        """Declare what is counted over all tenants."""
        gauge = partial(Gauge, registry=self.registry)
        self.tenants = gauge("aftersend_operator_tenants", "Tenants that are served.")
        self.wave_stopped = gauge(
            "aftersend_operator_wave_stopped",
            "1 while an upgrade rolls no more tenants, because some did not come up again.",
        )
        self.foreign_tenants = gauge("aftersend_operator_foreign_tenants", "Tenants that are left to another operator.")
        self.unscraped_tenants = gauge(
            "aftersend_operator_unscraped_tenants",
            "Tenants with a pod whose metrics nothing has read for ten minutes.",
        )

    def _declare_tenants(self) -> None:
        """Declare what is shown of each tenant."""
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        self.condition = gauge(
            "aftersend_tenant_condition", "1 while the condition holds.", ["tenant", "condition", "reason"]
        )
        self.changes = counter(
            "aftersend_operator_tenant_changes", "Changes of a tenant's spec seen while running.", ["tenant"]
        )
        self.certificate = gauge(
            "aftersend_webhook_certificate_expiry_timestamp_seconds",
            "Unix time when the certificate of the webhook's address ends (spec.webhook.tlsSecretName).",
            ["tenant"],
        )

    def record_call(self, verb: str, outcome: str) -> None:
        """Count one call to the API server."""
        self.calls.labels(verb, outcome).inc()

    def record_tenant(self, tenant: str, *, generation: int, certificate_end: float) -> None:
        """Count a change of the tenant's spec; set when its webhook's certificate ends (0 = it has none)."""
        changes = self.changes.labels(tenant)
        if generation > self._generations.get(tenant, generation):
            changes.inc()
        self._generations[tenant] = generation
        if certificate_end:
            self.certificate.labels(tenant).set(certificate_end)
        else:
            self.certificate.remove(tenant)

    def set_conditions(self, tenant: str, conditions: Iterable[Condition]) -> None:
        """Replace the series of the tenant's conditions."""
        now = tuple((condition.type, condition.reason, condition.status == "True") for condition in conditions)
        if self._shown.get(tenant) != now:
            self._hide(tenant)
            self._shown[tenant] = now
            for kind, reason, holds in now:
                self.condition.labels(tenant, kind, reason).set(holds)

    def remove_tenant(self, tenant: str) -> None:
        """Remove all series of a deleted tenant."""
        self._hide(tenant)
        self._generations.pop(tenant, None)
        self.changes.remove(tenant)
        self.certificate.remove(tenant)

    def _hide(self, tenant: str) -> None:
        for kind, reason, _ in self._shown.pop(tenant, ()):
            self.condition.remove(tenant, kind, reason)
