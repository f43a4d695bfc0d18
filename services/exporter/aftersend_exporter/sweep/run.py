"""The safety net below the webhook: read the parcels that changed, put the same events on the same stream.

    cursor minus overlap ──> v2 parcels, page by page ──> XADD what may be ours ──> order.check for what lags ──> cursor

The cursor is Sendcloud's own clock (``Date`` of the first page), so no clock of ours matters, and it is stored after
the last XADD: whatever happens in between is read again. Reading twice is harmless, because merging is.

An ordinary sweep drops parcels that match nothing in the ledger. While the tenant is *recovering* (no cursor, or a
restored ledger) the ledger may know too little, so only what is certainly foreign is dropped, and a marker
(``order.check`` without order) behind the last event tells the writer that it has everything.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from aftersend.errors import AftersendError
from aftersend.ledger.match import Foreign, Match, find
from aftersend.observe.traces import span
from aftersend.runs import OrderCheck, RunRequest, RunSummary
from aftersend.sendcloud.client import ParcelPage
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend.sendcloud.status import parcel_class
from aftersend.stream.event import rfc3339, seconds_of
from aftersend_exporter.context import Desk, each
from aftersend_exporter.report import conclude
from aftersend_exporter.run_stats import Tally
from aftersend_exporter.sweep.lagging import check_lagging


async def sweep(desk: Desk, request: RunRequest, *, run: str) -> tuple[Tally, RunSummary]:
    """Do it, and tell what came of it. Raises only for our own Redis, and if the lease is lost."""
    tally = Tally(run=run, kind="sweep")
    started = desk.now()
    with span("sweep", run=run, run_kind="sweep") as trace:
        recovering = request.recovery or await desk.state.recovering()
        try:
            await _sweep(desk, tally, recovering=recovering, traceparent=trace.traceparent)
        except AftersendError as error:
            tally.trouble(error)
        summary = await conclude(desk, tally, started=started, keep=True)
        trace.set(outcome=summary.outcome, count=summary.read)
    return tally, summary


async def _sweep(desk: Desk, tally: Tally, *, recovering: bool, traceparent: str) -> None:
    restored = await desk.state.get("restored") or ""
    tally.start = since = await _since(desk)
    work = _Work(desk, tally, recovering=recovering, traceparent=traceparent)
    cursor: datetime | None = None
    async for page in desk.sendcloud.parcels(since):
        cursor = cursor or page.date
        await work.page(page)
        await desk.still_ours()
    tally.end = cursor
    if recovering:
        marker = OrderCheck(order="", restored=restored)
        await desk.parcels.add("order.check", "sweep", marker, traceparent=traceparent)
    else:
        await check_lagging(desk, traceparent=traceparent)
    if cursor is not None:
        await desk.state.set("sweep.cursor", rfc3339(cursor.timestamp()))


async def _since(desk: Desk) -> datetime:
    """The last cursor minus the overlap; without one as far back as orders are followed."""
    spec = desk.tenant.spec
    seconds = seconds_of(await desk.state.get("sweep.cursor") or "")
    if seconds is None:
        return desk.now() - timedelta(days=spec.export.window.catch_up_days)
    cursor = datetime.fromtimestamp(seconds, tz=desk.zone)
    return cursor - timedelta(minutes=spec.sweep.overlap_minutes)


@dataclass(frozen=True, slots=True)
class _Work:
    desk: Desk
    tally: Tally
    recovering: bool
    traceparent: str

    async def page(self, page: ParcelPage) -> None:
        """Put what may be ours on the stream."""
        told = [event for event in page.events if tells(event)]
        kept = await each(told, self._keep)
        events = [event for event, keep in zip(told, kept, strict=True) if keep]
        await self.desk.parcels.add_many("parcel.changed", "sweep", events, traceparent=self.traceparent)
        self.tally.read += len(page.events) + page.unreadable
        self.tally.sent += len(events)
        self.tally.unchanged += len(page.events) - len(events)
        if page.unreadable:
            self.tally.rejected += page.unreadable
            self.desk.log.warning("parcels_unreadable", count=page.unreadable)

    async def _keep(self, event: ParcelEvent) -> bool:
        found = await find(event, self.desk.ledger)
        return not isinstance(found, Foreign) if self.recovering else isinstance(found, Match)


def tells(event: ParcelEvent) -> bool:
    """The webhook's own rule: no returns, and without a number only cancellations."""
    cancelled = parcel_class(event.status) is ParcelClass.CANCELLED
    return not event.is_return and (bool(event.number) or cancelled)
