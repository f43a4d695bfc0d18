import pytest

from aftersend.tenant.status import Condition
from aftersend_operator.model.reasons import Reason
from aftersend_operator.status.conditions import Fault, Picture, dated, transitions, verdicts

RUNS = {"available": True}
BLOCKING, HARMLESS = Fault(Reason.SECRET_MISSING, "s"), Fault(Reason.BACKUP_FAILED, "b", blocks=False)


@pytest.mark.parametrize(
    ("picture", "ready", "progressing", "degraded"),
    [
        (Picture(), "Starting", None, None),
        (Picture(available=True), "", None, None),
        (Picture(available=True, rolling=True), "", "RollingOut", None),
        (Picture(available=True, waits_for_turn=True), "", "WaitingForTurn", None),
        (Picture(available=True, faults=[HARMLESS]), "", None, "BackupFailed"),
        (Picture(available=True, faults=[BLOCKING]), "SecretMissing", None, "SecretMissing"),
        (Picture(faults=[HARMLESS, BLOCKING]), "SecretMissing", None, "SecretMissing"),
        (Picture(faults=[Fault(Reason.INVALID_SPEC, ""), BLOCKING]), "InvalidSpec", None, "InvalidSpec"),
    ],
)
def test_what_is_wrong_decides(picture: Picture, ready: str, progressing: str | None, degraded: str | None) -> None:
    found = {verdict.type: verdict for verdict in verdicts(picture)}
    assert found["Ready"].holds is (ready == "")
    assert found["Ready"].reason == (ready or "Running")
    assert (found["Progressing"].reason if found["Progressing"].holds else None) == progressing
    assert (found["Degraded"].reason if found["Degraded"].holds else None) == degraded
    assert not found["Suspended"].holds


def test_a_suspended_tenant_says_so_and_stays_ready() -> None:
    found = {verdict.type: verdict.holds for verdict in verdicts(Picture(available=True, suspended=True))}
    assert found == {"Ready": True, "Progressing": False, "Degraded": False, "Suspended": True}


def test_the_time_of_a_condition_moves_with_its_status_only() -> None:
    def at(now: str, picture: Picture, known: list[Condition], generation: int = 1) -> Condition:
        return dated(verdicts(picture)[0], known, generation=generation, now=now)

    first = at("t1", Picture(), [])
    other_reason = at("t2", Picture(faults=[BLOCKING]), [first], generation=2)
    other_status = at("t3", Picture(available=True), [other_reason], generation=2)
    assert [c.last_transition_time for c in (first, other_reason, other_status)] == ["t1", "t1", "t3"]
    assert [c.observed_generation for c in (first, other_reason, other_status)] == [1, 2, 2]


def test_long_messages_are_cut() -> None:
    verdict = verdicts(Picture(faults=[Fault(Reason.NOT_OURS, "x" * 2000)]))[0]
    assert len(dated(verdict, [], generation=1, now="t").message) == 400


def test_only_another_status_or_reason_is_a_transition() -> None:
    before = [dated(verdict, [], generation=1, now="t1") for verdict in verdicts(Picture())]
    again = [dated(verdict, before, generation=2, now="t2") for verdict in verdicts(Picture())]
    after = [dated(verdict, before, generation=2, now="t2") for verdict in verdicts(Picture(available=True))]
    assert transitions(before, again) == []
    assert [condition.type for condition in transitions(before, after)] == ["Ready"]
