from aftersend_operator.reconcile.rollout_gate import COMPACT_DELAY_SECONDS, MAX_HOLD_SECONDS, RolloutGate


def test_the_gate_lets_a_number_of_tenants_roll_and_keeps_their_slots_until_released() -> None:
    gate = RolloutGate(at_once=2)
    gate.resume([("n", "a")])
    assert [gate.acquire(("n", name)) for name in "bcab"] == [True, False, True, True]
    gate.release(("n", "a"))
    gate.release(("n", "never-acquired"))
    assert [gate.acquire(("n", name)) for name in "cd"] == [True, False]


def test_a_redis_that_never_gets_ready_does_not_hold_its_slot_for_ever() -> None:
    now = [0.0]
    gate = RolloutGate(at_once=1, clock=lambda: now[0])
    gate.resume([("n", "stuck")])
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


def test_only_a_tenant_that_was_ready_and_held_a_slot_is_a_failure() -> None:
    gate = RolloutGate(at_once=1, max_failures=1)
    gate.fail(("n", "by-a-person"))
    gate.acquire(("n", "broken"), was_ready=False)
    gate.fail(("n", "broken"))
    gate.resume([("n", "resumed")])
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
