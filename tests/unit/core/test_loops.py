"""The periodic loop, in virtual time."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from itertools import count

import pytest

from aftersend.errors import Misconfigured, Transient
from aftersend.loops import every, first, one_ahead, pause, until_reached, with_heartbeat
from tests.support.virtual_time import run


class Steps:
    """Notes when each step ran; sets ``stop`` at the last one."""

    def __init__(self, steps: int, error: Exception | None = None) -> None:
        self.times: list[float] = []
        self.stop = asyncio.Event()
        self._steps = steps
        self._error = error

    async def __call__(self) -> None:
        self.times.append(asyncio.get_running_loop().time())
        if len(self.times) == self._steps:
            self.stop.set()
        if self._error is not None:
            raise self._error


def repeated(steps: Steps, seconds: float | Callable[[], float], heartbeat: Callable[[], None] | None = None) -> float:
    """Run the loop to its end; returns the time then."""

    async def main() -> float:
        await every(seconds, steps, steps.stop, heartbeat=heartbeat)
        return asyncio.get_running_loop().time()

    return run(main())


def test_a_step_runs_at_once_and_then_every_so_many_seconds() -> None:
    steps = Steps(4)
    assert repeated(steps, 15.0) == pytest.approx(45)
    assert steps.times == pytest.approx([0, 15, 30, 45])


def test_the_period_may_depend_on_the_last_step() -> None:
    steps = Steps(4)
    periods = count(1)
    repeated(steps, lambda: float(next(periods)))
    assert steps.times == pytest.approx([0, 1, 3, 6])


def test_transient_ends_its_step_only() -> None:
    steps = Steps(3, Transient("redis_unavailable", upstream="redis"))
    repeated(steps, 2.0)
    assert steps.times == pytest.approx([0, 2, 4])


def test_a_lack_of_files_ends_its_step_only() -> None:
    steps = Steps(3, OSError(errno.EMFILE, "Too many open files"))
    repeated(steps, 2.0)
    assert len(steps.times) == 3


@pytest.mark.parametrize("error", [Misconfigured("wrong"), ValueError(), asyncio.CancelledError()])
def test_any_other_error_ends_the_loop(error: Exception) -> None:
    steps = Steps(3, error)
    with pytest.raises(type(error)):
        repeated(steps, 2.0)
    assert len(steps.times) == 1


def test_each_round_beats_before_its_step_even_if_that_fails() -> None:
    steps = Steps(3, Transient("redis_unavailable", upstream="redis"))
    before: list[int] = []
    repeated(steps, 2.0, lambda: before.append(len(steps.times)))
    assert before == [0, 1, 2]


def test_one_step_runs_even_if_the_end_has_come_already() -> None:
    steps = Steps(9)
    steps.stop.set()
    assert repeated(steps, 3600.0) == 0
    assert steps.times == [0]


def test_the_wait_ends_with_the_process() -> None:
    async def main() -> float:
        steps = Steps(9)
        asyncio.get_running_loop().call_later(20, steps.stop.set)
        await every(3600.0, steps, steps.stop)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(20)


def test_another_clock_may_do_the_waiting() -> None:
    waited: list[float] = []

    async def wait(_stop: asyncio.Event, seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) < 3

    async def main() -> Steps:
        steps = Steps(9)
        await every(7.0, steps, steps.stop, wait=wait)
        return steps

    assert run(main()).times == [0, 0, 0]
    assert waited == [7.0, 7.0, 7.0]


async def test_a_pause_ends_with_the_process() -> None:
    stop = asyncio.Event()
    assert await pause(stop, 0)
    stop.set()
    assert not await pause(stop, 3600)
    assert not await pause(stop, 0)


@pytest.mark.parametrize(
    ("mounted", "stopped", "result"), [(True, False, True), (False, True, False), (True, True, False)]
)
async def test_first_of_two_events(*, mounted: bool, stopped: bool, result: bool) -> None:
    wanted, other = asyncio.Event(), asyncio.Event()
    waiting = asyncio.create_task(first(wanted, other))
    await asyncio.sleep(0)
    if mounted:
        wanted.set()
    if stopped:
        other.set()
    assert await waiting is result


def test_a_step_is_repeated_until_it_reaches_what_it_needs() -> None:
    waits = iter([1.0, 2.0, 4.0])

    async def main() -> tuple[object, float]:
        errors: list[Exception] = [Transient("redis_unavailable")] * 3

        async def step() -> str:
            if errors:
                raise errors.pop()
            return "there"

        result = await until_reached(step, asyncio.Event(), wait=lambda _: next(waits))
        return result, asyncio.get_running_loop().time()

    assert run(main()) == ("there", pytest.approx(7))


def test_it_is_given_up_with_the_process() -> None:
    async def main() -> tuple[object, float]:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(20, stop.set)
        result = await until_reached(Steps(99, Transient("x")), stop, wait=lambda _: 3600.0)
        return result, asyncio.get_running_loop().time()

    assert run(main()) == (None, pytest.approx(20))


def test_other_errors_are_not_waited_out() -> None:
    async def main() -> None:
        await until_reached(Steps(99, Misconfigured("wrong")), asyncio.Event(), wait=lambda _: 1.0)

    with pytest.raises(Misconfigured):
        run(main())


def test_a_long_wait_beats_every_so_many_seconds_and_ends_with_its_result() -> None:
    beats: list[float] = []
    meanwhile = Steps(99)

    async def main() -> str:
        clock = asyncio.get_running_loop().time

        async def work() -> str:
            await asyncio.sleep(11)
            return "done"

        return await with_heartbeat(work(), lambda: beats.append(clock()), seconds=5.0, meanwhile=meanwhile)

    assert run(main()) == "done"
    assert beats == meanwhile.times == [5, 10]


@pytest.mark.parametrize("error", [Misconfigured("wrong"), ValueError()])
def test_what_ends_the_work_ends_the_wait(error: Exception) -> None:
    async def main() -> None:
        await with_heartbeat(Steps(1, error)(), lambda: None)

    with pytest.raises(type(error)):
        run(main())


async def test_the_work_is_cancelled_with_the_caller() -> None:
    work = asyncio.create_task(asyncio.Event().wait())
    caller = asyncio.create_task(with_heartbeat(work, lambda: None))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, work, return_exceptions=True)
    assert work.cancelled()


class Pages:
    """Pages that take a second each; the error, if any, takes the place of one more."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.count = count
        self.error = error
        self.begun: list[float] = []
        self.ended = False

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for number in range(self.count + (1 if self.error else 0)):
                self.begun.append(asyncio.get_running_loop().time())
                await asyncio.sleep(1)
                if self.error and number == self.count:
                    raise self.error
                yield number
        finally:
            self.ended = True


async def process(pages: Pages, seconds: float, taken: list[int], *, broken_at: int | None = None) -> float:
    async with aclosing(one_ahead(pages())) as read:
        async for number in read:
            await asyncio.sleep(seconds)
            if number == broken_at:
                raise LookupError
            taken.append(number)
    return asyncio.get_running_loop().time()


def test_the_next_item_is_fetched_while_one_is_processed_and_no_other() -> None:
    pages, taken = Pages(4), list[int]()
    assert run(process(pages, 10.0, taken)) == pytest.approx(41)
    assert taken == [0, 1, 2, 3]
    assert pages.begun == pytest.approx([0, 1, 11, 21])


def test_an_error_of_fetching_comes_after_the_items_before_it() -> None:
    pages, taken = Pages(2, Transient("timeout")), list[int]()
    with pytest.raises(Transient, match="timeout"):
        run(process(pages, 10.0, taken))
    assert taken == [0, 1]


def test_nothing_is_fetched_any_more_when_processing_has_failed() -> None:
    pages, taken = Pages(9), list[int]()
    with pytest.raises(LookupError):
        run(process(pages, 0.5, taken, broken_at=1))
    assert (taken, pages.ended) == ([0], True)
