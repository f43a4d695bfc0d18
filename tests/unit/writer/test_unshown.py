"""How many rounds without effect an order has a day."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from aftersend.ledger.entry import Entry, Problem
from aftersend_writer.unshown import MAX_ROUNDS, UnshownRounds
from tests.support.ledger_kit import NOW, ManualClock

HOUR, DAY = 3_600_000, 86_400_000
ORDER = Entry(order="700")
MIDNIGHT = NOW - NOW % DAY


@given(st.lists(st.tuples(st.sampled_from(["700", "701"]), st.integers(0, 9 * HOUR)), max_size=40))
def test_an_order_is_updated_in_four_rounds_a_day_at_most(tries: list[tuple[str, int]]) -> None:
    clock, done = ManualClock(MIDNIGHT), []
    rounds = UnshownRounds(clock)
    for order, later in tries:
        clock.ms += later
        if not rounds.is_spent(Entry(order=order)):
            rounds.count(order)
            done.append((order, clock.ms // DAY))
    assert all(len(list(each)) <= MAX_ROUNDS for _, each in groupby(sorted(done)))


def test_the_last_round_says_so_and_success_starts_anew() -> None:
    rounds = UnshownRounds(ManualClock())
    assert [rounds.count("700") for _ in range(MAX_ROUNDS)] == [False, False, False, True]
    assert rounds.is_spent(ORDER)
    rounds.clear("700")
    assert not rounds.is_spent(ORDER)


def test_after_a_restart_the_problem_counts_until_midnight() -> None:
    clock = ManualClock(MIDNIGHT + 23 * HOUR)
    for code, spent in (("not_shown", True), ("conflict", False)):
        entry = Entry(order="700", problem=Problem(code, since=clock.ms - HOUR))  # type: ignore[arg-type] - drawn
        assert UnshownRounds(clock).is_spent(entry) is spent
    clock.ms += HOUR
    entry = Entry(order="700", problem=Problem("not_shown", since=clock.ms - 2 * HOUR))
    assert not UnshownRounds(clock).is_spent(entry)
