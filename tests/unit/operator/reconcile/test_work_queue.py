import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from aftersend.backoff import Backoff
from aftersend.errors import Transient
from aftersend_operator.reconcile import work_queue
from aftersend_operator.reconcile.work_queue import WorkQueue
from tests.support import virtual_time


@pytest.mark.parametrize(
    ("failures", "asked", "chance", "seconds"),
    [
        (1, None, 1.0, 1.0),
        (1, None, 0.0, 0.5),
        (4, None, 1.0, 8.0),
        (50, None, 1.0, 300.0),
        (1, 30.0, 1.0, 30.0),
        (9, 1.0, 1.0, 256.0),
    ],
)
def test_delays_grow_with_jitter_and_never_undercut_retry_after(
    failures: int, asked: float | None, chance: float, seconds: float
) -> None:
    backoff = replace(work_queue.BACKOFF, chance=lambda: chance)
    queue = WorkQueue(Handler().handle, clock=lambda: 0.0, backoff=backoff)
    delays = [queue._failed("a", Transient("down", retry_after=asked)) for _ in range(failures)]
    assert delays[-1] == seconds


class Handler:
    """Handle keys by a function, and count them."""

    def __init__(self, answer: Callable[[str], float | None] = lambda _: None) -> None:
        self.seen: Counter[str] = Counter()
        self.order: list[str] = []
        self.at_work: Counter[str] = Counter()
        self.gates: dict[str, asyncio.Event] = {}
        self.answer = answer
        self.progress = asyncio.Event()

    async def handle(self, key: str) -> float | None:
        self.at_work[key] += 1
        assert self.at_work[key] == 1, "a key is never handled twice at the same time"
        try:
            self.seen[key] += 1
            self.order.append(key)
            self.progress.set()
            if key in self.gates:
                await self.gates[key].wait()
            return self.answer(key)
        finally:
            self.at_work[key] -= 1

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.progress.clear()
                await self.progress.wait()


async def running(queue: WorkQueue[str]) -> tuple[asyncio.Event, asyncio.Task[None]]:
    stop = asyncio.Event()
    return stop, asyncio.create_task(queue.run(stop))


async def ended(queue: WorkQueue[str], stop: asyncio.Event, task: asyncio.Task[None]) -> None:
    stop.set()
    queue.add("last")
    await task


async def test_many_additions_of_one_key_are_handled_once_and_once_more_for_those_meanwhile() -> None:
    handler = Handler()
    handler.gates["a"] = asyncio.Event()
    queue = WorkQueue(handler.handle)
    for _ in range(5):
        queue.add("a")
    stop, task = await running(queue)
    await handler.until(lambda: handler.seen["a"] == 1)
    for _ in range(5):
        queue.add("a")
    assert queue.depth == 2
    handler.gates["a"].set()
    await handler.until(lambda: handler.seen["a"] == 2)
    queue.add("b")
    await handler.until(lambda: handler.seen["b"] == 1)
    assert handler.seen["a"] == 2
    await ended(queue, stop, task)


async def test_a_key_that_fails_or_hangs_delays_no_other() -> None:
    def answer(key: str) -> None:
        if key == "broken":
            raise Transient("down", retry_after=3600)

    handler = Handler(answer)
    handler.gates["hangs"] = asyncio.Event()
    queue = WorkQueue(handler.handle, workers=2)
    queue.add("broken")
    queue.add("hangs")
    for number in range(50):
        queue.add(f"good-{number}")
    stop, task = await running(queue)
    await handler.until(lambda: all(handler.seen[f"good-{number}"] for number in range(50)))
    assert handler.seen["broken"] == handler.seen["hangs"] == 1
    handler.gates["hangs"].set()
    await ended(queue, stop, task)


async def test_a_reconciliation_that_takes_too_long_is_cancelled_and_retried() -> None:
    handler = Handler()
    handler.gates["slow"] = asyncio.Event()
    queue = WorkQueue(handler.handle, timeout=0.01, backoff=Backoff(first=0.01, longest=1.0))
    queue.add("slow")
    stop, task = await running(queue)
    await handler.until(lambda: handler.seen["slow"] == 2)
    await ended(queue, stop, task)


async def test_a_key_is_requeued_after_its_delay_and_earlier_when_it_is_added() -> None:
    handler = Handler(lambda key: 3600.0 if key == "calm" else 0.0 if handler.seen[key] < 3 else None)
    queue = WorkQueue(handler.handle)
    queue.add("calm")
    queue.add("busy")
    stop, task = await running(queue)
    await handler.until(lambda: handler.seen["busy"] == 3)
    assert handler.seen["calm"] == 1
    queue.add("calm")
    await handler.until(lambda: handler.seen["calm"] == 2)
    await ended(queue, stop, task)


@pytest.mark.parametrize(("asked", "delay"), [(60.0, 45.0), (30.0, 22.5), (29.0, 29.0), (1.0, 1.0), (0.0, 0.0)])
def test_periodic_passes_are_spread_and_deadlines_are_not(asked: float, delay: float) -> None:
    """A pass that comes before a deadline only finds that it has to come again."""
    queue = WorkQueue(Handler().handle, clock=lambda: 0.0, chance=lambda: 1.0)
    assert queue._spread(asked) == delay


def test_earlier_work_comes_first() -> None:
    async def work() -> None:
        handler = Handler()
        queue = WorkQueue(handler.handle, workers=1)
        queue.add("later", 0.05)
        queue.add("now")
        queue.add("soon", 0.01)
        queue.add("later", 30)
        stop, task = await running(queue)
        await handler.until(lambda: len(handler.order) == 3)
        assert handler.order == ["now", "soon", "later"]
        await ended(queue, stop, task)

    virtual_time.run(work())
