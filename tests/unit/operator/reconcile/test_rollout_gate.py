from dataclasses import replace

import pytest

from aftersend.tenant.status import Condition, Status
from aftersend_operator.model.records import ChildRecord, TenantRecord, child_record
from aftersend_operator.reconcile.rollout_gate import COMPACT_DELAY_SECONDS, MAX_HOLD_SECONDS, RolloutGate
from tests.support.operator_api import OperatorInMemory
from tests.support.operator_objects import kind_named, recorded_tenant
from tests.support.part_objects import workload

ROLLING: list[ChildRecord] = [child_record(workload("writer", ready=0))]


def tenant(name: str, progressing: str = "") -> TenantRecord:
    """A tenant as an earlier process left it."""
    found = Condition(
        type="Progressing",
        status="True",
        observed_generation=1,
        last_transition_time="",
        reason=progressing,
        message="",
    )
    return replace(recorded_tenant(), key=("n", name), status=Status(conditions=[found]))


def test_the_gate_lets_a_number_of_tenants_roll_and_keeps_their_slots_until_released() -> None:
    gate = RolloutGate(at_once=2)
    gate.resume(tenant("a"), ROLLING)
    assert [gate.acquire(("n", name)) for name in "bcab"] == [True, False, True, True]
    gate.release(("n", "a"))
    gate.release(("n", "never-acquired"))
    assert [gate.acquire(("n", name)) for name in "cd"] == [True, False]


def test_a_redis_that_never_gets_ready_does_not_hold_its_slot_for_ever() -> None:
    now = [0.0]
    gate = RolloutGate(at_once=1, clock=lambda: now[0])
    gate.resume(tenant("stuck"), ROLLING)
    now[0] = MAX_HOLD_SECONDS - 1
    assert not gate.acquire(("n", "next"))
    assert gate.acquire(("n", "stuck")), "asking again does not prolong its time"
    now[0] = MAX_HOLD_SECONDS
    assert gate.acquire(("n", "next"))
    assert not gate.acquire(("n", "stuck")), "it waits for its turn like others"


def test_a_wave_stops_after_failures_and_goes_on_when_one_heals() -> None:
    gate = RolloutGate(at_once=1, max_failures=2)
    for name in "ab":
        assert gate.acquire(("n", name), was_ready=True)
        gate.fail(("n", name))
    assert (gate.is_stopped, gate.acquire(("n", "c"), was_ready=True)) == (True, False)
    gate.release(("n", "a"))
    assert (gate.is_stopped, gate.acquire(("n", "c"), was_ready=True)) == (False, True)


def test_after_a_failure_no_more_tenants_roll_than_may_still_fail() -> None:
    gate = RolloutGate(at_once=2, max_failures=2)
    assert [gate.acquire(("n", name), was_ready=True) for name in "ab"] == [True, True]
    gate.fail(("n", "a"))
    assert not gate.acquire(("n", "c"), was_ready=True), "b may fail as well, and c would be a third"
    gate.release(("n", "b"))
    assert [gate.acquire(("n", name), was_ready=True) for name in "cd"] == [True, False]


def test_only_a_tenant_that_was_ready_and_held_a_slot_is_a_failure() -> None:
    gate = RolloutGate(at_once=1, max_failures=1)
    gate.fail(("n", "by-a-person"))
    gate.acquire(("n", "broken"), was_ready=False)
    gate.fail(("n", "broken"))
    gate.resume(tenant("resumed", "RollingOut"), ROLLING)
    gate.fail(("n", "resumed"))
    assert not gate.is_stopped


def test_a_tenant_that_does_not_come_up_in_time_is_a_failure() -> None:
    now = [0.0]
    gate = RolloutGate(at_once=1, max_failures=1, clock=lambda: now[0])
    gate.acquire(("n", "a"), was_ready=True)
    now[0] = MAX_HOLD_SECONDS
    assert not gate.acquire(("n", "b"), was_ready=True)
    assert gate.failed == {("n", "a")}


def test_compact_tenants_go_last() -> None:
    now = [0.0]
    gate = RolloutGate(at_once=1, clock=lambda: now[0])
    compact, first, second = ("n", "compact"), ("n", "first"), ("n", "second")
    assert not gate.acquire(compact, is_compact=True), "others may not have asked yet"
    assert gate.acquire(first)
    assert not gate.acquire(second)
    now[0] = COMPACT_DELAY_SECONDS
    gate.release(first)
    assert not gate.acquire(compact, is_compact=True)
    assert gate.acquire(second)
    gate.release(second)
    assert gate.acquire(compact, is_compact=True)


