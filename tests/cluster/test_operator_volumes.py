"""Volumes: what Kubernetes lets become true, what is said of the rest, and claims for which no volume is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.cluster.operator_scene import OperatorScene, eventually

pytestmark = pytest.mark.timeout(900)
NAME = "mueller"
CLAIMS = tuple(f"persistentvolumeclaim/aftersend-{NAME}-{what}" for what in ("redis", "backup"))


def test_a_volume_grows_as_soon_as_its_class_allows_it(scene: OperatorScene) -> None:
    with volumes(scene) as storage_class:
        scene.operator().start()
        scene.bring_up(pods={"storageClass": storage_class})
        eventually(lambda: phases(scene) == ["Bound", "Bound"], what="both volumes")
        grown = {"redis": {"storage": "2Gi"}, "pods": {"storageClass": storage_class}}
        scene.apply_tenant(**grown, suspend=True)
        eventually(lambda: scene.reason("Degraded") == "VolumeNotGrown", what="the condition")
        assert f"volume aftersend-{NAME}-" in scene.conditions()["Degraded"]["message"]
        assert (scene.reason("Suspended"), scene.reason()) == ("SuspendedBySpec", "Running"), "all else is done"
        scene.kube.patch(f"storageclass/{storage_class}", "", {"allowVolumeExpansion": True})
        scene.apply_tenant(**grown)
        eventually(lambda: [size(scene, claim) for claim in CLAIMS] == ["2Gi", "2Gi"], what="it to grow")
        eventually(lambda: scene.reason("Degraded") == "Healthy", what="it to heal")


def size(scene: OperatorScene, claim: str) -> str:
    return str(scene.get(claim)["spec"]["resources"]["requests"]["storage"])


def phases(scene: OperatorScene) -> list[str]:
    return [str(scene.get(claim)["status"]["phase"]) for claim in CLAIMS]


def uids(scene: OperatorScene) -> list[str]:
    return [str(scene.get(claim)["metadata"]["uid"]) for claim in CLAIMS]


@contextmanager
def volumes(scene: OperatorScene) -> Iterator[str]:
    """A storage class that does not let volumes grow, with two volumes."""
    name = f"of-{scene.namespace}"
    common = {"capacity": {"storage": "4Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/nowhere"}}
    pieces = [f"{name}-{number}" for number in range(2)]
    scene.kube.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "kubernetes.io/no-provisioner",
        },
        *(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": piece},
                "spec": {**common, "storageClassName": name},
            }
            for piece in pieces
        ),
    )
    try:
        yield name
    finally:
        scene.kube.delete(f"storageclass/{name}")
        for piece in pieces:
            scene.kube.delete(f"persistentvolume/{piece}")


def test_a_volume_keeps_size_and_class_and_the_tenant_says_so(scene: OperatorScene) -> None:
    with volumes(scene) as storage_class:
        scene.operator().start()
        own = {"redis": {"storage": "2Gi"}, "pods": {"storageClass": storage_class}}
        scene.bring_up(**own)
        eventually(lambda: phases(scene) == ["Bound", "Bound"], what="both volumes")
        first = uids(scene)
        for asked, said in (
            ({"redis": {"storage": "1Gi"}}, "(2Gi), spec.redis.storage asks for 1Gi"),
            ({"pods": {"storageClass": "other"}}, f"(class {storage_class}), spec.pods.storageClass asks for other"),
            ({"pods": {"storageClass": None}}, "spec.pods.storageClass asks for the cluster's default"),
        ):
            scene.apply_tenant(**{**own, **asked}, suspend=True)
            eventually(lambda said=said: said in message(scene), what=said)  # type: ignore[misc]
            eventually(scene.is_running, what="all else to be done")
            assert scene.reason("Degraded") == "VolumeNotChanged"
            assert scene.get(f"cronjob/aftersend-{NAME}-export")["spec"]["suspend"]
            scene.apply_tenant(**own)
            eventually(lambda: scene.reason("Degraded") == "Healthy", what="it to heal")
        assert uids(scene) == first
        assert [size(scene, claim) for claim in CLAIMS] == ["2Gi", "2Gi"]


def message(scene: OperatorScene) -> str:
    return str(scene.conditions().get("Degraded", {}).get("message", ""))


def test_a_claim_without_a_volume_is_made_anew_when_its_class_is_corrected(scene: OperatorScene) -> None:
    with volumes(scene) as storage_class:
        scene.operator().start()
        scene.apply_secrets()
        scene.apply_tenant(pods={"storageClass": "nowhere"})
        eventually(scene.settled, what="the children")
        assert phases(scene) == ["Pending", "Pending"]
        scene.apply_tenant(pods={"storageClass": storage_class})
        eventually(lambda: phases(scene) == ["Bound", "Bound"], what="volumes of the other class")
        eventually(scene.is_running, what="it to serve")
        assert scene.reason("Degraded") == "Healthy"


@pytest.mark.parametrize(
    ("pods", "words", "cure"),
    [
        (
            {"storageClass": "nowhere"},
            'storageclass.storage.k8s.io "nowhere" not found',
            "set spec.pods.storageClass to one of kubectl get storageclass, or create it",
        ),
        ({}, "no storage class is set", "set spec.pods.storageClass, or make one class the cluster's default"),
    ],
)
def test_a_claim_without_a_volume_is_named_in_kubernetes_own_words(
    scene: OperatorScene, pods: dict[str, str], words: str, cure: str
) -> None:
    if scene.kube.list("storageclass") and not pods:
        pytest.skip("this cluster may have a default class")
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant(pods=pods)
    eventually(lambda: words in message(scene), what="Kubernetes' own words")
    assert f"a pod of redis waits for its volume aftersend-{NAME}-redis (" in message(scene)
    assert message(scene).endswith(cure)
    assert (scene.reason("Degraded"), scene.reason()) == ("WorkloadsUnavailable", "Starting")
    with volumes(scene) as storage_class:
        scene.apply_tenant(pods={"storageClass": storage_class})
        eventually(lambda: scene.is_running() and scene.reason("Degraded") == "Healthy", what="it to heal")


def test_a_quota_that_refuses_the_pod_of_redis_is_named(scene: OperatorScene) -> None:
    scene.kube.apply(quota(scene, {"count/pods": "0"}))
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant()
    eventually(lambda: message(scene).startswith("a pod of redis is refused (exceeded quota: small"), what="the quota")
    assert "raise the quota" in message(scene)
    assert scene.reason() == "WorkloadsUnavailable"
    scene.delete("resourcequota/small")
    for part in ("redis", "writer"):  # the controllers try again after ever longer times
        scene.delete(f"{'statefulset' if part == 'redis' else 'deployment'}/aftersend-{NAME}-{part}")
    eventually(lambda: "redis is refused" not in message(scene), what="it to heal")


def test_a_quota_that_refuses_a_volume_or_its_growth_is_named(scene: OperatorScene) -> None:
    scene.kube.apply(quota(scene, {"requests.storage": "3Gi"}))
    with volumes(scene) as storage_class:
        scene.kube.patch(f"storageclass/{storage_class}", "", {"allowVolumeExpansion": True})
        scene.operator().start()
        scene.bring_up(pods={"storageClass": storage_class})
        eventually(lambda: phases(scene) == ["Bound", "Bound"], what="both volumes")
        scene.apply_tenant(redis={"storage": "4Gi"}, pods={"storageClass": storage_class})
        eventually(lambda: scene.reason("Degraded") == "VolumeNotGrown", what="the condition")
        assert "has 1Gi and cannot grow to 4Gi (exceeded quota: small, requested: requests.storage=" in message(scene)
        scene.apply_secrets("second")
        scene.apply_tenant("second", pods={"storageClass": storage_class}, redis={"storage": "2Gi"})
        eventually(lambda: scene.reason("Degraded", "second") == "ApplyRefused", what="the refused claim")
        said = scene.conditions("second")["Degraded"]["message"]
        assert "PersistentVolumeClaim aftersend-second-redis (exceeded quota: small" in said


def quota(scene: OperatorScene, hard: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": "small", "namespace": scene.namespace}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
