"""Reports of services, parsed leniently: pure.

Each service pod reports the tenant in ``/readyz?verbose``: checks, circuits, last runs, problems, notices, queues,
webhooks. Whether a pod serves, Kubernetes decides by its probe; the checks that it reports say why it does not. They
are a fault that blocks only if no other pod of the part serves, and none within the startup grace (``startup_grace``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from aftersend.run_reports import RunSummary
from aftersend.tenant.status import LastBackup, LastSweep, LastWriteBack, Queue, Webhooks
from aftersend.undecodable import UNDECODABLE
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.pods import PodRecord
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.status.newest import newest
from aftersend_operator.status.reports import (
    ExportReport,
    ReportedState,
    counts_of,
    short_text,
    state_from_export,
)
from aftersend_operator.status.startup_grace import Grace

_MAX_QUEUES: Final = 10
_CIRCUITS: Final = {"ok": 0, "suspended": 1, "refused": 2}
"""States of a circuit, the worst last."""


class SweepReport(RunSummary, frozen=True, kw_only=True):
    """The summary of a sweep, and when it ended."""

    time: str = ""


class ServiceReport(msgspec.Struct, frozen=True, rename="camel"):
    """One tenant in ``/readyz?verbose``, all parts of the process together."""

    ready: bool = False
    checks: dict[str, str] = {}
    export: ExportReport | None = None
    sweep: SweepReport | None = None
    backup: str = ""
    """``ok``, or why the last backup failed."""
    last_backup: str = ""
    last_scrape: str | None = None
    """When ``/metrics`` was read last; empty: never; None: an older version does not say."""
    last_sweep: str = ""
    last_write_back: str = ""
    circuits: dict[str, str] = {}
    """The exporter's, by upstream, from the first call on: ``ok``, ``suspended`` or ``refused``."""
    afterbuy: str = ""
    """The writer's circuit; ``ok`` proves nothing, because it starts so."""
    problems: dict[str, int] | None = None
    notices: dict[str, int] | None = None
    queues: dict[str, Queue] | None = None
    webhooks: Webhooks | None = None
    missing_keys: tuple[str, ...] = ()
    """As ``<folder>/<key>``."""
    certificate: str = ""
    """The first certificate of ``spec.webhook.tlsSecretName``, PEM."""


@dataclass(frozen=True, slots=True)
class PodReport:
    """What one pod reports; None if it did not respond, or in another shape."""

    pod: PodRecord
    report: ServiceReport | None


def parse_report(body: bytes, identity: str) -> ServiceReport | None:
    """Parse the body of ``/readyz?verbose``; None for another shape or another tenant."""
    try:
        reported = msgspec.json.decode(body, type=dict[str, dict[str, Any]])
        parts = [each for name, each in reported.items() if name == identity or name.startswith(f"{identity} ")]
        return _joined(parts) if parts else None
    except UNDECODABLE:
        return None


def _joined(parts: Sequence[dict[str, Any]]) -> ServiceReport:
    """Merge the entries of a tenant: ``<tenant>`` is shared by its parts, ``<tenant> <part>`` is one part's own."""
    maps: dict[str, dict[str, Any]] = {"checks": {}, "queues": {}, "circuits": {}}
    for part in parts:
        for name, into in maps.items():
            into.update(msgspec.convert(part.get(name) or {}, dict[str, Any]))
    facts = {name: fact for part in parts for name, fact in part.items()}
    missing = {key for part in parts for key in msgspec.convert(part.get("missingKeys") or [], list[str])}
    found = {name: found for name, found in maps.items() if found}
    return msgspec.convert({**facts, **found, "missingKeys": sorted(missing)}, ServiceReport)


