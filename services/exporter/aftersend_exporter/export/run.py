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
from aftersend_exporter.context import Desk
from aftersend_exporter.export.confirm import confirm
from aftersend_exporter.export.existing_labels import all_labelled
from aftersend_exporter.export.integration import integration_id
from aftersend_exporter.export.page_processor import PageWorker
from aftersend_exporter.export.push import Pusher
from aftersend_exporter.export.recheck import follow_up, read_again
from aftersend_exporter.report import conclude
from aftersend_exporter.rules.window import period
from aftersend_exporter.run_stats import Tally


async def export(desk: Desk, request: RunRequest, *, run: str) -> tuple[Tally, RunSummary]:
    """Do it, and tell what came of it. Raises only for our own Redis, and if the lease is lost."""
    tally = Tally(run=run, kind="export", lines=[] if request.dry_run else None)
    started = desk.now()
    with span("export", run=run, run_kind="export") as trace:
        try:
            await _work(desk, tally, request, started=started)
        except AftersendError as error:
            tally.trouble(error)
            tally.everything_read = False
        await desk.still_ours()
        summary = await conclude(desk, tally, started=started, keep=not request.dry_run)
        trace.set(outcome=summary.outcome, count=summary.read)
    if tally.everything_read and summary.outcome != "failed" and not (request.dry_run or request.orders):
        await desk.state.set("export.start", str(int(started.timestamp() * 1000)))
    return tally, summary


async def _work(desk: Desk, tally: Tally, request: RunRequest, *, started: datetime) -> None:
    integration = await integration_id(
        desk.tenant.spec.sendcloud.integration, sendcloud=desk.sendcloud, state=desk.state, pin=not request.dry_run
    )
    pusher = Pusher(desk, tally)
    worker = PageWorker(
        desk,
        tally,
        pusher,
        integration=integration,
        dry=request.dry_run,
        insist=bool(request.orders),
        labelled=frozenset(await all_labelled(desk)) if await desk.state.recovering() else frozenset(),
    )
    if request.orders:
        await read_again(worker, list(request.orders))
    else:
        if not request.dry_run:
            await confirm(desk, tally, integration=integration)
        await _window(worker, started=started)
        await follow_up(worker)
    await pusher.flush()


async def _window(worker: PageWorker, *, started: datetime) -> None:
    """Read the window; what was read before trouble came is worked off all the same."""
    desk, tally = worker.desk, worker.tally
    rules = desk.tenant.spec.export.window
    asked = period(now=started, zone=desk.zone, rules=rules, last_start=await desk.state.moment("export.start"))
    tally.start, tally.end = asked.start, asked.end
    if asked.is_empty:
        return
    try:
        async for page in desk.afterbuy.orders_between(asked.start, asked.end, date_field=rules.date_field):
            await worker.work(page)
    except AftersendError as error:
        tally.trouble(error)
        tally.everything_read = False
