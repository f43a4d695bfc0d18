"""What a claim can become, and what is said of the rest."""

from typing import Any

import pytest

from aftersend_operator.model.comparison import with_digest
from aftersend_operator.model.naming import FIELD_MANAGER, Manifest
from aftersend_operator.model.records import ChildRecord, child_record
from aftersend_operator.reconcile.plan import plan_changes
from aftersend_operator.reconcile.volumes import fit_volumes, needs_replacement, not_grown
from tests.support.operator_kit import UID, tenant, wanted
from tests.support.operator_objects import kind_named, live, merged

CLAIM = kind_named("PersistentVolumeClaim")
NAMES = ("aftersend-mueller-redis", "aftersend-mueller-backup")
OURS = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:storageClassName": {}}}}


def claims(storage: str = "2Gi", storage_class: str | None = None) -> list[Manifest]:
    """The manifests of both claims of a document that asks for this."""
    pods = {"storageClass": storage_class} if storage_class else {}
    found = wanted(tenant(redis={"storage": storage}, pods=pods))
    return [found["PersistentVolumeClaim/redis"], found["PersistentVolumeClaim/backup"]]


def bound(
    manifest: Manifest,
    *,
    has: str = "2Gi",
    capacity: str = "",
    of: str = "fast",
    chosen_by_us: bool = True,
    **more: Any,
) -> ChildRecord:
    """The claim as the server shows it when it has a volume."""
    state = {
        "metadata": {"managedFields": [OURS] if chosen_by_us else []},
        "spec": {"storageClassName": of, "volumeName": "pv-1", "resources": {"requests": {"storage": has}}},
        "status": {"phase": "Bound", "capacity": {"storage": capacity or has}},
    }
    return child_record(live(merged(manifest, merged(state, more))))


def pending(manifest: Manifest) -> ChildRecord:
    """The claim while nothing has been found or made for it."""
    state = {"metadata": {"managedFields": [OURS]}, "status": {"phase": "Pending"}}
    return child_record(live(merged(with_digest(manifest), state)))


def fitted(manifests: list[Manifest], children: list[ChildRecord]) -> tuple[list[dict[str, Any]], str]:
    known = {(CLAIM, child.key[1]): child for child in children}
    found, faults = fit_volumes(manifests, known)
    assert not any(fault.blocks for fault in faults)
    assert {fault.reason.value for fault in faults} <= {"VolumeNotChanged"}
    return [each["spec"] for each in found], "; ".join(fault.message for fault in faults)


@pytest.mark.parametrize(
    ("asked", "has", "applied", "said"),
    [
        # (size, class) asked for; what the volume has; what is applied
        (("2Gi", "fast"), {}, ("2Gi", "fast"), ""),
        (("3Gi", "fast"), {}, ("3Gi", "fast"), ""),
        (("2048Mi", "fast"), {}, ("2048Mi", "fast"), ""),
        (("2Gi", "fast"), {"has": "2147483648"}, ("2Gi", "fast"), ""),
        (("1Gi", "fast"), {}, ("2Gi", "fast"), "(2Gi), spec.redis.storage asks for 1Gi"),
        (("1Gi", "fast"), {"capacity": "8Gi"}, ("2Gi", "fast"), "(2Gi), spec.redis.storage asks for 1Gi"),
        (("2047Mi", "fast"), {"has": "2G", "capacity": "2G"}, ("2047Mi", "fast"), ""),
        (("1900Mi", "fast"), {"has": "2G", "capacity": "2G"}, ("2G", "fast"), "(2G), spec.redis.storage"),
        (("2Gi", "slow"), {}, ("2Gi", "fast"), "(class fast), spec.pods.storageClass asks for slow"),
        (("3Gi", "slow"), {}, ("3Gi", "fast"), "(class fast), spec.pods.storageClass asks for slow"),
        (("2Gi", None), {}, ("2Gi", "fast"), "spec.pods.storageClass asks for the cluster's default"),
        # the cluster chose the class: nothing of it is ours
        (("2Gi", None), {"chosen_by_us": False}, ("2Gi", None), ""),
        (("2Gi", "fast"), {"chosen_by_us": False}, ("2Gi", None), ""),
        (("2Gi", "slow"), {"chosen_by_us": False}, ("2Gi", None), "(class fast), spec.pods.storageClass asks for slow"),
        # a growth that does not come to an end may be lowered, but not to what the volume has
        (("3Gi", "fast"), {"has": "100Ti", "capacity": "2Gi"}, ("3Gi", "fast"), ""),
        (("2Gi", "fast"), {"has": "100Ti", "capacity": "2Gi"}, ("100Ti", "fast"), "(2Gi, growing to 100Ti)"),
    ],
)
def test_a_volume_stays_as_it_is_and_the_manifest_asks_for_nothing_else(
    asked: tuple[str, str | None], has: dict[str, Any], applied: tuple[str, str | None], said: str
) -> None:
    manifests = claims(*asked)
    specs, message = fitted(manifests, [bound(manifest, **has) for manifest in manifests])
    for spec in specs:
        assert (spec["resources"]["requests"]["storage"], spec.get("storageClassName")) == applied
        assert spec["accessModes"] == ["ReadWriteOnce"]
    assert said in message
    assert all((f"volume {name} stays as it is" in message) is bool(said) for name in NAMES)
    assert not said or ("set the field back" in message and "backup and restore" in message)


