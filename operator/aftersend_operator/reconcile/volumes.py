"""Volumes: what of a claim's manifest Kubernetes lets become true, and what is said of the rest. Pure.

=============================  =======================  ==========================================================
the document asks for          while the claim          then
=============================  =======================  ==========================================================
another class, another size    waits without a volume   the claim is replaced (``needs_replacement``)
another class                  has a volume             it keeps its class: ``VolumeNotChanged``
more                           has a volume             it is applied; the storage class decides (``VolumeNotGrown``)
less than it asks for          has a volume             it keeps its size: ``VolumeNotChanged``
less, but more than it has     is growing               it is applied: Kubernetes lets a failed growth be lowered
=============================  =======================  ==========================================================

So a manifest never asks for what the API server refuses for ever. A claim is never replaced once a volume is bound to
it, or chosen for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aftersend.tenant.quantities import storage_bytes
from aftersend_operator.informer.cache import ChildKey
from aftersend_operator.model.claims import Claim
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.kinds import kind_of
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import ChildRecord

_CURE: Final = (
    "a volume neither shrinks nor changes its class: set the field back, or move to a new volume by backup and restore"
    ' ("Another volume" in the platform guide)'
)


@dataclass(frozen=True, slots=True)
class _Kept:
    """One property that a volume keeps, although the document asks for another."""

    name: str
    field: str
    has: str
    asked: str

    def text(self) -> str:
        return f"volume {self.name} stays as it is ({self.has}), {self.field} asks for {self.asked}"


def needs_replacement(manifest: Manifest, claim: Claim | None) -> bool:
    """Return True for a claim that waits without a volume, and whose immutable fields differ."""
    if claim is None or not claim.is_empty:
        return False
    return _keeps_class(manifest, claim) or storage_bytes(_storage(manifest)) != storage_bytes(claim.storage)


def fit_volumes(
    manifests: Sequence[Manifest], children: Mapping[ChildKey, ChildRecord]
) -> tuple[list[Manifest], list[Fault]]:
    """Return the manifests, those of claims as they can be applied, and one fault that names all that stays."""
    claims = [children.get((kind_of(manifest), manifest["metadata"]["name"])) for manifest in manifests]
    pairs = [(manifest, child.claim if child else None) for manifest, child in zip(manifests, claims, strict=True)]
    kept = [each for manifest, claim in pairs if claim and not claim.is_empty for each in _kept(manifest, claim)]
    fitted = [_fitted(manifest, claim) if claim and not claim.is_empty else manifest for manifest, claim in pairs]
    return fitted, [_not_changed(kept)] if kept else []


def _fitted(manifest: Manifest, claim: Claim) -> Manifest:
    """Return the manifest with the claim's own class, and its own size if it cannot have the one that is asked for."""
    spec = {key: value for key, value in manifest["spec"].items() if key != "storageClassName"}
    if claim.sets_class and claim.storage_class is not None:
        spec["storageClassName"] = claim.storage_class
    if _keeps_size(manifest, claim):
        spec["resources"] = {"requests": {"storage": claim.storage}}
    return {**manifest, "spec": spec}


def _kept(manifest: Manifest, claim: Claim) -> Iterable[_Kept]:
    name = manifest["metadata"]["name"]
    if _keeps_size(manifest, claim):
        is_growing = claim.capacity and storage_bytes(claim.capacity) < storage_bytes(claim.storage)
        has = f"{claim.capacity}, growing to {claim.storage}" if is_growing else claim.storage
        yield _Kept(name, "spec.redis.storage", has, _storage(manifest))
    if _keeps_class(manifest, claim):
        asked = _class(manifest) or "the cluster's default"
        yield _Kept(name, "spec.pods.storageClass", f"class {claim.storage_class or 'none'}", asked)


def _keeps_class(manifest: Manifest, claim: Claim) -> bool:
    """Return True if another class is asked for; without one, a class that the cluster chose is right."""
    asked = _class(manifest)
    return claim.sets_class if asked is None else asked != claim.storage_class


def _keeps_size(manifest: Manifest, claim: Claim) -> bool:
    asked = storage_bytes(_storage(manifest))
    return asked < storage_bytes(claim.storage) and asked <= storage_bytes(claim.capacity or claim.storage)


def _storage(manifest: Manifest) -> str:
    return str(manifest["spec"]["resources"]["requests"]["storage"])


def _class(manifest: Manifest) -> str | None:
    wanted: str | None = manifest["spec"].get("storageClassName")
    return wanted


def not_grown(manifest: Manifest, claim: Claim, *, why: str = "") -> Fault:
    """Report a size that is refused; ``why``: in Kubernetes' own words, if it is not the storage class."""
    message = f"volume {manifest['metadata']['name']} has {claim.storage} and cannot grow to {_storage(manifest)}"
    cure = "let its storage class allow expansion (allowVolumeExpansion: true), or move the tenant to a new volume"
    text = f"{message} ({why}): raise the quota or limit" if why else f"{message}: {cure}"
    return Fault(ConditionReason.VOLUME_NOT_GROWN, text, blocks=False)


def _not_changed(kept: Iterable[_Kept]) -> Fault:
    texts = "; ".join(each.text() for each in kept)
    return Fault(ConditionReason.VOLUME_NOT_CHANGED, f"{texts}: {_CURE}", blocks=False)
