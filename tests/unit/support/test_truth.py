"""The decision of the status sampler: what counts as untrue, and for how long."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.cluster.spells import Spell, SpellLog
from tests.support.cluster.truth import BY_SERVICES, Facts, PartFacts, Said, Untruth, began, parts_of, said_by, untruths

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC).timestamp()
WELL = {"Ready": (True, "Running"), "Progressing": (False, "UpToDate"), "Degraded": (False, "Healthy")}
PART = PartFacts("all", image="x:1")
DOWN = {"Ready": (False, "Starting"), "Progressing": (True, "RollingOut")}
PODS_FAULT = {"Degraded": (True, "WorkloadsUnavailable")}
AT_ZERO = {"Ready": (False, "ScaledToZero")}
NONE_AT_ZERO = {"Degraded": (True, "ScaledToZero")}
INVALID = {"Ready": (False, "InvalidSpec"), "Degraded": (True, "InvalidSpec")}


@pytest.mark.parametrize(
    ("said", "part", "around", "expected"),
    [
        ({}, {}, {}, ""),
        ({}, {"serves": False}, {}, "Ready, while a part has no pod that serves"),
        (DOWN, {"serves": False, "complete": False}, {}, ""),
        (DOWN, {"complete": False}, {}, "not Ready (Starting), while every part serves"),
        ({"Ready": (False, "RedisUnreachable")}, {}, {}, "RedisUnreachable, while Redis and every service are ready"),
        ({}, {"complete": False}, {}, "UpToDate, while a workload rolls"),
        ({"Progressing": (True, "RollingOut")}, {}, {}, "RollingOut, while every workload is complete"),
        ({}, {"image": "x:0"}, {}, "UpToDate, with another image than is asked for"),
        (INVALID, {"image": "x:0"}, {"acceptable": False}, ""),
        ({"Progressing": (True, "WaitingForTurn")}, {"image": "x:0"}, {}, ""),
        ({"Progressing": (True, "WaveStopped")}, {}, {}, "WaveStopped, with the image that is asked for"),
        ({}, {"faulty": True}, {}, "not Degraded, while a pod cannot run"),
        (PODS_FAULT, {"faulty": True}, {}, ""),
        (PODS_FAULT, {}, {}, "Degraded for its pods, while all are well"),
        (AT_ZERO, {"serves": False, "wanted": 0}, {}, "not Degraded, while a part is scaled to 0"),
        (NONE_AT_ZERO, {}, {}, "ScaledToZero, while no part is"),
        (INVALID, {}, {}, "InvalidSpec, while the operator takes the document"),
        ({}, {}, {"acceptable": False}, "no InvalidSpec, while the operator refuses the document"),
        ({}, {}, {"exports": [NOW - 1]}, "lastExport is older than what the other side saw"),
        ({}, {}, {"write_backs": [NOW - 1]}, "lastWriteBack is older than what the other side saw"),
        ({}, {}, {"write_backs": [NOW - 300, NOW - 99]}, ""),
    ],
)
def test_what_is_untrue(said: dict[str, Any], part: dict[str, Any], around: dict[str, Any], expected: str) -> None:
    times = {"last_export": NOW - 100, "last_write_back": NOW - 100}
    found = untruths(Said(WELL | said, **times), Facts([PART, replace(PART, **part)], image="x:1", **around))
    assert {untruth.claim for untruth in found} == ({expected} if expected else set())


def test_a_tenant_without_conditions_says_nothing() -> None:
    assert untruths(Said(), Facts([replace(PART, serves=False)])) == frozenset()


def at(ago: float) -> str:
    return f"{datetime.fromtimestamp(NOW - ago, UTC):%Y-%m-%dT%H:%M:%SZ}"


def pod(*, ready: bool = True, since: float = 3600, **container: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": "all"}
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": at(since)}
    state = {"restartCount": 0, "state": {"running": {"startedAt": at(since)}}, **container}
    status = {"phase": "Running", "conditions": [condition], "containerStatuses": [state]}
    return {"metadata": {"name": "p", "labels": labels, "creationTimestamp": at(since)}, "status": status}


def workload(**status: Any) -> dict[str, Any]:
    counts = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    return {
        "metadata": {"labels": {"app.kubernetes.io/component": "all"}, "generation": 2},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": "x:1"}]}}},
        "status": {**counts, **status},
    }


def without_node(since: float) -> dict[str, Any]:
    lonely = pod(ready=False, since=since, state={})
    lonely["status"]["conditions"] += [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    return lonely


LEAVING = {**pod(), "metadata": {**pod()["metadata"], "deletionTimestamp": at(1)}}
PULLS = {"state": {"waiting": {"reason": "ImagePullBackOff"}}}
BEGINS = {"state": {"waiting": {"reason": "ContainerCreating"}}}


@pytest.mark.parametrize(
    ("pods", "serves", "faulty"),
    [
        ([pod()], True, False),
        ([pod(ready=False)], False, False),
        ([LEAVING], False, False),
        ([pod(ready=False, **BEGINS)], False, False),
        ([pod(), pod(ready=False, **PULLS)], True, True),
        ([pod(since=59, restartCount=1)], False, True),
        ([pod(since=60, restartCount=1)], True, False),
        ([pod(ready=False, since=601, restartCount=1)], False, False),
        ([pod(ready=False, state={"terminated": {"exitCode": 1}})], False, True),
        ([without_node(9)], False, False),
        ([without_node(10)], False, True),
    ],
)
def test_what_pods_show(pods: list[dict[str, Any]], *, serves: bool, faulty: bool) -> None:
    (found,) = parts_of(["all"], [workload()], pods, now=NOW)
    assert (found.serves, found.faulty, found.complete, found.image) == (serves, faulty, True, "x:1")


@pytest.mark.parametrize(
    ("status", "complete", "faulty"),
    [
        ({"updatedReplicas": 0}, False, False),
        ({"observedGeneration": 1}, False, False),
        ({"replicas": 2}, False, False),
        ({"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}, True, True),
    ],
)
def test_what_workloads_show(status: dict[str, Any], *, complete: bool, faulty: bool) -> None:
    (found,) = parts_of(["all"], [workload(**status)], [pod()], now=NOW)
    assert (found.complete, found.faulty) == (complete, faulty)


def test_a_part_without_a_workload_serves_not() -> None:
    assert parts_of(["redis"], [workload()], [pod()], now=NOW) == [PartFacts("redis", serves=False, complete=False)]


def test_what_was_seen_before_the_newest_pod_began_is_not_asked_for() -> None:
    assert began([pod(since=300), pod(since=20), {"metadata": {}}], ("all", "writer")) == NOW - 20
    assert began([pod(ready=False)], ("all",)) == began([pod()], ("redis",)) == math.inf


def test_what_a_status_says_is_read() -> None:
    conditions = [{"type": "Ready", "status": "True", "reason": "Running"}]
    said = said_by({"status": {"conditions": conditions, "lastExport": {"time": "2026-11-26T10:00:00Z"}}})
    assert said == Said({"Ready": (True, "Running")}, last_export=NOW)


def test_a_spell_lasts_from_the_look_that_finds_it_to_the_look_that_does_not() -> None:
    wrong, log = Untruth("wrong"), SpellLog()
    for second, found in enumerate((False, True, True, True, False, True)):
        log.record(second, {"red": frozenset({wrong} if found else ())})
    assert log.all() == [Spell("red", wrong, 3, begun=1), Spell("red", wrong, 0, begun=5)]


def test_time_without_an_operator_or_without_a_look_does_not_count() -> None:
    late, log = Untruth("late", BY_SERVICES), SpellLog()
    log.record(0, {"red": frozenset({late})})
    log.record(70, {"red": frozenset({late})})
    log.record(170, {"red": frozenset({late})}, counts=False)
    log.pass_over(300)
    log.record(305, {"red": frozenset()})
    assert [(spell.seconds, spell.is_too_long) for spell in log.all()] == [(75, False)]
