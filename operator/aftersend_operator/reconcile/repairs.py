"""Repairs: children that another hand deleted or changed, and that were applied anew; each is an event and a log line.

=======  ==============================================================================================
deleted  an earlier pass saw the child; of the first pass: the status says that this version had made it
changed  its manifest is the one that was applied last, and applying it again changes the object
=======  ==============================================================================================

So neither the first creation is a repair, nor a change of the document, of the release or of a status. Some values the
server only spells differently (``1000m`` becomes ``1``): applying those again changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from aftersend import __version__
from aftersend.observe.logs import get_logger
from aftersend.observe.throttle import LogThrottle
from aftersend_operator.informer.cache import ChildKey
from aftersend_operator.model.comparison import restricted
from aftersend_operator.model.kinds import kind_of
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import ChildRecord, Key, TenantRecord
from aftersend_operator.reconcile.events import EventRecorder

Cause = Literal["deleted", "changed"]
REASON: Final = "ChildRepaired"
_TEXTS: Final[dict[Cause, str]] = {
    "deleted": "{} was deleted, made again",
    "changed": "{}: changed by another field manager, set back",
}
_CONDITIONAL: Final = frozenset({"Ingress", "HTTPRoute", "PodMonitor"})
"""Kinds whose wish depends on more than document and version: on settings, add-ons and other tenants."""


@dataclass(frozen=True, slots=True)
class Repairs:
    """Report repairs: the first of a child at once, then one a minute with a count."""

    events: EventRecorder
    _seen: dict[Key, tuple[str, frozenset[ChildKey]]] = field(default_factory=dict)
    """uid of the tenant, and the children that its last pass left, by tenant."""
    _throttle: LogThrottle = field(default_factory=LogThrottle)

    def was_there(self, record: TenantRecord, child: ChildKey) -> bool:
        """Return True if a child that is missing now existed before."""
        uid, seen = self._seen.get(record.key, ("", frozenset[ChildKey]()))
        if uid == record.uid:
            return child in seen
        is_old = record.status.version == __version__ and record.status.observed_generation == record.generation
        return is_old and child[0].name not in _CONDITIONAL

    def remember(
        self, record: TenantRecord, children: Mapping[ChildKey, ChildRecord], *, wanted: Iterable[ChildKey]
    ) -> None:
        """Record what a complete pass left; what vanished during the pass was there."""
        made = (name for name in wanted if self.was_there(record, name) or _is_made(children.get(name), record.uid))
        self._seen[record.key] = record.uid, frozenset(made)

    def forget(self, tenant: Key) -> None:
        """Drop what is kept of a deleted tenant."""
        self._seen.pop(tenant, None)

    async def report(self, record: TenantRecord, child: ChildKey, cause: Cause) -> None:
        """Post the event and write the line, unless the same happened within the last minute."""
        left_out = self._throttle.suppressed((record.key, child, cause))
        if left_out is None:
            return
        kind, name = child[0].name, child[1]
        more = f" (and {left_out} more times since the last event)" if left_out else ""
        get_logger(tenant=record.identity).warning(
            "child_repaired", kind=kind, name=name, cause=cause, left_out=left_out
        )
        message = _TEXTS[cause].format(f"{kind} {name}") + more
        await self.events.post(record, REASON, message, is_bad=bool(left_out))


def is_set_back(manifest: Manifest, before: bytes, after: bytes) -> bool:
    """Return True if applying ``manifest`` changed something that it sets; both are contents of the child."""
    was, became = (restricted(msgspec.json.decode(content), manifest) for content in (before, after))
    return bool(was != became)


def _is_made(child: ChildRecord | None, uid: str) -> bool:
    """Return True for a child of this tenant that is not being deleted."""
    return child is not None and not child.deleting and child.owner in ("", uid)


def child_key(manifest: Manifest) -> ChildKey:
    """Return kind and name of a manifest."""
    return kind_of(manifest), manifest["metadata"]["name"]
