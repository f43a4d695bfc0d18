"""Pushing mapped orders to Sendcloud, a hundred at a time, so that a crash between any two steps is healed.

    collect a hundred ──> ledger: pushing, watched ──> POST ──> ledger: accepted, not watched any more
                                                          ├── refused: the rest is sent again; bad ones go without
                                                          │   what they do not need, or become problems
                                                          └── transient error: stay pushing and watched for the next run

An order that is ``pushing`` when a process dies is read and sent again by the next run; the upsert key makes that
harmless. So a push that failed for a transient reason is repeated within the run, whether or not Sendcloud carried it
out; unless an order of it has got a label meanwhile, because what another push does to that one is not documented: then
the next run looks at each order. After three consecutive failures nothing more is sent in this run, but what was
collected stays watched.

Refused orders of a batch are improved and sent again together, in at most three rounds: with street or currency in
another form (see ``fallback``), or without an optional field (see ``optional_fields``), which is noticed. The
fingerprint stays that of the order as the merchant has it, so it is not sent again for that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial, reduce
from itertools import compress, count
from operator import not_
from typing import Final

from aftersend.errors import AftersendError, Misconfigured, Transient
from aftersend.ledger.entry import Entry
from aftersend.observe.context import current_traceparent
from aftersend.observe.traces import span
from aftersend.sendcloud.errors import BatchRejected
from aftersend.sendcloud.model import SENDCLOUD, PushOrder
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.batches import BATCH, GroupAccepted, GroupRefused, deliver
from aftersend_exporter.export.existing_labels import labelled_since
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.rules.optional_fields import of_all_articles, plain_path, without
from aftersend_exporter.rules.outcomes import unchanged
from aftersend_exporter.rules.transitions import accepted, noticed, pushing, rejected

_MAX_CONSECUTIVE_FAILURES: Final = 3
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""Labels are asked for by Sendcloud's clock, from our own on minus so much."""
_ROUNDS: Final = 3
"""How often refused orders are improved and sent again."""
_INTEGRATION: Final = "order_details/integration"


@dataclass(frozen=True, slots=True)
class MappedOrder:
    """An order as Sendcloud gets it."""

    order: str
    push: PushOrder = field(repr=False)
    fingerprint: str
    fallback: Callable[[PushOrder, str], PushOrder | None] = field(default=lambda _push, _path: None, repr=False)
    """Returns what to send instead if Sendcloud refuses it at that path."""
    earlier_fingerprint: Callable[[], str] = field(default=str, repr=False)
    """Makes the fingerprint of the order as versions sent it that knew no further customs papers."""
    missing_numbers: tuple[str, ...] = ()
    """Paths of tax numbers that customs papers lack."""
    left_out: tuple[str, ...] = ()
    """Paths of the fields that it goes without, because Sendcloud refused them."""

    def comparable(self, entry: Entry | None) -> str:
        """Return the fingerprint to compare with the entry's: what an earlier version sent has not changed."""
        known = entry.fingerprint if entry is not None and not entry.papers else ""
        is_same = known and known != self.fingerprint and known == self.earlier_fingerprint()
        return known if is_same else self.fingerprint

    def improved(self, path: str) -> "MappedOrder | None":
        """Return what to send after a refusal at ``path``; None if there is nothing better."""
        lighter = without(self.push, path)
        if lighter is not None:
            return replace(self, push=lighter, left_out=(*self.left_out, path))
        other = self.fallback(self.push, path)
        if other is None:
            return None
        return replace(self, push=reduce(lambda push, name: without(push, name) or push, self.left_out, other))


