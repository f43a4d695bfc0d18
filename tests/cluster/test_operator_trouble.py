"""Crashes, an API server that misbehaves, deletions at bad moments, upgrades: the end state is always the calm one."""

import json
import re
import signal
from typing import Any

import pytest

from tests.cluster.operator_scene import Scene, eventually

pytestmark = pytest.mark.timeout(900)
NAME = "mueller"
DEPLOYMENTS = ("exporter", "webhook", "writer")
KEPT = {"PersistentVolumeClaim", "Secret"}
OF_THE_SERVER = {"clusterIP", "clusterIPs", "volumeName", "data"}
"""Given once by the server, or random."""


def picture(scene: Scene, name: str) -> dict[str, Any]:
    """All children of a tenant as plain texts without names, uids and what the server adds."""
    uid = scene.get(f"ast/{name}")["metadata"]["uid"]
    found = {}
    for key, child in scene.children(name).items():
        metadata = child["metadata"]
        kept = {field: value for field, value in child.items() if field not in ("metadata", "status", "data")}
        spec = {field: value for field, value in child.get("spec", {}).items() if field not in OF_THE_SERVER}
        text = json.dumps(
            [kept | {"spec": spec}, metadata.get("labels"), metadata.get("ownerReferences")], sort_keys=True
        )
        text = re.sub(r'"aftersend.jj-ideenschmiede.de/(redis|config)[^"]*": "[0-9a-f]*"', "", text)
        found[key.replace(name, "x")] = text.replace(name, "x").replace(uid, "uid")
    return found


def test_killed_at_every_write_the_end_is_that_of_a_calm_run(scene: Scene) -> None:
    calm = scene.operator().start()
    for name in ("calm", "wild"):
        scene.apply_secrets(name)
    scene.apply_tenant("calm")
    eventually(lambda: scene.settled("calm"), what="the calm tenant")
    calm.end()
    scene.apply_tenant("wild")
    kills = 0
    while kills < 60:
        operator = scene.operator().start()
        scene.proxy.heal()
        for method in ("POST", "PATCH", "DELETE"):
            scene.proxy.kill(operator.pid, at=1, method=method, obeyed=True)
        eventually(lambda op=operator: not op.is_alive or (op.is_ready() and scene.settled("wild")), what="an end")  # type: ignore[misc]
        if operator.is_alive:
            break
        assert operator.end() == -signal.SIGKILL
        kills += 1
    assert kills > len(picture(scene, "wild")), "killed once at each child and at the status at least"
    assert picture(scene, "wild") == picture(scene, "calm")


def test_three_changes_while_the_operator_is_down_count_as_the_last_one(scene: Scene) -> None:
    scene.operator().start()
    scene.bring_up()
    scene.operators[0].end()
    scene.apply_tenant(suspend=True)
    scene.apply_tenant(export={"schedule": "5 * * * *"})
    scene.apply_tenant(export={"schedule": "7 * * * *"})
    scene.delete(f"deployment/aftersend-{NAME}-writer")
    scene.operator().start()
    cron = f"cronjob/aftersend-{NAME}-export"
    eventually(lambda: scene.get(cron)["spec"]["schedule"] == "7 * * * *", what="the last schedule")
    eventually(lambda: scene.exists(f"deployment/aftersend-{NAME}-writer"), what="the deployment")
    assert scene.get(cron)["spec"]["suspend"] is False


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_a_server_that_fails_in_bursts_delays_and_nothing_else(scene: Scene, status: int) -> None:
    scene.proxy.fail(status, method="PATCH", path="/namespaces/", times=4, retry_after=1 if status == 429 else None)
    scene.proxy.fail(status, method="POST", path="/secrets", times=2)
    operator = scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant()
    eventually(scene.settled, what="the children in spite of all")
    eventually(lambda: scene.reason() == "Starting", what="no fault left")
    assert operator.is_alive
    assert operator.ask("/healthz")[0] == 200


def test_what_vanished_while_a_watch_was_blind_is_noticed_by_the_new_list(scene: Scene) -> None:
    scene.operator().start()
    scene.bring_up()
    what = f"networkpolicy/aftersend-{NAME}-writer"
    scene.proxy.silence_watches()
    scene.delete(what)
    eventually(lambda: not scene.exists(what), what="it to be gone")
    scene.proxy.fail(410, path="networkpolicies.*watch=true", times=1)
    scene.proxy.end_silence()
    eventually(lambda: scene.exists(what), what="the new list to tell")


