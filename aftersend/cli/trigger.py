"""``aftersend trigger export|sweep``: ask for a run, and wait for what came of it if you like."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aftersend.cli.exit_codes import FAILED, OK, TIMED_OUT, run
from aftersend.cli.jitter import wait_for_start
from aftersend.cli.options import AsJson, DataDir, Jitter, ReportFile, TenantFile
from aftersend.cli.output import show_json, show_table, show_text
from aftersend.cli.report import Report

if TYPE_CHECKING:
    from aftersend.runs import RunRequest, RunSummary


def trigger(
    kind: Annotated[Literal["export", "sweep"], typer.Argument(help="What to run.")],
    *,
    file: TenantFile = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the result; exit 1 failed, 3 timed out.")] = False,
    timeout: Annotated[float, typer.Option(help="Longest wait in seconds.", min=0, metavar="S")] = 300,
    order: Annotated[
        list[str] | None, typer.Option(help="Only this OrderID, whatever the window; repeatable.", metavar="ID")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and decide, send nothing; implies --wait.")] = False,
    jitter: Jitter = False,
    report: ReportFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Ask the exporter for a run."""
    from aftersend.order_ids import is_order_id
    from aftersend.runs import RunRequest

    if kind == "sweep" and (order or dry_run):
        raise typer.BadParameter("--order and --dry-run belong to exports")
    for wrong in [text for text in order or () if not is_order_id(text)]:
        raise typer.BadParameter(f"{wrong!r}: an OrderID is digits, as Afterbuy shows it", param_hint="--order")
    request = RunRequest(kind=kind, orders=tuple(order or ()), dry_run=dry_run)
    told = Report(report)
    patience = timeout if wait or dry_run else None
    work = _trigger(request, file, data_dir, patience, told, jitter=jitter, as_json=as_json)
    run(work, failed=told.failed, sends_events=True)


async def _trigger(
    request: "RunRequest",
    file: Path | None,
    data_dir: Path,
    patience: float | None,
    report: Report,
    *,
    jitter: bool,
    as_json: bool,
) -> int:
    from aftersend import runs
    from aftersend.cli.tenant_context import tenant_session

    async with tenant_session(file, data_dir) as tenant:
        if jitter:
            await wait_for_start(tenant.identity, request.kind)
        name = await runs.publish(tenant.stream("runs"), request, source="cron" if jitter else "cli")
        if patience is None:
            asked = {"run": name, "kind": request.kind}
            report.tell(asked)
            show_json(asked) if as_json else show_text(f"{request.kind} {name} requested")
            return OK
        summary = await runs.wait_for(tenant.redis, tenant=tenant.identity, run=name, timeout=patience)
    if summary is None:
        report.failed(
            f"no result within {patience:g} s: does an exporter run for {tenant.identity}? The request stays queued"
        )
        return TIMED_OUT
    report.tell(summary)
    show_json(summary) if as_json else _show(summary)
    return FAILED if summary.outcome == "failed" else OK


def _show(summary: "RunSummary") -> None:
    skipped = "".join(f", {count} {reason}" for reason, count in sorted(summary.skipped.items()))
    show_text(f"{summary.kind} {summary.outcome} in {summary.seconds:.1f} s ({summary.run})")
    if summary.from_ and summary.to:
        show_text(f"  window   {summary.from_} … {summary.to}")
    show_text(f"  read     {summary.read}")
    show_text(f"  sent     {summary.sent}, unchanged {summary.unchanged}, rejected {summary.rejected}")
    show_text(f"  skipped  {sum(summary.skipped.values())}{skipped}")
    show_text(f"  watched  {summary.watched}")
    for side in ("afterbuy", "sendcloud"):
        if getattr(summary.health, side) == "refused":
            show_text(f"  note     {side} refuses the credentials or the settings: see `aftersend check`")
    if summary.health.message:
        show_text(f"  note     {summary.health.message}")
    if isinstance(summary.orders, tuple):
        rows = [(line.order, line.decision, line.reason) for line in summary.orders]
        show_table(("order", "decision", "reason"), rows, empty="no orders in the window")
