"""Volumes that are not there and pods of Redis that are refused: what is asked, and what the conditions say."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aftersend.errors import Transient
from aftersend_operator.informer.cache import ChildKey
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.kinds import CHILDREN
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import ChildRecord, child_record
from aftersend_operator.status.conditions import condition_drafts, tenant_health
from aftersend_operator.status.event_reader import ASK_AGAIN_SECONDS, ASK_SECONDS, EventReader
from aftersend_operator.status.parts import PartState
from aftersend_operator.status.waiting import (
    ACCEPT_SECONDS,
    BIND_SECONDS,
    due_in,
    route_faults,
    volume_faults,
    waiting_objects,
)
from tests.support.operator_objects import recorded_tenant
from tests.support.part_objects import NOW, claim, pod, recorded, states, workload

NO_CLASS = 'storageclass.storage.k8s.io "nowhere" not found'
NONE_SET = "no persistent volumes available for this claim and no storage class is set"
QUOTA = "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"
NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "unbound immediate claims"}
HOMELESS = pod("redis", ready=False, age=30, conditions=[NO_NODE], state={}, restartCount=0)
REDIS_AWAY = Fault(ConditionReason.REDIS_UNREACHABLE, "Redis is unreachable or refuses the user")
ROUTE = next(kind for kind in CHILDREN if kind.name == "HTTPRoute")
EMPTY = workload("redis", ready=0, total=0, updated=0)


def conditions(parts: list[PartState], *faults: Fault) -> tuple[list[str], str]:
    """Ready and Degraded, and what Degraded says; when Ready is False it says the same."""
    found = {d.type: d for d in condition_drafts(tenant_health(parts, faults, waits_for_turn=False, suspended=False))}
    shown = [f"{'+' if found[kind].holds else '-'}{found[kind].reason}" for kind in ("Ready", "Degraded")]
    assert found["Ready"].holds or not found["Degraded"].holds or found["Ready"].message == found["Degraded"].message
    return shown, found["Degraded"].message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (NO_CLASS, "set spec.pods.storageClass to one of kubectl get storageclass, or create it"),
        (NONE_SET, "set spec.pods.storageClass, or make one class the cluster's default"),
        ("failed to provision volume: no space", "kubectl -n shops describe pvc aftersend-mueller-redis"),
    ],
)
@pytest.mark.parametrize("away", [[], [REDIS_AWAY]])
def test_a_claim_without_a_volume_is_named_with_its_cure_whatever_services_report(
    words: str, said: str, away: list[Fault]
) -> None:
    starting = {"redis": workload("redis", ready=0)}
    parts = states(starting, {"redis": [HOMELESS]}, claims=[claim("redis")], words={"uid-redis": words})
    shown, message = conditions(parts, *away)
    assert shown == ["-Starting", "+WorkloadsUnavailable"], "a volume may come"
    assert message == f"a pod of redis waits for its volume aftersend-mueller-redis ({words}): {said}"


def test_a_claim_that_waits_for_its_pod_is_no_fault() -> None:
    shown, _ = conditions(states(claims=[claim("redis"), claim("backup")]))
    assert shown == ["+Running", "-Healthy"]


def test_a_pod_that_serves_waits_for_no_volume_whatever_older_events_say() -> None:
    shown, _ = conditions(states(claims=[claim("redis")], words={"uid-redis": NO_CLASS}))
    assert shown == ["+Running", "-Healthy"]


def test_a_lost_volume_is_degraded_while_its_pod_still_serves() -> None:
    shown, message = conditions(states(claims=[claim("redis", phase="Lost", volume="pv-1")]))
    assert shown == ["+Running", "+WorkloadsUnavailable"]
    assert "PersistentVolume pv-1 does not exist" in message


def test_the_volume_of_the_backups_keeps_backups_back_and_in_the_compact_topology_the_pod() -> None:
    children, words = recorded(claim("backup")), {"uid-backup": NO_CLASS}
    (fault,) = volume_faults(children, ["exporter", "webhook", "writer", "redis"], "mueller", words)
    assert (fault.reason, fault.blocks) == (ConditionReason.BACKUP_FAILED, False)
    assert NO_CLASS in fault.message
    assert not list(volume_faults(children, ["all", "redis"], "mueller", words))
    given = {"all": workload("all", ready=0)}
    parts = states(given, {"all": []}, recorded_tenant(topology="compact"), claims=[claim("backup")], words=words)
    shown, message = conditions(parts)
    assert shown == ["-Starting", "+WorkloadsUnavailable"]
    assert "a pod of all waits for its volume aftersend-mueller-backup" in message


def test_a_growth_that_failed_is_said_in_the_words_of_the_driver() -> None:
    failed = [{"type": "ControllerResizeError", "status": "True", "message": "no space left in the pool\nmore"}]
    children = recorded(claim("redis", phase="Bound", volume="pv-1", conditions=failed))
    (fault,) = volume_faults(children, ["redis"], "mueller", {})
    assert (fault.reason, fault.blocks) == (ConditionReason.VOLUME_NOT_GROWN, False)
    assert "did not grow (no space left in the pool): kubectl -n shops describe pvc" in fault.message


@pytest.mark.parametrize("away", [[], [REDIS_AWAY]])
def test_a_refused_pod_of_redis_is_named_although_its_workload_says_nothing(away: list[Fault]) -> None:
    parts = states({"redis": {**EMPTY, "metadata": {**EMPTY["metadata"], "uid": "uid-set"}}}, {"redis": []})
    assert conditions(parts)[0] == ["-Starting", "-Healthy"]
    given = {"redis": {**EMPTY, "metadata": {**EMPTY["metadata"], "uid": "uid-set"}}}
    shown, message = conditions(states(given, {"redis": []}, words={"uid-set": QUOTA}), *away)
    assert shown == ["-WorkloadsUnavailable", "+WorkloadsUnavailable"]
    assert f"a pod of redis is refused ({QUOTA}): raise the quota" in message


def test_redis_comes_first_because_services_wait_for_it() -> None:
    homeless = pod("exporter", ready=False, age=30, conditions=[NO_NODE], state={}, restartCount=0)
    given = {"redis": workload("redis", ready=0), "exporter": workload("exporter", ready=0)}
    pods = {"redis": [HOMELESS], "exporter": [homeless]}
    assert conditions(states(given, pods))[1].startswith("a pod of redis finds no node")


def test_redis_that_serves_is_unreachable_for_another_reason() -> None:
    lost = claim("redis", phase="Lost", volume="pv-1")
    assert conditions(states(claims=[lost]), REDIS_AWAY)[0] == ["-RedisUnreachable", "+RedisUnreachable"]


@pytest.mark.parametrize(
    ("manifests", "pods", "asked", "due"),
    [
        ([claim("redis", age=BIND_SECONDS - 4)], [], [], 4),
        ([claim("redis"), claim("backup")], [], ["uid-redis", "uid-backup"], 0),
        ([claim("redis", phase="Bound", volume="pv")], [], [], 0),
        ([claim("redis", volume="pv")], [], [], 0),
        ([workload("redis")], [pod("redis")], [], 0),
        ([workload("redis", wanted=0)], [], [], 0),
        ([EMPTY], [], [EMPTY["metadata"]["uid"]], 10),
        ([workload("writer")], [], [], 0),
    ],
)
def test_events_are_read_of_what_says_nothing_itself(
    manifests: list[Any], pods: list[Any], asked: list[str], due: float
) -> None:
    children = recorded(*manifests)
    found = waiting_objects(children, pods, now=NOW)
    assert [child.uid for child, _ in found] == asked
    assert due_in(children.values(), found, {}, now=NOW, again=10) == due
    assert due_in(children.values(), found, {"uid": "words"}, now=NOW, again=10) == (min(due, 10) or 10)


class Events:
    """An API server with one event, for each object."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.kind: tuple[str, str] | None = ("Warning", NO_CLASS)

    async def events_about(self, namespace: str, uid: str) -> list[Manifest]:
        self.asked.append(f"{namespace}/{uid}")
        if self.kind is None:
            raise Transient("503")
        level, message = self.kind
        return [{"type": level, "message": message, "reason": "x", "metadata": {}, "lastTimestamp": "t"}]


