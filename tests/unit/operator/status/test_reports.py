from dataclasses import replace
from typing import Any

import msgspec
import pytest

from aftersend.tenant.status import LastBackup, LastExport, LastSweep, LastWriteBack, Status
from aftersend_operator.model.pods import PodRecord
from aftersend_operator.status.newest import newest_state
from aftersend_operator.status.reports import ReportedState, state_from_jobs, upstream_faults
from tests.support.operator_objects import recorded_tenant
from tests.support.part_objects import pod

EXPORT = {
    "run": "r1",
    "kind": "export",
    "outcome": "partial",
    "from": "2026-11-25T00:00:00.000Z",
    "to": "2026-11-26T00:00:00.000Z",
    "read": 7,
    "sent": 3,
    "unchanged": 1,
    "skipped": {"unpaid": 1, "excluded": 1},
    "rejected": 1,
    "watched": 2,
    "seconds": 1.5,
    "health": {
        "afterbuy": "ok",
        "sendcloud": "unavailable",
        "message": "sendcloud: 503",
        "problems": {"rejected": 1},
        "lastWriteBack": "2026-11-26T09:00:00.000Z",
        "lastSweep": "2026-11-26T09:20:00.000Z",
    },
}
BACKUP = {"id": "20261126T101000Z", "time": "2026-11-26T10:10:00.000Z", "keys": 5, "bytes": 900, "verified": True}
AT = "2026-11-26T10:00:00Z"


def job(part: str, report: Any, *, ended: str = AT, failed: bool = False) -> PodRecord:
    body = report if isinstance(report, bytes) else msgspec.json.encode(report)
    return PodRecord(
        ("n", part + ended), 1, "t", part, "", ready=False, waiting="", report=body, ended=ended, failed=failed
    )


@pytest.mark.parametrize("how", [{"disrupted": True}, {"deleting": True}])
def test_a_job_that_a_drained_node_or_the_next_job_took_away_has_not_failed(how: dict[str, Any]) -> None:
    ended = job("export", b"", failed=True)
    assert state_from_jobs([replace(ended, **how)]) == ReportedState()
    assert state_from_jobs([ended]).last_export is not None
    assert state_from_jobs([replace(job("export", EXPORT), **how)]).last_export is not None, "it reported"
    conditions = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
    assert [pod("export", conditions=given).disrupted for given in ((), conditions)] == [False, True]


def reasons(reported: ReportedState) -> list[tuple[str, bool]]:
    found = newest_state(Status(), reported, ReportedState())
    tenant = recorded_tenant().tenant
    assert tenant is not None
    faults = (*upstream_faults(found.seen_by_run, tenant), *found.faults)
    return [(fault.reason, fault.blocks) for fault in faults]


def test_the_newest_export_and_backup_make_the_status() -> None:
    older = job("export", {**EXPORT, "read": 999}, ended="2026-11-26T09:00:00Z")
    reported = state_from_jobs([job("export", EXPORT), older, job("backup", BACKUP)])
    assert reported.last_export == LastExport(
        time=AT,
        outcome="partial",
        run="r1",
        read=7,
        sent=3,
        unchanged=1,
        skipped=2,
        rejected=1,
        watched=2,
        seconds=1.5,
        message="sendcloud: 503",
    )
    assert reported.last_sweep == LastSweep(time="2026-11-26T09:20:00.000Z", outcome="done")
    assert reported.last_write_back == LastWriteBack(time="2026-11-26T09:00:00.000Z")
    assert reported.last_backup == LastBackup(
        time="2026-11-26T10:10:00.000Z", outcome="done", id="20261126T101000Z", keys=5, bytes=900, verified=True
    )
    assert reported.problems == {"rejected": 1}
    assert reasons(reported) == [("UpstreamUnavailable", False)]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"outcome": "done"}, []),
        ({"outcome": "done", "health": {"afterbuy": "refused"}}, [("CredentialsRefused", True)]),
        ({"outcome": "failed", "error": "no result within 900 s"}, [("ExportFailed", False)]),
        (
            {"outcome": "failed", "health": {"sendcloud": "refused"}},
            [("CredentialsRefused", True), ("ExportFailed", False)],
        ),
        (b"", [("ExportFailed", False)]),
        (b"Traceback (most recent call last): s3cr3t", [("ExportFailed", False)]),
        (b'{"outcome":"odd"}', [("ExportFailed", False)]),
        (b'{"outcome":"done","health":{"sendcloud":"s3cr3t"}}', [("ExportFailed", False)]),
    ],
)
def test_an_export_report_becomes_a_fault_or_none(report: Any, expected: list[tuple[str, bool]]) -> None:
    reported = state_from_jobs([job("export", report, failed=not report)])
    assert reasons(reported) == expected
    assert "s3cr3t" not in repr(reported)


@pytest.mark.parametrize("report", [b"", {"outcome": "failed", "error": "the target is full"}, {"id": ""}])
def test_a_backup_that_is_none_is_a_fault(report: Any) -> None:
    reported = state_from_jobs([job("backup", report, failed=not report)])
    assert reported.last_backup is not None
    assert reported.last_backup.outcome == "failed"
    assert reasons(reported) == [("BackupFailed", False)]


def test_another_command_in_a_jobs_pod_is_no_backup() -> None:
    restored = job("backup", b"", ended="2026-11-26T11:00:00Z")
    assert state_from_jobs([job("backup", BACKUP), restored]) == state_from_jobs([job("backup", BACKUP)])


def test_long_texts_and_further_lines_do_not_get_through() -> None:
    reported = state_from_jobs([job("export", {"outcome": "failed", "error": "x" * 1000 + "\nmore"})])
    assert reported.last_export is not None
    assert len(reported.last_export.message or "") == 300


def test_a_running_job_has_no_report() -> None:
    running = PodRecord(("n", "p"), 1, "t", "export", "", ready=True, waiting="", report=b"", ended="", failed=False)
    assert state_from_jobs([running]) == ReportedState()