def test_what_failed_or_rolled_before_a_restart_counts_after_it() -> None:
    gate = RolloutGate(at_once=3, max_failures=2)
    gate.resume(tenant("failed", "UpgradeFailed"), ROLLING)
    gate.resume(tenant("rolls", "Upgrading"), ROLLING)
    assert [gate.upgrade_of(("n", name)) for name in ("failed", "rolls", "other")] == ["failed", "rolls", ""]
    assert (gate.is_stopped, gate.acquire(("n", "next"), was_ready=True)) == (False, False)
    gate.fail(("n", "rolls"))
    assert (gate.is_stopped, gate.acquire(("n", "last"), was_ready=True)) == (True, False)


OLD = "registry.example/aftersend:1"
BAD, GOOD = "registry.example/aftersend:bad", "registry.example/aftersend:good"
NAMES = ("a", "b", "c")
WRITER = "Deployment/aftersend-{}-writer"


def image(operator: OperatorInMemory, name: str) -> str:
    """The image of a tenant's writer."""
    found = operator.api.objects[kind_named("Deployment"), f"aftersend-{name}-writer"]
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def get_stuck(operator: OperatorInMemory, name: str) -> None:
    """The rollout of a tenant makes no progress: its image cannot be pulled."""
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    operator.edit(WRITER.format(name), {"status": {"conditions": [late]}})


@pytest.fixture
async def stopped() -> OperatorInMemory:
    """Three tenants that were ready, and a bad image that has reached two of them."""
    first = OperatorInMemory()
    await first.bring_up(*NAMES)
    operator = first.again(service_image=BAD, rollout_at_once=1)
    for name in NAMES[:2]:
        await operator.reconcile(*NAMES)
        assert operator.reason("Progressing", name) == "Upgrading"
        get_stuck(operator, name)
    await operator.reconcile(*NAMES)
    return operator


def reasons(operator: OperatorInMemory) -> list[str]:
    """Why each tenant progresses or does not."""
    return [operator.reason("Progressing", name) for name in NAMES]


async def test_a_wave_stays_stopped_when_the_operator_restarts(stopped: OperatorInMemory) -> None:
    expected = ["UpgradeFailed", "UpgradeFailed", "WaveStopped"]
    assert reasons(stopped) == expected
    again = stopped.again()
    again.resume()
    await again.reconcile(*NAMES[2:])
    assert again.gate.is_stopped
    await again.reconcile(*NAMES)
    assert reasons(again) == expected
    assert [image(again, name) for name in NAMES] == [BAD, BAD, OLD]


async def test_a_tenant_that_rolls_when_the_operator_restarts_counts_if_it_fails() -> None:
    first = OperatorInMemory()
    await first.bring_up(*NAMES)
    operator = first.again(service_image=BAD, rollout_at_once=2)
    await operator.reconcile(*NAMES)
    again = operator.again()
    again.resume()
    for name in NAMES[:2]:
        get_stuck(again, name)
    await again.reconcile(*NAMES)
    assert reasons(again) == ["UpgradeFailed", "UpgradeFailed", "WaveStopped"]


@pytest.mark.parametrize("release", [GOOD, OLD])
async def test_another_release_rolls_those_that_failed_and_then_the_others(
    stopped: OperatorInMemory, release: str
) -> None:
    again = stopped.again(service_image=release)
    again.resume()
    for _ in NAMES:
        await again.reconcile(*NAMES)
        for name in NAMES:
            again.run_pods(name)
    await again.reconcile(*NAMES)
    assert reasons(again) == ["UpToDate"] * 3
    assert {image(again, name) for name in NAMES} == {release}
    assert not again.gate.failed


async def test_a_persons_change_is_not_held_by_a_wave_that_stopped(stopped: OperatorInMemory) -> None:
    again = stopped.again()
    again.resume()
    again.apply_tenant("c", timeZone="Europe/Vienna")
    await again.reconcile(*NAMES)
    assert [image(again, name) for name in NAMES] == [BAD, BAD, BAD]
    assert reasons(again)[2] == "RollingOut"


async def test_one_that_was_cured_while_no_operator_ran_counts_no_longer(stopped: OperatorInMemory) -> None:
    stopped.run_pods("a")
    again = stopped.again()
    again.resume()
    await again.reconcile(*NAMES)
    assert reasons(again)[0] == "UpToDate"
    assert not again.gate.is_stopped
