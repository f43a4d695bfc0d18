"""Why pods do not run, in Kubernetes' own words, and what cures it: pure.

The words name objects, keys, images and amounts. They never hold a value of a secret.
"""

from dataclasses import dataclass
from typing import Final

from aftersend_operator.model.pods import PodRecord
from aftersend_operator.model.records import ChildRecord

_IMAGE: Final = "correct the chart's images (after an upgrade: helm rollback), or spec.pods.imagePullSecrets"
_CURES: Final = {
    "CreateContainerConfigError": "create what is missing",
    "CrashLoopBackOff": "",
    "ErrImagePull": _IMAGE,
    "ImagePullBackOff": _IMAGE,
    "ErrImageNeverPull": "load the image onto the node, or change images.pullPolicy",
    "InvalidImageName": "correct the name of the image",
}
"""Cures by Kubernetes' waiting reason; empty: the container's last end explains it."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a pod does not run."""

    what: str
    """Continues the sentence "a pod of the writer …"."""
    cure: str
    may_pass: bool = False
    """The pod may start by itself: it is not a fault that blocks."""

    def text(self, part: str) -> str:
        """Return the message about a part."""
        return f"a pod of {part} {self.what}: {self.cure}"


def start_cause(pod: PodRecord) -> Cause:
    """Explain a pod whose container waits, or that no node takes."""
    if pod.waiting == "CrashLoopBackOff":
        return crash_cause(pod, pod.part)
    if pod.waiting in ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"):
        return Cause(f"does not start, its image {pod.image} cannot be pulled", _CURES[pod.waiting])
    if pod.waiting:
        word = pod.waiting if pod.waiting.isalpha() else "see its events"
        return Cause(f"does not start ({_words(word, pod.detail)})", _CURES.get(word, _describe(pod)))
    return Cause(
        f"finds no node ({pod.unschedulable})",
        "add a node, lower spec.pods.resources, or correct spec.pods.nodeSelector, tolerations or storageClass",
        may_pass=True,
    )


def crash_cause(pod: PodRecord, part: str) -> Cause:
    """Explain a pod whose container ended by itself."""
    logs = f"kubectl -n {pod.key[0]} logs {pod.key[1]} --previous"
    if pod.crash == "OOMKilled":
        field = "compact" if part == "all" else part
        return Cause("ran out of memory", f"raise spec.pods.resourcesOf.{field}.limits.memory")
    what = "crashes again and again" if pod.waiting or pod.restarts > 1 else "crashed and was restarted"
    return Cause(what, f"its log says why: {logs}")


def refused_cause(words: str) -> Cause:
    """Explain pods that the API server refuses to create."""
    return Cause(f"is refused ({words})", "raise the quota, lower spec.pods.resources, or change the policy")


def volume_cause(claim: ChildRecord, words: str) -> Cause:
    """Explain a pod whose claim waits without a volume."""
    namespace, name = claim.key
    if "no storage class is set" in words:
        cure = "set spec.pods.storageClass, or make one class the cluster's default"
    elif "storageclass" in words and "not found" in words:
        cure = "set spec.pods.storageClass to one of kubectl get storageclass, or create it"
    else:
        cure = f"kubectl -n {namespace} describe pvc {name}"
    return Cause(f"waits for its volume {name} ({words})", cure, may_pass=True)


def lost_cause(claim: ChildRecord) -> Cause:
    """Explain a pod whose volume was deleted in the cluster."""
    namespace, name = claim.key
    volume = claim.claim.volume if claim.claim else ""
    cure = f"bring it back, or kubectl -n {namespace} delete pvc {name} and restore a backup"
    return Cause(f"has lost its volume {name} (PersistentVolume {volume} does not exist)", cure, may_pass=True)


def stuck_cause(workload: str, namespace: str) -> Cause:
    """Explain a rollout that makes no progress for another reason."""
    return Cause(
        f"does not get ready, the rollout of {workload} makes no progress",
        f"kubectl -n {namespace} describe pod -l app.kubernetes.io/name=aftersend",
    )


def _words(word: str, detail: str) -> str:
    return f"{word}: {detail}" if detail else word


def _describe(pod: PodRecord) -> str:
    return f"kubectl -n {pod.key[0]} describe pod {pod.key[1]}"
