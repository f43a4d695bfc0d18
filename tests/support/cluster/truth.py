"""What a tenant's status says beside what is: every difference, as a pure decision.

============================================  ==========================================================  =======
the status says                               while                                                       at most
============================================  ==========================================================  =======
Ready                                         a part has no pod that serves                               10 s
not Ready, for pods                           every part has one                                          10 s
ScaledToZero, or nothing of it                no part is scaled to 0, or one is                           10 s
UpToDate                                      a workload rolls, or runs another image than is asked for   10 s
RollingOut, Upgrading, UpgradeFailed          every workload is complete                                  10 s
WaitingForTurn, WaveStopped                   every workload runs the image that is asked for             10 s
not Degraded                                  a pod cannot start, or crashed and is not settled           10 s
Degraded, for pods                            all pods are well and complete                              10 s
InvalidSpec, or nothing of it                 the operator takes the document, or does not                10 s
RedisUnreachable                              Redis and every service are ready                           75 s
no export or write-back since a moment        the other side has seen one after it                        75 s
============================================  ==========================================================  =======

Deliberate delays are no untruth, and are those of the operator's truth table: a restarted container serves again when
it has been ready for a minute, and a pod may be without a node for ten seconds. What a pod saw and had no time to
report goes with it (``began``); the next one reports what comes next, once it is ready. Nothing here is shared with the
operator: a mistake must not cancel itself out.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

BY_KUBERNETES: Final = 10.0
"""Seconds within which the status shows what Kubernetes shows."""
BY_SERVICES: Final = 75.0
"""Seconds within which the status shows what services report."""
SETTLED: Final = 60.0
FORGOTTEN: Final = 600.0
WITHOUT_NODE: Final = 10.0
_OF_PODS: Final = ("Starting", "WorkloadsUnavailable", "ScaledToZero")
_BEGINNING: Final = ("ContainerCreating", "PodInitializing")
_SLACK: Final = 1.0
"""The status may hold whole seconds."""


@dataclass(frozen=True)
class Untruth:
    """Something that the status says and that is not so, or the other way round."""

    claim: str
    limit: float = BY_KUBERNETES
    """Seconds that it may last."""
    about: str = ""
    """What two of the same claim differ in."""


@dataclass(frozen=True)
class PartFacts:
    """What Kubernetes shows of one part."""

    name: str
    wanted: int = 1
    serves: bool = True
    complete: bool = True
    faulty: bool = False
    """A pod of it cannot start, or crashed and is not settled."""
    image: str = ""


@dataclass(frozen=True)
class Facts:
    """What is."""

    parts: Sequence[PartFacts]
    image: str = ""
    """The services' image that the operator is to roll out."""
    acceptable: bool = True
    """The operator takes the document."""
    exports: Sequence[float] = ()
    """Moments after which the other side saw an order arrive: Unix times."""
    write_backs: Sequence[float] = ()
    """Moments after which the other side saw a number arrive."""


@dataclass(frozen=True)
class Said:
    """What the status says: reason and truth of each condition, and its times."""

    conditions: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    last_export: float = 0.0
    last_write_back: float = 0.0

    def reason(self, kind: str) -> str:
        """The reason of a condition."""
        return self.conditions.get(kind, (False, ""))[1]

    def holds(self, kind: str) -> bool:
        """Whether a condition is True."""
        return self.conditions.get(kind, (False, ""))[0]


def untruths(said: Said, facts: Facts) -> frozenset[Untruth]:
    """All differences between a status that has conditions and what is."""
    if not said.conditions:
        return frozenset()
    rules = (_of_ready, _of_progress, _of_faults, _late)
    return frozenset(untruth for rule in rules for untruth in rule(said, facts))


def _of_ready(said: Said, facts: Facts) -> Iterator[Untruth]:
    is_served = all(part.serves for part in facts.parts)
    if said.holds("Ready") and not is_served:
        yield Untruth("Ready, while a part has no pod that serves")
    if not said.holds("Ready") and said.reason("Ready") in _OF_PODS and is_served:
        yield Untruth(f"not Ready ({said.reason('Ready')}), while every part serves")
    if said.reason("Ready") == "RedisUnreachable" and is_served:
        yield Untruth("RedisUnreachable, while Redis and every service are ready", BY_SERVICES)


def _of_progress(said: Said, facts: Facts) -> Iterator[Untruth]:
    is_complete = all(part.complete for part in facts.parts)
    is_current = all(part.image == facts.image for part in facts.parts if part.image and facts.image)
    if said.reason("Progressing") == "UpToDate" and not is_complete:
        yield Untruth("UpToDate, while a workload rolls")
    if said.reason("Progressing") == "UpToDate" and not is_current and facts.acceptable:
        yield Untruth("UpToDate, with another image than is asked for")
    if said.reason("Progressing") in ("RollingOut", "Upgrading", "UpgradeFailed") and is_complete:
        yield Untruth(f"{said.reason('Progressing')}, while every workload is complete")
    if said.reason("Progressing") in ("WaitingForTurn", "WaveStopped") and is_current:
        yield Untruth(f"{said.reason('Progressing')}, with the image that is asked for")


