"""The buckets in virtual time: no minute and no second sees more calls than Sendcloud allows."""

import asyncio
import itertools

import pytest

from aftersend.errors import Transient
from aftersend.sendcloud.limits import READS, WRITES, Limit, RateBucket


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def bucket(limit: Limit, time: Time, jitter: float = 0.0) -> RateBucket:
    return RateBucket(limit, clock=time.clock, sleep=time.sleep, jitter=lambda: jitter)


async def moments(limit: Limit, count: int) -> list[float]:
    time = Time()
    calls = bucket(limit, time)
    found = []
    for _ in range(count):
        await calls.take()
        found.append(time.now)
    return found


def most_within(found: list[float], seconds: float) -> int:
    return max(sum(start <= moment < start + seconds for moment in found[i:]) for i, start in enumerate(found))


async def test_writes_stay_below_100_a_minute_and_15_a_second() -> None:
    found = await moments(WRITES, 300)
    assert most_within(found, 60) <= 91
    assert most_within(found, 1) <= 14
    assert found[-1] - found[0] < 230  # and hardly below


async def test_reads_stay_below_1000_a_minute() -> None:
    found = await moments(READS, 2000)
    assert most_within(found, 60) <= 901
    assert found[-1] - found[0] < 145


async def test_an_idle_bucket_never_holds_more_than_its_burst() -> None:
    time = Time()
    calls = bucket(Limit(burst=3, rate=1), time)
    time.now += 3600
    assert calls.remaining == 3
    for _ in range(3):
        await calls.take()
    assert time.now == 4600
    await calls.take()
    assert time.now == pytest.approx(4601)


async def test_callers_are_served_in_order() -> None:
    time = Time()
    calls = bucket(Limit(burst=1, rate=1), time)
    served: list[int] = []

    async def call(number: int) -> None:
        await calls.take()
        served.append(number)

    await asyncio.gather(*(call(number) for number in range(5)))
    assert served == [0, 1, 2, 3, 4]


async def test_a_429_pauses_everybody_as_long_as_asked() -> None:
    time = Time()
    calls = bucket(READS, time)
    calls.refused(7.0)
    assert calls.remaining == 0
    await calls.take()
    assert time.now == pytest.approx(1007)


async def test_pauses_grow_up_to_a_minute_and_start_again_after_a_success() -> None:
    time = Time()
    calls = bucket(READS, time)
    pauses = []
    for _ in range(6):
        before = time.now
        calls.refused(None)
        await calls.take()
        pauses.append(time.now - before)
    assert pauses == pytest.approx([5, 10, 20, 40, 45, 45])
    calls.accepted()
    before = time.now
    calls.refused(None)
    await calls.take()
    assert time.now - before == pytest.approx(5)


async def test_jitter_only_lengthens_and_stays_below_a_minute() -> None:
    for refusals in range(1, 20):
        time = Time()
        calls = bucket(READS, time, jitter=1.0)
        for _ in range(refusals):
            calls.refused(None)
        await calls.take()
        assert 6 <= time.now - 1000 <= 60


async def test_a_longer_wait_fails_at_once_and_says_how_long() -> None:
    time = Time()
    calls = bucket(READS, time)
    calls.refused(300.0)
    with pytest.raises(Transient) as caught:
        await calls.take()
    assert (caught.value.code, caught.value.retry_after, time.now) == ("rate_limited", 300.0, 1000.0)
    time.now += 299
    await calls.take()
    assert time.now == pytest.approx(1300)


async def test_a_later_refusal_never_shortens_the_pause() -> None:
    time = Time()
    calls = bucket(READS, time)
    for asked in itertools.chain([30.0], [1.0] * 3):
        calls.refused(asked)
    await calls.take()
    assert time.now == pytest.approx(1030)


async def test_a_cancelled_wait_takes_no_call() -> None:
    gate = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await gate.wait()

    time = Time()
    calls = RateBucket(Limit(burst=1, rate=1), clock=time.clock, sleep=sleep)
    await calls.take()
    waiting = asyncio.create_task(calls.take())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    time.now += 1
    await calls.take()
    assert calls.remaining == 0
