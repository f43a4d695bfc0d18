"""A service that does not reach its Redis: a person hears of it when it is time to, and not before."""

import base64
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from aftersend_demo.process import ChildProcess
from tests.support.cluster.operator_scene import CANARY, OperatorScene, eventually
from tests.support.operator_objects import tenant_document
from tests.support.servers import free_port

pytestmark = pytest.mark.timeout(900)
NAME = "mueller"
ADDRESS = "127.0.0.10"
"""Of a pod that is a process of this machine."""
SHORT = 8.0
"""Two minutes, made short."""


@pytest.fixture
def alone(scene: OperatorScene, tmp_path: Path) -> Iterator[OperatorScene]:
    """A scene with a real webhook service, listening as the tenant's pod would, whose Redis is not there."""
    files = {
        "tenant.yaml": json.dumps(tenant_document(NAME, scene.namespace)),
        "secrets/sendcloud/secretKey": CANARY,
        "secrets/data-key/20261126-100000": base64.b64encode(os.urandom(32)).decode(),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    environment = {
        "AFTERSEND_TENANT_FILE": str(tmp_path / "tenant.yaml"),
        "AFTERSEND_SECRETS_DIR": str(tmp_path / "secrets"),
        "AFTERSEND_REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        "AFTERSEND_LISTEN": f"127.0.0.1:{free_port()}",
        "AFTERSEND_ADMIN_LISTEN": f"{ADDRESS}:9090",
    }
    child = ChildProcess(["aftersend-webhook"], log=tmp_path / "webhook.log", environment=environment)
    child.start()
    try:
        eventually(lambda: "listening" in (tmp_path / "webhook.log").read_text(), what="the service")
        yield scene
    finally:
        child.stop()


def report_webhook(scene: OperatorScene, *, ready: bool) -> None:
    """The tenant's webhook pod runs."""
    (pod,) = eventually(lambda: webhook_pods(scene), what="the pod")
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    status = {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}], "conditions": [condition]}
    scene.patch(f"pod/{pod}", {"status": status}, subresource="status")


def webhook_pods(scene: OperatorScene) -> list[str]:
    names = [pod["metadata"]["name"] for pod in scene.kube.list("pod", scene.namespace)]
    return [name for name in names if name.startswith(f"aftersend-{NAME}-webhook-")]


def since(scene: OperatorScene, condition: str) -> datetime:
    return datetime.fromisoformat(scene.conditions()[condition]["lastTransitionTime"])


def created(scene: OperatorScene) -> datetime:
    (pod,) = webhook_pods(scene)
    return datetime.fromisoformat(scene.get(f"pod/{pod}")["metadata"]["creationTimestamp"])


def test_a_redis_of_ours_is_given_time_to_start(alone: OperatorScene) -> None:
    operator = alone.operator()
    operator.shortened = {"aftersend_operator.status.startup_grace:STARTUP_GRACE_SECONDS": SHORT}
    operator.start()
    alone.apply_secrets()
    alone.apply_tenant()
    report_webhook(alone, ready=False)
    eventually(
        lambda: alone.reason("Degraded") == "RedisUnreachable", what="the end of patience, nothing else changing"
    )
    assert (since(alone, "Degraded") - created(alone)).total_seconds() >= SHORT
    assert alone.reason("Ready") == "RedisUnreachable"
    report_webhook(alone, ready=True)
    eventually(alone.is_running, what="it to heal")
    assert alone.reason("Degraded") == "Healthy"


def test_a_fault_of_an_external_redis_is_reported_at_once(alone: OperatorScene) -> None:
    url = base64.b64encode(b"rediss://redis.example.com:6380").decode()
    metadata = {"name": "redis", "namespace": alone.namespace}
    alone.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"url": url}})
    alone.operator().start()
    alone.apply_secrets()
    alone.apply_tenant(redis={"mode": "external", "urlSecretName": "redis"})
    report_webhook(alone, ready=False)
    eventually(lambda: alone.reason("Degraded") == "RedisUnreachable", what="the fault, long before two minutes")
