"""An API server that misbehaves, watches that go blind, deletions at bad moments: what follows is always the same."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cluster.operator_scene import OperatorScene, eventually

pytestmark = pytest.mark.timeout(900)
NAME = "mueller"
EXTERNAL = {"mode": "external", "urlSecretName": "redis"}
KEPT = {"PersistentVolumeClaim", "Secret"}


def test_a_server_that_fails_in_bursts_delays_and_nothing_else(scene: OperatorScene) -> None:
    names = {f"shop-{status}": status for status in (409, 429, 500, 503)}
    for name, status in names.items():
        wait = 1 if status == 429 else None
        scene.proxy.fail(status, method="PATCH", path=f"aftersend-{name}-", times=4, retry_after=wait)
        scene.proxy.fail(status, method="POST", path="/secrets", times=1, retry_after=wait)
    operator = scene.operator().start()
    for name in names:
        scene.apply_secrets(name)
        scene.apply_tenant(name)
    for name in names:
        eventually(lambda name=name: scene.settled(name), what="the children in spite of all")  # type: ignore[misc]
        eventually(lambda name=name: scene.reason(name=name) == "Starting", what="no fault left")  # type: ignore[misc]
    assert set(names.values()) <= {call.status for call in scene.proxy.calls if call.method == "PATCH"}
    assert operator.is_alive
    assert operator.ask("/healthz")[0] == 200


def test_what_vanished_while_a_watch_was_blind_is_noticed_by_the_new_list(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    what = f"networkpolicy/aftersend-{NAME}-writer"
    scene.proxy.deafen_watches("/networkpolicies")
    scene.delete(what)
    eventually(lambda: not scene.exists(what), what="it to be gone")
    scene.proxy.fail(410, path="networkpolicies.*watch=true", in_stream=True)
    scene.proxy.cut_watches()
    eventually(lambda: scene.exists(what), what="the new list to show it")


def test_watches_that_fail_for_a_while_go_on(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    for status in (500, 429):
        scene.proxy.fail(status, path="watch=true", times=20)
    scene.proxy.fail(410, path="watch=true", times=20, in_stream=True)
    what = f"deployment/aftersend-{NAME}-writer"
    scene.proxy.cut_watches()
    failed = {500, 429}
    eventually(lambda: failed <= {call.status for call in scene.proxy.calls if call.watch}, what="the failures")
    scene.delete(what)
    eventually(lambda: scene.exists(what), what="the deployment")
    assert operator.is_alive


def test_a_tenant_can_be_deleted_in_every_state(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    for name in ("running", "suspended", "invalid", "orphan"):
        scene.bring_up(name, suspend=name == "suspended")
    scene.apply_tenant("invalid", timeZone="No/Where")
    eventually(lambda: scene.reason(name="invalid") == "InvalidSpec", what="the condition")
    for name in ("running", "suspended", "invalid"):
        is_deleted(scene, name)
    operator.end()
    is_deleted(scene, "orphan")


def is_deleted(scene: OperatorScene, name: str) -> None:
    """Delete and see that only data stays."""
    scene.delete(f"ast/{name}")
    eventually(lambda: not scene.exists(f"ast/{name}"), what="the tenant to be gone")
    eventually(lambda: kinds(scene, name) == KEPT, what=f"all of {name} but data to be gone")


def kinds(scene: OperatorScene, name: str = NAME) -> set[str]:
    return {key.partition("/")[0] for key in scene.children(name)}


def test_what_is_retained_is_adopted_by_a_later_tenant_of_the_name(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    key = scene.get(f"secret/aftersend-{NAME}-data-key")
    is_deleted(scene, NAME)
    scene.apply_tenant(deletionPolicy="Delete")
    eventually(scene.settled, what="the children again")
    again = scene.get(f"secret/aftersend-{NAME}-data-key")
    assert (again["metadata"]["uid"], again["data"]) == (key["metadata"]["uid"], key["data"])
    scene.delete(f"ast/{NAME}")
    eventually(lambda: not scene.children(), what="everything to go with it this time")


def test_a_tenant_that_is_deleted_while_it_is_made_leaves_nothing(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant(deletionPolicy="Delete")
    eventually(lambda: any("networkpolicies/" in call.path for call in scene.proxy.calls), what="the middle")
    scene.delete(f"ast/{NAME}", cascade="Foreground")
    eventually(lambda: not scene.exists(f"ast/{NAME}"), what="the tenant to be gone")
    eventually(lambda: not scene.children(), what="everything to be gone")


def test_a_namespace_can_be_deleted_at_any_moment(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant()
    eventually(lambda: any("networkpolicies/" in call.path for call in scene.proxy.calls), what="the middle")
    scene.kube.delete(f"namespace/{scene.namespace}")
    eventually(lambda: scene.kube.look(f"namespace/{scene.namespace}") is None, what="the namespace to be gone")


def test_a_missing_kubeconfig_is_reported_in_one_line(tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(tmp_path / "nothing"),
        "AFTERSEND_SERVICE_IMAGE": "localhost/aftersend-service:test",
        "AFTERSEND_REDIS_IMAGE": "localhost/redis:test",
    }
    script = str(Path(sys.executable).parent / "aftersend-operator")
    ended = subprocess.run([script], env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "KUBECONFIG" in ended.stderr


def test_the_console_script_ends_with_zero_on_sigterm(scene: OperatorScene) -> None:
    environ = scene.operator().environ
    script = str(Path(sys.executable).parent / "aftersend-operator")
    with subprocess.Popen([script], env=environ, stderr=subprocess.DEVNULL) as process:
        eventually(scene.operators[-1].is_ready, what="it to be ready")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=40) == 0


def test_one_broken_tenant_among_a_hundred_delays_no_other(scene: OperatorScene) -> None:
    scene.proxy.fail(500, path="aftersend-broken", times=10**6)
    operator = scene.operator().start()
    names = [f"shop-{number}" for number in range(99)]
    for name in (*names[:50], "broken", *names[50:]):
        scene.apply_tenant(name, topology="compact", backup={"target": "s3://backups"}, redis=EXTERNAL)
    eventually(lambda: operator.metric("aftersend_operator_tenants") == 100, what="all to be known")
    eventually(lambda: all_settled(scene, names), what="the 99 others", patience=300)
    assert not [key for key in scene.children("broken") if key.startswith("Deployment/")]
    tries = [call for call in scene.proxy.calls if "aftersend-broken" in call.path]
    assert 1 <= len(tries) < 40, "the broken one does not hammer"
    scene.proxy.heal()
    eventually(lambda: scene.exists("deployment/aftersend-broken-all"), what="the broken one to heal")


def all_settled(scene: OperatorScene, names: list[str]) -> bool:
    """True when each has its pods' deployment and a status."""
    made = {item["metadata"]["name"] for item in scene.kube.list("deployment", scene.namespace)}
    shown = {item["metadata"]["name"] for item in scene.kube.list("ast", scene.namespace) if "status" in item}
    return shown >= set(names) and made >= {f"aftersend-{name}-all" for name in names}
