"""Bringing mapped orders to Sendcloud, a hundred at a time, so that a crash between any two steps is healed.

    collect a hundred ──> ledger: pushing, watched ──> POST ──> ledger: accepted, not watched any more
                                                          ├── refused: the bad ones become problems, the rest goes again
                                                          └── may pass: they stay pushing and watched for the next run

Whoever is ``pushing`` when a process dies is read and sent again by the next run; the upsert key makes that harmless.
After three failures in a row nothing more is sent in this run, but what was collected is watched all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from aftersend.errors import AftersendError, Misconfigured, Transient
from aftersend.ledger.entry import Entry
from aftersend.observe.context import current_traceparent
from aftersend.observe.traces import span
from aftersend.sendcloud.errors import BatchRejected
from aftersend.sendcloud.model import SENDCLOUD, PushOrder
from aftersend_exporter.context import ExportContext, gather_limited
from aftersend_exporter.export.batches import BATCH, GroupAccepted, GroupRefused, deliver
from aftersend_exporter.rules.transitions import accepted, pushing, rejected
from aftersend_exporter.run_stats import RunStats

_MAX_CONSECUTIVE_FAILURES = 3
_STILL_PROCESSING = "still_processing"
_BUSY_RETRY_DELAYS = (1.0, 2.0, 4.0)
_INTEGRATION = "order_details/integration"


@dataclass(frozen=True, slots=True)
class MappedOrder:
    """An order that is ready to go."""

    order: str
    push: PushOrder = field(repr=False)
    fingerprint: str
    fallback: Callable[[str], PushOrder | None] = field(default=lambda _path: None, repr=False)
    """What to send instead if Sendcloud refuses it at that path."""


@dataclass(slots=True)
class Pusher:
    """Collects the orders of one run and sends them in batches."""

    context: ExportContext
    stats: RunStats
    _waiting: list[MappedOrder] = field(default_factory=list)
    _failures: int = 0
    _closed: bool = False

    async def add(self, ready: MappedOrder) -> None:
        """Take one more order; a full batch goes at once."""
        self._waiting.append(ready)
        if len(self._waiting) >= BATCH:
            await self.flush()

    async def flush(self) -> None:
        """Send what was collected."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with span("push batch", orders=[ready.order for ready in waiting]) as trace:
            batch = [
                ready
                for ready, goes in zip(waiting, await gather_limited(waiting, self._announce), strict=True)
                if goes
            ]
            trace.set(count=len(batch))
            if batch:
                await self._deliver(batch)

    async def _announce(self, ready: MappedOrder) -> bool:
        """Write down that it is about to go; False if it got a label meanwhile."""
        now, trace = self.context.now_ms(), current_traceparent()
        change = partial(pushing, fingerprint=ready.fingerprint, now=now, trace=trace)
        entry = await self.context.ledger.change(ready.order, change)
        return entry.state == "pushing"

    async def _deliver(self, batch: list[MappedOrder]) -> None:
        machine = deliver(len(batch))
        try:
            group = next(machine)
            while True:
                group = machine.send(await self._send([batch[position] for position in group]))
        except StopIteration as end:
            await self._refused([(batch[position], path or code) for position, (code, path) in end.value.items()])

    async def _refused(self, bad: list[tuple[MappedOrder, str]]) -> None:
        """Give those with a fallback a second chance; the others are problems."""
        again: list[MappedOrder] = []
        for ready, path in bad:
            better = ready.fallback(path)
            if better is None:
                await self._reject(ready, path)
            else:
                again.append(MappedOrder(ready.order, better, ready.fingerprint))
        if again:
            await self._deliver(again)

    async def _send(self, group: list[MappedOrder]) -> GroupAccepted | GroupRefused:
        """One call. A group that can be tried again counts as taken: it stays pushing."""
        if self._closed:
            self._put_off(group)
            return GroupAccepted()
        await self.context.check_lease()
        try:
            await self._post(group)
        except BatchRejected as error:
            if _blames_integration(error):
                return self._failed(group, _WRONG_INTEGRATION, final=True)
            return GroupRefused(error.positions, reason=(error.code, error.path))
        except AftersendError as error:
            return self._failed(group, error, final=not isinstance(error, Transient))
        await self._taken(group)
        return GroupAccepted()

    async def _post(self, group: list[MappedOrder]) -> None:
        """Sendcloud may still be busy with one of these orders, "try again in a moment": so do, a few times."""
        orders = [ready.push for ready in group]
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

    async def _taken(self, group: list[MappedOrder]) -> None:
        self._failures = 0
        self.stats.batches_done += 1
        self.stats.sent += len(group)
        self.context.count("sent", amount=len(group))
        await gather_limited(group, self._accept)

    async def _accept(self, ready: MappedOrder) -> Entry:
        change = partial(accepted, fingerprint=ready.fingerprint, now=self.context.now_ms())
        return await self.context.ledger.change(ready.order, change)

    async def _reject(self, ready: MappedOrder, path: str) -> None:
        self.stats.batches_done += 1
        self.stats.rejected += 1
        self.stats.watched += 1
        self.context.count("rejected")
        self.context.log.warning("order_rejected", order=ready.order, path=path)
        await self.context.ledger.change(ready.order, partial(rejected, path=path, now=self.context.now_ms()))

    def _failed(self, group: list[MappedOrder], error: AftersendError, *, final: bool) -> GroupAccepted:
        self.stats.record_error(error)
        self.stats.batches_failed += 1
        self._failures += 1
        self._closed = final or self._failures >= _MAX_CONSECUTIVE_FAILURES
        self.context.log.warning("batch_failed", code=error.code, count=len(group))
        self._put_off(group)
        return GroupAccepted()

    def _put_off(self, group: list[MappedOrder]) -> None:
        self.stats.retried += len(group)
        self.stats.watched += len(group)
        self.context.count("retried", amount=len(group))


_WRONG_INTEGRATION = Misconfigured(
    "the integration does not exist",
    upstream=SENDCLOUD,
    path="spec.sendcloud.integration",
    cure="correct its name or id",
)


def _blames_integration(error: BatchRejected) -> bool:
    """Every order of the batch would be refused for it, and none of them is to blame."""
    return any(path.startswith(_INTEGRATION) for _, path in error.positions.values())
