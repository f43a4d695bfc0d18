"""Rollout state of Deployments and StatefulSets, derived from the object alone."""

import re
from dataclasses import dataclass
from typing import Any, Final

from aftersend_operator.model.naming import Manifest

_MAX_CHARS: Final = 300
_REFUSED_POD: Final = re.compile(r'^pods "[^"]*" is forbidden: ')


@dataclass(frozen=True, slots=True)
class Rollout:
    """The rollout state of one workload."""

    wanted: int
    """Replicas that the workload asks for."""
    available: int
    """Pods that are available, old or new."""
    complete: bool
    """All pods are updated, and the controller has observed the latest generation."""
    observed: bool = True
    """The controller has observed the latest generation: its pods are made, or refused."""
    stuck: bool = False
    """The progress deadline has passed."""
    refused: str = ""
    """Why the API server refuses its pods (a quota, a policy), in Kubernetes' own words."""


def rollout_of(live: Manifest) -> Rollout | None:
    """Derive the state; None for kinds without pods."""
    if live.get("kind") not in ("Deployment", "StatefulSet"):
        return None
    wanted, status = live["spec"].get("replicas", 1), live.get("status", {})
    is_seen = status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
    available, updated, total = (status.get(c, 0) for c in ("availableReplicas", "updatedReplicas", "replicas"))
    conditions: list[dict[str, Any]] = status.get("conditions") or []
    return Rollout(
        wanted=wanted,
        available=available,
        observed=is_seen,
        complete=is_seen and available == updated == total == wanted,
        stuck=any(_is(condition, "Progressing", "ProgressDeadlineExceeded") for condition in conditions),
        refused=next((_text(c) for c in conditions if _is(c, "ReplicaFailure", "FailedCreate")), ""),
    )


def _is(condition: dict[str, Any], kind: str, reason: str) -> bool:
    return condition.get("type") == kind and condition.get("reason") == reason


def _text(condition: dict[str, Any]) -> str:
    """Return the message without the name of the refused pod, which changes with every try."""
    first = str(condition.get("message", "")).partition("\n")[0]
    return _REFUSED_POD.sub("", first)[:_MAX_CHARS]
