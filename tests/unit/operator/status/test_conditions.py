import pytest

from aftersend.tenant.status import Condition
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.status.conditions import TenantHealth, condition_drafts, transitions, with_timestamps

RUNS = {"available": True}
BLOCKING, HARMLESS = Fault(ConditionReason.SECRET_MISSING, "s"), Fault(ConditionReason.BACKUP_FAILED, "b", blocks=False)


@pytest.mark.parametrize(
    ("health", "ready", "progressing", "degraded"),
    [
        (TenantHealth(), "Starting", None, None),
        (TenantHealth(available=True), "", None, None),
        (TenantHealth(available=True, rolling=True), "", "RollingOut", None),
        (TenantHealth(available=True, waits_for_turn=True), "", "WaitingForTurn", None),
        (TenantHealth(available=True, waits_for_turn=True, wave_stopped="two failed"), "", "WaveStopped", None),
        (TenantHealth(available=True, faults=[HARMLESS]), "", None, "BackupFailed"),
        (TenantHealth(available=True, faults=[BLOCKING]), "SecretMissing", None, "SecretMissing"),
        (TenantHealth(faults=[HARMLESS, BLOCKING]), "SecretMissing", None, "SecretMissing"),
        (TenantHealth(faults=[Fault(ConditionReason.INVALID_SPEC, ""), BLOCKING]), "InvalidSpec", None, "InvalidSpec"),
    ],
)
def test_what_is_wrong_decides(health: TenantHealth, ready: str, progressing: str | None, degraded: str | None) -> None:
    found = {draft.type: draft for draft in condition_drafts(health)}
    assert found["Ready"].holds is (ready == "")
    assert found["Ready"].reason == (ready or "Running")
    assert (found["Progressing"].reason if found["Progressing"].holds else None) == progressing
    assert (found["Degraded"].reason if found["Degraded"].holds else None) == degraded
    assert not found["Suspended"].holds


def test_a_suspended_tenant_says_so_and_stays_ready() -> None:
    found = {draft.type: draft.holds for draft in condition_drafts(TenantHealth(available=True, suspended=True))}
    assert found == {"Ready": True, "Progressing": False, "Degraded": False, "Suspended": True}


def test_the_time_of_a_condition_moves_with_its_status_only() -> None:
    def at(now: str, health: TenantHealth, known: list[Condition], generation: int = 1) -> Condition:
        return with_timestamps(condition_drafts(health)[0], known, generation=generation, now=now)

    first = at("t1", TenantHealth(), [])
    other_reason = at("t2", TenantHealth(faults=[BLOCKING]), [first], generation=2)
    other_status = at("t3", TenantHealth(available=True), [other_reason], generation=2)
    assert [c.last_transition_time for c in (first, other_reason, other_status)] == ["t1", "t1", "t3"]
    assert [c.observed_generation for c in (first, other_reason, other_status)] == [1, 2, 2]


def test_long_messages_are_cut() -> None:
    draft = condition_drafts(TenantHealth(faults=[Fault(ConditionReason.NOT_OURS, "x" * 2000)]))[0]
    assert len(with_timestamps(draft, [], generation=1, now="t").message) == 1000


def test_only_another_status_or_reason_is_a_transition() -> None:
    before = [with_timestamps(draft, [], generation=1, now="t1") for draft in condition_drafts(TenantHealth())]
    again = [with_timestamps(draft, before, generation=2, now="t2") for draft in condition_drafts(TenantHealth())]
    after = [
        with_timestamps(draft, before, generation=2, now="t2")
        for draft in condition_drafts(TenantHealth(available=True))
    ]
    assert transitions(before, again) == []
    assert [condition.type for condition in transitions(before, after)] == ["Ready"]
