"""The end of a run: the summary for whoever waits, the figures for the metrics, the time of the last success."""

from datetime import datetime

from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.metrics import Metrics
from aftersend.runs import Kind, RunSummary
from aftersend.stream.event import rfc3339
from aftersend_exporter.context import Desk
from aftersend_exporter.run_stats import Tally


async def conclude(desk: Desk, tally: Tally, *, started: datetime, keep: bool) -> RunSummary:
    """Judge the run; ``keep`` is False if it must not leave traces (a dry run)."""
    counts = await desk.ledger.counts()
    for code, count in counts.items():
        desk.metrics.problems.labels(desk.tenant.identity, code).set(count)
    summary = tally.summary(
        seconds=(desk.now() - started).total_seconds(),
        problems={code: count for code, count in counts.items() if count},
        last_write_back=_moment(await desk.state.get("success.writeback")),
        last_backup=_moment(await desk.state.get("success.backup")),
        last_sweep=_moment(await desk.state.get("success.sweep")),
    )
    if keep:
        desk.metrics.runs.labels(desk.tenant.identity, tally.kind, summary.outcome).inc()
        desk.metrics.run_seconds.labels(desk.tenant.identity, tally.kind).set(summary.seconds)
    if keep and summary.outcome != "failed":
        await _succeeded(desk, tally.kind)
    desk.log.info(
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


async def remember_successes(state: TenantState, metrics: Metrics, *, tenant: str) -> None:
    """After a start, show the last successes of earlier processes, too."""
    kinds: tuple[Kind, ...] = ("export", "sweep")
    for kind in kinds:
        ms = await state.get("success.export" if kind == "export" else "success.sweep")
        if ms:
            metrics.last_success.labels(tenant, kind).set(int(ms) / 1000)


async def _succeeded(desk: Desk, kind: Kind) -> None:
    now = desk.now_ms()
    await desk.state.set("success.export" if kind == "export" else "success.sweep", str(now))
    desk.metrics.last_success.labels(desk.tenant.identity, kind).set(now / 1000)


def _moment(ms: str | None) -> str:
    return rfc3339(int(ms) / 1000) if ms and ms.isdecimal() else ""
