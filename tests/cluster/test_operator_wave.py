"""A release whose image cannot start: the wave stops, survives a restart of the operator, and goes on with a cure."""

import pytest

from tests.support.cluster.operator_process import Operator
from tests.support.cluster.operator_scene import OperatorScene, eventually

pytestmark = pytest.mark.timeout(900)
NAMES = ("a-shop", "b-shop", "c-shop", "d-shop")
OLD, BAD, CORRECTED = (f"localhost/aftersend-service:{tag}" for tag in ("test", "bad", "corrected"))
PARTS = ("exporter", "webhook", "writer")
STOPPED = "aftersend_operator_wave_stopped"


def test_a_bad_image_stops_the_wave_until_it_is_corrected(scene: OperatorScene) -> None:
    first = scene.operator(AFTERSEND_SERVICE_IMAGE=OLD).start()
    for name in NAMES:
        scene.bring_up(name)
        for part in PARTS:  # or Kubernetes waits ten minutes for a pod that does not come up
            scene.patch(f"deployment/aftersend-{name}-{part}", {"spec": {"progressDeadlineSeconds": 3}})
    first.end()

    operator = upgrade(scene, BAD)
    eventually(lambda: operator.metric(STOPPED) == 1, what="the wave to stop")
    failed = [name for name in NAMES if BAD in images(scene, name)]
    others = [name for name in NAMES if name not in failed]
    eventually(lambda: all(progress(scene, name) == "WaveStopped" for name in others), what="the condition")
    eventually(lambda: all(progress(scene, name) == "UpgradeFailed" for name in failed), what="the condition")
    assert (len(failed), len(others)) == (2, 2)
    assert all(name in scene.conditions(others[0])["Progressing"]["message"] for name in failed)
    assert all(scene.reason(name=name) == "Running" for name in NAMES), "the pods of the last release serve"
    assert {job_image(scene, name) for name in NAMES} == {OLD}, "what they do on schedule, too"
    eventually(lambda: {"WaveStopped", "UpgradeFailed"} <= set(scene.events()), what="the events")

    operator.end()
    operator = upgrade(scene, BAD)
    eventually(operator.is_ready, what="the next process")
    eventually(lambda: operator.metric(STOPPED) == 1, what="it to know what failed before")
    scene.apply_tenant(others[0], suspend=True)
    eventually(lambda: images(scene, others[0]) == {BAD}, what="a person's own change to go ahead")
    assert images(scene, others[1]) == {OLD}
    scene.apply_tenant(failed[0], pods={"resources": {"limits": {"memory": "300Mi"}}})
    eventually(lambda: limit(scene, failed[0]) == "300Mi", what="one at a tenant that failed as well")
    assert job_image(scene, failed[0]) == OLD, "but what it does on schedule can still start"
    operator.end()

    operator = upgrade(scene, CORRECTED)
    eventually(lambda: rolled(scene) == list(NAMES), what="all to roll", patience=180)
    assert operator.metric(STOPPED) == 0


def upgrade(scene: OperatorScene, image: str) -> Operator:
    """Start the operator with another image of the services, as a Helm upgrade does."""
    return scene.operator(AFTERSEND_SERVICE_IMAGE=image, AFTERSEND_ROLLOUT_AT_ONCE="1").start()


def rolled(scene: OperatorScene) -> list[str]:
    """Let all pods run that there are by now, and look which tenants have those of the corrected release."""
    done = [name for name in NAMES if scene.is_running(name) and images(scene, name) == {CORRECTED}]
    return [name for name in done if job_image(scene, name) == CORRECTED]


def progress(scene: OperatorScene, name: str) -> str:
    return scene.reason("Progressing", name)


def images(scene: OperatorScene, name: str) -> set[str]:
    """The images that the tenant's services are to run."""
    pods = [scene.get(f"deployment/aftersend-{name}-{part}")["spec"]["template"]["spec"] for part in PARTS]
    return {pod["containers"][0]["image"] for pod in pods}


def job_image(scene: OperatorScene, name: str) -> str:
    """The image that the tenant's next export is to run."""
    job = scene.get(f"cronjob/aftersend-{name}-export")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return str(job["containers"][0]["image"])


def limit(scene: OperatorScene, name: str) -> str:
    """The memory that the tenant's writer may use."""
    pod = scene.get(f"deployment/aftersend-{name}-writer")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["resources"]["limits"]["memory"])
