"""The plan: one step per child, from manifests and cached records. Pure.

=========  =====================================================  =============================================
step       when                                                   then
=========  =====================================================  =============================================
settled    the child matches its manifest                         nothing
apply      it differs, and is ours or has no controller           server-side apply
replace    it is a claim without a volume, and cannot be changed  deleted; it is made again when it is gone
create     it is not cached                                       applied, but only if there is none of that name
wait       it is being deleted, or owned by an earlier tenant     nothing until it is gone
refuse     another owner controls it                              nothing; a condition says so
=========  =====================================================  =============================================

One order matters in an upgrade: a webhook that begins to seal with a public key waits until every writer opens that.
An earlier writer would make its events dead letters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from aftersend_operator.informer.cache import ChildKey
from aftersend_operator.model.comparison import DIGEST, covers
from aftersend_operator.model.kinds import Kind, kind_of
from aftersend_operator.model.naming import PART_LABEL, Manifest
from aftersend_operator.model.records import ChildRecord
from aftersend_operator.reconcile.volumes import needs_replacement

Step = Literal["settled", "apply", "replace", "create", "wait", "refuse"]
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
    if _seals_before_it_opens(steps, children):
        steps = [
            ("wait" if _part(manifest) == ("Deployment", "webhook") else step, manifest) for step, manifest in steps
        ]
    return Changes(
        steps=[(step, manifest) for step, manifest in steps if step != "settled"],
        prune=[
            (kind, child)
            for (kind, name), child in children.items()
            if child.tenant_uid == uid and (kind, name) not in named and not child.deleting
        ],
    )


def fingerprint(children: Mapping[ChildKey, ChildRecord]) -> int:
    """Hash all that ``plan_changes`` reads of settled children, so not their rollouts."""
    return hash(
        frozenset(
            (name, child.uid, child.digest, child.settled, child.deleting, child.owner, child.tenant_uid, child.claim)
            for (_, name), child in children.items()
        )
    )


def _seals_before_it_opens(steps: Sequence[tuple[Step, Manifest]], children: Mapping[ChildKey, ChildRecord]) -> bool:
    """Return True if a webhook with a data key would lose it before its writers are the wanted ones."""
    found = {part: (step, _child_of(manifest, children)) for step, manifest in steps if (part := _part(manifest))}
    step, webhook = found.get(("Deployment", "webhook"), ("settled", None))
    if step != "apply" or webhook is None or not _holds_data_key(webhook):
        return False
    writer_step, writer = found.get(("Deployment", "writer"), ("settled", None))
    return writer_step != "settled" or writer is None or writer.rollout is None or not writer.rollout.complete


def _holds_data_key(child: ChildRecord) -> bool:
    """Return True for a Deployment, not yet applied by this release, whose pods mount the data key."""
    live = msgspec.json.decode(child.content) if child.content else {}
    volumes = live.get("spec", {}).get("template", {}).get("spec", {}).get("volumes") or []
    return any(volume.get("name") == "data-key" for volume in volumes)


def _part(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"].get("labels", {}).get(PART_LABEL, "")


def _child_of(manifest: Manifest, children: Mapping[ChildKey, ChildRecord]) -> ChildRecord | None:
    return children.get((kind_of(manifest), manifest["metadata"]["name"]))


def step_for(manifest: Manifest, child: ChildRecord | None, *, uid: str) -> Step:
    """Decide one step; a settled child is recorded as such."""
    if child is None:
        return "create"
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
