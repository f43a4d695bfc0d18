"""The operator is killed, away, or kept from its work: the end state is always that of a calm run."""

import json
import re
import signal
from typing import Any

import pytest

from tests.support.cluster.operator_process import Operator
from tests.support.cluster.operator_scene import OperatorScene, eventually

pytestmark = pytest.mark.timeout(900)
NAME = "mueller"
OF_THE_SERVER = {"clusterIP", "clusterIPs", "volumeName", "data"}
"""Given once by the server, or random."""


def picture(scene: OperatorScene, name: str) -> dict[str, Any]:
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


def test_killed_at_every_call_the_end_is_that_of_a_calm_run(scene: OperatorScene) -> None:
    calm = scene.operator().start()
    for name in ("calm", "wild"):
        scene.apply_secrets(name)
    scene.apply_tenant("calm")
    eventually(lambda: scene.settled("calm") and has_looked(calm), what="the calm tenant")
    calm.end()
    steps = {
        tuple(word.replace("calm", "wild") for word in call.step)
        for call in scene.proxy.calls
        if "calm" in f"{call.path} {call.what}"
    }
    scene.apply_tenant("wild")
    operator = scene.operator()
    while True:
        scene.proxy.kill_once_at_every(operator.start().pid, path="wild|events")
        eventually(lambda: not operator.is_alive or has_looked(operator), what="an end")
        if operator.is_alive:
            break
        assert operator.end() == -signal.SIGKILL
    assert {step for step, _ in scene.proxy.deaths} >= steps
    assert {obeyed for _, obeyed in scene.proxy.deaths} == {False, True}
    assert len(steps) > len(scene.children("wild")), "a write for each child, and the status"
    assert picture(scene, "wild") == picture(scene, "calm")
    assert scene.reason(name="wild") == scene.reason(name="calm") == "Starting"


def has_looked(operator: Operator) -> bool:
    """True when this process has looked at all tenants and has nothing left to do."""
    looked = operator.metric('aftersend_operator_reconciles_total{outcome="done"}')
    return looked >= operator.metric("aftersend_operator_tenants") > 0 and not operator.metric(
        "aftersend_operator_queue_depth"
    )


def test_three_changes_while_the_operator_is_down_count_as_the_last_one(scene: OperatorScene) -> None:
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


def test_an_upgrade_rolls_tenants_in_waves(scene: OperatorScene) -> None:
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


def test_the_operator_ends_at_once_on_sigterm(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    assert operator.end() == 0
