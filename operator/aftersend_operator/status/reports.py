"""Reports of jobs and services, parsed leniently: pure.

A job leaves its report as the container's termination message: the output of ``trigger --json`` or ``backup --json``.
The one process of the compact topology reports the same in ``/readyz?verbose``. Only counts, times, enumerated words
and short texts are taken from them; anything of another shape is ignored.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from aftersend.runs import RunKind, RunSummary
from aftersend.tenant.status import LastBackup, LastExport, LastSweep, LastWriteBack
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import PodRecord

_MAX_CHARS: Final = 300
_NO_REPORT: Final = "the job left no report: see its pod's events and log"


class ExportReport(RunSummary, frozen=True, kw_only=True):
    """The summary of an export as a job or a service reports it: after a failure only ``outcome`` and ``error``."""

    run: str = ""
    kind: RunKind = "export"
    error: str = ""
    time: str = ""
    """``/readyz?verbose`` only: when the run ended, RFC 3339."""


class BackupReport(msgspec.Struct, frozen=True):
    """The report of a backup job."""

    id: str = ""
    time: str = ""
    keys: int = 0
    bytes: int = 0
    verified: bool = False
    outcome: str = ""
    error: str = ""


class ReportedState(msgspec.Struct, frozen=True):
    """The newest reports of a tenant, and their faults."""

    last_export: LastExport | None = None
    last_sweep: LastSweep | None = None
    last_write_back: LastWriteBack | None = None
    last_backup: LastBackup | None = None
    problems: dict[str, int] | None = None
    faults: tuple[Fault, ...] = ()


def state_from_jobs(pods: Iterable[PodRecord]) -> ReportedState:
    """Parse the reports of the newest export and the newest backup.

    A job that succeeded without a report was neither: another command ran in a job's pod, such as a restore.
    """
    ended = sorted((pod for pod in pods if pod.ended and (pod.report or pod.failed)), key=lambda pod: pod.ended)
    newest = {pod.part: pod for pod in ended}
    reported = (
        state_from_export(_export_report(newest["export"]), newest["export"].ended)
        if "export" in newest
        else ReportedState()
    )
    if "backup" in newest:
        backup = last_backup(_backup_report(newest["backup"]), newest["backup"].ended)
        reported = msgspec.structs.replace(
            reported, last_backup=backup, faults=(*reported.faults, *_backup_faults(backup))
        )
    return reported


def state_from_export(report: ExportReport, ended: str) -> ReportedState:
    """Map a run's report to the fields of the status."""
    health = report.health
    message = _short(report.error or health.message)
    return ReportedState(
        last_export=LastExport(
            time=ended,
            outcome=report.outcome,
            run=report.run[:128] or None,
            read=report.read,
            sent=report.sent,
            unchanged=report.unchanged,
            skipped=sum(report.skipped.values()),
            rejected=report.rejected,
            watched=report.watched,
            seconds=min(max(report.seconds, 0.0), 86400.0),
            message=message or None,
        ),
        last_sweep=LastSweep(time=health.last_sweep, outcome="done") if health.last_sweep else None,
        last_write_back=LastWriteBack(time=health.last_write_back) if health.last_write_back else None,
        problems=dict(sorted(health.problems.items())[:30]),
        faults=tuple(_export_faults(report, message)),
    )


def last_backup(report: BackupReport, ended: str) -> LastBackup:
    """Map a backup's report to its field of the status."""
    if report.outcome == "failed" or not report.id:
        return LastBackup(time=ended, outcome="failed", message=_short(report.error) or _NO_REPORT)
    return LastBackup(
        time=report.time or ended,
        outcome="done",
        id=report.id[:128],
        keys=report.keys,
        bytes=report.bytes,
        verified=report.verified,
    )