@pytest.mark.parametrize(
    ("kind", "child", "period"),
    [
        (("Warning", NO_CLASS), claim("redis"), ASK_AGAIN_SECONDS),
        (("Normal", "waiting for first consumer"), claim("redis"), ASK_SECONDS),
        (("Normal", "made"), EMPTY, ASK_AGAIN_SECONDS),
        (None, claim("redis"), ASK_SECONDS),
    ],
)
async def test_an_answer_stands_for_a_while(kind: tuple[str, str] | None, child: Any, period: float) -> None:
    events, now, tenant = Events(), [0.0], ("shops", "mueller")
    events.kind = kind
    reader = EventReader(events, clock=lambda: now[0])  # type: ignore[arg-type]
    waiting: list[tuple[ChildRecord, float]] = [(child_record(child), 30.0)]
    expected = {waiting[0][0].uid: NO_CLASS} if kind and kind[0] == "Warning" else {}
    for second, calls in ((0.0, 1), (period - 1, 1), (period, 2)):
        now[0] = second
        assert await reader.read(tenant, waiting) == expected
        assert len(events.asked) == calls
    assert await reader.read(tenant, []) == {}
    await reader.read(tenant, waiting)
    assert len(events.asked) == 3, "what waits again is asked anew"


NOT_TAKEN = (
    "no controller has taken the route for gateway {gateway}: does it exist (kubectl -n {namespace} get gateway public)"
    ", does its controller run?; until then the sweep brings the numbers"
)
REFUSED = (
    "gateway {gateway} does not serve the route (no listener): correct its listeners, or spec.webhook;"
    " until then the sweep brings the numbers"
)