@dataclass(slots=True)
class Pusher:
    """Collects the orders of one run and pushes them in batches."""

    context: ExportContext
    recorder: RunRecorder
    _waiting: list[MappedOrder] = field(default_factory=list)
    _known: dict[str, Entry | None] = field(default_factory=dict)
    """What the ledger had of these orders when it was read or written last: saves reading them again."""
    _failures: int = 0
    _closed: bool = False

    async def add(self, mapped: MappedOrder, entry: Entry | None) -> None:
        """Take one more order, with the ledger entry that it was decided by; push as soon as a batch is full."""
        self._waiting.append(mapped)
        self._known[mapped.order] = entry
        if len(self._waiting) >= BATCH:
            await self.flush()

    async def flush(self) -> None:
        """Push what was collected."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with span("push batch", orders=_ids(waiting)) as trace:
            batch = await self.mark(waiting)
            trace.set(count=len(batch))
            if batch:
                await self._deliver(batch)

    @property
    def is_failing(self) -> bool:
        """Return whether the last call met an error that is no order's, so that more calls make little sense."""
        return self._closed or self._failures > 0

    async def mark(self, orders: list[MappedOrder]) -> list[MappedOrder]:
        """Store that orders are about to be sent; return those that did not get a label meanwhile."""
        now, trace = self.context.now_ms(), current_traceparent()
        changes = {mapped.order: partial(_announced, mapped, now=now, trace=trace) for mapped in orders}
        entries = await self.context.ledger.change_many(changes, known=self._known)
        self._known = {**entries}
        may_be_sent = [entries[mapped.order].state == "pushing" for mapped in orders]
        for mapped in compress(orders, map(not_, may_be_sent)):
            self.recorder.record(unchanged(mapped.order))
        return list(compress(orders, may_be_sent))

    async def _deliver(self, batch: list[MappedOrder], *, rounds: int = _ROUNDS) -> None:
        machine = deliver(len(batch))
        try:
            group = next(machine)
            while True:
                group = machine.send(await self.send([batch[position] for position in group]))
        except StopIteration as end:
            bad = [(batch[position], path or code) for position, (code, path) in end.value.items()]
            await self._settle_refused(bad, rounds=rounds)

    async def _settle_refused(self, bad: list[tuple[MappedOrder, str]], *, rounds: int) -> None:
        """Push what is better than the refused orders, in at most so many rounds; the others are problems.

        The last round leaves an article's field out of all articles: Sendcloud names one per order and round.
        """
        again: list[MappedOrder] = []
        for mapped, path in bad:
            better = mapped.improved(field_path(path, last=rounds == 1)) if rounds else None
            if better is None:
                await self.reject(mapped, path)
            else:
                again.append(better)
        if again:
            await self._deliver(again, rounds=rounds - 1)

    async def send(self, group: list[MappedOrder]) -> GroupAccepted | GroupRefused:
        """Make one call. A group that can be tried again counts as accepted here: its orders stay ``pushing``."""
        if self._closed:
            self.recorder.record_push("retried", _ids(group))
            return GroupAccepted()
        await self.context.check_lease()
        try:
            sent = await self._post(group)
        except BatchRejected as error:
            if _blames_integration(error):
                return self._fail(group, _WRONG_INTEGRATION, final=True)
            return GroupRefused(error.positions, reason=(error.code, error.path))
        except AftersendError as error:
            return self._fail(group, error, final=not isinstance(error, Transient))
        if sent:
            await self._accept(group)
        else:
            self.recorder.record_push("retried", _ids(group))
        return GroupAccepted()

    async def _post(self, group: list[MappedOrder]) -> bool:
        """Push a group, as often as it takes; False if it got a label after a try of unknown outcome."""
        began, tries = self.context.now(), count()

        async def attempt() -> bool:
            if next(tries) and not await self._is_unlabelled(group, since=began - _CLOCKS_DIFFER):
                return False
            await self.context.sendcloud.push([mapped.push for mapped in group])
            return True

        return await self.context.repeat(SENDCLOUD, attempt)

    async def _is_unlabelled(self, group: list[MappedOrder], *, since: datetime) -> bool:
        labelled = await labelled_since(self.context, since)
        return labelled.isdisjoint(int(mapped.order) for mapped in group)

    async def _accept(self, group: list[MappedOrder]) -> None:
        self._failures = 0
        self.recorder.stats.batches_done += 1
        self.recorder.record_push("sent", _ids(group))
        now = self.context.now_ms()
        changes = {
            mapped.order: partial(accepted, fingerprint=mapped.fingerprint, now=now, left_out=mapped.left_out)
            for mapped in group
        }
        await self.context.ledger.change_many(changes, known=self._known)

    async def reject(self, mapped: MappedOrder, path: str) -> None:
        """Report what Sendcloud refused."""
        self.recorder.stats.batches_done += 1
        self.recorder.record_push("rejected", [mapped.order])
        self.context.log.warning("order_rejected", order=mapped.order, path=path)
        await self.context.ledger.change(mapped.order, partial(rejected, path=path, now=self.context.now_ms()))

    def _fail(self, group: list[MappedOrder], error: AftersendError, *, final: bool) -> GroupAccepted:
        self.recorder.stats.record_error(error)
        self.recorder.stats.batches_failed += 1
        self._failures += 1
        self._closed = final or self._failures >= _MAX_CONSECUTIVE_FAILURES
        self.context.log.warning("batch_failed", code=error.code, count=len(group))
        self.recorder.record_push("retried", _ids(group))
        return GroupAccepted()


_WRONG_INTEGRATION: Final = Misconfigured(
    "the integration does not exist",
    upstream=SENDCLOUD,
    path="spec.sendcloud.integration",
    cure="correct its name or id",
)


def _announced(mapped: MappedOrder, entry: Entry, *, now: int, trace: str) -> Entry:
    """Return the entry of an order that is about to be sent."""
    sent = pushing(entry, fingerprint=mapped.fingerprint, now=now, trace=trace)
    return noticed(sent, mapped.push, now=now, numbers=mapped.missing_numbers)


def _ids(group: list[MappedOrder]) -> list[str]:
    return [mapped.order for mapped in group]


def field_path(path: str, *, last: bool) -> str:
    """Return where to improve an order that was refused at ``path``."""
    return of_all_articles(plain_path(path)) if last else plain_path(path)


def _blames_integration(error: BatchRejected) -> bool:
    """Return whether the integration is refused: then every order of the batch would be, and none is to blame."""
    return any(path.startswith(_INTEGRATION) for _, path in error.positions.values())
