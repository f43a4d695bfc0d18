"""Collects the orders that wait at the same moment, and does rounds for them.

Handlers of events call ``apply`` and wait. Several events of one order share one round, and an event that arrives while
its order is in a round waits for the next one. As long as the backlog on the stream is small, every order gets a round
of its own, several of them side by side. Above ``CROWDED`` events a round takes up to twenty orders; at most two such
rounds run at once, so that the others gather meanwhile.

A handler that is cancelled leaves its round running; ``close`` ends them all.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from aftersend.errors import AftersendError
from aftersend.observe.traces import current_traceparent, span

CROWDED: Final = 50
ORDERS_PER_ROUND: Final = 20
SINGLE_ROUNDS: Final = 8
CROWDED_ROUNDS: Final = 2
_BACKLOG_SECONDS: Final = 1.0

Round = Callable[[Mapping[str, bool]], Awaitable[Mapping[str, AftersendError | None]]]


@dataclass(slots=True)
class _Waiting:
    """One order that waits for its round, on behalf of one or more events."""

    done: "asyncio.Future[None]"
    force: bool = False
    traces: list[str] = field(default_factory=list)


class Applier:
    """``backlog`` tells how many events are on the stream; it is asked once a second at most."""

    def __init__(
        self, do_round: Round, *, backlog: Callable[[], Awaitable[int]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._do_round = do_round
        self._backlog = backlog
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}
        self._busy: set[str] = set()
        self._rounds: set[asyncio.Task[None]] = set()
        self._is_crowded = False
        self._asked = float("-inf")

    async def apply(self, order_id: str, *, force: bool = False) -> None:
        """Return when the order is right in Afterbuy; raises what kept it from being so."""
        await self._measure()
        waiting = self._waiting.setdefault(order_id, _Waiting(_future()))
        waiting.force = waiting.force or force
        waiting.traces.append(current_traceparent())
        self._start_rounds()
        await asyncio.shield(waiting.done)

    async def close(self) -> None:
        """End all rounds where they stand; what they had not ticked comes again."""
        for task in self._rounds:
            task.cancel()
        await asyncio.gather(*self._rounds, return_exceptions=True)

    async def _measure(self) -> None:
        if self._clock() - self._asked >= _BACKLOG_SECONDS:
            self._asked = self._clock()
            self._is_crowded = await self._backlog() > CROWDED

    def _start_rounds(self) -> None:
        most, size = (CROWDED_ROUNDS, ORDERS_PER_ROUND) if self._is_crowded else (SINGLE_ROUNDS, 1)
        while len(self._rounds) < most:
            ready = (order_id for order_id in self._waiting if order_id not in self._busy)
            orders = {order_id: self._waiting[order_id] for order_id in islice(ready, size)}
            if not orders:
                return
            self._start(orders)

    def _start(self, orders: dict[str, _Waiting]) -> None:
        for order_id in orders:
            del self._waiting[order_id]
        self._busy |= orders.keys()
        task = asyncio.create_task(self._run(orders))
        self._rounds.add(task)
        task.add_done_callback(lambda done: self._ended(done, orders))

    async def _run(self, orders: dict[str, _Waiting]) -> None:
        traces = [trace for waiting in orders.values() for trace in waiting.traces if trace]
        parent, *others = traces or [""]
        with span("write back", parent=parent, links=others, orders=list(orders), count=len(orders)):
            outcomes = await self._do_round({order_id: waiting.force for order_id, waiting in orders.items()})
        for order_id, waiting in orders.items():
            _settle(waiting.done, outcomes.get(order_id))

    def _ended(self, task: "asyncio.Task[None]", orders: dict[str, _Waiting]) -> None:
        self._rounds.discard(task)
        self._busy -= orders.keys()
        failure = None if task.cancelled() else task.exception()
        for waiting in orders.values():
            if task.cancelled():
                waiting.done.cancel()
            else:
                _settle(waiting.done, failure)
        self._start_rounds()


def _future() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, even if nobody waits any more
    return future


def _settle(future: "asyncio.Future[None]", error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
