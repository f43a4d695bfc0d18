"""What is wrong with a tenant, as far as the watched objects tell: pure.

Each fault says what is the matter and what cures it. Names of objects and of keys may stand in it, values never.
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
    "CrashLoopBackOff": "it ends again and again: look at its log",
    "ErrImagePull": "its image cannot be pulled: look at imagePullSecrets and the name of the image",
    "ImagePullBackOff": "its image cannot be pulled: look at imagePullSecrets and the name of the image",
}
"""Why a container waits, in Kubernetes' words, and what that means."""


def secret_faults(tenant: Tenant, secrets: Mapping[Key, SecretRecord]) -> Iterable[Fault]:
    """Secrets that the tenant names but that are not there, or not complete."""
    namespace = tenant.metadata.namespace or ""
    for name, keys in referenced_secrets(tenant).items():
        found = secrets.get((namespace, name))
        if found is None:
            wanted = f" with {', '.join(keys)}" if keys else ""
            yield Fault(ConditionReason.SECRET_MISSING, f"secret {name} is missing: create it in {namespace}{wanted}")
            continue
        absent = [key for key in keys if key not in found.names]
        if absent:
            yield Fault(
                ConditionReason.SECRET_KEY_MISSING, f"secret {name} lacks {', '.join(absent)}: add what is missing"
            )


def pod_faults(pods: Iterable[PodRecord]) -> Iterable[Fault]:
    """Pods that cannot start for a reason that does not pass by itself."""
    for part, word in sorted({(pod.part, pod.waiting) for pod in pods if pod.waiting}):
        cure = _CURES.get(word, f"look at the pod's events ({word})" if word.isalpha() else "look at the pod's events")
        yield Fault(ConditionReason.WORKLOADS_UNAVAILABLE, f"a pod of {part} does not start: {cure}")


def workload_faults(children: Iterable[ChildRecord]) -> Iterable[Fault]:
    """Workloads that gave up rolling."""
    for child in children:
        if child.rollout is not None and child.rollout.stuck:
            message = f"{child.key[1]} makes no progress: look at the events of its pods"
            yield Fault(ConditionReason.WORKLOADS_UNAVAILABLE, message, blocks=not child.rollout.available)


def is_available(children: Collection[ChildRecord]) -> bool:
    """True if there are workloads, and each of them serves."""
    rollouts = [child.rollout for child in children if child.rollout is not None]
    return bool(rollouts) and all(rollout.available for rollout in rollouts)
