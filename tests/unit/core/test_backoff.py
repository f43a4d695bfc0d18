"""Exponential backoff."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.backoff import Backoff

jitters = st.floats(0, 2)
failure_counts = st.integers(1, 10_000)


def backoff(jitter: float, chance: float) -> Backoff:
    return Backoff(5.0, 300.0, jitter, chance=lambda: chance)


def test_delays_double_up_to_the_longest() -> None:
    plain = Backoff(1.0, 15.0)
    assert [plain.delay(failures) for failures in range(1, 8)] == [1, 2, 4, 8, 15, 15, 15]


@pytest.mark.parametrize(("chance", "delays"), [(0.0, [1, 2, 4, 5, 5]), (0.5, [1.5, 3, 6, 7.5, 7.5])])
def test_jitter_lengthens_within_the_longest(chance: float, delays: list[float]) -> None:
    jittered = Backoff(1.0, 10.0, 1.0, chance=lambda: chance)
    assert [jittered.delay(failures) for failures in range(1, 6)] == delays


def test_jitter_is_drawn_anew_for_each_delay() -> None:
    jittered = Backoff(1.0, 10.0, 1.0)
    assert len({jittered.delay(1) for _ in range(10)}) > 1


@given(jitter=jitters, chance=st.floats(0, 1), failures=failure_counts)
def test_a_delay_lies_between_the_first_and_the_longest(jitter: float, chance: float, failures: int) -> None:
    delay = backoff(jitter, chance).delay(failures)
    assert delay >= 5.0
    assert delay <= 300.0 or math.isclose(delay, 300.0)


@given(jitter=jitters, chance=st.floats(0, 1), failures=failure_counts)
def test_more_failures_never_shorten_a_delay(jitter: float, chance: float, failures: int) -> None:
    same = backoff(jitter, chance)
    assert same.delay(failures) <= same.delay(failures + 1)


@given(jitter=jitters, chance=st.floats(0, 1), failures=failure_counts)
def test_jitter_adds_at_most_its_share(jitter: float, chance: float, failures: int) -> None:
    shortest = backoff(jitter, 0.0).delay(failures)
    delay = backoff(jitter, chance).delay(failures)
    assert shortest <= delay <= shortest * (1 + jitter)