def _export_faults(report: ExportReport, message: str) -> Iterable[Fault]:
    sides = {"Afterbuy": report.health.afterbuy, "Sendcloud": report.health.sendcloud}
    for side, state in sides.items():
        if state == "refused":
            cure = (
                f"{side} refuses the credentials: correct the keys in the tenant's secret, nothing has to be restarted"
            )
            yield Fault(ConditionReason.CREDENTIALS_REFUSED, cure)
        elif state == "unavailable":
            yield Fault(ConditionReason.UPSTREAM_UNAVAILABLE, f"{side} did not respond in the last run", blocks=False)
    if report.outcome == "failed":
        yield Fault(
            ConditionReason.EXPORT_FAILED, f"the last export failed: {message or 'see the exporter log'}", blocks=False
        )


def _backup_faults(backup: LastBackup) -> Iterable[Fault]:
    if backup.outcome == "failed":
        yield Fault(ConditionReason.BACKUP_FAILED, f"the last backup failed: {backup.message}", blocks=False)


def _export_report(pod: PodRecord) -> ExportReport:
    try:
        return msgspec.json.decode(pod.report, type=ExportReport)
    except msgspec.MsgspecError:
        return ExportReport(outcome="failed", error=_NO_REPORT)


def _backup_report(pod: PodRecord) -> BackupReport:
    try:
        return msgspec.json.decode(pod.report, type=BackupReport)
    except msgspec.MsgspecError:
        return BackupReport(outcome="failed", error=_NO_REPORT)


def _short(text: str) -> str:
    first = text.partition("\n")[0]
    return first if len(first) <= _MAX_CHARS else f"{first[: _MAX_CHARS - 1]}…"


class _Service(msgspec.Struct, frozen=True, rename="camel"):
    """One tenant in ``/readyz?verbose``, all parts of its process together."""

    ready: bool = False
    checks: dict[str, str] = {}
    export: ExportReport | None = None
    backup: str = ""
    """``ok``, or why the last backup failed."""
    last_backup: str = ""
    last_write_back: str = ""


def state_from_readyz(body: bytes, identity: str) -> ReportedState:
    """Parse what a process reports of the tenant in ``/readyz?verbose``."""
    try:
        service = _joined(msgspec.json.decode(body, type=dict[str, dict[str, Any]]), identity)
    except msgspec.MsgspecError:
        return ReportedState()
    reported = state_from_export(service.export, service.export.time) if service.export else ReportedState()
    faults = (*reported.faults, *_check_faults(service.checks))
    if service.last_backup:
        reported = msgspec.structs.replace(reported, last_backup=LastBackup(time=service.last_backup, outcome="done"))
    if service.backup not in ("", "ok"):
        failed = LastBackup(outcome="failed", message=_short(service.backup))
        faults = (*faults, *_backup_faults(failed))
    if service.last_write_back:
        reported = msgspec.structs.replace(reported, last_write_back=LastWriteBack(time=service.last_write_back))
    return msgspec.structs.replace(reported, faults=faults)


def _joined(reported: dict[str, dict[str, Any]], identity: str) -> _Service:
    """Merge the entries of a tenant: ``<tenant>`` is shared by its parts, ``<tenant> <part>`` is one part's own."""
    parts = [each for name, each in reported.items() if name == identity or name.startswith(f"{identity} ")]
    checks = {name: what for each in parts for name, what in msgspec.convert(each, _Service).checks.items()}
    facts = {name: fact for each in parts for name, fact in each.items()}
    return msgspec.convert({**facts, "checks": checks}, _Service)


def _check_faults(checks: dict[str, str]) -> Iterable[Fault]:
    if checks.get("redis"):
        yield Fault(
            ConditionReason.REDIS_UNREACHABLE, "Redis is unreachable or refuses the user: check its pod and its secret"
        )
    others = sorted(name for name, what in checks.items() if what and name != "redis")
    if others:
        yield Fault(ConditionReason.WORKLOADS_UNAVAILABLE, f"a service is not ready: {', '.join(others)[:200]}")
