"""The plan: one step per child, from manifests and cached records. Pure.

=========  =====================================================  =============================================
step       when                                                   then
=========  =====================================================  =============================================
settled    the child matches its manifest                         nothing
apply      it differs, and is ours or has no controller           server-side apply
replace    it is a claim without a volume, and cannot be changed  deleted; it is made again when it is gone
read       it is not cached                                       read it first: it may be another owner's
wait       it is being deleted, or owned by an earlier tenant     nothing until it is gone
refuse     another owner controls it                              nothing; a condition says so
=========  =====================================================  =============================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from aftersend_operator.informer.cache import ChildKey
from aftersend_operator.model.comparison import DIGEST, covers
from aftersend_operator.model.kinds import Kind, kind_of
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import ChildRecord
from aftersend_operator.reconcile.volumes import needs_replacement

Step = Literal["settled", "apply", "replace", "read", "wait", "refuse"]
_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet"})


@dataclass(frozen=True, slots=True)
class Changes:
    """The children that differ, and those to prune."""

    steps: Sequence[tuple[Step, Manifest]]
    """Without settled children."""
    prune: Sequence[tuple[Kind, ChildRecord]]

    @property
    def rolls(self) -> bool:
        """Return True if pods would be replaced."""
        return any(step == "apply" and manifest["kind"] in _WORKLOADS for step, manifest in self.steps)


def plan_changes(wanted: Sequence[Manifest], children: Mapping[ChildKey, ChildRecord], *, uid: str) -> Changes:
    """Compare children with ``wanted``, manifests that carry their digest."""
    named = {(kind_of(manifest), manifest["metadata"]["name"]): manifest for manifest in wanted}
    steps = [(step_for(manifest, children.get(key), uid=uid), manifest) for key, manifest in named.items()]
    return Changes(
        steps=[(step, manifest) for step, manifest in steps if step != "settled"],
        prune=[
            (kind, child)
            for (kind, name), child in children.items()
            if child.tenant_uid == uid and (kind, name) not in named and not child.deleting
        ],
    )


def step_for(manifest: Manifest, child: ChildRecord | None, *, uid: str) -> Step:
    """Decide one step; a settled child is recorded as such."""
    if child is None:
        return "read"
    if child.deleting or child.is_left_by_predecessor(uid):
        return "wait"
    if child.owner not in ("", uid):
        return "refuse"
    if needs_replacement(manifest, child.claim):
        return "replace"
    return "settled" if is_settled(manifest, child) else "apply"


def is_settled(manifest: Manifest, child: ChildRecord) -> bool:
    """Return True if the child matches its manifest; its content is dropped then."""
    wanted = manifest["metadata"]["annotations"][DIGEST]
    if child.settled != wanted and child.content and covers(msgspec.json.decode(child.content), manifest):
        child.settled, child.content = wanted, b""
    return bool(child.settled == wanted)
