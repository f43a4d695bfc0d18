"""Carrying out what a run decided for one order: push it, look in Sendcloud first, or change its ledger entry."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend.order_ids import is_order_id
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.look_up import LookUp
from aftersend_exporter.export.push import MappedOrder, Pusher
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.export.resend import Resender
from aftersend_exporter.export.watch import change_timed, watch
from aftersend_exporter.rules import outcomes, transitions
from aftersend_exporter.rules.next_action import Action, without_transfer
from aftersend_exporter.rules.outcomes import Outcome
from aftersend_exporter.rules.resend import is_refused


@dataclass(frozen=True, slots=True)
class OrderActions:
    """Acts on the outcomes of one run that is no dry run."""

    context: ExportContext
    recorder: RunRecorder
    pusher: Pusher
    resender: Resender
    look_up: LookUp

    async def carry_out(self, outcome: Outcome, *, entry: Entry | None, mapped: MappedOrder | None) -> None:
        """Act on one outcome; ``entry`` is what the ledger had when it was decided."""
        order = outcome.order
        match outcome.action:
            case Action.PUSH | Action.PUSH_IF_THERE:
                await self._push(order, entry, mapped)
            case Action.RESEND:
                await self._resend(order, mapped)
            case Action.UNCHANGED:
                await self._unchanged(entry, mapped)
            case Action.SKIP:
                await self._change_known(entry, transitions.dismissed)
            case Action.WATCH | Action.LATER | Action.REFUSED:
                await self._watch(order, reason=outcome.reason)
            case Action.WITHDRAWN:
                await self._withdraw(order, reason=outcome.reason)
            case Action.UNCERTAIN:
                await self._resolve(outcome)
            case Action.UNREADABLE:
                await self._unreadable(outcome)
            case Action.GONE:
                await self._gone(order)

    async def _push(self, order: str, entry: Entry | None, mapped: MappedOrder | None) -> None:
        if mapped is not None and await self.look_up.may_push(order, entry):
            await self.pusher.add(mapped, entry)

    async def _resend(self, order: str, mapped: MappedOrder | None) -> None:
        """Send a refused order again at the end of the run, unless it is given up by now."""
        entry = await self._change_timed(order, partial(transitions.watched, reason=""))
        if mapped is not None and is_refused(entry) and entry.watched:
            await self.resender.add(mapped, entry)
        else:
            self.recorder.record(outcomes.refused(order))

    async def _unchanged(self, entry: Entry | None, mapped: MappedOrder | None) -> None:
        """End what is cured; an order that an earlier version sent gets its notices."""

        def change(known: Entry) -> Entry:
            known = transitions.unchanged(known)
            if mapped is None:
                return known
            now, numbers = self.context.now_ms(), mapped.missing_numbers
            return transitions.noticed(known, mapped.push, now=now, numbers=numbers)

        await self._change_known(entry, change)

    async def _resolve(self, outcome: Outcome) -> None:
        """Look in Sendcloud whether a push of unknown outcome arrived, then act as if that had been known."""
        order = outcome.order
        try:
            there = await self.look_up.is_there(order)
        except AftersendError as error:
            self.recorder.stats.record_error(error)
            await self._watch(order, reason=outcome.reason)
            return
        change = partial(transitions.surely_sent, now=self.context.now_ms()) if there else transitions.never_sent
        entry = await self.context.ledger.change(order, change)
        action = without_transfer(entry, watch=outcome.decision == "watch")
        await self.carry_out(Outcome(order, action, outcome.decision, outcome.reason), entry=entry, mapped=None)

    async def _unreadable(self, outcome: Outcome) -> None:
        if not is_order_id(outcome.order):
            return
        self.recorder.stats.watched += 1
        self.context.log.warning("order_unreadable", order=outcome.order, path=outcome.reason)
        await self._change_timed(outcome.order, partial(transitions.unreadable, path=outcome.reason))

    async def _gone(self, order: str) -> None:
        entry = await self._withdraw(order, reason=transitions.GONE)
        if entry.watched:
            entry = await self._change_timed(order, transitions.gone)
        self.recorder.stats.watched += 1 if entry.watched else 0

    async def _withdraw(self, order: str, *, reason: str) -> Entry:
        """Report an order that Sendcloud has although it must not be sent any more."""
        return await self._change_timed(order, partial(transitions.changed_after_transfer, reason=reason))

    async def _watch(self, order: str, *, reason: str) -> None:
        await watch(self.recorder, order, reason=reason)

    async def _change_timed(self, order: str, change: Callable[..., Entry]) -> Entry:
        return await change_timed(self.context, order, change)

    async def _change_known(self, entry: Entry | None, change: Callable[[Entry], Entry]) -> None:
        """Change an entry without reading it again if there is nothing to change: mostly there is not."""
        if entry is not None and change(entry) != entry:
            await self.context.ledger.change(entry.order, change)
