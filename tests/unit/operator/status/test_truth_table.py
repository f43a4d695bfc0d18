"""What a tenant's conditions say, for each state of a part and of what is around it."""

from dataclasses import replace
from typing import Any

import pytest

from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.status.conditions import ConditionDraft, condition_drafts, tenant_health
from aftersend_operator.status.parts import SETTLE_SECONDS, PartPhase, PartState
from tests.support.operator_objects import recorded_tenant
from tests.support.part_objects import NOW, pod, restarted, states, waiting, workload

OLD = pod("writer", "old")
NOT_READY = pod("writer", "new", ready=False, age=5)
CRASHED = pod("writer", "new", ready=False, **waiting("CrashLoopBackOff"), restartCount=3)
NO_IMAGE = pod("writer", "new", ready=False, age=5, **waiting("ImagePullBackOff"))
ROLLS = {"updated": 1, "total": 2}
PHASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # what the writer's workload and its pods are, while every other part serves
    "serves": ({}, {}),
    "rolls": ({"writer": workload("writer", **ROLLS)}, {"writer": [OLD, NOT_READY]}),
    "rolls badly": ({"writer": workload("writer", **ROLLS)}, {"writer": [OLD, NO_IMAGE]}),
    "starts": ({"writer": workload("writer", ready=0)}, {"writer": [NOT_READY]}),
    "missing": ({"writer": None}, {"writer": []}),
    "crashes": ({"writer": workload("writer", ready=0)}, {"writer": [CRASHED]}),
    "scaled to 0": ({"writer": workload("writer", wanted=0, ready=0, updated=0, total=0)}, {"writer": []}),
}
AROUND = {
    "fine": [],
    "redis": [Fault(ConditionReason.REDIS_UNREACHABLE, "r")],
    "secret": [Fault(ConditionReason.SECRET_MISSING, "s")],
    "credentials": [Fault(ConditionReason.CREDENTIALS_REFUSED, "c")],
    "address": [Fault(ConditionReason.ADDRESS_NOT_SERVED, "a", blocks=False)],
    "upstream": [Fault(ConditionReason.UPSTREAM_UNAVAILABLE, "u", blocks=False)],
}
# Ready / Progressing / Degraded; "+" stands for True, "-" for False
TABLE = """
writer       around       Ready                  Progressing   Degraded
serves       fine         +Running               -UpToDate     -Healthy
serves       redis        -RedisUnreachable      -UpToDate     +RedisUnreachable
serves       secret       -SecretMissing         -UpToDate     +SecretMissing
serves       credentials  -CredentialsRefused    -UpToDate     +CredentialsRefused
serves       address      +Running               -UpToDate     +AddressNotServed
serves       upstream     +Running               -UpToDate     +UpstreamUnavailable
rolls        fine         +Running               +RollingOut   -Healthy
rolls        redis        -RedisUnreachable      +RollingOut   +RedisUnreachable
rolls        secret       -SecretMissing         +RollingOut   +SecretMissing
rolls        credentials  -CredentialsRefused    +RollingOut   +CredentialsRefused
rolls        address      +Running               +RollingOut   +AddressNotServed
rolls        upstream     +Running               +RollingOut   +UpstreamUnavailable
rolls-badly  fine         +Running               +RollingOut   +WorkloadsUnavailable
rolls-badly  redis        -RedisUnreachable      +RollingOut   +RedisUnreachable
rolls-badly  secret       -SecretMissing         +RollingOut   +SecretMissing
rolls-badly  credentials  -CredentialsRefused    +RollingOut   +WorkloadsUnavailable
rolls-badly  address      +Running               +RollingOut   +WorkloadsUnavailable
rolls-badly  upstream     +Running               +RollingOut   +WorkloadsUnavailable
starts       fine         -Starting              +RollingOut   -Healthy
starts       redis        -RedisUnreachable      +RollingOut   +RedisUnreachable
starts       secret       -SecretMissing         +RollingOut   +SecretMissing
starts       credentials  -CredentialsRefused    +RollingOut   +CredentialsRefused
starts       address      -Starting              +RollingOut   +AddressNotServed
starts       upstream     -Starting              +RollingOut   +UpstreamUnavailable
missing      fine         -Starting              +RollingOut   -Healthy
missing      redis        -RedisUnreachable      +RollingOut   +RedisUnreachable
missing      secret       -SecretMissing         +RollingOut   +SecretMissing
missing      credentials  -CredentialsRefused    +RollingOut   +CredentialsRefused
missing      address      -Starting              +RollingOut   +AddressNotServed
missing      upstream     -Starting              +RollingOut   +UpstreamUnavailable
crashes      fine         -WorkloadsUnavailable  +RollingOut   +WorkloadsUnavailable
crashes      redis        -RedisUnreachable      +RollingOut   +RedisUnreachable
crashes      secret       -SecretMissing         +RollingOut   +SecretMissing
crashes      credentials  -WorkloadsUnavailable  +RollingOut   +WorkloadsUnavailable
crashes      address      -WorkloadsUnavailable  +RollingOut   +WorkloadsUnavailable
crashes      upstream     -WorkloadsUnavailable  +RollingOut   +WorkloadsUnavailable
scaled-to-0  fine         -ScaledToZero          -UpToDate     +ScaledToZero
scaled-to-0  redis        -RedisUnreachable      -UpToDate     +RedisUnreachable
scaled-to-0  secret       -SecretMissing         -UpToDate     +SecretMissing
scaled-to-0  credentials  -ScaledToZero          -UpToDate     +ScaledToZero
scaled-to-0  address      -ScaledToZero          -UpToDate     +ScaledToZero
scaled-to-0  upstream     -ScaledToZero          -UpToDate     +ScaledToZero
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()[1:]]


def drafts(parts: list[PartState], faults: list[Fault]) -> dict[str, ConditionDraft]:
    health = tenant_health(parts, faults, waits_for_turn=False, suspended=False)
    return {draft.type: draft for draft in condition_drafts(health)}


def shown(found: dict[str, ConditionDraft]) -> list[str]:
    conditions = (found[kind] for kind in ("Ready", "Progressing", "Degraded"))
    return [f"{'+' if draft.holds else '-'}{draft.reason}" for draft in conditions]


@pytest.mark.parametrize(("phase", "around", "expected"), [(row[0], row[1], row[2:]) for row in ROWS])
def test_what_is_true_is_said(phase: str, around: str, expected: list[str]) -> None:
    found = drafts(states(*PHASES[phase.replace("-", " ")]), AROUND[around])
    assert shown(found) == expected
    assert found["Suspended"].reason == "Active"
    assert bool(found["Degraded"].message) == found["Degraded"].holds
    assert bool(found["Ready"].message) == (not found["Ready"].holds)


def test_the_table_is_complete() -> None:
    assert {(row[0].replace("-", " "), row[1]) for row in ROWS} == {(p, a) for p in PHASES for a in AROUND}
    assert {part.phase for given in PHASES.values() for part in states(*given)} == set(PartPhase)


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ("starts", "waiting for pods of writer to be ready"),
        ("missing", "waiting for pods of writer to be ready"),
        (
            "scaled to 0",
            (
                "the writer is scaled to 0, nothing serves: "
                "kubectl -n shops scale deployment aftersend-mueller-writer --replicas=1"
            ),
        ),
        (
            "crashes",
            "a pod of writer crashes again and again: its log says why: kubectl -n shops logs new --previous",
        ),
    ],
)
def test_the_message_names_part_and_cure(phase: str, message: str) -> None:
    assert drafts(states(*PHASES[phase]), [])["Ready"].message == message


@pytest.mark.parametrize(
    ("container", "part", "cause"),
    [
        (waiting("ImagePullBackOff"), "writer", "its image registry.example/aftersend:2 cannot be pulled"),
        (waiting("ErrImagePull"), "redis", "spec.pods.imagePullSecrets"),
        (
            waiting("CreateContainerConfigError", "couldn't find key url in Secret shops/redis"),
            "writer",
            "couldn't find key url in Secret shops/redis",
        ),
        (waiting("RunContainerError", "odd"), "writer", "RunContainerError: odd): kubectl -n shops describe pod p"),
        ({**waiting("CrashLoopBackOff"), **restarted(3, "OOMKilled")}, "all", "spec.pods.resourcesOf.compact.limits"),
        ({**waiting("CrashLoopBackOff"), **restarted(3, "OOMKilled")}, "writer", "resourcesOf.writer.limits.memory"),
        ({"state": {"terminated": {"reason": "Error", "finishedAt": "2026-11-26T10:00:00Z"}}}, "writer", "crashed"),
    ],
)
def test_what_keeps_a_pod_from_running_is_said_in_kubernetes_own_words(
    container: dict[str, Any], part: str, cause: str
) -> None:
    record = recorded_tenant(topology="compact" if part == "all" else "split")
    given = {part: [pod(part, "p", ready=False, age=30, **container)]}
    found = {state.name: state for state in states({part: workload(part, ready=0)}, given, record)}
    fault = found[part].fault
    assert fault is not None
    assert cause in fault.message
    assert fault.blocks


@pytest.mark.parametrize(("age", "is_fault"), [(9, False), (10, True)])
def test_a_pod_without_a_node_is_a_fault_when_its_volumes_had_time_to_be_bound(*, age: float, is_fault: bool) -> None:
    words = "0/1 nodes are available: 1 Insufficient cpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    lonely = pod("writer", ready=False, age=age, conditions=[condition], state={}, restartCount=0)
    parts = states({"writer": workload("writer", ready=0)}, {"writer": [lonely]})
    found = drafts(parts, [])
    assert shown(found)[0] == "-Starting", "a node may come"
    assert [words in found[kind].message for kind in ("Ready", "Degraded")] == [is_fault, is_fault]
    assert any(part.due_in > 0 for part in parts) is not is_fault


def test_pods_that_the_api_server_refuses_are_a_fault_in_its_own_words() -> None:
    words = 'pods "aftersend-mueller-writer-abc-{}" is forbidden: exceeded quota: small, requested: limits.cpu=500m'
    found = []
    for serial in ("x1", "x2"):
        refused = {"type": "ReplicaFailure", "reason": "FailedCreate", "message": words.format(serial)}
        given = workload("writer", ready=0, total=0, updated=0, conditions=[refused])
        found += [state.fault for state in states({"writer": given}, {"writer": []}) if state.name == "writer"]
    assert found[0] == found[1], "the name of the next try's pod changes nothing"
    assert found[0] is not None
    assert "is refused (exceeded quota: small, requested: limits.cpu=500m): raise the quota" in found[0].message


def test_a_stuck_rollout_is_degraded_and_progressing_and_blocks_nothing_while_old_pods_serve() -> None:
    late = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]
    given = workload("writer", **ROLLS, conditions=late)
    found = drafts(states({"writer": given}, {"writer": [OLD, pod("writer", "new", ready=False, age=900)]}), [])
    assert shown(found) == ["+Running", "+RollingOut", "+WorkloadsUnavailable"]


@pytest.mark.parametrize(
    ("ready", "since_start", "since_ready", "expected"),
    [
        (False, 1, None, ["-WorkloadsUnavailable", "+WorkloadsUnavailable"]),
        (True, 5, 1, ["-WorkloadsUnavailable", "+WorkloadsUnavailable"]),
        (True, 70, SETTLE_SECONDS - 1, ["-WorkloadsUnavailable", "+WorkloadsUnavailable"]),
        (True, 70, SETTLE_SECONDS, ["+Running", "-Healthy"]),
        (False, 601, None, ["-Starting", "-Healthy"]),  # not ready for another reason: the crash is long ago
    ],
)
def test_a_crash_is_over_when_the_restarted_container_has_been_ready_for_a_while(
    *, ready: bool, since_start: float, since_ready: float | None, expected: list[str]
) -> None:
    again = pod("writer", ready=ready, age=since_start, **restarted())
    again = replace(again, ready_since=NOW - since_ready if since_ready else 0.0)
    parts = states({"writer": workload("writer", ready=int(ready))}, {"writer": [again]})
    assert shown(drafts(parts, []))[::2] == expected
    (writer,) = (part for part in parts if part.name == "writer")
    assert writer.due_in == (SETTLE_SECONDS - since_ready if since_ready and since_ready < SETTLE_SECONDS else 0)


def test_a_crashing_pod_beside_one_that_serves_blocks_nothing() -> None:
    found = drafts(states({"writer": workload("writer", wanted=2, total=2)}, {"writer": [OLD, CRASHED]}), [])
    assert shown(found) == ["+Running", "+RollingOut", "+WorkloadsUnavailable"]


def test_a_pod_that_leaves_serves_no_longer_and_an_evicted_one_is_no_fault() -> None:
    leaving, evicted = replace(OLD, deleting=True), replace(OLD, failed=True, ended="2026-11-26T09:00:00Z")
    found = drafts(states({}, {"writer": [leaving, evicted, NOT_READY]}), [])
    assert shown(found)[::2] == ["-Starting", "-Healthy"]