def test_both_fields_are_named_when_both_changed() -> None:
    manifests = claims("1Gi", "slow")
    _, message = fitted(manifests, [bound(manifest) for manifest in manifests])
    assert message.count("asks for 1Gi") == message.count("asks for slow") == 2
    assert len(message) <= 1000


@pytest.mark.parametrize("phase", ["Bound", "Lost", "Pending"])
def test_a_claim_that_has_a_volume_is_never_replaced(phase: str) -> None:
    manifest = claims("1Gi", "slow")[0]
    child = bound(manifest, status={"phase": phase})
    assert not needs_replacement(manifest, child.claim)
    (fit, *_), _ = fit_volumes([manifest], {(CLAIM, NAMES[0]): child})
    changes = plan_changes([with_digest(fit)], {(CLAIM, NAMES[0]): child}, uid=UID)
    assert [step for step, _ in changes.steps] == ["apply"]


@pytest.mark.parametrize(
    ("asked", "step"),
    [
        (("2Gi", "fast"), []),
        (("2048Mi", "fast"), ["apply"]),
        (("2Gi", "slow"), ["replace"]),
        (("2Gi", None), ["replace"]),
        (("1Gi", "fast"), ["replace"]),
        (("3Gi", "fast"), ["replace"]),
    ],
)
def test_a_claim_that_waits_without_a_volume_is_replaced_when_another_is_asked_for(
    asked: tuple[str, str | None], step: list[str]
) -> None:
    children = {(CLAIM, NAMES[0]): pending(claims("2Gi", "fast")[0])}
    fit, faults = fit_volumes([claims(*asked)[0]], children)
    assert not faults
    assert [found for found, _ in plan_changes([with_digest(each) for each in fit], children, uid=UID).steps] == step


def test_a_claim_that_got_the_default_class_later_is_left_alone() -> None:
    manifest = claims()[0]
    defaulted = live(merged(manifest, {"spec": {"storageClassName": "standard"}}))
    assert not needs_replacement(manifest, child_record(defaulted).claim)


def test_a_claim_that_is_being_deleted_is_waited_for() -> None:
    manifest = claims("2Gi", "slow")[0]
    child = pending(merged(claims("2Gi", "fast")[0], {"metadata": {"deletionTimestamp": "2026-11-26T10:00:00Z"}}))
    changes = plan_changes([with_digest(manifest)], {(CLAIM, NAMES[0]): child}, uid=UID)
    assert [step for step, _ in changes.steps] == ["wait"]


def test_a_refused_growth_names_the_sizes_and_the_quota() -> None:
    manifest = claims("3Gi")[0]
    claim = bound(manifest).claim
    assert claim is not None
    assert "has 2Gi and cannot grow to 3Gi: let its storage class allow expansion" in not_grown(manifest, claim).message
    words = "exceeded quota: small, requested: requests.storage=1Gi"
    assert f"({words}): raise the quota" in not_grown(manifest, claim, why=words).message