def route(*, age: float, accepted: str = "", deleting: bool = False) -> dict[ChildKey, ChildRecord]:
    """A tenant's HTTPRoute, as its gateway's controller sees it; empty: there is none."""
    conditions = [{"type": "Accepted", "status": accepted, "message": "no listener"}]
    live: Manifest = {
        "apiVersion": ROUTE.api_version,
        "kind": ROUTE.name,
        "metadata": {
            "namespace": "shops",
            "name": "aftersend-mueller-webhook",
            "uid": "r",
            "creationTimestamp": datetime.fromtimestamp(NOW - age, UTC).isoformat(),
            **({"deletionTimestamp": "2026-11-26T10:00:00Z"} if deleting else {}),
        },
        "status": {"parents": [{"conditions": conditions}] if accepted else []},
    }
    return {(ROUTE, "aftersend-mueller-webhook"): child_record(live)}


@pytest.mark.parametrize(
    ("children", "said"),
    [
        ({}, ""),
        (route(age=300, accepted="True"), ""),
        (route(age=ACCEPT_SECONDS - 1), ""),
        (route(age=ACCEPT_SECONDS), NOT_TAKEN),
        (route(age=1, accepted="False"), REFUSED),
        (route(age=300, deleting=True), ""),
    ],
)
@pytest.mark.parametrize(("gateway", "namespace"), [("gateways/public", "gateways"), ("public", "shops")])
def test_a_route_that_no_gateway_serves_is_named_with_its_cure(
    children: dict[ChildKey, ChildRecord], said: str, gateway: str, namespace: str
) -> None:
    faults = list(route_faults(gateway, children, now=NOW))
    assert [(fault.message, fault.blocks) for fault in faults] == (
        [(said.format(gateway=gateway, namespace=namespace), False)] if said else []
    )


@pytest.mark.parametrize(
    ("children", "due"),
    [
        (route(age=10), ACCEPT_SECONDS - 10),
        (route(age=10, accepted="True"), 0.0),
        (route(age=ACCEPT_SECONDS + 1), 0.0),
    ],
)
def test_a_route_without_a_gateway_is_looked_at_again_when_its_time_is_over(
    children: dict[ChildKey, ChildRecord], due: float
) -> None:
    assert due_in(iter(children.values()), [], {}, now=NOW, again=ASK_AGAIN_SECONDS) == due
