"""One look at one tenant: everything it should have, everything that is known of it, its status.

    validate ──> own secrets ──> children (apply, prune) ──> what jobs and services tell ──> status and events

It does not matter why somebody looks, nor what was done before: a look compares what is with what should be, and does
the difference. If nothing has changed since the last look that had nothing left to do, the children are not compared
again; the conditions are, because time passes and services talk.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from typing import Final

import msgspec

from aftersend.errors import AftersendError, Transient
from aftersend.observe.logs import get_logger
from aftersend.tenant.status import Status
from aftersend_operator.api.client import Api
from aftersend_operator.api.errors import Conflict, NamespaceTerminating
from aftersend_operator.informer.cache import Cache
from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.metrics import OperatorMetrics
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.ports import REDIS_PORT
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import Key, TenantRecord
from aftersend_operator.reconcile.apply import ApplyResult, ChildApplier
from aftersend_operator.reconcile.rollout_gate import is_rolling
from aftersend_operator.reconcile.secrets import GeneratedSecrets
from aftersend_operator.settings import OperatorSettings
from aftersend_operator.status.checks import is_available, pod_faults, secret_faults, workload_faults
from aftersend_operator.status.collector import StatusCollector
from aftersend_operator.status.conditions import TenantHealth, transitions
from aftersend_operator.status.reports import ReportedState
from aftersend_operator.status.startup_grace import grace_left, without_startup_faults
from aftersend_operator.status.status import event_of, events_for, status_manifest, status_of

RESYNC_SECONDS: Final = 55.0
_MAX_SKIP_SECONDS: Final = 86400.0
_GATE_RETRY_SECONDS: Final = 5.0
"""How soon a tenant asks again whether it is its turn."""
_MIN_RECHECK_SECONDS: Final = 1.0
"""How soon a fault that was too early to tell is looked at again."""


@dataclass(slots=True)
class _LastPass:
    """What the last look at a tenant left; losing it costs a few calls, nothing else."""

    revision: int = -1
    until: float = 0.0
    outcome: ApplyResult = field(default_factory=ApplyResult)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Looks at tenants; one per process."""

    settings: OperatorSettings
    api: Api
    cache: Cache
    children: ChildApplier
    secrets: GeneratedSecrets
    collector: StatusCollector
    metrics: OperatorMetrics
    revisions: Counter[Key]
    """Grows with every change that the cache sees of a tenant."""
    kinds: set[str] = field(default_factory=set)
    """Optional kinds that the cluster has."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _last_passes: dict[Key, _LastPass] = field(default_factory=lambda: defaultdict(_LastPass))

    async def reconcile(self, key: Key) -> float | None:
        """Look at one tenant; answers when to look again, None if it is gone or going."""
        record = self.cache.tenants.get(key)
        if record is None:
            self._remove(key)
            return None
        if record.deleting:
            return None
        self.metrics.record_tenant(
            record.identity, generation=record.generation, certificate_end=self._certificate_end(record)
        )
        start, result = time.perf_counter(), "error"
        try:
            again = await self._reconcile_tenant(record)
            result = "done"
        except NamespaceTerminating:
            again, result = None, "leaving"
        except Transient:
            result = "transient"
            raise
        finally:
            self.metrics.reconciles.labels(result).inc()
            self.metrics.seconds.observe(time.perf_counter() - start)
        return again

    async def _reconcile_tenant(self, record: TenantRecord) -> float:
        outcome = await self._children(record)
        reported = await self.collector.collect(record)
        records = self.cache.children(record.key).values()
        available = is_available(records)
        left = grace_left(record, available=available, now=self.now())
        faults = without_startup_faults(reported.faults, left)
        health = TenantHealth(
            faults=[*outcome.faults, *self._checks(record), *workload_faults(records), *faults],
            available=available,
            rolling=is_rolling(records),
            waits_for_turn=outcome.waits_for_turn,
            suspended=record.tenant is not None and record.tenant.spec.suspend,
        )
        await self._show(record, health, reported)
        again = _GATE_RETRY_SECONDS if outcome.waits_for_turn else RESYNC_SECONDS
        return again if len(faults) == len(reported.faults) else min(again, max(left, _MIN_RECHECK_SECONDS))

    async def _children(self, record: TenantRecord) -> ApplyResult:
        """Compare and apply, unless nothing has changed since that was last done to the end."""
        if record.tenant is None:
            return ApplyResult(faults=[Fault(ConditionReason.INVALID_SPEC, record.fault)])
        last, revision, now = self._last_passes[record.key], self.revisions[record.key], self.now()
        if last.revision == revision and now.timestamp() < last.until:
            return last.outcome
        mark, faults = await self.secrets.ensure(record, record.tenant, now=now)
        if faults:
            return ApplyResult(faults=faults, again=True)
        facts = ClusterFacts(redis_secrets=mark, redis_port=self._redis_port(record), kinds=frozenset(self.kinds))
        wanted = desired(record.tenant, uid=record.uid, settings=self.settings, facts=facts)
        outcome = await self.children.apply(record, wanted)
        is_done = not outcome.again and not outcome.waits_for_turn
        last.revision, last.outcome = revision if is_done else -1, outcome
        last.until = now.timestamp() + _MAX_SKIP_SECONDS
        return outcome

    def _redis_port(self, record: TenantRecord) -> int:
        url = self.cache.secrets.get(
            (record.key[0], (record.tenant and record.tenant.spec.redis.url_secret_name) or "")
        )
        return url.redis_port if url else REDIS_PORT

    def _certificate_end(self, record: TenantRecord) -> float:
        name = record.tenant.spec.webhook.tls_secret_name if record.tenant else None
        secret = self.cache.secrets.get((record.key[0], name or ""))
        return secret.expires if secret else 0.0

    def _checks(self, record: TenantRecord) -> list[Fault]:
        if record.tenant is None:
            return []
        return [*secret_faults(record.tenant, self.cache.secrets), *pod_faults(self.cache.pods(record.key))]

    async def _show(self, record: TenantRecord, health: TenantHealth, reported: ReportedState) -> None:
        """Write the status if it says something new, and tell people about transitions."""
        now = self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        status = status_of(record, health, reported, now=now)
        self.metrics.set_conditions(record.identity, status.conditions)
        if msgspec.to_builtins(status) == msgspec.to_builtins(record.status):
            return
        try:
            await self.api.apply(status_manifest(record, status), subresource="status")
        except Conflict:
            return  # another tenant has the name now; the watch will show it
        await self._tell(record, status, now)

    async def _tell(self, record: TenantRecord, status: Status, now: str) -> None:
        changed = transitions(record.status.conditions, status.conditions)
        for condition in events_for(changed, is_new=not record.status.conditions):
            try:
                await self.api.post_event(event_of(record, condition, now=now, serial=token_hex(8)))
            except AftersendError as error:
                get_logger(tenant=record.identity).info("event_not_posted", exc_info=error)

    def _remove(self, key: Key) -> None:
        self.metrics.remove_tenant(".".join(key))
        self.secrets.forget(key)
        self.children.gate.release(key)
        self.collector.forget(key)
        self._last_passes.pop(key, None)
        self.revisions.pop(key, None)
