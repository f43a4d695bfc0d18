"""The end of a run: its summary, its metrics, and the time of the last success."""

from datetime import datetime

from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.metrics import Metrics
from aftersend.runs import RunKind, RunSummary
from aftersend.stream.event import rfc3339
from aftersend_exporter.context import ExportContext
from aftersend_exporter.run_stats import RunStats


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
    if keep and summary.outcome != "failed":
        await _store_success(context, stats.kind)
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
    kinds: tuple[RunKind, ...] = ("export", "sweep")
    for kind in kinds:
        ms = await state.get("success.export" if kind == "export" else "success.sweep")
        if ms:
            metrics.last_success.labels(tenant, kind).set(int(ms) / 1000)


async def _store_success(context: ExportContext, kind: RunKind) -> None:
    now = context.now_ms()
    await context.state.set("success.export" if kind == "export" else "success.sweep", str(now))
    context.metrics.last_success.labels(context.tenant.identity, kind).set(now / 1000)


def _timestamp(ms: str | None) -> str:
    return rfc3339(int(ms) / 1000) if ms and ms.isdecimal() else ""
