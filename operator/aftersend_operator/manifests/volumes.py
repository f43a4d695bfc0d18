"""Volumes: Redis' data and the backups, as claims of their own.

Not by a StatefulSet's template: a claim of its own can grow when the document says so, and ``deletionPolicy`` is one
owner reference more or less. Neither carries the tenant's uid, so nothing ever prunes data: a claim that the document
no longer wants (backups went to S3) stays until a person or the end of the tenant takes it away.
"""

from typing import Any

from aftersend_operator.manifests.parts import REDIS
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest


def redis_volume(context: RenderContext) -> Manifest:
    """The append-only file."""
    return _claim(context, "redis", REDIS)


def backup_volume(context: RenderContext) -> Manifest:
    """Encrypted copies; as large as Redis' volume."""
    return _claim(context, "backup", "backup")


def _claim(context: RenderContext, what: str, part: str) -> Manifest:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": context.spec.redis.storage}},
    }
    if context.spec.pods.storage_class:
        spec["storageClassName"] = context.spec.pods.storage_class
    return {**context.kept_manifest("v1", "PersistentVolumeClaim", what, part=part), "spec": spec}
