"""Carrying out what a run decided for one order: push it, look in Sendcloud first, or change its ledger entry."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend.order_ids import incoming_order_id, is_order_id
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.existing_labels import has_label
from aftersend_exporter.export.push import MappedOrder, Pusher
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.rules import outcomes, transitions
from aftersend_exporter.rules.next_action import Action, without_transfer
from aftersend_exporter.rules.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class OrderActions:
    """Acts on the outcomes of one run that is no dry run."""

    context: ExportContext
    recorder: RunRecorder
    pusher: Pusher
    integration: int

    async def carry_out(self, outcome: Outcome, *, entry: Entry | None, mapped: MappedOrder | None) -> None:
        """Act on one outcome; ``entry`` is what the ledger had when it was decided."""
        order = outcome.order
        match outcome.action:
            case Action.PUSH | Action.PUSH_IF_THERE:
                await self._push(outcome, entry, mapped)
            case Action.UNCHANGED:
                await self._unchanged(entry, mapped)
            case Action.SKIP:
                await self._change_known(entry, transitions.dismissed)
            case Action.WATCH | Action.LATER:
                await self._watch(order, reason=outcome.reason)
            case Action.REFUSED:
                await self._watch(order, reason="")
            case Action.WITHDRAWN:
                await self._withdraw(order, reason=outcome.reason)
            case Action.UNCERTAIN:
                await self._resolve(outcome)
            case Action.UNREADABLE:
                await self._unreadable(outcome)
            case Action.GONE:
                await self._gone(order)

    async def _push(self, outcome: Outcome, entry: Entry | None, mapped: MappedOrder | None) -> None:
        if mapped is not None and await self._may_push(outcome, entry):
            await self.pusher.add(mapped)

    async def _unchanged(self, entry: Entry | None, mapped: MappedOrder | None) -> None:
        """End what is cured; an order that an earlier version sent gets its notices."""

        def change(known: Entry) -> Entry:
            known = transitions.unchanged(known)
            return transitions.noticed(known, mapped.push, now=self.context.now_ms()) if mapped else known

        await self._change_known(entry, change)

    async def _may_push(self, outcome: Outcome, entry: Entry | None) -> bool:
        """Return False if Sendcloud shows a label unknown to the ledger, or if a person deleted the order there."""
        if entry is None or not entry.pushed:
            return True
        try:
            allowed = not await has_label(self.context, outcome.order)
            if allowed and outcome.action is Action.PUSH_IF_THERE:
                allowed = await self._is_there(outcome.order)
        except AftersendError as error:
            await self._put_off(outcome.order, error)
            return False
        if not allowed:
            self.recorder.record(outcomes.unchanged(outcome.order))
        return allowed

    async def _put_off(self, order: str, error: AftersendError) -> None:
        self.recorder.stats.record_error(error)
        outcome = outcomes.later(order)
        self.recorder.record(outcome)
        await self._watch(order, reason=outcome.reason)

    async def _is_there(self, order: str) -> bool:
        """Return whether Sendcloud still has a confirmed order; if not, a person deleted it: that is a problem."""
        if await self.context.sendcloud.has_order(incoming_order_id(order), self.integration):
            return True
        await self.context.ledger.change(order, partial(transitions.deleted, now=self.context.now_ms()))
        return False

    async def _resolve(self, outcome: Outcome) -> None:
        """Look in Sendcloud whether a push of unknown outcome arrived, then act as if that had been known."""
        order = outcome.order
        try:
            there = await self.context.sendcloud.has_order(incoming_order_id(order), self.integration)
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
        entry = await self._change_timed(order, partial(transitions.watched, reason=reason))
        self.recorder.stats.watched += 1 if entry.watched else 0

    async def _change_timed(self, order: str, change: Callable[..., Entry]) -> Entry:
        now, period = self.context.now_ms(), self.context.recheck_period_ms
        return await self.context.ledger.change(order, partial(change, now=now, recheck_period_ms=period))

    async def _change_known(self, entry: Entry | None, change: Callable[[Entry], Entry]) -> None:
        """Change an entry without reading it again if there is nothing to change: mostly there is not."""
        if entry is not None and change(entry) != entry:
            await self.context.ledger.change(entry.order, change)
