"""Volumes: what Kubernetes lets become true, what is said of the rest, and claims for which no volume is there."""

from collections.abc import Iterator
from contextlib import contextmanager

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
