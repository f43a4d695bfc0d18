"""How far a workload has come in doing what its object asks for: pure, from the object alone."""

from dataclasses import dataclass

from aftersend_operator.model.naming import Manifest


@dataclass(frozen=True, slots=True)
class Rollout:
    """The state of one Deployment or StatefulSet."""

    available: bool
    """As many pods serve as are wanted, old ones or new ones."""
    complete: bool
    """They are all new, and the controller has seen the latest change."""
    stuck: bool = False
    """The progress deadline has passed."""


def rollout_of(live: Manifest) -> Rollout | None:
    """None for kinds without pods of their own."""
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
