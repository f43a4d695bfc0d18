"""One export, from beginning to end.

    integration ──> confirm what was accepted earlier ──> window ──> follow-up by OrderID ──> send the rest
                                                          page by page: decide, map, compare, push in hundreds

Every step writes down what it did before the next one builds on it, so a run may die anywhere: the next one finds
what is unfinished in the ledger, and what was not even read within its window, because that reaches back to the
*start* of the last run that read everything. Trouble with one side never ends the run; it is counted, and what can be
done is done.

A run for named orders (``orders``) reads just these and leaves the rest alone. A dry run reads and decides; it
neither sends nor stores anything.
"""

from datetime import datetime

from aftersend.errors import AftersendError
from aftersend.observe.traces import span
from aftersend.runs import RunRequest, RunSummary
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.confirm import confirm
from aftersend_exporter.export.existing_labels import all_labelled
from aftersend_exporter.export.integration import integration_id
from aftersend_exporter.export.page_processor import PageProcessor
from aftersend_exporter.export.push import Pusher
from aftersend_exporter.export.recheck import recheck, recheck_known_orders
from aftersend_exporter.report import finish_run
from aftersend_exporter.rules.window import period
from aftersend_exporter.run_stats import RunStats


async def export(context: ExportContext, request: RunRequest, *, run: str) -> tuple[RunStats, RunSummary]:
    """Do it, and tell what came of it. Raises only for our own Redis, and if the lease is lost."""
    stats = RunStats(run=run, kind="export", lines=[] if request.dry_run else None)
    started = context.now()
    with span("export", run=run, run_kind="export") as trace:
        try:
            await _work(context, stats, request, started=started)
        except AftersendError as error:
            stats.record_error(error)
            stats.everything_read = False
        await context.check_lease()
        summary = await finish_run(context, stats, started=started, keep=not request.dry_run)
        trace.set(outcome=summary.outcome, count=summary.read)
    if stats.everything_read and summary.outcome != "failed" and not (request.dry_run or request.orders):
        await context.state.set("export.start", str(int(started.timestamp() * 1000)))
    return stats, summary


async def _work(context: ExportContext, stats: RunStats, request: RunRequest, *, started: datetime) -> None:
    integration = await integration_id(
        context.tenant.spec.sendcloud.integration,
        sendcloud=context.sendcloud,
        state=context.state,
        pin=not request.dry_run,
    )
    pusher = Pusher(context, stats)
    processor = PageProcessor(
        context,
        stats,
        pusher,
        integration=integration,
        dry_run=request.dry_run,
        resend_refused=bool(request.orders),
        labelled=frozenset(await all_labelled(context)) if await context.state.recovering() else frozenset(),
    )
    if request.orders:
        await recheck(processor, list(request.orders))
    else:
        if not request.dry_run:
            await confirm(context, stats, integration=integration)
        await _window(processor, started=started)
        await recheck_known_orders(processor)
    await pusher.flush()


async def _window(processor: PageProcessor, *, started: datetime) -> None:
    """Read the window; what was read before trouble came is worked off all the same."""
    context, stats = processor.context, processor.stats
    rules = context.tenant.spec.export.window
    asked = period(now=started, zone=context.zone, rules=rules, last_start=await context.state.moment("export.start"))
    stats.start, stats.end = asked.start, asked.end
    if asked.is_empty:
        return
    try:
        async for page in context.afterbuy.orders_between(asked.start, asked.end, date_field=rules.date_field):
            await processor.process(page)
    except AftersendError as error:
        stats.record_error(error)
        stats.everything_read = False
