"""Reports of jobs, parsed leniently: pure.

A job leaves its report as the container's termination message: the output of ``trigger --json`` or ``backup --json``.
Services report the same and more in ``/readyz?verbose`` (``service_reports``). Only counts, times, enumerated words and
short texts are taken; anything of another shape is ignored.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from aftersend.run_reports import RunKind, RunSummary
from aftersend.tenant.document import Tenant
from aftersend.tenant.status import LastBackup, LastExport, LastSweep, LastWriteBack, Queue, Webhooks
from aftersend.undecodable import UNDECODABLE
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.naming import namespace_of
from aftersend_operator.model.pods import PodRecord
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.status.secret_commands import set_keys

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
    notices: dict[str, int] | None = None
    queues: dict[str, Queue] | None = None
    webhooks: Webhooks | None = None
    missing_keys: frozenset[str] = frozenset()
    """Keys of the merchant's secrets that the services need and do not find."""
    faults: tuple[Fault, ...] = ()
    """Of checks only: the last runs and the upstreams become faults when all reports are known (``newest``)."""
    circuits: dict[str, str] = {}
    """The worst circuit of each upstream that services report: ``ok``, ``suspended`` or ``refused``."""
    seen_by_run: dict[str, str] = {}
    """What the last export saw of each upstream: ``ok``, ``unavailable``, ``refused`` or ``unknown``."""


def state_from_jobs(pods: Iterable[PodRecord]) -> ReportedState:
    """Parse the reports of the newest export and the newest backup.

    A job that succeeded without a report was neither: another command ran in a job's pod, such as a restore. One that
    was taken away without a report says nothing: the exporter works off what it asked for.
    """
    reporting = (pod for pod in pods if pod.ended and (pod.report or (pod.failed and not _is_taken_away(pod))))
    ended = sorted(reporting, key=lambda pod: pod.ended)
    newest = {pod.part: pod for pod in ended}
    reported = (
        state_from_export(_export_report(newest["export"]), newest["export"].ended)
        if "export" in newest
        else ReportedState()
    )
    if "backup" in newest:
        backup = last_backup(_backup_report(newest["backup"]), newest["backup"].ended)
        reported = msgspec.structs.replace(reported, last_backup=backup)
    return reported


def _is_taken_away(pod: PodRecord) -> bool:
    """Return whether a node or the next job ended it."""
    return pod.disrupted or pod.deleting


def state_from_export(report: ExportReport, ended: str) -> ReportedState:
    """Map a run's report to the fields of the status."""
    health = report.health
    message = short_text(report.error or health.message)
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
        problems=counts_of(health.problems),
        notices=counts_of(health.notices),
        seen_by_run={"afterbuy": health.afterbuy, "sendcloud": health.sendcloud},
    )


def counts_of(counts: Mapping[str, int]) -> dict[str, int]:
    """Return what the status has room for; zeros are left out."""
    return dict(sorted((code[:64], count) for code, count in counts.items() if count > 0)[:30])


def last_backup(report: BackupReport, ended: str) -> LastBackup:
    """Map a backup's report to its field of the status."""
    if report.outcome == "failed" or not report.id:
        return LastBackup(time=ended, outcome="failed", message=short_text(report.error) or _NO_REPORT)
    return LastBackup(
        time=report.time or ended,
        outcome="done",
        id=report.id[:128],
        keys=report.keys,
        bytes=report.bytes,
        verified=report.verified,
    )


def upstream_faults(upstreams: Mapping[str, str], tenant: Tenant) -> Iterable[Fault]:
    """Derive faults from the states of both upstreams: ``refused``, ``unavailable`` (of a run), ``suspended``."""
    spec = tenant.spec
    secrets = {"afterbuy": spec.afterbuy.credentials.secret_name, "sendcloud": spec.sendcloud.credentials.secret_name}
    keys = {"afterbuy": ("partnerToken", "accountToken"), "sendcloud": ("publicKey", "secretKey")}
    for side, state in sorted(upstreams.items()):
        name = side.capitalize()
        if state == "refused" and side in secrets:
            command = set_keys(namespace_of(tenant), secrets[side], keys[side])
            cure = f"correct {', '.join(keys[side])} in secret {secrets[side]}, nothing has to be restarted: {command}"
            yield Fault(ConditionReason.CREDENTIALS_REFUSED, f"{name} refuses the credentials: {cure}")
        elif state in ("unavailable", "suspended"):
            message = f"{name} did not respond: nothing has to be done, calls are tried again by themselves"
            yield Fault(ConditionReason.UPSTREAM_UNAVAILABLE, message, blocks=False)


def run_faults(export: LastExport | None, backup: LastBackup | None) -> Iterable[Fault]:
    """Derive faults from the last runs, reported by a job or by a service."""
    if export is not None and export.outcome == "failed":
        message = f"the last export failed: {export.message or 'see the log of the exporter'}"
        yield Fault(ConditionReason.EXPORT_FAILED, message, blocks=False)
    if backup is not None and backup.outcome == "failed":
        yield Fault(ConditionReason.BACKUP_FAILED, f"the last backup failed: {backup.message}", blocks=False)


def _export_report(pod: PodRecord) -> ExportReport:
    try:
        return msgspec.json.decode(pod.report, type=ExportReport)
    except UNDECODABLE:
        return ExportReport(outcome="failed", error=_NO_REPORT)


def _backup_report(pod: PodRecord) -> BackupReport:
    try:
        return msgspec.json.decode(pod.report, type=BackupReport)
    except UNDECODABLE:
        return BackupReport(outcome="failed", error=_NO_REPORT)


def short_text(text: str) -> str:
    """Return the first line, cut to what a message may hold."""
    first = text.partition("\n")[0]
    return first if len(first) <= _MAX_CHARS else f"{first[: _MAX_CHARS - 1]}…"