def state_from_services(reports: Sequence[PodReport], grace: Grace) -> ReportedState:
    """Combine what all pods report: the newest last runs; of all else a later pod's facts replace earlier ones.

    The exporter's report holds the last write-back and sweep that its last run saw, which may be an hour old.
    """
    states = [_facts(each.report) for each in sorted(reports, key=lambda each: each.pod.version) if each.report]
    known = {
        name: value for state in states for name, value in msgspec.structs.asdict(state).items() if value is not None
    }
    return msgspec.structs.replace(
        ReportedState(**known),
        last_export=newest(*(state.last_export for state in states)),
        last_sweep=newest(*(state.last_sweep for state in states)),
        last_write_back=newest(*(state.last_write_back for state in states)),
        last_backup=newest(*(state.last_backup for state in states)),
        webhooks=_summed([state.webhooks for state in states if state.webhooks]),
        circuits=_circuits(reports),
        missing_keys=frozenset(
            name.rpartition("/")[2] for each in reports if each.report for name in each.report.missing_keys
        ),
        faults=tuple(_check_faults(reports, grace)),
    )


def _facts(report: ServiceReport) -> ReportedState:
    state = state_from_export(report.export, report.export.time) if report.export else ReportedState()
    written_back = LastWriteBack(time=report.last_write_back) if report.last_write_back else None
    facts = {
        "last_sweep": newest(state.last_sweep, _last_sweep(report)),
        "last_write_back": newest(state.last_write_back, written_back),
        "last_backup": _last_backup(report),
        "problems": None if report.problems is None else counts_of(report.problems),
        "notices": None if report.notices is None else counts_of(report.notices),
        "queues": None if report.queues is None else dict(sorted(report.queues.items())[:_MAX_QUEUES]),
        "webhooks": report.webhooks,
    }
    return msgspec.structs.replace(state, **{name: fact for name, fact in facts.items() if fact is not None})


def _last_sweep(report: ServiceReport) -> LastSweep | None:
    run = report.sweep
    if run is not None and run.outcome == "failed":
        return LastSweep(time=run.time, outcome="failed", message=short_text(run.health.message) or None)
    if run is not None:
        return LastSweep(time=run.time, outcome=run.outcome)
    return LastSweep(time=report.last_sweep, outcome="done") if report.last_sweep else None


def _last_backup(report: ServiceReport) -> LastBackup | None:
    if report.backup not in ("", "ok"):
        return LastBackup(time=report.last_backup or None, outcome="failed", message=short_text(report.backup))
    return LastBackup(time=report.last_backup, outcome="done") if report.last_backup else None


def _circuits(reports: Iterable[PodReport]) -> dict[str, str]:
    """Return the worst circuit of each upstream."""
    found = [each.report for each in reports if each.report]
    states = [*(circuit for report in found for circuit in report.circuits.items())]
    states += [("afterbuy", report.afterbuy) for report in found if report.afterbuy not in ("", "ok")]
    return dict(sorted(states, key=lambda circuit: _CIRCUITS.get(circuit[1], 0)))


def _check_faults(reports: Sequence[PodReport], grace: Grace) -> Iterable[Fault]:
    serving = {each.pod.part for each in reports if each.pod.ready}
    redis, others = set[bool](), dict[str, bool]()
    for each in reports:
        blocks = each.pod.part not in serving
        for name, what in each.report.checks.items() if each.report else ():
            if not what or not grace.counts(each.pod, name, is_needed=blocks):
                continue
            if name == "redis":
                redis.add(blocks)
            else:
                others[name] = others.get(name, False) or blocks
    if redis:
        message = "Redis is unreachable or refuses the user: check its pod and its secret"
        yield Fault(ConditionReason.REDIS_UNREACHABLE, message, blocks=any(redis))
    if others:
        message = f"a service is not ready: {', '.join(sorted(others))[:200]}"
        yield Fault(ConditionReason.WORKLOADS_UNAVAILABLE, message, blocks=any(others.values()))


def _summed(webhooks: Sequence[Webhooks]) -> Webhooks | None:
    """Add up the pods' own counts."""
    if not webhooks:
        return None
    return Webhooks(
        refused=sum(each.refused or 0 for each in webhooks),
        stored=sum(each.stored or 0 for each in webhooks),
        last_refused=max(each.last_refused or "" for each in webhooks) or None,
        last_stored=max(each.last_stored or "" for each in webhooks) or None,
    )
