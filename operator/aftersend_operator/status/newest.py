"""The newest of what jobs and services report and of what the status holds already: pure.

A job leaves one report an hour; a service reports once a minute, and forgets its last run when it restarts. So the
newest run decides, and one that the status holds already is not replaced by an older report.
"""

from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from aftersend.tenant.status import LastBackup, LastExport, LastSweep, LastWriteBack, Status
from aftersend_operator.status.reports import ReportedState, run_faults

_Last = TypeVar("_Last", LastExport, LastSweep, LastWriteBack, LastBackup)
_SAME_BACKUP_SECONDS: Final = 1800.0
"""The longest that a backup job runs."""
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def newest_state(before: Status, jobs: ReportedState, services: ReportedState) -> ReportedState:
    """Combine both; where a service reports the circuit of an upstream, the last run's view of it is stale."""
    export = newest(before.last_export, jobs.last_export, services.last_export)
    backup = _newest_backup(newest(before.last_backup, jobs.last_backup), services.last_backup)
    reporter = next((state for state in (services, jobs) if export and state.last_export is export), ReportedState())
    return msgspec.structs.replace(
        services,
        last_export=export,
        last_sweep=newest(before.last_sweep, jobs.last_sweep, services.last_sweep),
        last_write_back=newest(before.last_write_back, jobs.last_write_back, services.last_write_back),
        last_backup=backup,
        problems=reporter.problems if services.problems is None else services.problems,
        notices=reporter.notices if services.notices is None else services.notices,
        faults=(*services.faults, *run_faults(export, backup)),
        seen_by_run={side: state for side, state in reporter.seen_by_run.items() if side not in services.circuits},
    )


def _newest_backup(known: LastBackup | None, service: LastBackup | None) -> LastBackup | None:
    """Keep the report of a job, which has more fields, if the service means the same backup."""
    if known is not None and service is not None and known.outcome == service.outcome == "done" and known.id:
        between = abs((_at(service.time) - _at(known.time)).total_seconds())
        return known if between < _SAME_BACKUP_SECONDS else newest(known, service)
    return newest(known, service)


def newest(*found: _Last | None) -> _Last | None:
    """Return the latest; of equal times the last one."""
    latest: _Last | None = None
    for each in found:
        if each is not None and (latest is None or _at(each.time) >= _at(latest.time)):
            latest = each
    return latest


def _at(time: str | None) -> datetime:
    try:
        parsed = datetime.fromisoformat(time or "")
    except ValueError:
        return _LONG_AGO
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
