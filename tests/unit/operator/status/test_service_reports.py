from dataclasses import replace
from typing import Any

import msgspec
import pytest

from aftersend.tenant.status import LastBackup, LastExport, LastSweep, LastWriteBack, Queue, Status, Webhooks
from aftersend_operator.model.pods import PodRecord
from aftersend_operator.status.newest import newest_state
from aftersend_operator.status.reports import ReportedState, state_from_jobs, upstream_faults
from aftersend_operator.status.service_reports import PodReport, parse_report, state_from_services
from aftersend_operator.status.startup_grace import grace_of
from tests.support.operator_objects import recorded_tenant
from tests.support.part_objects import NOW, pod
from tests.unit.operator.status.test_reports import AT, EXPORT, job

IDENTITY = "shops.mueller"
GRACE = grace_of([pod("redis")], is_managed=True, now=NOW)
AWAY = {"checks": {"redis": "redis: redis_unavailable"}}


def report(of: PodRecord, facts: dict[str, Any] | None) -> PodReport:
    body = b"" if facts is None else msgspec.json.encode({IDENTITY: {"ready": True, **facts}})
    return PodReport(of, parse_report(body, IDENTITY))


def faults(*reports: PodReport) -> list[tuple[str, bool]]:
    found, tenant = state_from_services(reports, GRACE), recorded_tenant().tenant
    assert tenant is not None
    return [(fault.reason, fault.blocks) for fault in (*upstream_faults(found.circuits, tenant), *found.faults)]


@pytest.mark.parametrize(
    ("ready", "age", "facts", "others", "expected"),
    [
        (True, 3600, AWAY, [], []),
        (False, 5, AWAY, [], []),
        (False, 5, AWAY, [pod("writer", "b")], []),
        (False, 3600, AWAY, [], [("RedisUnreachable", True)]),
        (False, 3600, AWAY, [pod("writer", "b")], [("RedisUnreachable", False)]),
        (False, 3600, AWAY, [pod("exporter", "b")], [("RedisUnreachable", True)]),
        (True, 3600, None, [], []),
        (False, 3600, {"checks": {"redis": "", "data-key": "no_key"}}, [], [("WorkloadsUnavailable", True)]),
        (True, 3600, {"circuits": {"afterbuy": "refused"}}, [], [("CredentialsRefused", True)]),
        (True, 3600, {"afterbuy": "refused"}, [], [("CredentialsRefused", True)]),
        (True, 3600, {"afterbuy": "ok"}, [], []),
        (True, 3600, {"circuits": {"afterbuy": "ok", "sendcloud": "suspended"}}, [], [("UpstreamUnavailable", False)]),
    ],
)
def test_a_failed_check_blocks_only_if_no_other_pod_of_the_part_serves(
    *, ready: bool, age: float, facts: dict[str, Any] | None, others: list[PodRecord], expected: list[tuple[str, bool]]
) -> None:
    mine = report(pod("writer", "a", ready=ready, age=age), facts)
    assert faults(mine, *(report(other, {"checks": {"redis": ""}}) for other in others)) == expected


def test_the_worst_circuit_of_an_upstream_decides() -> None:
    writer, exporter = pod("writer"), pod("exporter")
    both = [report(writer, {"circuits": {"afterbuy": "refused"}}), report(exporter, {"circuits": {"afterbuy": "ok"}})]
    assert faults(*both) == faults(*reversed(both)) == [("CredentialsRefused", True)]


def test_the_one_process_of_a_compact_tenant_reports_the_same() -> None:
    body = {
        IDENTITY: {"ready": False, "checks": {"redis": "redis: redis_unavailable", "data-key": ""}},
        f"{IDENTITY} exporter": {
            "ready": True,
            "checks": {},
            "export": {**EXPORT, "time": AT},
            "sweep": {"run": "r2", "kind": "sweep", "outcome": "failed", "time": AT, "health": {"message": "odd"}},
            "backup": "backup: no_space",
            "lastBackup": "2026-11-26T09:10:00.000Z",
            "circuits": {"afterbuy": "ok", "sendcloud": "ok"},
            "problems": {"conflict": 2, "rejected": 0},
            "notices": {"customs_incomplete": 1},
            "queues": {"runs": {"waiting": 0, "dead": 0}},
        },
        f"{IDENTITY} webhook": {
            "ready": False,
            "checks": {"signature-key": "sendcloud/secretKey is missing"},
            "webhooks": {"stored": 2, "refused": 3, "lastRefused": AT},
        },
        f"{IDENTITY} writer": {
            "ready": True,
            "checks": {},
            "afterbuy": "ok",
            "lastWriteBack": "2026-11-26T09:00:00.000Z",
            "queues": {"parcels": {"waiting": 7, "delayed": 1, "dead": 2, "oldestMinutes": 3}},
        },
        f"{IDENTITY}s": {"ready": False, "checks": {"another": "tenant"}},
    }
    parsed = PodReport(pod("all", ready=False), parse_report(msgspec.json.encode(body), IDENTITY))
    found = newest_state(Status(), ReportedState(), state_from_services([parsed], GRACE))
    assert found.last_export is not None
    assert (found.last_export.time, found.last_export.read) == (AT, 7)
    assert found.last_sweep == LastSweep(time=AT, outcome="failed", message="odd")
    assert found.last_backup == LastBackup(
        time="2026-11-26T09:10:00.000Z", outcome="failed", message="backup: no_space"
    )
    assert found.last_write_back is not None
    assert (found.problems, found.notices) == ({"conflict": 2}, {"customs_incomplete": 1})
    assert found.queues == {
        "parcels": Queue(waiting=7, delayed=1, dead=2, oldest_minutes=3),
        "runs": Queue(waiting=0, dead=0),
    }
    assert found.webhooks == Webhooks(stored=2, refused=3, last_refused=AT)
    assert [fault.reason for fault in found.faults] == ["RedisUnreachable", "WorkloadsUnavailable", "BackupFailed"]
    assert found.faults[1].message == "a service is not ready: signature-key"


