"""One sweep, the safety net below the webhook: read changed parcels, put the same events on the same stream.

    cursor minus overlap ──> changed parcels by page ──> XADD what may be ours ──> order.check where due ──> cursor

The cursor (see ``cursor``) is stored after the last XADD: whatever happens in between is read again, and a sweep that
fails keeps the last one. Reading twice is harmless, because merging is.

``parcel_api`` decides which API is read, ``forwarder`` which of its parcels are put on the stream. While the tenant is
*recovering* (no cursor, or a restored ledger) a marker (``order.check`` without order) behind the last event shows the
writer that it has everything.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from aftersend.errors import AftersendError
from aftersend.observe.traces import span
from aftersend.runs import OrderCheck, RunRequest, RunSummary
from aftersend.sendcloud.model import SENDCLOUD
from aftersend.stream.event import rfc3339, seconds_of
from aftersend_exporter.context import ExportContext
from aftersend_exporter.parcel_api import show_closed, sweep_parcels
from aftersend_exporter.report import finish_run
from aftersend_exporter.run_stats import RunStats
from aftersend_exporter.sweep.cursor import MAX_SKEW, next_cursor, read_from, usable
from aftersend_exporter.sweep.forwarder import PageForwarder
from aftersend_exporter.sweep.lagging import check_lagging

_DAY = 86_400.0
_MINUTE = 60.0


async def sweep(context: ExportContext, request: RunRequest, *, run: str) -> tuple[RunStats, RunSummary]:
    """Run one sweep and return its summary. Raises only for our own Redis, and if the lease is lost."""
    stats = RunStats(run=run, kind="sweep")
    started, context = context.now(), context.repeating_calls()
    with span("sweep", run=run, run_kind="sweep") as trace:
        recovering = request.recovery or await context.state.recovering()
        try:
            await _sweep(context, stats, recovering=recovering, traceparent=trace.traceparent)
        except AftersendError as error:
            stats.record_error(error)
        await show_closed(context)
        summary = await finish_run(context, stats, started=started, keep=True)
        trace.set(outcome=summary.outcome, count=summary.read)
    return stats, summary


async def _sweep(context: ExportContext, stats: RunStats, *, recovering: bool, traceparent: str) -> None:
    restored = await context.state.get("restored") or ""
    cursor = await _Cursor.load(context)
    stats.start = cursor.read_from
    forwarder = PageForwarder(context, stats, recovering=recovering, traceparent=traceparent)
    stats.window_read = False
    async for page in sweep_parcels(context, cursor.read_from):
        stats.end = stats.end or cursor.next(page.date)
        await forwarder.forward(page)
        await context.check_lease()
    stats.window_read = True
    if recovering:
        marker = OrderCheck(order="", restored=restored, since=int(cursor.read_from.timestamp() * 1000))
        await context.parcels.add("order.check", "sweep", marker, traceparent=traceparent)
    else:
        await check_lagging(context, traceparent=traceparent)
    if stats.end is not None:
        await context.state.set("sweep.cursor", rfc3339(stats.end.timestamp()))


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The last cursor as it was when the sweep began; ``last`` and ``now`` in seconds."""

    context: ExportContext
    last: float | None
    now: float

    @classmethod
    async def load(cls, context: ExportContext) -> "_Cursor":
        """Read the last cursor."""
        now = context.clock()
        stored = seconds_of(await context.state.get("sweep.cursor") or "")
        return cls(context, usable(stored, now=now), now)

    @property
    def read_from(self) -> datetime:
        """Return the moment from which on changes are read."""
        overlap = self.context.tenant.spec.sweep.overlap_minutes * _MINUTE
        return _utc(read_from(self.last, now=self.now, overlap=overlap, catch_up=self._catch_up))

    def next(self, date: datetime | None) -> datetime:
        """Return the next cursor by the ``Date`` of the first page, and warn of a clock that is wrong."""
        upstream = None if date is None else date.timestamp()
        self._show_skew(0.0 if upstream is None else upstream - self.context.clock())
        return _utc(next_cursor(self.last, date=upstream, now=self.now, catch_up=self._catch_up))

    @property
    def _catch_up(self) -> float:
        return self.context.tenant.spec.export.window.catch_up_days * _DAY

    def _show_skew(self, seconds: float) -> None:
        self.context.metrics.clock_skew.labels(self.context.tenant.identity, SENDCLOUD).set(seconds)
        if abs(seconds) > MAX_SKEW:
            self.context.log.warning("clock_skew", upstream=SENDCLOUD, seconds=round(seconds))


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
