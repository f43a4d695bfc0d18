"""The state of each part of a tenant, from its workload and its pods: pure.

============  =====================================================  ==========================  ==================
phase         when                                                   serves                      fault
============  =====================================================  ==========================  ==================
missing       there is no workload                                   no                          none: it is made
scaled to 0   the workload asks for no pod                           no                          with the command
crashes       a pod cannot start, or restarted and is not settled    if another pod serves       with the cure
starts        no pod is ready yet                                    no                          no node or no volume
rolls         a pod is ready, the rollout is not complete            yes                         only if it is stuck
serves        a pod is ready, the rollout is complete                yes                         none
============  =====================================================  ==========================  ==================

A fault blocks only while its part does not serve, and a pod without a node or volume is still starting: one may come. A
restarted container is settled when it has been ready for ``SETTLE_SECONDS``: a crash loop is one long fault, not many
short ones.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aftersend_operator.informer.cache import ChildKey
from aftersend_operator.manifests.parts import REDIS, services
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.pods import PodRecord
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import ChildRecord, TenantRecord
from aftersend_operator.model.rollout import Rollout
from aftersend_operator.status.pod_causes import Cause, crash_cause, refused_cause, start_cause, stuck_cause
from aftersend_operator.status.waiting import claim_cause, claim_of_part

SETTLE_SECONDS: Final = 60.0
"""How long a restarted container must have been ready to count as healthy again."""
SCHEDULE_SECONDS: Final = 10.0
"""How long a pod may be without a node: its volumes may still be bound."""
_FORGET_SECONDS: Final = 600.0
"""Kubernetes forgets crashes, too, when a container has run for ten minutes."""


class PartPhase(StrEnum):
    """What a part does."""

    MISSING = "missing"
    SCALED_TO_ZERO = "scaled to 0"
    CRASHES = "crashes"
    STARTS = "starts"
    ROLLS = "rolls"
    SERVES = "serves"


@dataclass(frozen=True, slots=True)
class PartState:
    """The state of one part."""

    name: str
    phase: PartPhase
    serves: bool
    """A pod of the part serves, old or new."""
    complete: bool
    """Its rollout is complete."""
    fault: Fault | None = None
    due_in: float = 0.0
    """Seconds until time alone changes this state; 0 if it does not."""


def part_states(
    record: TenantRecord,
    children: Mapping[ChildKey, ChildRecord],
    pods: Collection[PodRecord],
    *,
    now: float,
    words: Mapping[str, str] = {},
) -> list[PartState]:
    """Derive the state of every part that the tenant needs.

    ``now`` is a Unix time; ``words`` are Kubernetes' own about objects that wait, by uid (``waiting``).
    """
    prefix = f"aftersend-{record.key[1]}-"
    workloads = {
        child.key[1].removeprefix(prefix): (kind.name, child)
        for (kind, _), child in children.items()
        if child.rollout is not None and not child.deleting
    }
    return [
        _part(
            name,
            workloads.get(name),
            [pod for pod in pods if pod.part == name],
            claim=claim_of_part(name, children, record.key[1]),
            words=words,
            now=now,
        )
        for name in _needed(record, workloads)
    ]


def _needed(record: TenantRecord, workloads: Iterable[str]) -> list[str]:
    """Return the parts of the document; of an invalid one those that its last good version left."""
    if record.tenant is None:
        return sorted(workloads)
    spec = record.tenant.spec
    return [part.name for part in services(spec.topology)] + ([REDIS] if spec.redis.mode == "managed" else [])


def _part(
    name: str,
    workload: tuple[str, ChildRecord] | None,
    pods: list[PodRecord],
    *,
    claim: ChildRecord | None,
    words: Mapping[str, str],
    now: float,
) -> PartState:
    if workload is None or workload[1].rollout is None:
        return PartState(name, PartPhase.MISSING, serves=False, complete=False)
    kind, child = workload
    rollout = workload[1].rollout
    if rollout.wanted == 0:
        fault = _scaled_to_zero(name, kind, child)
        return PartState(name, PartPhase.SCALED_TO_ZERO, serves=False, complete=True, fault=fault)
    current = [pod for pod in pods if not pod.deleting and not pod.failed]
    settling = [pod for pod in current if _is_settling(pod, now=now)]
    serves = any(pod.ready and pod not in settling for pod in current) if current else rollout.available > 0
    cause = _volume_cause(claim, words, serves=serves) or _cause(
        name, child, current, settling, refused=words.get(child.uid, ""), now=now
    )
    return PartState(
        name,
        _phase(rollout, serves=serves, crashes=cause is not None and not cause.may_pass),
        serves=serves,
        complete=rollout.complete,
        fault=_fault(name, cause, serves=serves) if cause else None,
        due_in=_due_in(current, settling, now=now),
    )


def _volume_cause(claim: ChildRecord | None, words: Mapping[str, str], *, serves: bool) -> Cause | None:
    """Explain a volume that is not there; a pod that serves waits for none, whatever older events say."""
    if serves and claim is not None and claim.claim is not None and claim.claim.is_empty:
        return None
    return claim_cause(claim, words)


def _fault(name: str, cause: Cause, *, serves: bool) -> Fault:
    return Fault(ConditionReason.WORKLOADS_UNAVAILABLE, cause.text(name), blocks=not serves and not cause.may_pass)


def _phase(rollout: Rollout, *, serves: bool, crashes: bool) -> PartPhase:
    if crashes:
        return PartPhase.CRASHES
    if not serves:
        return PartPhase.STARTS
    return PartPhase.SERVES if rollout.complete else PartPhase.ROLLS


def _cause(
    name: str, child: ChildRecord, pods: list[PodRecord], settling: list[PodRecord], *, refused: str, now: float
) -> Cause | None:
    """Return why pods of the part do not run: the first cause by name of the pod, or that of the workload."""
    rollout = child.rollout
    by_name = sorted(pods, key=lambda pod: pod.key)
    found = [start_cause(pod) for pod in by_name if pod.waiting or _has_no_node(pod, now=now)]
    found += [crash_cause(pod, name) for pod in by_name if pod in settling and not pod.waiting]
    if rollout is not None and (rollout.refused or refused):
        found.append(refused_cause(rollout.refused or refused))
    elif rollout is not None and rollout.stuck:
        found.append(stuck_cause(child.key[1], child.key[0]))
    return found[0] if found else None


def _is_settling(pod: PodRecord, *, now: float) -> bool:
    """Return True for a pod whose container crashed and has not been ready for long enough since."""
    if pod.waiting or pod.ended:
        return True
    return bool(pod.restarts) and now - pod.started < _FORGET_SECONDS and (not pod.ready or _left(pod, now=now) > 0)


def _has_no_node(pod: PodRecord, *, now: float) -> bool:
    """Return True for a pod that a node should have taken by now; volumes are bound within seconds."""
    return bool(pod.unschedulable) and not pod.ready and now - pod.started >= SCHEDULE_SECONDS


def _due_in(pods: list[PodRecord], settling: list[PodRecord], *, now: float) -> float:
    lefts = [_left(pod, now=now) for pod in settling]
    lefts += [SCHEDULE_SECONDS - (now - pod.started) for pod in pods if pod.unschedulable]
    return min((left for left in lefts if left > 0), default=0.0)


def _left(pod: PodRecord, *, now: float) -> float:
    return SETTLE_SECONDS - (now - max(pod.ready_since, pod.started)) if pod.ready else 0.0


def _scaled_to_zero(part: str, kind: str, child: ChildRecord) -> Fault:
    namespace, name = child.key
    command = f"kubectl -n {namespace} scale {kind.lower()} {name} --replicas=1"
    return Fault(ConditionReason.SCALED_TO_ZERO, f"the {part} is scaled to 0, nothing serves: {command}")
