"""Blind watches, lost events, refused tokens, loops that stand still: detected, reported by the probes, and cured."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aftersend_demo.process import ChildProcess
from tests.support.cluster.operator_process import Operator
from tests.support.cluster.operator_scene import CANARY, OperatorScene, eventually
from tests.support.operator_objects import tenant_document
from tests.support.servers import free_port

pytestmark = pytest.mark.timeout(900)
NAME = "mueller"
AFTERSEND = str(Path(sys.executable).parent / "aftersend")
ADDRESS = "127.0.0.9"
"""Of a pod that is a process of this machine."""
WORST = 60.0
"""Seconds until drift is corrected, whatever happened to the watch."""
SHORTENED = {
    "aftersend_operator.informer.kopf_watch:_SERVER_TIMEOUT": 1,
    "aftersend_operator.informer.kopf_watch:_INACTIVITY_TIMEOUT": 2.0,
    "aftersend_operator.informer.secret_watch:_SERVER_SECONDS": 1,
    "aftersend_operator.informer.list_sync:MAX_SILENCE_SECONDS": 6.0,
    "aftersend_operator.runtime:MAX_SILENCE_SECONDS": 30.0,
}
"""A minute and three, made short."""


def test_lost_events_and_a_dead_watch_cost_a_minute_at_worst(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    lost, unheard = f"networkpolicy/aftersend-{NAME}-writer", f"deployment/aftersend-{NAME}-writer"
    edited = f"cronjob/aftersend-{NAME}-export"
    scene.proxy.lose(f"aftersend-{NAME}-writer", "1 1 1 1 1")
    scene.proxy.deafen_watches("/deployments")
    scene.proxy.calls.clear()
    scene.patch(edited, {"spec": {"schedule": "1 1 1 1 1"}})
    for what in (lost, unheard):
        scene.delete(what)
    eventually(lambda: not scene.exists(lost) and not scene.exists(unheard), what="both to be gone")
    eventually(lambda: scene.exists(lost) and scene.exists(unheard), what="both to be back", patience=WORST)
    eventually(lambda: scene.get(edited)["spec"]["schedule"] == "0 * * * *", what="our schedule", patience=WORST)
    eventually(lambda: ended_watches(scene, "/deployments"), what="the dead watch to be given up", patience=WORST)
    assert "watch_events_missed" in scene.log()


def test_without_the_custom_resource_it_is_not_ready_says_the_cure_and_goes_on_by_itself(scene: OperatorScene) -> None:
    if scene.cluster.folder is None:
        pytest.skip("another cluster's custom resource is not ours to withdraw")
    serve_tenants(scene, served=False)
    try:
        eventually(lambda: not scene.kube.serves("ast"), what="it to be withdrawn")
        operator = scene.operator().start()
        status, text = eventually(lambda: waits(operator), what="the reason")
        assert "aftersend crd | kubectl apply" in text
        assert (status, operator.ask("/healthz")[0]) == (503, 200)
    finally:
        serve_tenants(scene, served=True)
    eventually(operator.is_ready, what="it to be ready")
    assert scene.log().count("tenants_unknown") == 1, "once a minute"


def waits(operator: Operator) -> tuple[int, str] | None:
    """What the probe reads, once the API server was asked."""
    answer = operator.ask("/readyz")
    return answer if "does not serve" in answer[1] else None


def serve_tenants(scene: OperatorScene, *, served: bool) -> None:
    """Withdraw the version that this operator knows, or serve it again."""
    name, version = "aftersendtenants.aftersend.jj-ideenschmiede.de", "/spec/versions/0/served"
    patch = json.dumps([{"op": "replace", "path": version, "value": served}])
    scene.cluster.kubectl("patch", "crd", name, "--type=json", f"--patch={patch}")


def ended_watches(scene: OperatorScene, path: str) -> list[str]:
    return [call.path for call in scene.proxy.calls if call.watch and call.path.endswith(path)]


def test_a_process_that_stands_still_answers_no_probe(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    os.kill(operator.pid, signal.SIGSTOP)
    try:
        with pytest.raises(OSError, match="timed out"):
            operator.ask("/healthz", patience=1)
        scene.delete(f"deployment/aftersend-{NAME}-writer")
    finally:
        os.kill(operator.pid, signal.SIGCONT)
    eventually(lambda: operator.ask("/healthz")[0] == 200, what="it to answer again")
    eventually(lambda: scene.exists(f"deployment/aftersend-{NAME}-writer"), what="what it missed")


def test_watches_that_stand_still_fail_the_liveness_probe(scene: OperatorScene) -> None:
    operator = scene.operator()
    operator.shortened = SHORTENED
    operator.start()
    scene.bring_up()
    assert operator.ask("/healthz")[0] == 200
    scene.proxy.keep_watches()
    status, text = eventually(lambda: failing(operator), what="a stall")
    assert status == 503
    assert "silent for" in text
    scene.proxy.heal()
    eventually(lambda: operator.ask("/healthz")[0] == 200, what="watches that come round again")


def failing(operator: Operator) -> tuple[int, str] | None:
    answer = operator.ask("/healthz")
    return answer if answer[0] != 200 else None


def test_a_server_that_answers_nothing_is_waited_for(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    scene.proxy.stall()
    scene.apply_tenant(suspend=True)
    eventually(lambda: operator.metric("aftersend_operator_queue_depth"), what="a look that waits")
    assert operator.ask("/healthz")[0] == 200
    scene.proxy.heal()
    eventually(lambda: scene.reason("Suspended") == "SuspendedBySpec", what="the rest of the look")


@pytest.mark.parametrize("path", ["/configmaps", "/aftersendtenants", "/api/v1$"])
def test_what_fails_before_the_first_lists_ends_the_process(scene: OperatorScene, path: str) -> None:
    scene.proxy.fail(400, path=path, times=10**6)
    operator = scene.operator().start()
    eventually(lambda: not operator.is_alive, what="its end")
    assert operator.end() == 1


def test_a_watch_that_breaks_for_good_ends_the_process(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    scene.proxy.fail(500, path="/configmaps.*watch=true", in_stream=True)
    scene.proxy.cut_watches()
    eventually(lambda: not operator.is_alive, what="its end")
    assert operator.end() == 1


@pytest.mark.parametrize("place", ["in a file of its own", "in the kubeconfig"])
def test_a_token_that_is_refused_is_read_anew(scene: OperatorScene, place: str) -> None:
    kubeconfig, write = identity(scene, in_file=place == "in a file of its own")
    old, new = (scene.kube.token(scene.namespace, "operator") for _ in range(2))
    write(old)
    operator = scene.operator(KUBECONFIG=str(kubeconfig)).start()
    scene.bring_up()
    scene.proxy.calls.clear()
    scene.proxy.revoke(old)
    scene.proxy.cut_watches()
    scene.delete(f"deployment/aftersend-{NAME}-writer")
    scene.apply_tenant(suspend=True)
    eventually(lambda: len(refused(scene)) > 20, what="refusals")
    assert operator.is_alive
    write(new)
    eventually(lambda: scene.exists(f"deployment/aftersend-{NAME}-writer"), what="the deployment")
    eventually(lambda: scene.reason("Suspended") == "SuspendedBySpec", what="the change")
    assert operator.is_alive
    assert operator.ask("/healthz")[0] == 200


def refused(scene: OperatorScene) -> list[Any]:
    return [call for call in scene.proxy.calls if call.status == 401]


def identity(scene: OperatorScene, *, in_file: bool) -> tuple[Path, Any]:
    """A kubeconfig by way of the proxy, and how a token is put there."""
    kubeconfig, file = scene.folder / "own.kubeconfig", scene.folder / "token"
    document = json.loads(scene.proxy.kubeconfig.read_text())

    def write(token: str) -> None:
        file.write_text(token)
        document["users"][0]["user"] = {"tokenFile": str(file)} if in_file else {"token": token}
        kubeconfig.write_text(json.dumps(document))

    return kubeconfig, write


def test_the_one_process_of_a_compact_tenant_reports_its_status(scene: OperatorScene, tmp_path: Path) -> None:
    operator = scene.operator()
    operator.shortened = {
        "aftersend_operator.reconcile.reconciler:RESYNC_SECONDS": 1.0,
        "aftersend_operator.status.collector:ASK_SECONDS": 1.0,
        "aftersend_operator.status.collector:ASK_AGAIN_SECONDS": 1.0,
    }
    operator.start()
    scene.bring_up(topology="compact")
    pod = next(pod for pod in scene.kube.list("pod", scene.namespace) if "-all-" in pod["metadata"]["name"])
    with process_of_a_pod(tmp_path, scene.namespace):
        where = {"podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}
        scene.patch(f"pod/{pod['metadata']['name']}", {"status": where}, subresource="status")
        eventually(lambda: scene.reason("Degraded") == "UpstreamUnavailable", what="what the process reports")
        status = scene.status()
        assert status["lastExport"]["outcome"] == "failed"
        assert status["lastExport"]["message"] == "sendcloud: connection"
        assert scene.reason() == "Running", "orders that wait for Sendcloud are no reason to be unready"
        key = tmp_path / "secrets" / "afterbuy" / "accountToken"
        key.write_text(" \n")
        eventually(lambda: scene.reason() == "SecretKeyMissing", what="the key that the process misses")
        message = scene.conditions()["Ready"]["message"]
        assert f"secret {NAME}-afterbuy lacks accountToken: kubectl -n {scene.namespace} patch secret" in message
        assert '"accountToken":"…"' in message
        key.write_text(CANARY)
        eventually(lambda: scene.reason() == "Running", what="it to heal")


@contextmanager
def process_of_a_pod(folder: Path, namespace: str) -> Iterator[None]:
    """A real ``aftersend up`` at the admin port of an address of its own, after an export that could not be."""
    tenant = tenant_document(NAME, namespace, topology="compact")
    for side in ("afterbuy", "sendcloud"):
        tenant["spec"][side]["url"] = f"http://127.0.0.1:9/{side}"
        (folder / "secrets" / side).mkdir(parents=True)
    for key in ("afterbuy/partnerToken", "afterbuy/accountToken", "sendcloud/publicKey", "sendcloud/secretKey"):
        (folder / "secrets" / key).write_text(CANARY)
    (folder / "tenant.yaml").write_text(json.dumps(tenant))
    own = ["-f", str(folder / "tenant.yaml"), "--data-dir", str(folder / "data")]
    listen = {"AFTERSEND_LISTEN": f"127.0.0.1:{free_port()}", "AFTERSEND_ADMIN_LISTEN": f"{ADDRESS}:9090"}
    secrets = ["--secrets-dir", str(folder / "secrets")]
    child = ChildProcess(["aftersend", "up", *own, *secrets], log=folder / "up.log", environment=listen)
    child.start()
    try:
        eventually((folder / "data" / "up.json").exists, what="the process")
        asked = subprocess.run([AFTERSEND, "trigger", "export", "--wait", *own], check=False, capture_output=True)
        assert asked.returncode == 1, asked.stderr
        yield
    finally:
        child.stop()
