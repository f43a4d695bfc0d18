"""Repeats of calls: what is repeated, how long, and when a run has lost enough."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any

import pytest

from aftersend.call_retries import CALL_SECONDS, MIN_REPEATS, RUN_SECONDS, CallRetries, once
from aftersend.errors import Bug, CredentialsRefused, Later, Misconfigured, Rejected, StoreAway, Transient
from tests.support import virtual_time

DOWN = Transient("http_503", upstream="afterbuy")


class Upstream:
    """Fails as scripted, then answers; each try takes ``seconds``."""

    def __init__(self, *errors: Exception, seconds: float = 0.0, always: Exception | None = None) -> None:
        self._errors = chain(errors, repeat(always)) if always else iter(errors)
        self._seconds = seconds
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        await asyncio.sleep(self._seconds)
        if error := next(self._errors, None):
            raise error
        return "answer"


def retries(chance: float = 1.0, wait: Callable[[float], Any] = asyncio.sleep) -> CallRetries:
    loop = asyncio.get_running_loop()
    return CallRetries(wait=wait, clock=loop.time, chance=lambda: chance)


def seconds_of(calls: Iterable[tuple[str, Upstream]], *, chance: float = 1.0) -> list[tuple[object, float]]:
    """What each of several calls of one run ends with, and the seconds that it takes."""

    async def work() -> list[tuple[object, float]]:
        repeated, found = retries(chance), list[tuple[object, float]]()
        for upstream, call in calls:
            began = asyncio.get_running_loop().time()
            try:
                end: object = await repeated(upstream, call)
            except Transient as error:
                end = error.code
            found.append((end, asyncio.get_running_loop().time() - began))
        return found

    return virtual_time.run(work())


def test_waits_double_from_half_a_second() -> None:
    [(answer, seconds)] = seconds_of([("afterbuy", Upstream(*[DOWN] * 4))])
    assert (answer, seconds) == ("answer", 0.5 + 1 + 2 + 4)


def test_jitter_draws_from_nothing_to_the_whole_wait() -> None:
    [(answer, seconds)] = seconds_of([("afterbuy", Upstream(*[DOWN] * 4))], chance=0.0)
    assert (answer, seconds) == ("answer", 0.0)


def test_a_call_is_given_up_after_about_a_minute() -> None:
    [(answer, seconds)] = seconds_of([("afterbuy", Upstream(always=DOWN))])
    assert answer == "http_503"
    assert CALL_SECONDS - 16 <= seconds <= CALL_SECONDS


def test_four_time_outs_in_a_row_are_survived() -> None:
    call = Upstream(*[DOWN] * 4, seconds=30.0)
    [(answer, seconds)] = seconds_of([("afterbuy", call)])
    assert (answer, seconds) == ("answer", 5 * 30 + 7.5)


def test_a_call_that_always_times_out_ends_after_four_repeats() -> None:
    call = Upstream(always=DOWN, seconds=30.0)
    [(answer, seconds)] = seconds_of([("afterbuy", call)])
    assert (answer, call.tries) == ("http_503", 1 + MIN_REPEATS)
    assert seconds < RUN_SECONDS


@pytest.mark.parametrize(("asked", "tries"), [(0.1, 2), (20.0, 2), (61.0, 1), (float("inf"), 1)])
def test_retry_after_is_respected_or_too_long(asked: float, tries: int) -> None:
    call = Upstream(Transient("http_429", upstream="sendcloud", retry_after=asked))
    [(answer, seconds)] = seconds_of([("sendcloud", call)])
    assert call.tries == tries
    assert (answer, seconds) == (("answer", max(asked, 0.5)) if tries == 2 else ("http_429", 0.0))


@pytest.mark.parametrize(
    "error",
    [
        CredentialsRefused("code_8", upstream="afterbuy"),
        Rejected("code_33", upstream="afterbuy"),
        Bug("code_1", upstream="afterbuy"),
        Misconfigured("no integration", upstream="afterbuy"),
        Later("lease_lost"),
        StoreAway("redis_unavailable", upstream="redis"),
        Transient("redis_unavailable", upstream="redis"),
        ValueError(),
    ],
)
def test_nothing_else_is_repeated(error: Exception) -> None:
    async def work() -> None:
        call = Upstream(error)
        with pytest.raises(type(error)):
            await retries()("afterbuy", call)
        assert call.tries == 1

    virtual_time.run(work())


def test_after_a_call_that_was_given_up_the_next_has_one_try_until_one_succeeds() -> None:
    calls = [Upstream(always=DOWN), Upstream(DOWN), Upstream(), Upstream(DOWN)]
    ends = seconds_of([("afterbuy", call) for call in calls])
    assert [end for end, _ in ends] == ["http_503", "http_503", "answer", "answer"]
    assert calls[1].tries == 1


def test_the_other_upstream_has_all_its_tries() -> None:
    other = Transient("http_503", upstream="sendcloud")
    ends = seconds_of([("afterbuy", Upstream(always=DOWN)), ("sendcloud", Upstream(*[other] * 4))])
    assert ends[1][0] == "answer"


def test_a_run_loses_four_minutes_in_all() -> None:
    flaky = [Upstream(*[DOWN] * 6) for _ in range(20)]
    ends = seconds_of([("afterbuy", call) for call in flaky])
    lost = [seconds for end, seconds in ends if end == "answer"]
    assert len(lost) == RUN_SECONDS // 31.5
    assert {end for end, _ in ends[len(lost) :]} == {"http_503"}


def test_calls_side_by_side_lose_the_same_time_once() -> None:
    async def work() -> list[str]:
        repeated = retries()
        return await asyncio.gather(*[repeated("afterbuy", Upstream(*[DOWN] * 6)) for _ in range(50)])

    assert virtual_time.run(work()) == ["answer"] * 50


def test_what_ends_the_run_ends_the_wait() -> None:
    async def stopping(_seconds: float) -> None:
        raise Later("stopping")

    async def work() -> None:
        call = Upstream(always=DOWN)
        with pytest.raises(Later):
            await retries(wait=stopping)("afterbuy", call)
        assert call.tries == 1

    virtual_time.run(work())


def test_once_is_once() -> None:
    async def work() -> None:
        call = Upstream(DOWN)
        with pytest.raises(Transient):
            await once("afterbuy", call)
        assert call.tries == 1

    virtual_time.run(work())
