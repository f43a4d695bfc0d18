"""Volumes: Redis' data and the backups, as claims of their own.

Not by a StatefulSet's template: a claim of its own can grow when the document says so, and ``deletionPolicy`` is one
owner reference more or less. Neither carries the tenant's uid, so nothing ever prunes data: a claim that the document
no longer wants (backups went to S3) stays until a person or the end of the tenant takes it away.
"""

from typing import Any

from aftersend_operator.manifests.parts import REDIS
from aftersend_operator.manifests.plan import Plan
from aftersend_operator.model.naming import Manifest


def redis_volume(plan: Plan) -> Manifest:
    """The append-only file."""
    return _claim(plan, "redis", REDIS)


def backup_volume(plan: Plan) -> Manifest:
    """Encrypted copies; as large as Redis' volume."""
    return _claim(plan, "backup", "backup")


def _claim(plan: Plan, what: str, part: str) -> Manifest:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": plan.spec.redis.storage}},
    }
    if plan.spec.pods.storage_class:
        spec["storageClassName"] = plan.spec.pods.storage_class
    return {**plan.kept_manifest("v1", "PersistentVolumeClaim", what, part=part), "spec": spec}
