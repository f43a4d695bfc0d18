"""Collecting orders into batches: which orders share one, which wait, how many run at once."""

import asyncio
from collections.abc import Mapping

import pytest

from aftersend.errors import AftersendError, Later
from aftersend_writer.batcher import (
    BACKLOG_THRESHOLD,
    MAX_BATCH_SIZE,
    MAX_CONCURRENT_BATCHES,
    MAX_CONCURRENT_SINGLES,
    OrderBatcher,
    OrderRequest,
)


class RecordedBatches:
    """A batch writer that records its batches; each waits for ``go``."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[dict[str, bool]] = []
        self.active: set[str] = set()
        self.most = 0
        self.answers: dict[str, AftersendError] = {}
        self.crash: Exception | None = None
        self.go = asyncio.Event()
        if not held:
            self.go.set()

    async def __call__(self, orders: Mapping[str, bool]) -> dict[str, AftersendError | None]:
        assert not self.active & orders.keys(), "an order is never in two batches at once"
        self.active |= orders.keys()
        self.batches.append(dict(orders))
        self.most = max(self.most, len(self.batches))
        await self.go.wait()
        self.active -= orders.keys()
        if self.crash:
            raise self.crash
        return {order: self.answers.get(order) for order in orders}


def batcher_of(batches: RecordedBatches, backlog: int = 0) -> OrderBatcher:
    async def length() -> int:
        return backlog

    return OrderBatcher(batches, backlog=length)


async def write_back(batcher: OrderBatcher, order: str, *, recheck: bool = False) -> None:
    """One order of one event; raise what prevented it."""
    (error,) = await batcher.write_back([OrderRequest(order, recheck)])
    if error is not None:
        raise error


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_without_backlog_each_order_is_a_batch() -> None:
    batches = RecordedBatches()
    batcher = batcher_of(batches)
    await asyncio.gather(*(write_back(batcher, str(number)) for number in range(30)))
    assert sorted(batches.batches, key=str) == sorted(({str(number): False} for number in range(30)), key=str)


async def test_a_limited_number_of_them_at_once() -> None:
    batches = RecordedBatches(held=True)
    batcher = batcher_of(batches)
    tasks = [asyncio.create_task(write_back(batcher, str(number))) for number in range(30)]
    await settle()
    assert len(batches.batches) == MAX_CONCURRENT_SINGLES
    batches.go.set()
    await asyncio.gather(*tasks)


async def test_with_a_backlog_orders_share_batches() -> None:
    batches = RecordedBatches(held=True)
    batcher = batcher_of(batches, backlog=BACKLOG_THRESHOLD + 1)
    many = 2 * MAX_BATCH_SIZE + 45
    task = asyncio.create_task(batcher.write_back([OrderRequest(str(number)) for number in range(many)]))
    await settle()
    assert [len(orders) for orders in batches.batches] == [MAX_BATCH_SIZE] * MAX_CONCURRENT_BATCHES
    batches.go.set()
    assert await task == [None] * many
    assert [len(orders) for orders in batches.batches] == [MAX_BATCH_SIZE, MAX_BATCH_SIZE, 45]


async def test_events_of_one_order_share_a_batch_and_its_recheck() -> None:
    batches = RecordedBatches(held=True)
    batcher = batcher_of(batches)
    first = asyncio.create_task(write_back(batcher, "7"))
    await settle()
    later = [asyncio.create_task(write_back(batcher, "7", recheck=recheck)) for recheck in (False, True, False)]
    await settle()
    assert batches.batches == [{"7": False}]
    batches.go.set()
    await asyncio.gather(first, *later)
    assert batches.batches == [{"7": False}, {"7": True}]


async def test_each_event_gets_the_outcome_of_its_own_order() -> None:
    batches = RecordedBatches()
    batches.answers["2"] = Later("lease_held")
    batcher = batcher_of(batches, backlog=1000)
    outcomes = await asyncio.gather(*(write_back(batcher, order) for order in "123"), return_exceptions=True)
    assert outcomes == [None, batches.answers["2"], None]


async def test_a_batch_that_fails_as_a_whole_fails_for_all() -> None:
    batches = RecordedBatches()
    batches.crash = RuntimeError("boom")
    batcher = batcher_of(batches)
    outcomes = await asyncio.gather(write_back(batcher, "1"), write_back(batcher, "1"), return_exceptions=True)
    assert outcomes == [batches.crash, batches.crash]
    batches.crash = None
    await write_back(batcher, "1")


async def test_a_cancelled_handler_leaves_the_others_waiting() -> None:
    batches = RecordedBatches(held=True)
    batcher = batcher_of(batches)
    impatient, patient = (asyncio.create_task(write_back(batcher, "1")) for _ in range(2))
    await settle()
    impatient.cancel()
    batches.go.set()
    await patient
    assert impatient.cancelled()


async def test_closing_cancels_batches() -> None:
    batches = RecordedBatches(held=True)
    batcher = batcher_of(batches)
    task = asyncio.create_task(write_back(batcher, "1"))
    await settle()
    await batcher.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert batches.active == {"1"}


async def test_an_order_that_reveals_a_bug_takes_no_other_along() -> None:
    class BugInSeven(RecordedBatches):
        async def __call__(self, orders: Mapping[str, bool]) -> dict[str, AftersendError | None]:
            self.crash = ZeroDivisionError() if "7" in orders else None
            return await super().__call__(orders)

    batches = BugInSeven()
    batcher = batcher_of(batches, BACKLOG_THRESHOLD + 1)
    errors = await batcher.write_back([OrderRequest(str(number)) for number in range(20)])
    assert [type(error) for error in errors if error is not None] == [ZeroDivisionError]
    assert isinstance(errors[7], ZeroDivisionError)
    assert len(batches.batches) == 1 + 20