def test_watches_that_fail_for_a_while_go_on(scene: Scene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    for status in (500, 429, 410):
        scene.proxy.fail(status, path="watch=true", times=20)
    what = f"deployment/aftersend-{NAME}-writer"
    scene.proxy.silence_watches()
    scene.delete(what)
    eventually(lambda: not scene.exists(what), what="it to be gone")
    scene.proxy.end_silence()
    eventually(lambda: scene.exists(what), what="the deployment")
    assert {500, 429} <= {call.status for call in scene.proxy.calls if call.watch}
    assert operator.is_alive


def test_one_broken_tenant_delays_nobody(scene: Scene) -> None:
    scene.proxy.fail(500, path="aftersend-broken", times=10**6)
    scene.operator().start()
    names = [f"shop-{number}" for number in range(8)]
    for name in ("broken", *names):
        scene.apply_tenant(name)
    for name in names:
        eventually(lambda name=name: scene.settled(name), what=name)  # type: ignore[misc]
    assert not scene.children("broken")
    tries = [call for call in scene.proxy.calls if "aftersend-broken" in call.path]
    assert len(tries) < 40, "the broken one does not hammer"
    scene.proxy.heal()
    eventually(lambda: scene.settled("broken"), what="the broken one to heal")


@pytest.mark.parametrize("state", ["running", "suspended", "operator down", "invalid"])
def test_a_tenant_can_be_deleted_in_every_state(scene: Scene, state: str) -> None:
    operator = scene.operator().start()
    scene.bring_up(suspend=state == "suspended")
    if state == "invalid":
        scene.apply_tenant(timeZone="No/Where")
        eventually(lambda: scene.reason() == "InvalidSpec", what="the condition")
    if state == "operator down":
        operator.end()
    scene.delete(f"ast/{NAME}")
    eventually(lambda: not scene.exists(f"ast/{NAME}"), what="the tenant to be gone")
    eventually(lambda: {key.partition("/")[0] for key in scene.children()} == KEPT, what="all but data to be gone")


def test_what_is_retained_is_adopted_by_a_later_tenant_of_the_name(scene: Scene) -> None:
    scene.operator().start()
    scene.bring_up()
    key = scene.get(f"secret/aftersend-{NAME}-data-key")
    scene.delete(f"ast/{NAME}")
    eventually(lambda: {key.partition("/")[0] for key in scene.children()} == KEPT, what="all but data to be gone")
    scene.apply_tenant(deletionPolicy="Delete")
    eventually(scene.settled, what="the children again")
    again = scene.get(f"secret/aftersend-{NAME}-data-key")
    assert (again["metadata"]["uid"], again["data"]) == (key["metadata"]["uid"], key["data"])
    scene.delete(f"ast/{NAME}")
    eventually(lambda: not scene.children(), what="everything to go with it this time")


def test_a_tenant_that_is_deleted_while_it_is_made_leaves_nothing(scene: Scene) -> None:
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant(deletionPolicy="Delete")
    eventually(lambda: any("networkpolicies/" in call.path for call in scene.proxy.calls), what="the middle")
    scene.delete(f"ast/{NAME}", "--cascade=foreground")
    eventually(lambda: not scene.exists(f"ast/{NAME}"), what="the tenant to be gone")
    eventually(lambda: not scene.children(), what="everything to be gone")


def test_a_namespace_can_be_deleted_at_any_moment(scene: Scene) -> None:
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant()
    eventually(lambda: any("networkpolicies/" in call.path for call in scene.proxy.calls), what="the middle")
    scene.cluster.kubectl("delete", "namespace", scene.namespace, "--wait=false")

    def is_gone() -> bool:
        return not scene.cluster.kubectl("get", "namespace", scene.namespace, "--ignore-not-found", "--output=name")

    eventually(is_gone, what="the namespace to be gone")


def test_an_upgrade_rolls_tenants_in_waves(scene: Scene) -> None:
    names = ("a-shop", "b-shop")
    first = scene.operator().start()
    for name in names:
        scene.bring_up(name)
    first.end()
    scene.operator(AFTERSEND_SERVICE_IMAGE="localhost/aftersend-service:next", AFTERSEND_ROLLOUT_AT_ONCE="1").start()

    def rolled() -> list[str]:
        found = []
        for name in names:
            pod = scene.get(f"deployment/aftersend-{name}-writer")["spec"]["template"]["spec"]
            found += [name] if pod["containers"][0]["image"].endswith(":next") else []
        return found

    eventually(lambda: len(rolled()) == 1, what="the first to roll")
    (one,) = rolled()
    (other,) = set(names) - {one}
    eventually(lambda: scene.reason("Progressing", other) == "WaitingForTurn", what="the other to wait")
    assert rolled() == [one]
    scene.apply_tenant(other, suspend=True)
    eventually(lambda: len(rolled()) == 2, what="a person's change to go ahead")
    for name in names:
        eventually(lambda name=name: scene.is_running(name), what=name)  # type: ignore[misc]


def test_the_operator_ends_at_once_when_told_to(scene: Scene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    assert operator.end() == 0


def test_a_kubeconfig_that_is_none_is_told_in_one_line(scene: Scene) -> None:
    operator = scene.operator(KUBECONFIG=str(scene.folder / "nothing")).start()
    eventually(lambda: not operator.is_alive, what="its end")
    assert operator.end() == 2
    assert len(scene.log().splitlines()) == 1
    assert "KUBECONFIG" in scene.log()