def _of_faults(said: Said, facts: Facts) -> Iterator[Untruth]:
    reasons = {said.reason("Ready"), said.reason("Degraded")}
    is_well = all(part.serves and part.complete and not part.faulty for part in facts.parts)
    if any(part.faulty for part in facts.parts) and not said.holds("Degraded"):
        yield Untruth("not Degraded, while a pod cannot run")
    if said.reason("Degraded") == "WorkloadsUnavailable" and is_well:
        yield Untruth("Degraded for its pods, while all are well")
    is_at_zero = any(part.wanted == 0 for part in facts.parts)
    if is_at_zero and not said.holds("Degraded"):
        yield Untruth("not Degraded, while a part is scaled to 0")
    if "ScaledToZero" in reasons and not is_at_zero:
        yield Untruth("ScaledToZero, while no part is")
    if ("InvalidSpec" in reasons) == facts.acceptable:
        yield Untruth(
            "InvalidSpec, while the operator takes the document"
            if facts.acceptable
            else "no InvalidSpec, while the operator refuses the document"
        )


def _late(said: Said, facts: Facts) -> Iterator[Untruth]:
    for what, known, seen in (
        ("lastExport", said.last_export, facts.exports),
        ("lastWriteBack", said.last_write_back, facts.write_backs),
    ):
        for moment in seen:
            if known < moment - _SLACK:
                yield Untruth(f"{what} is older than what the other side saw", BY_SERVICES, f"{moment:.0f}")


def said_by(tenant: dict[str, Any]) -> Said:
    """What a tenant's status says."""
    status = tenant.get("status", {})
    conditions = {each["type"]: (each["status"] == "True", each["reason"]) for each in status.get("conditions", ())}
    return Said(
        conditions,
        last_export=_unix(status.get("lastExport", {}).get("time")),
        last_write_back=_unix(status.get("lastWriteBack", {}).get("time")),
    )


def parts_of(
    names: Iterable[str], workloads: Iterable[dict[str, Any]], pods: Iterable[dict[str, Any]], *, now: float
) -> list[PartFacts]:
    """What Kubernetes shows of each named part of one tenant."""
    by_part = {_component(each): each for each in workloads}
    living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and _phase(pod) != "Failed"]
    return [_part(name, by_part.get(name), [p for p in living if _component(p) == name], now=now) for name in names]


def began(pods: Iterable[dict[str, Any]], names: Sequence[str]) -> float:
    """When the newest pod of these parts began: what an older one saw may be gone. Never, without a ready one."""
    ours = [pod for pod in pods if _component(pod) in names]
    if not any(_is_ready(pod) for pod in ours):
        return math.inf
    return max(_unix(pod["metadata"]["creationTimestamp"]) for pod in ours)


def _part(name: str, workload: dict[str, Any] | None, pods: list[dict[str, Any]], *, now: float) -> PartFacts:
    if workload is None:
        return PartFacts(name, serves=False, complete=False)
    status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
    counts = {status.get(count, 0) for count in ("replicas", "updatedReplicas", "availableReplicas")}
    is_seen = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
    reasons = {(each["type"], each.get("reason")) for each in status.get("conditions", ())}
    is_stuck = bool(reasons & {("Progressing", "ProgressDeadlineExceeded"), ("ReplicaFailure", "FailedCreate")})
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return PartFacts(
        name,
        wanted=wanted,
        serves=any(_is_ready(pod) and not _is_settling(pod, now=now) for pod in pods),
        complete=is_seen and counts == {wanted},
        faulty=is_stuck or any(_is_faulty(pod, now=now) for pod in pods),
        image="" if name == "redis" else container["image"],
    )


def _is_faulty(pod: dict[str, Any], *, now: float) -> bool:
    return _is_settling(pod, now=now) or _lacks_node(pod, now=now)


def _is_settling(pod: dict[str, Any], *, now: float) -> bool:
    """Whether its container waits for what does not pass, or ended and has not been ready for a minute since."""
    for container in pod.get("status", {}).get("containerStatuses", ()):
        state = container.get("state", {})
        if state.get("waiting", {}).get("reason", _BEGINNING[0]) not in _BEGINNING or "terminated" in state:
            return True
        started = _unix(state.get("running", {}).get("startedAt"))
        if container.get("restartCount", 0) and started and now - started < FORGOTTEN:
            since = max(started, _unix(_condition(pod, "Ready").get("lastTransitionTime")))
            return not _is_ready(pod) or now - since < SETTLED
    return False


def _lacks_node(pod: dict[str, Any], *, now: float) -> bool:
    scheduled = _condition(pod, "PodScheduled")
    is_refused = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    return is_refused and now - _unix(pod["metadata"]["creationTimestamp"]) >= WITHOUT_NODE


def _is_ready(pod: dict[str, Any]) -> bool:
    return _condition(pod, "Ready").get("status") == "True"


def _condition(pod: dict[str, Any], kind: str) -> dict[str, Any]:
    found = pod.get("status", {}).get("conditions", ())
    return next((dict(each) for each in found if each["type"] == kind), {})


def _phase(pod: dict[str, Any]) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def _component(thing: dict[str, Any]) -> str:
    return str(thing["metadata"].get("labels", {}).get("app.kubernetes.io/component", ""))


def _unix(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0
