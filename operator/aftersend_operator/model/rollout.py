"""Rollout state of Deployments and StatefulSets, derived from the object alone."""

from dataclasses import dataclass

from aftersend_operator.model.naming import Manifest


@dataclass(frozen=True, slots=True)
class Rollout:
    """The rollout state of one workload."""

    available: bool
    """As many pods are available as desired, old or new."""
    complete: bool
    """All pods are updated, and the controller has observed the latest generation."""
    stuck: bool = False
    """The progress deadline has passed."""


def rollout_of(live: Manifest) -> Rollout | None:
    """Derive the state; None for kinds without pods."""
    if live.get("kind") not in ("Deployment", "StatefulSet"):
        return None
    wanted, status = live["spec"].get("replicas", 1), live.get("status", {})
    is_seen = status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
    available, updated, total = (status.get(c, 0) for c in ("availableReplicas", "updatedReplicas", "replicas"))
    return Rollout(
        available=available >= wanted,
        complete=is_seen and available == updated == total == wanted,
        stuck=any(
            condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded"
            for condition in status.get("conditions") or ()
        ),
    )
