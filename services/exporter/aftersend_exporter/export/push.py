"""Pushing mapped orders to Sendcloud, a hundred at a time, so that a crash between any two steps is healed.

    collect a hundred ──> ledger: pushing, watched ──> POST ──> ledger: accepted, not watched any more
                                                          ├── refused: bad ones become problems, the rest is sent again
                                                          └── transient error: stay pushing and watched for the next run

An order that is ``pushing`` when a process dies is read and sent again by the next run; the upsert key makes that
harmless. After three consecutive failures nothing more is sent in this run, but what was collected stays watched.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from typing import Final

from aftersend.errors import AftersendError, Misconfigured, Transient
from aftersend.ledger.entry import Entry
from aftersend.observe.context import current_traceparent
from aftersend.observe.traces import span
from aftersend.sendcloud.errors import BatchRejected
from aftersend.sendcloud.model import SENDCLOUD, PushOrder
from aftersend_exporter.context import ExportContext, gather_limited
from aftersend_exporter.export.batches import BATCH, GroupAccepted, GroupRefused, deliver
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.rules.transitions import accepted, noticed, pushing, rejected

_MAX_CONSECUTIVE_FAILURES: Final = 3
_STILL_PROCESSING: Final = "still_processing"
_BUSY_RETRY_DELAYS: Final = (1.0, 2.0, 4.0)
"""Seconds; for an order that Sendcloud is still processing."""
_INTEGRATION: Final = "order_details/integration"


@dataclass(frozen=True, slots=True)
class MappedOrder:
    """An order as Sendcloud gets it."""

    order: str
    push: PushOrder = field(repr=False)
    fingerprint: str
    fallback: Callable[[str], PushOrder | None] = field(default=lambda _path: None, repr=False)
    """Returns what to send instead if Sendcloud refuses it at that path."""


@dataclass(slots=True)
class Pusher:
    """Collects the orders of one run and pushes them in batches."""

    context: ExportContext
    recorder: RunRecorder
    _waiting: list[MappedOrder] = field(default_factory=list)
    _failures: int = 0
    _closed: bool = False

    async def add(self, mapped: MappedOrder) -> None:
        """Take one more order; push as soon as a batch is full."""
        self._waiting.append(mapped)
        if len(self._waiting) >= BATCH:
            await self.flush()

    async def flush(self) -> None:
        """Push what was collected."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with span("push batch", orders=[mapped.order for mapped in waiting]) as trace:
            batch = list(compress(waiting, await gather_limited(waiting, self._mark_pushing)))
            trace.set(count=len(batch))
            if batch:
                await self._deliver(batch)

    async def _mark_pushing(self, mapped: MappedOrder) -> bool:
        """Store that an order is about to be sent; False if it got a label meanwhile."""
        now, trace = self.context.now_ms(), current_traceparent()

        def change(entry: Entry) -> Entry:
            sent = pushing(entry, fingerprint=mapped.fingerprint, now=now, trace=trace)
            return noticed(sent, mapped.push, now=now)

        entry = await self.context.ledger.change(mapped.order, change)
        return entry.state == "pushing"

    async def _deliver(self, batch: list[MappedOrder]) -> None:
        machine = deliver(len(batch))
        try:
            group = next(machine)
            while True:
                group = machine.send(await self._send([batch[position] for position in group]))
        except StopIteration as end:
            await self._settle_refused(
                [(batch[position], path or code) for position, (code, path) in end.value.items()]
            )

    async def _settle_refused(self, bad: list[tuple[MappedOrder, str]]) -> None:
        """Push the fallbacks of refused orders; those without one are problems."""
        again: list[MappedOrder] = []
        for mapped, path in bad:
            better = mapped.fallback(path)
            if better is None:
                await self._reject(mapped, path)
            else:
                again.append(MappedOrder(mapped.order, better, mapped.fingerprint))
        if again:
            await self._deliver(again)

    async def _send(self, group: list[MappedOrder]) -> GroupAccepted | GroupRefused:
        """Make one call. A group that can be tried again counts as accepted here: its orders stay ``pushing``."""
        if self._closed:
            self.recorder.record_push("retried", len(group))
            return GroupAccepted()
        await self.context.check_lease()
        try:
            await self._post(group)
        except BatchRejected as error:
            if _blames_integration(error):
                return self._fail(group, _WRONG_INTEGRATION, final=True)
            return GroupRefused(error.positions, reason=(error.code, error.path))
        except AftersendError as error:
            return self._fail(group, error, final=not isinstance(error, Transient))
        await self._accept(group)
        return GroupAccepted()

    async def _post(self, group: list[MappedOrder]) -> None:
        """Retry for seven seconds while Sendcloud still processes one of these orders."""
        orders = [mapped.push for mapped in group]
        for seconds in _BUSY_RETRY_DELAYS:
            try:
                await self.context.sendcloud.push(orders)
            except Transient as error:
                if error.code != _STILL_PROCESSING:
                    raise
                await self.context.sleep(seconds)
            else:
                return
        await self.context.sendcloud.push(orders)

    async def _accept(self, group: list[MappedOrder]) -> None:
        self._failures = 0
        self.recorder.stats.batches_done += 1
        self.recorder.record_push("sent", len(group))
        await gather_limited(group, self._mark_accepted)

    async def _mark_accepted(self, mapped: MappedOrder) -> Entry:
        change = partial(accepted, fingerprint=mapped.fingerprint, now=self.context.now_ms())
        return await self.context.ledger.change(mapped.order, change)

    async def _reject(self, mapped: MappedOrder, path: str) -> None:
        self.recorder.stats.batches_done += 1
        self.recorder.record_push("rejected")
        self.context.log.warning("order_rejected", order=mapped.order, path=path)
        await self.context.ledger.change(mapped.order, partial(rejected, path=path, now=self.context.now_ms()))

    def _fail(self, group: list[MappedOrder], error: AftersendError, *, final: bool) -> GroupAccepted:
        self.recorder.stats.record_error(error)
        self.recorder.stats.batches_failed += 1
        self._failures += 1
        self._closed = final or self._failures >= _MAX_CONSECUTIVE_FAILURES
        self.context.log.warning("batch_failed", code=error.code, count=len(group))
        self.recorder.record_push("retried", len(group))
        return GroupAccepted()


_WRONG_INTEGRATION: Final = Misconfigured(
    "the integration does not exist",
    upstream=SENDCLOUD,
    path="spec.sendcloud.integration",
    cure="correct its name or id",
)


def _blames_integration(error: BatchRejected) -> bool:
    """Return whether the integration is refused: then every order of the batch would be, and none is to blame."""
    return any(path.startswith(_INTEGRATION) for _, path in error.positions.values())
