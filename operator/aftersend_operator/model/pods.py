"""Pods: what the cache keeps of a pod, a service's or a job's.

Texts of Kubernetes (why a container waits, why a pod is not scheduled) name objects and amounts, never a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aftersend_operator.model.naming import PART_LABEL, TENANT_LABEL, Manifest
from aftersend_operator.model.records import Key, key_of, version_of
from aftersend_operator.model.times import unix_time

_MAX_REPORT_BYTES: Final = 4096
_MAX_TEXT_CHARS: Final = 300
_STARTING: Final = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True, slots=True)
class PodRecord:
    """A pod of a tenant: a service, or a finished job."""

    key: Key
    version: int
    tenant: str
    part: str
    address: str
    ready: bool
    waiting: str
    """Kubernetes' waiting reason of a container that cannot start, or empty."""
    report: bytes
    """Termination message of a finished job."""
    ended: str
    """Time of termination, RFC 3339, or empty."""
    failed: bool
    detail: str = ""
    """Why it waits, in Kubernetes' own words."""
    image: str = ""
    deleting: bool = False
    unschedulable: str = ""
    """Why no node takes it, in Kubernetes' own words."""
    started: float = 0.0
    """Unix time when its container started, or else when the pod was created."""
    ready_since: float = 0.0
    """Unix time when it became ready; 0 if it is not, or if the time is not known."""
    restarts: int = 0
    crash: str = ""
    """How its container ended the last time: ``OOMKilled``, ``Error`` and the like; empty if it never did."""
    disrupted: bool = False
    """It was taken away: by a drained or lost node, or for a pod of higher priority."""


def pod_record(live: Manifest) -> PodRecord:
    """Parse a pod."""
    metadata, status = live["metadata"], live.get("status", {})
    labels, containers = metadata.get("labels", {}), status.get("containerStatuses") or []
    conditions = {condition.get("type"): condition for condition in status.get("conditions") or ()}
    ended = _first(containers, "state", "terminated")
    waiting = _first(containers, "state", "waiting")
    word = waiting.get("reason", "") if waiting.get("reason") not in _STARTING else ""
    is_ready = _holds(conditions, "Ready")
    return PodRecord(
        key=key_of(live),
        version=version_of(live),
        tenant=labels.get(TENANT_LABEL, ""),
        part=labels.get(PART_LABEL, ""),
        address=status.get("podIP", ""),
        ready=is_ready,
        waiting=word,
        report=str(ended.get("message", "")).encode()[:_MAX_REPORT_BYTES],
        ended=ended.get("finishedAt") or "",
        failed=status.get("phase") == "Failed",
        detail=_text(waiting.get("message")) if word else "",
        image=next((str(c.get("image", "")) for c in live.get("spec", {}).get("containers") or ()), ""),
        deleting="deletionTimestamp" in metadata,
        unschedulable=_unschedulable(conditions.get("PodScheduled", {})),
        started=unix_time(_first(containers, "state", "running").get("startedAt") or metadata.get("creationTimestamp")),
        ready_since=unix_time(conditions["Ready"].get("lastTransitionTime")) if is_ready else 0.0,
        restarts=sum(c.get("restartCount", 0) for c in containers),
        crash=str((ended or _first(containers, "lastState", "terminated")).get("reason") or "")[:64],
        disrupted=_holds(conditions, "DisruptionTarget"),
    )


def _first(containers: list[dict[str, Any]], when: str, state: str) -> dict[str, Any]:
    """Return this state of the first container that is in it."""
    found = ((container.get(when) or {}).get(state) for container in containers)
    return next((dict(each) for each in found if each), {})


def _holds(conditions: Mapping[Any, Mapping[str, Any]], kind: str) -> bool:
    return conditions.get(kind, {}).get("status") == "True"


def _unschedulable(scheduled: Mapping[str, Any]) -> str:
    if scheduled.get("status") != "False" or scheduled.get("reason") != "Unschedulable":
        return ""
    return _text(scheduled.get("message")) or "no node takes it"


def _text(message: object) -> str:
    return str(message or "").partition("\n")[0][:_MAX_TEXT_CHARS]
