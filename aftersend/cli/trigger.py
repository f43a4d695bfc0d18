"""``aftersend trigger export|sweep``: publish the request of a run, and wait for its result if wanted.

A command that waits goes on trying while Redis is away, until its time is over: a run that is asked for during an
outage is served after it.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import typer

from aftersend import runs
from aftersend.cli.exit_codes import FAILED, OK, TIMED_OUT
from aftersend.cli.jitter import wait_for_start
from aftersend.cli.output import show_json, show_table, show_text
from aftersend.cli.redis_wait import while_redis_is_away
from aftersend.cli.report import Report
from aftersend.cli.tenant_context import tenant_session
from aftersend.order_ids import is_order_id


def run_request(kind: runs.RunKind, orders: Sequence[str], *, dry_run: bool) -> runs.RunRequest:
    """Build the request; raise ``BadParameter`` for options that do not fit together and for what is no OrderID."""
    if kind == "sweep" and (orders or dry_run):
        raise typer.BadParameter("--order and --dry-run belong to exports")
    for wrong in [text for text in orders if not is_order_id(text)]:
        raise typer.BadParameter(f"{wrong!r}: an OrderID is digits, as Afterbuy shows it", param_hint="--order")
    return runs.RunRequest(kind=kind, orders=tuple(orders), dry_run=dry_run)


async def trigger(
    request: runs.RunRequest,
    file: Path | None,
    data_dir: Path,
    wait_seconds: float | None,
    report: Report,
    *,
    jitter: bool,
    as_json: bool,
) -> int:
    """Publish the request and print the result of the run; without ``wait_seconds`` only the name of the run."""
    async with tenant_session(file, data_dir) as tenant:
        if jitter:
            await wait_for_start(tenant.identity, request.kind)
        deadline = asyncio.get_running_loop().time() + (wait_seconds or 0.0)
        publish = partial(runs.publish, tenant.stream("runs"), request, source="cron" if jitter else "cli")
        name = await while_redis_is_away(publish, deadline=deadline)  # equal requests coalesce
        if wait_seconds is None:
            asked = {"run": name, "kind": request.kind}
            report.write(asked)
            show_json(asked) if as_json else show_text(f"{request.kind} {name} requested")
            return OK
        left = deadline - asyncio.get_running_loop().time()
        summary = await runs.wait_for(tenant.redis, tenant=tenant.identity, run=name, timeout=left)
    if summary is None:
        report.write_failure(
            f"no result within {wait_seconds:g} s: does an exporter run for {tenant.identity}? The request stays queued"
        )
        return TIMED_OUT
    report.write(summary)
    show_json(summary) if as_json else _show(summary)
    return FAILED if summary.outcome == "failed" else OK


def _show(summary: runs.RunSummary) -> None:
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
