"""How many rounds without effect an order has a day, for what is observed now."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftersend.ledger.entry import Entry
from aftersend_writer.rules.unshown import MAX_ROUNDS, rounds_today, unshown
from tests.support.ledger_kit import NOW

HOUR, DAY = 3_600_000, 86_400_000
MIDNIGHT = NOW - NOW % DAY


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9 * HOUR)), max_size=40))
def test_four_rounds_at_most_for_each_day_and_revision(tries: list[tuple[bool, int]]) -> None:
    entry, now, done = Entry(order="700", observed=1), MIDNIGHT, []
    for new_label, later in tries:
        now += later
        entry = replace(entry, observed=entry.observed + new_label)
        if rounds_today(entry, now=now) < MAX_ROUNDS:
            entry = unshown(entry, observed=entry.observed, now=now)
            done.append((entry.observed, now // DAY))
    assert all(len(list(each)) <= MAX_ROUNDS for _, each in groupby(done))


def test_a_new_day_and_a_new_revision_start_anew() -> None:
    entry = Entry(order="700", observed=1)
    for rounds in range(1, MAX_ROUNDS + 1):
        entry = unshown(entry, observed=1, now=MIDNIGHT + 23 * HOUR)
        assert rounds_today(entry, now=MIDNIGHT + DAY - 1) == rounds
    assert rounds_today(entry, now=MIDNIGHT + DAY) == 0
    assert rounds_today(replace(entry, observed=2), now=MIDNIGHT + DAY - 1) == 0


def test_a_round_about_an_older_revision_does_not_count() -> None:
    entry = Entry(order="700", observed=2)
    assert unshown(entry, observed=1, now=MIDNIGHT) is entry


def test_an_entry_of_an_earlier_version_has_none() -> None:
    assert rounds_today(Entry(order="700", observed=3), now=MIDNIGHT) == 0
