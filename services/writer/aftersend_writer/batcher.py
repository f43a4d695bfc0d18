"""Collect the orders that wait at the same moment, and write them back in batches.

    write_back(orders) ──> pending, one entry per order ──> batch of 1 or up to 100 ──> BatchWriter ──> futures resolved

Event handlers call ``write_back`` and wait. Several events of one order share one batch, and an event that arrives
while its order is in a batch waits for the next one. As long as the backlog on the stream is small, every order gets a
batch of its own, several of them concurrently. Above ``BACKLOG_THRESHOLD`` events a batch takes up to a hundred orders;
at most two such batches run at once, so that the others gather meanwhile.

Cancelling a handler leaves its batch running; ``close`` cancels all batches.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from aftersend.errors import AftersendError
from aftersend.observe.traces import span

BACKLOG_THRESHOLD: Final = 50
MAX_BATCH_SIZE: Final = 100
MAX_CONCURRENT_SINGLES: Final = 8
MAX_CONCURRENT_BATCHES: Final = 2
_BACKLOG_TTL: Final = 1.0

BatchWriter = Callable[[Mapping[str, bool]], Awaitable[Mapping[str, AftersendError | None]]]
"""Writes orders back; the value says whether to recheck an order that does not lag. Returns the error of each order."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order that is to be written back."""

    order_id: str
    recheck: bool = False
    """Read it even if it does not lag."""
    traces: Sequence[str] = ()
    """Of its events."""


@dataclass(slots=True)
class _PendingOrder:
    """An order that waits for its batch, on behalf of one or more events."""

    done: "asyncio.Future[None]"
    recheck: bool = False
    traces: list[str] = field(default_factory=list)


class OrderBatcher:
    """Batches of orders. ``backlog`` returns the number of events on the stream; it is read once a second at most."""

    def __init__(
        self,
        write_batch: BatchWriter,
        *,
        backlog: Callable[[], Awaitable[int]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write_batch = write_batch
        self._backlog = backlog
        self._clock = clock
        self._pending: dict[str, _PendingOrder] = {}
        self._in_flight: set[str] = set()
        self._batches: set[asyncio.Task[None]] = set()
        self._has_backlog = False
        self._backlog_read_at = float("-inf")

    async def write_back(self, requests: Sequence[OrderRequest]) -> list[BaseException | None]:
        """Wait until Afterbuy shows the orders as they should be; returns what prevented each."""
        await self._read_backlog()
        waiting = [self._add(request) for request in requests]
        self._start_batches()
        return await asyncio.gather(*map(asyncio.shield, waiting), return_exceptions=True)

    def _add(self, request: OrderRequest) -> "asyncio.Future[None]":
        pending = self._pending.setdefault(request.order_id, _PendingOrder(_future()))
        pending.recheck = pending.recheck or request.recheck
        pending.traces += request.traces
        return pending.done

    async def close(self) -> None:
        """Cancel all batches; orders that the ledger does not show as applied are written again by their events."""
        for task in self._batches:
            task.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    async def _read_backlog(self) -> None:
        if self._clock() - self._backlog_read_at >= _BACKLOG_TTL:
            self._backlog_read_at = self._clock()
            self._has_backlog = await self._backlog() > BACKLOG_THRESHOLD

    def _start_batches(self) -> None:
        most, size = (MAX_CONCURRENT_BATCHES, MAX_BATCH_SIZE) if self._has_backlog else (MAX_CONCURRENT_SINGLES, 1)
        while len(self._batches) < most:
            ready = (order_id for order_id in self._pending if order_id not in self._in_flight)
            orders = {order_id: self._pending[order_id] for order_id in islice(ready, size)}
            if not orders:
                return
            self._start(orders)

    def _start(self, orders: dict[str, _PendingOrder]) -> None:
        for order_id in orders:
            del self._pending[order_id]
        self._in_flight |= orders.keys()
        task = asyncio.create_task(self._run(orders))
        self._batches.add(task)
        task.add_done_callback(lambda done: self._ended(done, orders))

    async def _run(self, orders: dict[str, _PendingOrder]) -> None:
        traces = [trace for pending in orders.values() for trace in pending.traces if trace]
        parent, *others = dict.fromkeys(traces) or [""]
        with span("write back", parent=parent, links=others, orders=list(orders), count=len(orders)):
            outcomes = await self._outcomes({order_id: pending.recheck for order_id, pending in orders.items()})
        for order_id, pending in orders.items():
            _resolve(pending.done, outcomes.get(order_id))

    async def _outcomes(self, rechecks: Mapping[str, bool]) -> Mapping[str, Exception | None]:
        """Write orders back; if that reveals a bug, each alone: the order that it lies in takes no other along."""
        try:
            return await self._write_batch(rechecks)
        except AftersendError:
            raise
        except Exception:
            if len(rechecks) == 1:
                raise
        return {order_id: await self._outcome(order_id, recheck) for order_id, recheck in rechecks.items()}

    async def _outcome(self, order_id: str, recheck: bool) -> Exception | None:  # noqa: FBT001 - the value of a mapping
        try:
            return (await self._write_batch({order_id: recheck}))[order_id]
        except Exception as error:  # noqa: BLE001 - the consumer decides by its type
            return error

    def _ended(self, task: "asyncio.Task[None]", orders: dict[str, _PendingOrder]) -> None:
        self._batches.discard(task)
        self._in_flight -= orders.keys()
        failure = None if task.cancelled() else task.exception()
        for pending in orders.values():
            if task.cancelled():
                pending.done.cancel()
            else:
                _resolve(pending.done, failure)
        self._start_batches()


def _future() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    # Retrieve the exception: asyncio warns of a future whose handler was cancelled before it failed.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


def _resolve(future: "asyncio.Future[None]", error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
