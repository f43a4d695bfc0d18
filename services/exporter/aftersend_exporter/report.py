"""The end of a run: its summary, its metrics, the time of the last success, and the counters of the day."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aftersend.ledger.tenant_state import StateField, TenantState
from aftersend.observe.metrics import Metrics
from aftersend.runs import RunKind, RunSummary
from aftersend.stream.event import rfc3339
from aftersend.tenant.cron import due_between
from aftersend_exporter.context import ExportContext
from aftersend_exporter.order_checks import check_tags
from aftersend_exporter.run_stats import RunStats

_SUCCESS: Final[Mapping[RunKind, StateField]] = {"export": "success.export", "sweep": "success.sweep"}


async def finish_run(context: ExportContext, stats: RunStats, *, started: datetime, keep: bool) -> RunSummary:
    """Return the summary; ``keep`` is False for a dry run, which leaves neither metrics nor a success."""
    counts = await context.ledger.counts()
    for code, count in counts.items():
        context.metrics.problems.labels(context.tenant.identity, code).set(count)
    notices = await context.ledger.notice_counts()
    for notice, count in notices.items():
        context.metrics.notices.labels(context.tenant.identity, notice).set(count)
    summary = stats.summary(
        seconds=(context.now() - started).total_seconds(),
        problems={code: count for code, count in counts.items() if count},
        notices={code: count for code, count in notices.items() if count},
        last_write_back=_timestamp(await context.state.get("success.writeback")),
        last_backup=_timestamp(await context.state.get("success.backup")),
        last_sweep=_timestamp(await context.state.get("success.sweep")),
    )
    if keep:
        context.metrics.runs.labels(context.tenant.identity, stats.kind, summary.outcome).inc()
        context.metrics.run_seconds.labels(context.tenant.identity, stats.kind).set(summary.seconds)
        await _count_run(context, summary, started=started)
        await check_tags(context)
    log_counts(context, stats)
    context.log.info(
        "run_finished",
        run=summary.run,
        kind=summary.kind,
        outcome=summary.outcome,
        read=summary.read,
        sent=summary.sent,
        seconds=summary.seconds,
        note=summary.health.message,
    )
    return summary


def log_counts(context: ExportContext, stats: RunStats) -> None:
    """Log what the run counted, by result and reason, with the first OrderIDs: most of it is in no ledger entry."""
    for (outcome, reason), counted in stats.counted.items():
        context.log.info(
            "run_counted",
            run=stats.run,
            kind=stats.kind,
            outcome=outcome,
            reason=reason,
            count=counted.count,
            orders=counted.orders,
        )


async def show_last_successes(state: TenantState, metrics: Metrics, *, tenant: str) -> None:
    """Set the metrics of the last successes after a start: earlier processes had them."""
    for kind, name in _SUCCESS.items():
        ms = await state.get(name)
        if ms:
            metrics.last_success.labels(tenant, kind).set(int(ms) / 1000)


async def _count_run(context: ExportContext, summary: RunSummary, *, started: datetime) -> None:
    """Store a success, then count the run: what dies in between is counted too little, never twice."""
    counts = {f"{summary.kind}.{summary.outcome}": 1}
    if summary.outcome != "failed":
        missed = await _missed(context, summary.kind, started=started)
        await _store_success(context, summary.kind)
        counts |= {f"{summary.kind}.missed": missed} if missed else {}
    await context.ledger.days.add(counts)


async def _missed(context: ExportContext, kind: RunKind, *, started: datetime) -> int:
    """Count the due times since the last success, or since runs are expected, that this run makes up for."""
    spec = context.tenant.spec
    schedule = spec.export.schedule if kind == "export" else spec.sweep.schedule
    moments = [await context.state.moment(_SUCCESS[kind]), await context.state.moment("quiet")]
    since = max((moment for moment in moments if moment), default=started)
    return max(due_between(schedule, after=since, until=started, zone=context.zone) - 1, 0)


async def _store_success(context: ExportContext, kind: RunKind) -> None:
    now = context.now_ms()
    await context.state.set(_SUCCESS[kind], str(now))
    context.metrics.last_success.labels(context.tenant.identity, kind).set(now / 1000)


def _timestamp(ms: str | None) -> str:
    return rfc3339(int(ms) / 1000) if ms and ms.isdecimal() else ""
