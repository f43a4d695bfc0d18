"""What a tenant waits for: claims without a volume, a Redis without a pod, a route that no gateway takes. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeGuard

from aftersend_operator.informer.cache import ChildKey
from aftersend_operator.manifests.parts import REDIS
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.pods import PodRecord
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import ChildRecord
from aftersend_operator.model.routes import Route
from aftersend_operator.status.pod_causes import Cause, lost_cause, volume_cause

BIND_SECONDS: Final = 10.0
"""How long a claim may wait before its events are read."""
ACCEPT_SECONDS: Final = 30.0
"""How long a route may be without a gateway; a controller needs a second or two."""
_CLAIM_OF: Final = {REDIS: "redis", "all": "backup"}
"""The claim that the pod of a part mounts: without it the pod does not start."""


def waiting_objects(
    children: Mapping[ChildKey, ChildRecord], pods: Collection[PodRecord], *, now: float
) -> list[tuple[ChildRecord, float]]:
    """Return the objects whose events say why they wait, and how long they have waited."""
    claims = [(child, now - child.claim.created) for child in children.values() if child.claim and child.claim.is_empty]
    has_pod = any(pod.part == REDIS for pod in pods)
    sets = [child for (kind, _), child in children.items() if kind.name == "StatefulSet" and not has_pod]
    return [
        *((claim, age) for claim, age in claims if age >= BIND_SECONDS),
        *((child, 0.0) for child in sets if child.rollout and child.rollout.wanted and child.rollout.observed),
    ]


def due_in(
    children: Iterable[ChildRecord],
    waiting: Iterable[tuple[ChildRecord, float]],
    words: Collection[str],
    *,
    now: float,
    again: float,
) -> float:
    """Return the seconds until a wait is a fault, or events are read again, although no object changes; 0 if never."""
    children = list(children)
    young = [BIND_SECONDS - (now - child.claim.created) for child in children if child.claim and child.claim.is_empty]
    young += [ACCEPT_SECONDS - (now - child.route.created) for child in children if _is_untaken(child.route)]
    has_no_pod = any(child.rollout for child, _ in waiting)
    return min([*(left for left in young if left > 0), *([again] if words or has_no_pod else [])], default=0.0)


def claim_of_part(part: str, children: Mapping[ChildKey, ChildRecord], tenant: str) -> ChildRecord | None:
    """Return the claim that the pod of a part mounts."""
    return _claim(_CLAIM_OF.get(part, ""), children, tenant)


def claim_cause(claim: ChildRecord | None, words: Mapping[str, str]) -> Cause | None:
    """Explain a claim whose volume is not there; None if it is, or may still come."""
    if claim is None or claim.claim is None:
        return None
    if claim.claim.phase == "Lost":
        return lost_cause(claim)
    return volume_cause(claim, words[claim.uid]) if claim.claim.is_empty and claim.uid in words else None


def volume_faults(
    children: Mapping[ChildKey, ChildRecord], parts: Sequence[str], tenant: str, words: Mapping[str, str]
) -> Iterable[Fault]:
    """Derive the faults of volumes that no pod of a part waits for: the backups', and a growth that failed."""
    backup = None if "all" in parts else _claim("backup", children, tenant)
    if cause := claim_cause(backup, words):
        yield Fault(ConditionReason.BACKUP_FAILED, cause.text("backup"), blocks=False)
    for child in children.values():
        if child.claim and child.claim.resize_error:
            cure = f"kubectl -n {child.key[0]} describe pvc {child.key[1]}"
            message = f"volume {child.key[1]} did not grow ({child.claim.resize_error}): {cure}"
            yield Fault(ConditionReason.VOLUME_NOT_GROWN, message, blocks=False)


def route_faults(gateway: str, children: Mapping[ChildKey, ChildRecord], *, now: float) -> Iterable[Fault]:
    """Derive the fault of a route that no gateway serves."""
    for child in children.values():
        route = child.route
        if _is_untaken(route) and not child.deleting and (route.refusal or now - route.created >= ACCEPT_SECONDS):
            why = _unserved(gateway, child.key[0], route.refusal)
            yield Fault(
                ConditionReason.ADDRESS_NOT_SERVED, f"{why}; until then the sweep brings the numbers", blocks=False
            )


def _is_untaken(route: Route | None) -> TypeGuard[Route]:
    return route is not None and not route.accepted


def _unserved(gateway: str, namespace: str, refusal: str) -> str:
    """Return why the gateway does not serve the address, with the cure."""
    if refusal:
        return f"gateway {gateway} does not serve the route ({refusal}): correct its listeners, or spec.webhook"
    within, _, name = gateway.rpartition("/")
    look = f"kubectl -n {within or namespace} get gateway {name}"
    return f"no controller has taken the route for gateway {gateway}: does it exist ({look}), does its controller run?"


def _claim(what: str, children: Mapping[ChildKey, ChildRecord], tenant: str) -> ChildRecord | None:
    name = f"aftersend-{tenant}-{what}"
    return next((child for child in children.values() if child.claim and child.key[1] == name), None)
