"""Claims: what the cache keeps of a PersistentVolumeClaim beside its content, derived from the object alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from aftersend_operator.model.naming import FIELD_MANAGER, Manifest
from aftersend_operator.model.times import unix_time

_MAX_CHARS: Final = 300
_RESIZE_ERRORS: Final = ("ControllerResizeError", "NodeResizeError")


@dataclass(frozen=True, slots=True)
class Claim:
    """The state of one claim."""

    phase: str
    """``Pending``, ``Bound`` or ``Lost``."""
    volume: str
    """Name of its volume; empty until one is bound or chosen."""
    storage: str
    """What it asks for."""
    capacity: str
    """What the volume has; empty without one."""
    storage_class: str | None
    sets_class: bool
    """The class is ours, from the document, not the cluster's default."""
    created: float
    """Unix time."""
    resize_error: str = ""
    """Why the volume did not grow, in the words of its driver."""

    @property
    def is_empty(self) -> bool:
        """Return True if it never had a volume, so that nothing is lost with it."""
        return self.phase == "Pending" and not self.volume


def claim_of(live: Manifest) -> Claim | None:
    """Derive the state; None for other kinds."""
    if live.get("kind") != "PersistentVolumeClaim":
        return None
    metadata, spec, status = live["metadata"], live.get("spec", {}), live.get("status", {})
    return Claim(
        phase=status.get("phase", "Pending"),
        volume=spec.get("volumeName", ""),
        storage=spec.get("resources", {}).get("requests", {}).get("storage", ""),
        capacity=(status.get("capacity") or {}).get("storage", ""),
        storage_class=spec.get("storageClassName"),
        sets_class=_sets_class(metadata.get("managedFields") or ()),
        created=unix_time(metadata.get("creationTimestamp")),
        resize_error=_resize_error(status.get("conditions") or ()),
    )


def _sets_class(managed: Iterable[dict[str, Any]]) -> bool:
    """Return True if the operator applied the class: a later apply without it would try to remove it."""
    ours = [entry.get("fieldsV1", {}) for entry in managed if entry.get("manager") == FIELD_MANAGER]
    return any("f:storageClassName" in fields.get("f:spec", {}) for fields in ours)


def _resize_error(conditions: Iterable[dict[str, Any]]) -> str:
    failed = (c for c in conditions if c.get("type") in _RESIZE_ERRORS and c.get("status") == "True")
    return next((str(c.get("message", "")).partition("\n")[0][:_MAX_CHARS] for c in failed), "")
