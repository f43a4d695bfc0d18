"""One export, from beginning to end.

    integration ──> confirm what was accepted earlier ──> window ──> second look ──> recheck by OrderID ──> push
                                                          page by page: decide, map, compare, push in hundreds,
                                                          while the window's next page is being read
                                                          at the end: resend some of what was refused earlier

Every step stores what it did before the next one builds on it, so a run may die anywhere: the next one finds what is
unfinished in the ledger, and what was not even read within its window, because that reaches back to the *start* of the
last run that read everything, or by its second look, which begins where that one stopped. An error of one upstream
never ends the run: it is recorded, and the rest is done.

A run for named orders (``orders``) reads just these. A dry run reads and decides; it neither sends nor stores anything.
"""

from contextlib import aclosing
from datetime import datetime

from aftersend.errors import AftersendError
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import one_ahead
from aftersend.observe.traces import span
from aftersend.runs import RunRequest, RunSummary
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.actions import OrderActions
from aftersend_exporter.export.confirm import confirm
from aftersend_exporter.export.existing_labels import all_labelled
from aftersend_exporter.export.look_up import LookUp
from aftersend_exporter.export.page_processor import PageProcessor
from aftersend_exporter.export.push import Pusher
from aftersend_exporter.export.recheck import recheck, recheck_known_orders
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.export.resend import Resender
from aftersend_exporter.export.second_look import SecondLook, second_look
from aftersend_exporter.integration import integration_id
from aftersend_exporter.report import finish_run
from aftersend_exporter.rules.window import period
from aftersend_exporter.run_stats import RunStats


async def export(context: ExportContext, request: RunRequest, *, run: str) -> tuple[RunStats, RunSummary]:
    """Run one export and return its summary. Raises only for our own Redis, and if the lease is lost."""
    stats = RunStats(run=run, kind="export", decisions=[] if request.dry_run else None)
    started, context, look = context.now(), context.repeating_calls(), None
    with span("export", run=run, run_kind="export") as trace:
        try:
            look = await _work(RunRecorder(context, stats, dry_run=request.dry_run), request, started=started)
        except AftersendError as error:
            stats.record_error(error)
            stats.window_read = stats.everything_read = False
        await context.check_lease()
        summary = await finish_run(context, stats, started=started, keep=not request.dry_run)
        trace.set(outcome=summary.outcome, count=summary.read)
    if look is not None and stats.is_complete and not request.dry_run:
        await _store_progress(context.state, look, started=started)
    return stats, summary


async def _store_progress(state: TenantState, look: SecondLook, *, started: datetime) -> None:
    """Let the next run begin where this one did; the start of the run comes last, so that no other fact lacks."""
    for name, value in look.facts():
        await state.set(name, value)
    await state.set("export.start", str(int(started.timestamp() * 1000)))


async def _work(recorder: RunRecorder, request: RunRequest, *, started: datetime) -> SecondLook | None:
    """Do the work of a run; return its second look, if it is a run of the window."""
    context = recorder.context
    integration = await integration_id(
        context.tenant.spec.sendcloud.integration,
        sendcloud=context.sendcloud,
        state=context.state,
        pin=not request.dry_run,
    )
    pusher, look_up = Pusher(context, recorder), LookUp(context, recorder, integration)
    resender = Resender(recorder, pusher, look_up)
    processor = PageProcessor(
        context,
        recorder,
        OrderActions(context, recorder, pusher, resender, look_up),
        integration,
        resend_refused=bool(request.orders),
        labelled=frozenset(await all_labelled(context)) if await context.state.recovering() else frozenset(),
    )
    look = None
    if request.orders:
        recorder.stats.window_read = await recheck(processor, list(request.orders))
    else:
        look = await _read(processor, started=started)
    await pusher.flush()
    await resender.flush()
    if look is not None and recorder.stats.is_complete:
        await look.report()
    return look


async def _read(processor: PageProcessor, *, started: datetime) -> SecondLook:
    """Process everything that a run is for."""
    recorder = processor.recorder
    if not recorder.dry_run:
        await confirm(processor.context, recorder.stats, integration=processor.integration)
    await _read_window(processor, started=started)
    look = await second_look(processor, started=started)
    await recheck_known_orders(processor)
    return look


async def _read_window(processor: PageProcessor, *, started: datetime) -> None:
    """Process the window's orders; those read before an error are processed all the same."""
    context, stats = processor.context, processor.recorder.stats
    rules = context.tenant.spec.export.window
    asked = period(now=started, zone=context.zone, rules=rules, last_start=await context.state.moment("export.start"))
    stats.start, stats.end = asked.start, asked.end
    if asked.is_empty:
        return
    try:
        pages = context.afterbuy.orders_between(asked.start, asked.end, date_field=rules.date_field)
        async with aclosing(one_ahead(pages)) as read:
            async for page in read:
                await processor.process(page)
    except AftersendError as error:
        stats.record_error(error)
        stats.window_read = stats.everything_read = False
