"""The startup grace: what a starting pod reports of its checks is no fault while it may pass by itself. Pure.

=====================================================================  ===========================================
a failed check of a pod that                                           counts
=====================================================================  ===========================================
is ready: its probe would have failed if the check failed for long     no
is not ready, and started longer ago than the grace                    yes
is not ready, started just now, and another pod of its part serves     no
is not ready, started just now, and its Redis is managed               no
is not ready, started just now, alone, with an external Redis          yes
=====================================================================  ===========================================

``redis`` never counts while the managed Redis itself started just now.
Times are those of the containers, so a restart of the operator prolongs nothing. An external Redis is not started by
the operator: a part that waits for it in vain says so at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aftersend_operator.manifests.parts import REDIS
from aftersend_operator.model.pods import PodRecord

STARTUP_GRACE_SECONDS: Final = 120.0
"""Seconds within which a service is ready, and the services of a managed Redis reach it."""


@dataclass(frozen=True, slots=True)
class Grace:
    """The startup grace of one tenant at one moment."""

    now: float
    is_managed: bool
    """The operator starts the tenant's Redis."""
    redis_left: float = 0.0
    """Seconds of grace that the managed Redis has left."""

    def counts(self, pod: PodRecord, check: str, *, is_needed: bool) -> bool:
        """Return True if a failed check of this pod is a fault; ``is_needed``: no other pod of its part serves."""
        if pod.ready or (check == REDIS and self.redis_left > 0):
            return False
        return self.left(pod) <= 0 or (is_needed and not self.is_managed)

    def left(self, pod: PodRecord) -> float:
        """Return the seconds of grace that the pod has left."""
        return 0.0 if pod.ready else _left(pod.started, self.now)


def grace_of(pods: Iterable[PodRecord], *, is_managed: bool, now: float) -> Grace:
    """Derive the grace from the tenant's pods; a clock that was put back prolongs it to its full length at most."""
    starts = [pod.started for pod in pods if pod.part == REDIS and not pod.deleting]
    left = _left(max(starts), now) if is_managed and starts else 0.0
    return Grace(now=now, is_managed=is_managed, redis_left=left)


def _left(started: float, now: float) -> float:
    return min(max(STARTUP_GRACE_SECONDS - (now - started), 0.0), STARTUP_GRACE_SECONDS)
