"""The reconciler: bring one tenant from its observed to its desired state, and write its status.

    validate ──> generated secrets ──> children (apply, prune) ──> reports of jobs and services ──> status and events

Level-triggered: neither the event that enqueued a tenant nor earlier passes matter, only the difference between
observed and desired state. If nothing but pods has changed since the last complete pass, children are not compared
again; conditions are, because they depend on time and on reports.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from aftersend.errors import Transient
from aftersend.observe.logs import get_logger
from aftersend_operator.api.client import Api
from aftersend_operator.api.errors import Conflict, NamespaceTerminating
from aftersend_operator.informer.cache import Cache
from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.metrics import OperatorMetrics
from aftersend_operator.model.addresses import holder_of_address, webhook_url
from aftersend_operator.model.faults import Fault, address_taken
from aftersend_operator.model.kinds import TENANT
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import Key, TenantRecord, version_of
from aftersend_operator.reconcile.apply import ApplyResult, ChildApplier
from aftersend_operator.reconcile.events import EventRecorder
from aftersend_operator.reconcile.repairs import Repairs
from aftersend_operator.reconcile.secrets import GeneratedSecrets
from aftersend_operator.settings import OperatorSettings
from aftersend_operator.status.address_checks import IngressClasses, address_faults
from aftersend_operator.status.checks import secret_faults, start_faults
from aftersend_operator.status.collector import StatusCollector
from aftersend_operator.status.conditions import TenantHealth, tenant_health, transitions
from aftersend_operator.status.event_reader import ASK_AGAIN_SECONDS, EventReader
from aftersend_operator.status.parts import part_states
from aftersend_operator.status.reports import ReportedState
from aftersend_operator.status.startup_grace import grace_of
from aftersend_operator.status.status import events_for, status_manifest, status_of
from aftersend_operator.status.waiting import due_in, route_faults, volume_faults, waiting_objects

RESYNC_SECONDS: Final = 55.0
_MAX_SKIP_SECONDS: Final = 86400.0
_GATE_RETRY_SECONDS: Final = 5.0
"""Requeue of a tenant that waits for the rollout gate."""
_MIN_RECHECK_SECONDS: Final = 1.0
"""Shortest requeue of a tenant whose state changes with time alone."""


@dataclass(slots=True)
class _LastPass:
    """What the last pass left; losing it costs a few calls, nothing else."""

    revision: int = -1
    address_taken: bool = False
    until: float = 0.0
    result: ApplyResult = field(default_factory=ApplyResult)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Reconcile tenants; one per process."""

    settings: OperatorSettings
    api: Api
    cache: Cache
    applier: ChildApplier
    secrets: GeneratedSecrets
    repairs: Repairs
    events: EventRecorder
    collector: StatusCollector
    event_reader: EventReader
    ingress_classes: IngressClasses
    metrics: OperatorMetrics
    kinds: set[str] = field(default_factory=set)
    """Optional kinds that the cluster serves."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    foreign: set[Key] = field(default_factory=set)
    """Tenants that another operator serves."""
    _last_passes: dict[Key, _LastPass] = field(default_factory=lambda: defaultdict(_LastPass))

    def is_served(self, record: TenantRecord) -> bool:
        """Return False for a tenant that another operator serves."""
        return (record.status.served_by or self.settings.identity) == self.settings.identity

    async def reconcile(self, key: Key) -> float | None:
        """Reconcile one tenant; return when to requeue it, None if it is deleted or being deleted."""
        record = self.cache.tenants.get(key)
        if record is None:
            self._remove(key)
            return None
        if record.deleting:
            return None
        if not self.is_served(record):
            return await self._leave_alone(record)
        self.foreign.discard(key)
        self.metrics.record_tenant(
            record.identity, generation=record.generation, certificate_end=self.collector.certificate_end(record)
        )
        start, outcome = time.perf_counter(), "error"
        try:
            again = await self._reconcile_tenant(record)
            outcome = "done"
        except NamespaceTerminating:
            again, outcome = None, "leaving"
        except Transient:
            outcome = "transient"
            raise
        finally:
            self.metrics.reconciles.labels(outcome).inc()
            self.metrics.seconds.observe(time.perf_counter() - start)
        return again

    async def _leave_alone(self, record: TenantRecord) -> float:
        """Leave a tenant that another operator serves; say so once."""
        if record.key not in self.foreign:
            self.foreign.add(record.key)
            self.metrics.remove_tenant(record.identity)
            self.collector.forget(record.key)
            get_logger(tenant=record.identity).warning("served_by_another", operator=record.status.served_by)
            cure = f"kubectl -n {record.key[0]} patch ast {record.key[1]} --subresource=status --type=merge"
            message = (
                f"operator {self.settings.identity or 'outside the cluster'} leaves the tenant to"
                f' {record.status.served_by}; if that one is gone: {cure} -p \'{{"status":{{"servedBy":""}}}}\''
            )
            await self.events.post(record, "ServedByAnother", message, is_bad=True)
        return RESYNC_SECONDS

    async def _reconcile_tenant(self, record: TenantRecord) -> float:
        result = await self._apply_children(record)
        now, pods = self.now().timestamp(), self.cache.pods(record.key)
        spec = record.tenant.spec if record.tenant else None
        grace = grace_of(pods, is_managed=spec is not None and spec.redis.mode == "managed", now=now)
        reported = await self.collector.collect(record, grace)
        children = self.cache.children(record.key)
        waiting = waiting_objects(children, pods, now=now)
        words = await self.event_reader.read(record.key, waiting)
        parts = part_states(record, children, pods, now=now, words=words)
        volumes = volume_faults(children, [part.name for part in parts], record.key[1], words)
        routes = route_faults((spec and spec.webhook.gateway) or "", children, now=now)
        health = tenant_health(
            parts,
            [*result.faults, *await self._checks(record, reported), *volumes, *routes, *reported.faults],
            waits_for_turn=result.waits_for_turn,
            wave_stopped=result.wave_stopped,
            upgrade=self.applier.gate.upgrade_of(record.key),
            suspended=spec is not None and spec.suspend,
        )
        await self._write_status(record, health, reported)
        again = _GATE_RETRY_SECONDS if result.waits_for_turn else RESYNC_SECONDS
        starting = [grace.left(pod) for pod in pods if not pod.ended and not pod.deleting]
        asked = due_in(children.values(), waiting, words, now=now, again=ASK_AGAIN_SECONDS)
        asked_pods = self.collector.due_in(record.key)
        dues = [*(part.due_in for part in parts), *starting, grace.redis_left, asked_pods, asked]
        return min([again, *(max(due, _MIN_RECHECK_SECONDS) for due in dues if due > 0)])

    async def _apply_children(self, record: TenantRecord) -> ApplyResult:
        """Apply the children, unless no object has changed since the last complete pass."""
        if record.tenant is None:
            return ApplyResult(faults=[Fault(ConditionReason.INVALID_SPEC, record.fault)])
        last, revision, now = self._last_passes[record.key], self.cache.revisions[record.key], self.now()
        is_taken = self._address_holder(record) is not None
        if (last.revision, last.address_taken) == (revision, is_taken) and now.timestamp() < last.until:
            return last.result
        if wrong := list(start_faults(record.tenant, self.settings)):
            return ApplyResult(faults=wrong)
        redis_hash, faults = await self.secrets.ensure(record, record.tenant, now=now)
        if faults:
            return ApplyResult(faults=faults, again=True)
        facts = ClusterFacts(redis_secrets=redis_hash, kinds=frozenset(self.kinds), address_taken=is_taken)
        render = partial(desired, record.tenant, uid=record.uid, settings=self.settings, facts=facts)
        result = await self.applier.apply(record, render, inputs=(record.uid, record.generation, facts))
        is_done = not result.again and not result.waits_for_turn
        last.revision, last.result, last.address_taken = revision if is_done else -1, result, is_taken
        last.until = now.timestamp() + _MAX_SKIP_SECONDS
        return result

    async def _checks(self, record: TenantRecord, reported: ReportedState) -> list[Fault]:
        if record.tenant is None:
            return []
        holder, classes = self._address_holder(record), await self.ingress_classes.load(record.tenant)
        return [
            *secret_faults(record.tenant, self.cache.secrets, reported.missing_keys),
            *([address_taken(holder.identity)] if holder else []),
            *address_faults(record.tenant, self.cache.secrets, classes, self.kinds),
        ]

    def _address_holder(self, record: TenantRecord) -> TenantRecord | None:
        address = webhook_url(record.tenant) if record.tenant else None
        return holder_of_address(record, self.cache.claims(address)) if address else None

    async def _write_status(self, record: TenantRecord, health: TenantHealth, reported: ReportedState) -> None:
        """Write the status if it changed, and an event per transition."""
        status = status_of(record, health, reported, now=self.events.time, served_by=self.settings.identity)
        self.metrics.set_conditions(record.identity, status.conditions)
        if msgspec.to_builtins(status) == msgspec.to_builtins(record.status):
            return
        try:
            with self.cache.writing(TENANT, record.key) as write:
                written = await self.api.apply(status_manifest(record, status), subresource="status")
                write.version = version_of(written)
                # Its watch event may be late: the next pass must not find the same transition again.
                self.cache.upsert(TENANT, written)
        except Conflict:
            return  # another tenant has the name now; its watch event follows
        changed = transitions(record.status.conditions, status.conditions)
        for condition in events_for(changed, is_new=not record.status.conditions):
            await self.events.post_transition(record, condition)

    def _remove(self, key: Key) -> None:
        self.metrics.remove_tenant(".".join(key))
        self.secrets.forget(key)
        self.repairs.forget(key)
        self.applier.forget(key)
        self.collector.forget(key)
        self.event_reader.forget(key)
        self.foreign.discard(key)
        self._last_passes.pop(key, None)
        self.cache.revisions.pop(key, None)
