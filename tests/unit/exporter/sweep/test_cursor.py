"""Where a sweep begins and what cursor it leaves, whatever the clocks say: no change is skipped."""

from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend_exporter.sweep.cursor import next_cursor, read_from, usable

NOW: Final = datetime(2026, 11, 24, 9, 30, tzinfo=UTC).timestamp()
MINUTE: Final = 60.0
DAY: Final = 86_400.0
YEAR: Final = 365 * DAY
OVERLAP: Final = 15 * MINUTE
CATCH_UP: Final = 14 * DAY


def test_a_sweep_begins_an_overlap_before_the_last_cursor_however_old_that_is() -> None:
    assert read_from(NOW - YEAR, now=NOW, overlap=OVERLAP, catch_up=CATCH_UP) == NOW - YEAR - OVERLAP


def test_without_a_cursor_it_begins_as_far_back_as_orders_are_caught_up() -> None:
    assert read_from(None, now=NOW, overlap=OVERLAP, catch_up=CATCH_UP) == NOW - CATCH_UP


@pytest.mark.parametrize(
    ("stored", "counts"),
    [
        (None, False),
        (NOW - MINUTE, True),
        (NOW - YEAR, True),
        (NOW, True),
        (NOW + 1, False),
        (NOW + 73 * YEAR, False),
        (0.0, False),
        (-DAY, False),
        (datetime(2019, 12, 31, tzinfo=UTC).timestamp(), False),
    ],
)
def test_a_cursor_that_only_a_wrong_clock_can_leave_counts_as_none(stored: float | None, *, counts: bool) -> None:
    assert usable(stored, now=NOW) == (stored if counts else None)


@pytest.mark.parametrize(
    ("last", "date", "cursor"),
    [
        (NOW - DAY, NOW, NOW),
        (NOW - DAY, NOW - MINUTE, NOW - MINUTE),
        (NOW - DAY, NOW + MINUTE, NOW),
        (NOW - DAY, NOW + 73 * YEAR, NOW),
        (NOW - DAY, 0.0, NOW - DAY),
        (NOW - DAY, None, NOW),
        (NOW - MINUTE, NOW - DAY, NOW - MINUTE),
        (NOW - YEAR, 0.0, NOW - YEAR),
        (None, NOW, NOW),
        (None, NOW + 73 * YEAR, NOW),
        (None, NOW - YEAR, NOW - CATCH_UP),
        (None, 0.0, NOW - CATCH_UP),
        (None, None, NOW),
    ],
)
def test_the_next_cursor(last: float | None, date: float | None, cursor: float) -> None:
    assert next_cursor(last, date=date, now=NOW, catch_up=CATCH_UP) == cursor


OFF = st.sampled_from([0.0, -1.0, -MINUTE, -DAY, -30 * DAY, -56 * YEAR, 1.0, OVERLAP, 73 * YEAR])
"""How far a clock is off: slow by any time, fast by the overlap at most, or so fast that it is noticed afterwards."""
STEP = st.tuples(st.floats(1.0, 300.0), OFF, st.none() | OFF, st.booleans())
"""Minutes until the next sweep, error of the own clock, error of ``Date`` (or none), whether the sweep fails."""
STORED = st.sampled_from([None, NOW - OVERLAP, NOW + 73 * YEAR, 0.0])


@given(stored=STORED, steps=st.lists(STEP, max_size=40))
def test_no_change_is_skipped_by_any_sequence_of_dates_failures_and_clock_jumps(
    stored: float | None, steps: list[tuple[float, float, float | None, bool]]
) -> None:
    """A parcel changes right after each sweep and between two; the last sweep has right clocks and does not fail."""
    true, unread = NOW, {NOW - MINUTE}
    for minutes, own_off, date_off, fails in [*steps, (20.0, 0.0, 0.0, False)]:
        unread |= {true + 1.0, true + minutes * 30}
        true += minutes * MINUTE
        now = true + own_off
        last = usable(stored, now=now)
        start = read_from(last, now=now, overlap=OVERLAP, catch_up=CATCH_UP)
        if fails:
            continue
        unread = {change for change in unread if not start <= change <= true}
        stored = next_cursor(last, date=None if date_off is None else true + date_off, now=now, catch_up=CATCH_UP)
    assert unread == set()
