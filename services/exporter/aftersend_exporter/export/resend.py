"""Sending refused orders again that did not change, with few calls a run: the cause may have been cured in Sendcloud.

    collect those that are due (see ``rules.resend``), at most what the calls can hold; the longest due come first
      └──> after all other pushes: a hundred in one call
             ├── accepted
             ├── some refused by name: they go without what they do not need, or stay problems; the rest goes again
             └── refused without a name: from now on one by one, because half of a group decides about no order

An order that had no turn stays due and comes first in the next run, so none starves. A transient error ends it for this
run: what was in that call stays ``pushing`` and takes its turn behind the others.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappush, heappushpop
from typing import Final

from aftersend.ledger.entry import Entry
from aftersend.observe.traces import span
from aftersend_exporter.export.batches import BATCH, GroupRefused, found
from aftersend_exporter.export.look_up import LookUp, calls_before_push
from aftersend_exporter.export.push import MappedOrder, Pusher, field_path
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.export.watch import watch
from aftersend_exporter.rules import outcomes, transitions
from aftersend_exporter.rules.resend import resend_due_at

MAX_CALLS: Final = 3
"""Calls to Sendcloud per run, for all refused orders together, questions about them included."""


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """A refused order that is due."""

    mapped: MappedOrder
    entry: Entry
    path: str = ""
    """Where Sendcloud refused it in this run; empty if nothing was said about it."""
    looked_up: bool = False

    @property
    def due(self) -> tuple[int, int]:
        """Return its place in the queue, which no two orders share."""
        return resend_due_at(self.entry) or 0, int(self.mapped.order)


@dataclass(slots=True)
class Resender:
    """Collects the refused orders of one run and sends them again."""

    recorder: RunRecorder
    pusher: Pusher
    look_up: LookUp
    _collected: list[tuple[int, int, RefusedOrder]] = field(default_factory=list)
    """A heap with the latest in front, so that memory does not grow with the number of refused orders."""
    _calls: int = MAX_CALLS
    _group_size: int = BATCH

    async def add(self, mapped: MappedOrder, entry: Entry) -> None:
        """Take one more order; leave the one that became due last if they are too many."""
        order = RefusedOrder(mapped, entry)
        since, number = order.due
        item = (-since, -number, order)
        if len(self._collected) < MAX_CALLS * BATCH:
            heappush(self._collected, item)
        else:
            await self._leave(heappushpop(self._collected, item)[-1])

    async def flush(self) -> None:
        """Send what was collected, as far as the calls go; nothing while Sendcloud does not answer."""
        queue = [order for *_, order in sorted(self._collected, reverse=True)]
        self._collected = []
        while queue and self._calls and not self.pusher.is_failing:
            group, queue = await self._next_group(queue)
            if not group:
                break
            queue = [*await self._send(group), *queue]
        for order in queue:
            await self._leave(order)

    async def _next_group(self, queue: Iterable[RefusedOrder]) -> tuple[list[RefusedOrder], list[RefusedOrder]]:
        """Divide the queue into what goes now and what may go later; one call is kept for the push itself."""
        group: list[RefusedOrder] = []
        rest: list[RefusedOrder] = []
        for order in queue:
            questions = 0 if order.looked_up else calls_before_push(order.entry)
            if len(group) == self._group_size or questions >= self._calls:
                rest.append(order)
                continue
            self._calls -= questions
            if not questions or await self.look_up.may_push(order.mapped.order, order.entry):
                group.append(replace(order, looked_up=True))
        return group, rest

    async def _send(self, group: list[RefusedOrder]) -> list[RefusedOrder]:
        """Make one call; return what has to go again."""
        with span("push batch", orders=[order.mapped.order for order in group]) as trace:
            marked = await self.pusher.mark([order.mapped for order in group])
            group = [order for order in group if order.mapped in marked]
            trace.set(count=len(group))
            if not group:
                return []
            self._calls -= 1
            answer = await self.pusher.send([order.mapped for order in group])
        if not isinstance(answer, GroupRefused):
            return []
        bad = found(range(len(group)), answer)
        if not bad:
            self._group_size = 1
        settled = [await self._settled(order, bad.get(place)) for place, order in enumerate(group)]
        return [order for order in settled if order is not None]

    async def _settled(self, order: RefusedOrder, fault: tuple[str, str] | None) -> RefusedOrder | None:
        """Return the order as it goes again; None if it stays refused."""
        if fault is None:
            return order
        path = fault[1] or fault[0]
        better = order.mapped.improved(field_path(path, last=self._calls == 1)) if self._calls else None
        if better is not None:
            return replace(order, mapped=better, path=path)
        await self.pusher.reject(order.mapped, path)
        return None

    async def _leave(self, order: RefusedOrder) -> None:
        """Leave an order that had no turn as it was; one that was refused in this run has had it."""
        if order.path:
            await self.pusher.reject(order.mapped, order.path)
            return
        context, number = self.pusher.context, order.mapped.order
        change = partial(transitions.undecided, refused=order.entry.refused, now=context.now_ms())
        await context.ledger.change(number, change)
        self.recorder.record(outcomes.refused(number))
        await watch(self.recorder, number, reason="")