def test_webhooks_of_several_pods_are_added_up() -> None:
    counts = [{"webhooks": {"stored": 1, "refused": 2, "lastStored": time}} for time in (AT, "2026-11-26T09:00:00Z")]
    found = state_from_services(
        [report(pod("webhook", name), facts) for name, facts in zip("ab", counts, strict=True)], GRACE
    )
    assert found.webhooks == Webhooks(stored=2, refused=4, last_stored=AT)


@pytest.mark.parametrize("order", [("writer", "exporter"), ("exporter", "writer")])
def test_the_newest_run_is_the_last_one_whichever_pod_is_younger(order: tuple[str, str]) -> None:
    ten, nine = ("2026-11-26T10:00:00.000Z", "2026-11-26T09:00:00.000Z")
    facts = {
        "writer": {"lastWriteBack": ten},
        "exporter": {"export": run(AT, health={"lastWriteBack": nine, "lastSweep": ten}), "lastSweep": nine},
    }
    pods = [replace(pod(part, part), version=version) for version, part in enumerate(order)]
    found = state_from_services([report(each, facts[each.part]) for each in pods], GRACE)
    assert found.last_write_back == LastWriteBack(time=ten)
    assert found.last_sweep == LastSweep(time=ten, outcome="done")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"shops.mueller":[]}',
        b'{"other.tenant":{"ready":true}}',
        b'{"shops.mueller":{"checks":[]}}',
        b'{"shops.mueller":{"problems":{"a":"s3cr3t"}}}',
    ],
)
def test_a_body_of_another_shape_is_ignored(body: bytes) -> None:
    assert parse_report(body, IDENTITY) is None
    assert state_from_services([PodReport(pod("writer"), None)], GRACE) == ReportedState()


def run(time: str, outcome: str = "done", **more: Any) -> dict[str, Any]:
    return {**EXPORT, "outcome": outcome, "time": time, "health": {}, **more}


def test_a_run_by_hand_replaces_a_failed_job_and_its_faults() -> None:
    refused = {**run(AT, "failed"), "health": {"sendcloud": "refused"}}
    jobs = state_from_jobs([job("export", refused)])
    alone = newest_state(Status(), jobs, ReportedState())
    assert alone.seen_by_run == {"afterbuy": "unknown", "sendcloud": "refused"}
    assert [fault.reason for fault in alone.faults] == ["ExportFailed"]
    by_hand = state_from_services([report(pod("exporter"), {"export": run("2026-11-26T10:02:00.000Z")})], GRACE)
    newer = newest_state(Status(), jobs, by_hand)
    assert (newer.faults, newer.seen_by_run) == ((), {"afterbuy": "unknown", "sendcloud": "unknown"})
    # the exporter restarts and forgets the run; the status does not
    known = Status(last_export=by_hand.last_export)
    later = newest_state(known, jobs, ReportedState())
    assert (later.last_export, later.faults, later.seen_by_run) == (by_hand.last_export, (), {})


def test_circuits_are_newer_than_the_last_run() -> None:
    jobs = state_from_jobs([job("export", {**run(AT), "health": {"afterbuy": "refused"}})])
    assert newest_state(Status(), jobs, ReportedState()).seen_by_run["afterbuy"] == "refused"
    closed = state_from_services([report(pod("exporter"), {"circuits": {"afterbuy": "ok"}})], GRACE)
    assert newest_state(Status(), jobs, closed).seen_by_run == {"sendcloud": "unknown"}


def test_a_service_without_circuits_reports_what_its_last_export_saw() -> None:
    refused = report(pod("exporter"), {"export": {**run(AT), "health": {"afterbuy": "refused"}}})
    found = newest_state(Status(), ReportedState(), state_from_services([refused], GRACE))
    assert found.seen_by_run["afterbuy"] == "refused"


def test_refused_credentials_are_said_with_the_secret_and_its_keys() -> None:
    tenant = recorded_tenant().tenant
    assert tenant is not None
    (fault,) = upstream_faults({"afterbuy": "refused", "sendcloud": "ok"}, tenant)
    assert "correct partnerToken, accountToken in secret mueller-afterbuy" in fault.message
    values = '{"stringData":{"partnerToken":"…","accountToken":"…"}}'
    command = f"kubectl -n shops patch secret mueller-afterbuy --type=merge -p '{values}'"
    assert command in fault.message


def test_a_failed_run_of_a_service_stays_a_fault_when_the_service_forgets_it() -> None:
    known = Status(last_export=LastExport(time=AT, outcome="failed", message="sendcloud: connection"))
    found = newest_state(known, ReportedState(), ReportedState())
    assert [fault.message for fault in found.faults] == ["the last export failed: sendcloud: connection"]


def test_a_backup_keeps_the_details_of_its_job_until_a_newer_one() -> None:
    made = LastBackup(time="2026-11-26T10:10:00.000Z", outcome="done", id="b1", keys=5)
    for time, expected in (("2026-11-26T10:10:07.000Z", made), ("2026-11-26T11:10:00.000Z", None)):
        seen = LastBackup(time=time, outcome="done")
        found = newest_state(Status(last_backup=made), ReportedState(), ReportedState(last_backup=seen))
        assert found.last_backup == (expected or seen)
