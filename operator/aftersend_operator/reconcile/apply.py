"""Apply and prune the children of one tenant, in as few calls as possible.

Decisions come from the cache (``plan_changes``); the API server is written only where children differ. A child that no
watch has shown is applied on condition that there is none of that name; only if there is one, it is read: it may be
another owner's. Responses go into the cache at once, so that nothing is written twice before the watch event arrives.
Any call may be the last one of this process: the next reconciliation finds the rest of the work.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from aftersend.observe.logs import get_logger
from aftersend_operator.api.client import Api
from aftersend_operator.api.errors import ApiRefusal, Conflict, NamespaceTerminating
from aftersend_operator.informer.cache import Cache
from aftersend_operator.manifests.generated_secrets import secret_names
from aftersend_operator.model.comparison import DIGEST, with_digest
from aftersend_operator.model.faults import Fault, not_ours
from aftersend_operator.model.kinds import SECRET, Kind, kind_of
from aftersend_operator.model.naming import MANAGED_BY_LABEL, TENANT_LABEL, Manifest
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import ChildRecord, Key, TenantRecord, child_record
from aftersend_operator.reconcile.plan import Changes, Step, fingerprint, plan_changes, step_for
from aftersend_operator.reconcile.repairs import Cause, Repairs, child_key, is_set_back
from aftersend_operator.reconcile.rollout_gate import RolloutGate, is_rolling, is_stuck
from aftersend_operator.reconcile.volumes import fit_volumes, not_grown

_MAX_NAMES: Final = 5


@dataclass(slots=True)
class ApplyResult:
    """The result of applying the children of one tenant."""

    faults: list[Fault] = field(default_factory=list)
    waits_for_turn: bool = False
    wave_stopped: str = ""
    """Why nothing is rolled any more, while it waits; empty if others just go first."""
    again: bool = False
    """Retry at the next resync, even if no object changes until then."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """A pass that found nothing to do."""

    inputs: Hashable
    children: int
    """Their fingerprint."""
    result: ApplyResult


@dataclass(frozen=True, slots=True)
class ChildApplier:
    """Bring children in line with their manifests."""

    api: Api
    cache: Cache
    gate: RolloutGate
    repairs: Repairs
    _settled: dict[Key, _Settled] = field(default_factory=dict)

    async def apply(
        self, record: TenantRecord, render: Callable[[], Sequence[Manifest]], *, inputs: Hashable
    ) -> ApplyResult:
        """Apply what differs from the manifests, prune the rest; raise ``Transient`` and ``NamespaceTerminating``.

        ``inputs`` is what the manifests are rendered from. They are not rendered again while neither that nor the
        children have changed since the pass that found nothing to do: most changes are those of a workload's status.
        """
        children, known = self.cache.children(record.key), self._settled.pop(record.key, None)
        if known is not None and (known.inputs, known.children) == (inputs, fingerprint(children)):
            self._settled[record.key] = known
            self._track_rollout(record)
            return known.result
        manifests = render()
        fitted, kept = fit_volumes(manifests, children)
        changes = plan_changes([with_digest(manifest) for manifest in fitted], children, uid=record.uid)
        result = ApplyResult(faults=kept, waits_for_turn=self._waits_for_turn(record, changes))
        if result.waits_for_turn and self.gate.is_stopped:
            result.wave_stopped = _wave_stopped(self.gate.failed)
        for step, manifest in changes.steps:
            if step == "apply" and self._rests(record, manifest, result):
                result.again = True
            else:  # a missing child is created even so: that rolls nothing
                await self._take(step, record, manifest, result)
        for kind, child in () if result.waits_for_turn else changes.prune:
            await self._prune(kind, child, result)
        self._remember(record, manifests, changes)
        if not changes.steps and not changes.prune:
            self._settled[record.key] = _Settled(inputs, fingerprint(children), result)
        return result

    def forget(self, tenant: Key) -> None:
        """Drop what is kept of a deleted tenant."""
        self.gate.release(tenant)
        self._settled.pop(tenant, None)

    def _remember(self, record: TenantRecord, manifests: Iterable[Manifest], changes: Changes) -> None:
        """Remember what there is, but for claims that are being replaced."""
        secrets = [(SECRET, name) for name in secret_names(record.tenant)] if record.tenant else []
        replaced = [child_key(manifest) for step, manifest in changes.steps if step == "replace"]
        wanted = {*map(child_key, manifests), *secrets}.difference(replaced)
        self.repairs.remember(record, self.cache.children(record.key), wanted=wanted)

    def _waits_for_turn(self, record: TenantRecord, changes: Changes) -> bool:
        """Let a changed spec roll at once; changes that an operator upgrade brings pass the rollout gate."""
        if not changes.rolls:
            self._track_rollout(record)
            return False
        if record.generation != record.status.observed_generation:
            return False
        was_ready = any(c.type == "Ready" and c.status == "True" for c in record.status.conditions)
        is_compact = record.tenant is not None and record.tenant.spec.topology == "compact"
        return not self.gate.acquire(record.key, was_ready=was_ready, is_compact=is_compact)

    def _rests(self, record: TenantRecord, manifest: Manifest, result: ApplyResult) -> bool:
        """Return True for a change that an operator upgrade brings before it is its turn.

        Jobs come after the services: with an image that cannot start, what is due would not be exported. So what a
        person changes in them waits as well, but for a suspension.
        """
        if result.waits_for_turn or manifest["kind"] != "CronJob" or manifest["spec"]["suspend"]:
            return result.waits_for_turn
        rollouts = (child.rollout for child in self.cache.children(record.key).values())
        is_complete = all(rollout is None or rollout.complete for rollout in rollouts)
        return bool(self.gate.upgrade_of(record.key)) and not is_complete

    def _track_rollout(self, record: TenantRecord) -> None:
        """Free the slot of a tenant whose rollout has ended, or is stuck."""
        children = self.cache.children(record.key).values()
        if is_stuck(children):
            self.gate.fail(record.key)
        elif not is_rolling(children):
            self.gate.release(record.key)

    async def _take(self, step: Step, record: TenantRecord, manifest: Manifest, result: ApplyResult) -> None:
        """Take one step of the plan; what is not applied now is tried again."""
        child = self.cache.children(record.key).get(child_key(manifest))
        if step == "create" and not await self._create(record, manifest, result):
            step, child = await self._read(record, manifest)
        if step == "apply":
            await self._apply(record, manifest, child, result)
        elif step == "replace" and child is not None:
            await self._replace(kind_of(manifest), child)
        elif step == "refuse":
            result.faults.append(not_ours(manifest["kind"], manifest["metadata"]["name"]))
        result.again = result.again or step not in ("apply", "create")

    async def _create(self, record: TenantRecord, manifest: Manifest, result: ApplyResult) -> bool:
        """Apply a child that is not cached; False if an object of its name exists."""
        try:
            await self._apply(record, manifest, None, result, only_new=True)
        except Conflict:
            return False
        return True

    async def _read(self, record: TenantRecord, manifest: Manifest) -> tuple[Step, ChildRecord | None]:
        """Read a child that exists without being cached: no watch event yet, or no labels that the watch selects."""
        kind, metadata = kind_of(manifest), manifest["metadata"]
        live = await self.api.get(kind, metadata["namespace"], metadata["name"])
        if live is None:
            return "apply", None
        child = child_record(live)
        if not child.owner and not _carries_our_labels(live, manifest):
            return "refuse", child
        if self.repairs.was_there(record, child_key(manifest)):
            child.applied = manifest["metadata"]["annotations"][DIGEST]  # the labels are gone, the annotation may be
        step = step_for(manifest, child, uid=record.uid)
        return {"settled": "apply", "replace": "wait"}.get(step, step), child  # type: ignore[return-value]

    async def _apply(
        self,
        record: TenantRecord,
        manifest: Manifest,
        before: ChildRecord | None,
        result: ApplyResult,
        *,
        only_new: bool = False,
    ) -> None:
        """Apply one child; ``before`` is what is there, None if nothing is."""
        content = before.content if before else b""
        try:
            child = await self._write(manifest, only_new=only_new)
        except ApiRefusal as error:
            if isinstance(error, NamespaceTerminating) or (only_new and isinstance(error, Conflict)):
                raise
            claim = before and before.claim
            result.faults.append(not_grown(manifest, claim, why=error.quota) if claim else _refused(manifest, error))
            result.again = True
            return
        if cause := self._cause(record, manifest, before, content, child.content):
            await self.repairs.report(record, child_key(manifest), cause)

    async def _write(self, manifest: Manifest, *, only_new: bool) -> ChildRecord:
        """Apply a manifest, and cache the response as settled; return it with its content."""
        metadata = manifest["metadata"]
        kind, key = kind_of(manifest), (metadata["namespace"], metadata["name"])
        with self.cache.writing(kind, key) as write:
            child = child_record(await self.api.apply(manifest, only_new=only_new))
            write.version = child.version
            self.cache.upsert_child(kind, replace(child, settled=metadata["annotations"][DIGEST], content=b""))
        return child

    def _cause(
        self, record: TenantRecord, manifest: Manifest, before: ChildRecord | None, content: bytes, after: bytes
    ) -> Cause | None:
        """Return which repair this was; None if it was a first creation or a change of our own."""
        if before is None:
            return "deleted" if self.repairs.was_there(record, child_key(manifest)) else None
        if before.applied != manifest["metadata"]["annotations"][DIGEST] or not is_set_back(manifest, content, after):
            return None
        return "changed"

    async def _replace(self, kind: Kind, claim: ChildRecord) -> None:
        """Delete a claim that waits without a volume; the watch event of its end brings the new one.

        Not by its uid alone: since the decision a volume may have been bound to it.
        """
        with suppress(Conflict):
            await self.api.delete(kind, *claim.key, uid=claim.uid, version=claim.version)
            get_logger(tenant=f"{claim.key[0]}.{claim.tenant}").info("claim_replaced", claim=claim.key[1])

    async def _prune(self, kind: Kind, child: ChildRecord, result: ApplyResult) -> None:
        try:
            await self.api.delete(kind, *child.key, uid=child.uid)
        except Conflict:
            result.again = True  # another object has its name now: its watch event follows
        except ApiRefusal as error:
            result.faults.append(
                Fault(ConditionReason.APPLY_REFUSED, f"{kind.name} {child.key[1]} cannot be deleted: {error.code}")
            )
            result.again = True


def _wave_stopped(failed: Collection[Key]) -> str:
    names = ", ".join(sorted("/".join(key) for key in failed)[:_MAX_NAMES])
    cure = "roll back the release or cure them; a change of this document goes ahead"
    return f"the wave has stopped, {len(failed)} tenants that were ready did not come up again ({names}): {cure}"


def _carries_our_labels(live: Manifest, manifest: Manifest) -> bool:
    """Return True for an object that an earlier tenant of this name retained."""
    labels, wanted = live["metadata"].get("labels", {}), manifest["metadata"]["labels"]
    return all(labels.get(label) == wanted[label] for label in (TENANT_LABEL, MANAGED_BY_LABEL))


def _refused(manifest: Manifest, error: ApiRefusal) -> Fault:
    where = f" at {error.path}" if error.path else ""
    what = f"{manifest['kind']} {manifest['metadata']['name']}"
    if error.quota:
        return Fault(
            ConditionReason.APPLY_REFUSED, f"the API server refuses {what} ({error.quota}): raise the quota or limit"
        )
    cure = "check quotas, policies and the operator's role" if error.code.startswith("403") else "correct the spec"
    return Fault(ConditionReason.APPLY_REFUSED, f"the API server refuses {what}: {error.code}{where}; {cure}")
