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
from aftersend.observe.traces import current_traceparent, span
from aftersend.sendcloud.errors import BatchRejected
from aftersend.sendcloud.model import SENDCLOUD, PushOrder
from aftersend_exporter.context import Desk, each
from aftersend_exporter.export.batches import BATCH, Accepted, Refused, deliver
from aftersend_exporter.rules.transitions import accepted, pushing, rejected
from aftersend_exporter.run_stats import Tally

_ENOUGH = 3
_BUSY = "still_processing"
_MOMENTS = (1.0, 2.0, 4.0)
_INTEGRATION = "order_details/integration"


@dataclass(frozen=True, slots=True)
class Parcelled:
    """An order that is ready to go."""

    order: str
    push: PushOrder = field(repr=False)
    fingerprint: str
    spare: Callable[[str], PushOrder | None] = field(default=lambda _path: None, repr=False)
    """What to send instead if Sendcloud refuses it at that path."""


@dataclass(slots=True)
class Pusher:
    """Collects the orders of one run and sends them in batches."""

    desk: Desk
    tally: Tally
    _waiting: list[Parcelled] = field(default_factory=list)
    _failures: int = 0
    _closed: bool = False

    async def add(self, ready: Parcelled) -> None:
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
            batch = [ready for ready, goes in zip(waiting, await each(waiting, self._announce), strict=True) if goes]
            trace.set(count=len(batch))
            if batch:
                await self._deliver(batch)

    async def _announce(self, ready: Parcelled) -> bool:
        """Write down that it is about to go; False if it got a label meanwhile."""
        now, trace = self.desk.now_ms(), current_traceparent()
        change = partial(pushing, fingerprint=ready.fingerprint, now=now, trace=trace)
        entry = await self.desk.ledger.change(ready.order, change)
        return entry.state == "pushing"

    async def _deliver(self, batch: list[Parcelled]) -> None:
        machine = deliver(len(batch))
        try:
            group = next(machine)
            while True:
                group = machine.send(await self._send([batch[position] for position in group]))
        except StopIteration as end:
            await self._refused([(batch[position], path or code) for position, (code, path) in end.value.items()])

    async def _refused(self, bad: list[tuple[Parcelled, str]]) -> None:
        """Give those with a spare a second chance; the others are problems."""
        again: list[Parcelled] = []
        for ready, path in bad:
            better = ready.spare(path)
            if better is None:
                await self._reject(ready, path)
            else:
                again.append(Parcelled(ready.order, better, ready.fingerprint))
        if again:
            await self._deliver(again)

    async def _send(self, group: list[Parcelled]) -> Accepted | Refused:
        """One call. A group that can be tried again counts as taken: it stays pushing."""
        if self._closed:
            self._put_off(group)
            return Accepted()
        await self.desk.still_ours()
        try:
            await self._post(group)
        except BatchRejected as error:
            if _blames_integration(error):
                return self._failed(group, _WRONG_INTEGRATION, final=True)
            return Refused(error.positions, reason=(error.code, error.path))
        except AftersendError as error:
            return self._failed(group, error, final=not isinstance(error, Transient))
        await self._taken(group)
        return Accepted()

    async def _post(self, group: list[Parcelled]) -> None:
        """Sendcloud may still be busy with one of these orders, "try again in a moment": so do, a few times."""
        orders = [ready.push for ready in group]
        for seconds in _MOMENTS:
            try:
                await self.desk.sendcloud.push(orders)
            except Transient as error:
                if error.code != _BUSY:
                    raise
                await self.desk.sleep(seconds)
            else:
                return
        await self.desk.sendcloud.push(orders)

    async def _taken(self, group: list[Parcelled]) -> None:
        self._failures = 0
        self.tally.batches_done += 1
        self.tally.sent += len(group)
        self.desk.count("sent", amount=len(group))
        await each(group, self._accept)

    async def _accept(self, ready: Parcelled) -> Entry:
        change = partial(accepted, fingerprint=ready.fingerprint, now=self.desk.now_ms())
        return await self.desk.ledger.change(ready.order, change)

    async def _reject(self, ready: Parcelled, path: str) -> None:
        self.tally.batches_done += 1
        self.tally.rejected += 1
        self.tally.watched += 1
        self.desk.count("rejected")
        self.desk.log.warning("order_rejected", order=ready.order, path=path)
        await self.desk.ledger.change(ready.order, partial(rejected, path=path, now=self.desk.now_ms()))

    def _failed(self, group: list[Parcelled], error: AftersendError, *, final: bool) -> Accepted:
        self.tally.trouble(error)
        self.tally.batches_failed += 1
        self._failures += 1
        self._closed = final or self._failures >= _ENOUGH
        self.desk.log.warning("batch_failed", code=error.code, count=len(group))
        self._put_off(group)
        return Accepted()

    def _put_off(self, group: list[Parcelled]) -> None:
        self.tally.retried += len(group)
        self.tally.watched += len(group)
        self.desk.count("retried", amount=len(group))


_WRONG_INTEGRATION = Misconfigured(
    "the integration does not exist",
    upstream=SENDCLOUD,
    path="spec.sendcloud.integration",
    cure="correct its name or id",
)


def _blames_integration(error: BatchRejected) -> bool:
    """Every order of the batch would be refused for it, and none of them is to blame."""
    return any(path.startswith(_INTEGRATION) for _, path in error.positions.values())
