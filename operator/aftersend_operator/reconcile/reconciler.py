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
from aftersend_operator.api.errors import Conflict, Leaving
from aftersend_operator.informer.cache import Cache
from aftersend_operator.manifests.desired import Facts, desired
from aftersend_operator.manifests.services import REDIS_PORT
from aftersend_operator.metrics import OperatorMetrics
from aftersend_operator.model.reasons import Reason
from aftersend_operator.model.records import Key, TenantSighting
from aftersend_operator.reconcile.apply import Children, Outcome
from aftersend_operator.reconcile.rollout_gate import is_rolling
from aftersend_operator.reconcile.secrets import OwnSecrets
from aftersend_operator.settings import OperatorSettings
from aftersend_operator.status.checks import is_available, pod_faults, secret_faults, workload_faults
from aftersend_operator.status.collector import Telling
from aftersend_operator.status.conditions import Fault, Picture, transitions
from aftersend_operator.status.reports import Told
from aftersend_operator.status.startup_grace import start_left, without_early
from aftersend_operator.status.status import event_of, status_manifest, status_of, worth_telling

RESYNC_SECONDS: Final = 55.0
_A_DAY: Final = 86400.0
_TURN_SECONDS: Final = 5.0
"""How soon a tenant asks again whether it is its turn."""
_SOONEST_SECONDS: Final = 1.0
"""How soon a fault that was too early to tell is looked at again."""


@dataclass(slots=True)
class _Memory:
    """What the last look at a tenant left; losing it costs a few calls, nothing else."""

    revision: int = -1
    until: float = 0.0
    outcome: Outcome = field(default_factory=Outcome)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Looks at tenants; one per process."""

    settings: OperatorSettings
    api: Api
    cache: Cache
    children: Children
    secrets: OwnSecrets
    telling: Telling
    metrics: OperatorMetrics
    revisions: Counter[Key]
    """Grows with every change that the cache sees of a tenant."""
    kinds: set[str] = field(default_factory=set)
    """Optional kinds that the cluster has."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _memories: dict[Key, _Memory] = field(default_factory=lambda: defaultdict(_Memory))

    async def look(self, key: Key) -> float | None:
        """Look at one tenant; answers when to look again, None if it is gone or going."""
        seen = self.cache.tenants.get(key)
        if seen is None:
            self._forget(key)
            return None
        if seen.leaving:
            return None
        self.metrics.saw(seen.identity, generation=seen.generation, certificate_end=self._certificate_end(seen))
        start, result = time.perf_counter(), "error"
        try:
            again = await self._reconcile(seen)
            result = "done"
        except Leaving:
            again, result = None, "leaving"
        except Transient:
            result = "transient"
            raise
        finally:
            self.metrics.reconciles.labels(result).inc()
            self.metrics.seconds.observe(time.perf_counter() - start)
        return again

    async def _reconcile(self, seen: TenantSighting) -> float:
        outcome = await self._children(seen)
        told = await self.telling.listen(seen)
        records = self.cache.children(seen.key).values()
        available = is_available(records)
        left = start_left(seen, available=available, now=self.now())
        ripe = without_early(told.faults, left)
        picture = Picture(
            faults=[*outcome.faults, *self._findings(seen), *workload_faults(records), *ripe],
            available=available,
            rolling=is_rolling(records),
            waits_for_turn=outcome.waits_for_turn,
            suspended=seen.tenant is not None and seen.tenant.spec.suspend,
        )
        await self._show(seen, picture, told)
        again = _TURN_SECONDS if outcome.waits_for_turn else RESYNC_SECONDS
        return again if len(ripe) == len(told.faults) else min(again, max(left, _SOONEST_SECONDS))

    async def _children(self, seen: TenantSighting) -> Outcome:
        """Compare and apply, unless nothing has changed since that was last done to the end."""
        if seen.tenant is None:
            return Outcome(faults=[Fault(Reason.INVALID_SPEC, seen.fault)])
        memory, revision, now = self._memories[seen.key], self.revisions[seen.key], self.now()
        if memory.revision == revision and now.timestamp() < memory.until:
            return memory.outcome
        mark, faults = await self.secrets.make(seen, seen.tenant, now=now)
        if faults:
            return Outcome(faults=faults, again=True)
        facts = Facts(redis_secrets=mark, redis_port=self._redis_port(seen), kinds=frozenset(self.kinds))
        wanted = desired(seen.tenant, uid=seen.uid, settings=self.settings, facts=facts)
        outcome = await self.children.make(seen, wanted)
        is_done = not outcome.again and not outcome.waits_for_turn
        memory.revision, memory.outcome = revision if is_done else -1, outcome
        memory.until = now.timestamp() + _A_DAY
        return outcome

    def _redis_port(self, seen: TenantSighting) -> int:
        url = self.cache.secrets.get((seen.key[0], (seen.tenant and seen.tenant.spec.redis.url_secret_name) or ""))
        return url.redis_port if url else REDIS_PORT

    def _certificate_end(self, seen: TenantSighting) -> float:
        name = seen.tenant.spec.webhook.tls_secret_name if seen.tenant else None
        secret = self.cache.secrets.get((seen.key[0], name or ""))
        return secret.expires if secret else 0.0

    def _findings(self, seen: TenantSighting) -> list[Fault]:
        if seen.tenant is None:
            return []
        return [*secret_faults(seen.tenant, self.cache.secrets), *pod_faults(self.cache.pods(seen.key))]

    async def _show(self, seen: TenantSighting, picture: Picture, told: Told) -> None:
        """Write the status if it says something new, and tell people about transitions."""
        now = self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        status = status_of(seen, picture, told, now=now)
        self.metrics.show(seen.identity, status.conditions)
        if msgspec.to_builtins(status) == msgspec.to_builtins(seen.status):
            return
        try:
            await self.api.apply(status_manifest(seen, status), subresource="status")
        except Conflict:
            return  # another tenant has the name now; the watch will show it
        await self._tell(seen, status, now)

    async def _tell(self, seen: TenantSighting, status: Status, now: str) -> None:
        changed = transitions(seen.status.conditions, status.conditions)
        for condition in worth_telling(changed, is_new=not seen.status.conditions):
            try:
                await self.api.post_event(event_of(seen, condition, now=now, serial=token_hex(8)))
            except AftersendError as error:
                get_logger(tenant=seen.identity).info("event_not_posted", exc_info=error)

    def _forget(self, key: Key) -> None:
        self.metrics.forget(".".join(key))
        self.secrets.forget(key)
        self.children.waves.done(key)
        self.telling.forget(key)
        self._memories.pop(key, None)
        self.revisions.pop(key, None)
