"""Checks of watched objects: secrets, pods, workloads. Pure.

Each fault names cause and cure. It may contain names of objects and of keys, never values.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from aftersend.tenant.document import Tenant
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import ChildRecord, Key, PodRecord, SecretRecord
from aftersend_operator.model.references import referenced_secrets

_CURES: Final = {
    "CreateContainerConfigError": "a secret or one of its keys is missing",
    "CrashLoopBackOff": "its container crashes again and again: see its log",
    "ErrImagePull": "its image cannot be pulled: check imagePullSecrets and the name of the image",
    "ImagePullBackOff": "its image cannot be pulled: check imagePullSecrets and the name of the image",
}
"""Cures by Kubernetes' waiting reason."""


def secret_faults(tenant: Tenant, secrets: Mapping[Key, SecretRecord]) -> Iterable[Fault]:
    """Check the secrets that the tenant names: missing, or without a required key."""
    namespace = tenant.metadata.namespace or ""
    for name, keys in referenced_secrets(tenant).items():
        found = secrets.get((namespace, name))
        if found is None:
            wanted = f" with {', '.join(keys)}" if keys else ""
            yield Fault(ConditionReason.SECRET_MISSING, f"secret {name} is missing: create it in {namespace}{wanted}")
            continue
        absent = [key for key in keys if key not in found.names]
        if absent:
            yield Fault(ConditionReason.SECRET_KEY_MISSING, f"secret {name} lacks {', '.join(absent)}: add them")


def pod_faults(pods: Iterable[PodRecord]) -> Iterable[Fault]:
    """Check for pods whose containers cannot start."""
    for part, word in sorted({(pod.part, pod.waiting) for pod in pods if pod.waiting}):
        cure = _CURES.get(word, f"see the pod's events ({word})" if word.isalpha() else "see the pod's events")
        yield Fault(ConditionReason.WORKLOADS_UNAVAILABLE, f"a pod of {part} does not start: {cure}")


def workload_faults(children: Iterable[ChildRecord]) -> Iterable[Fault]:
    """Check for workloads whose rollout is stuck."""
    for child in children:
        if child.rollout is not None and child.rollout.stuck:
            message = f"the rollout of {child.key[1]} makes no progress: see the events of its pods"
            yield Fault(ConditionReason.WORKLOADS_UNAVAILABLE, message, blocks=not child.rollout.available)


def is_available(children: Collection[ChildRecord]) -> bool:
    """Return True if there are workloads, and all are available."""
    rollouts = [child.rollout for child in children if child.rollout is not None]
    return bool(rollouts) and all(rollout.available for rollout in rollouts)
