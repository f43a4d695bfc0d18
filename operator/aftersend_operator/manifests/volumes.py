"""Volumes: PersistentVolumeClaims of Redis' data and of the backups.

Not by a StatefulSet's template: a separate claim can be expanded when the document says so, and ``deletionPolicy`` is
one owner reference more or less. Neither carries the tenant's uid, so data is never pruned: a claim that is no longer
desired (backups moved to S3) stays until a person deletes it or the tenant's deletion does.
"""

from typing import Any

from aftersend_operator.manifests.parts import REDIS
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest


def redis_volume(context: RenderContext) -> Manifest:
    """Render the volume of the append-only file."""
    return _claim(context, "redis", REDIS)


def backup_volume(context: RenderContext) -> Manifest:
    """Render the volume of the backups, as large as Redis'."""
    return _claim(context, "backup", "backup")


def _claim(context: RenderContext, what: str, part: str) -> Manifest:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": context.spec.redis.storage}},
    }
    if context.spec.pods.storage_class:
        spec["storageClassName"] = context.spec.pods.storage_class
    return {**context.kept_manifest("v1", "PersistentVolumeClaim", what, part=part), "spec": spec}
