"""The period of an export: never a gap, whatever the clocks do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.tenant.document import Window
from aftersend_exporter.rules.window import BERLIN, Period, first_moment, midnight, period

ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
]
ZONE = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def asked(now: str, *, last: str | None = None, zone: str = "Europe/Berlin", **rules: object) -> Period:
    return period(
        now=at(now),
        zone=ZoneInfo(zone),
        rules=Window(**rules),  # type: ignore[arg-type]
        last_start=at(last) if last else None,
    )


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("2026-11-24T09:30+01:00", "2026-11-23T00:00+01:00", "2026-11-25T00:00+01:00"),
        ("2026-11-24T00:00+01:00", "2026-11-23T00:00+01:00", "2026-11-25T00:00+01:00"),
        ("2026-11-23T23:59:59.999+01:00", "2026-11-22T00:00+01:00", "2026-11-24T00:00+01:00"),
        # in UTC it is still the day before
        ("2026-07-01T00:30+02:00", "2026-06-30T00:00+02:00", "2026-07-02T00:00+02:00"),
    ],
)
def test_today_and_yesterday(now: str, start: str, end: str) -> None:
    assert asked(now) == Period(at(start), at(end))


@pytest.mark.parametrize(
    ("days", "start"), [(0, "2026-11-24T00:00+01:00"), (1, "2026-11-23T00:00+01:00"), (7, "2026-11-17T00:00+01:00")]
)
def test_lookback_counts_whole_days_before_today(days: int, start: str) -> None:
    assert asked("2026-11-24T09:30+01:00", lookback_days=days).start == at(start)


def test_days_are_those_of_the_tenant() -> None:
    assert asked("2026-11-24T02:00+00:00", zone="America/New_York") == Period(
        at("2026-11-22T00:00-05:00"), at("2026-11-24T00:00-05:00")
    )


@pytest.mark.parametrize(
    ("last", "start"),
    [
        (None, "2026-11-23T00:00+01:00"),
        ("2026-11-24T08:00+01:00", "2026-11-23T00:00+01:00"),
        ("2026-11-20T11:00+01:00", "2026-11-20T11:00+01:00"),
        ("2026-11-10T00:00+01:00", "2026-11-10T00:00+01:00"),
        ("2026-11-09T23:00+01:00", "2026-11-10T00:00+01:00"),
        ("2026-01-01T00:00+01:00", "2026-11-10T00:00+01:00"),
        ("2026-12-24T00:00+01:00", "2026-11-23T00:00+01:00"),
    ],
    ids=["first run", "an hour ago", "outage", "at the limit", "beyond the limit", "long ago", "clock was wrong"],
)
def test_reaches_back_to_the_start_of_the_last_complete_run(last: str | None, start: str) -> None:
    assert asked("2026-11-24T09:30+01:00", last=last).start == at(start)


def test_catch_up_never_shortens_the_lookback() -> None:
    long = asked("2026-11-24T09:30+01:00", last="2026-11-24T08:00+01:00", lookback_days=10, catch_up_days=2)
    assert long.start == at("2026-11-14T00:00+01:00")


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        # clocks go back in the night to 25 October 2026, forward in the night to 28 March 2027
        ("2026-10-24T12:00+02:00", "2026-10-23T00:00+02:00", "2026-10-25T00:00+02:00"),
        ("2026-10-25T12:00+01:00", "2026-10-23T23:00+02:00", "2026-10-26T01:00+01:00"),
        ("2026-10-26T12:00+01:00", "2026-10-24T23:00+02:00", "2026-10-27T01:00+01:00"),
        ("2026-10-27T12:00+01:00", "2026-10-26T00:00+01:00", "2026-10-28T00:00+01:00"),
        ("2027-03-28T12:00+02:00", "2027-03-26T23:00+01:00", "2027-03-29T01:00+02:00"),
    ],
)
def test_one_hour_wider_over_a_change_of_clocks(now: str, start: str, end: str) -> None:
    assert asked(now) == Period(at(start), at(end))


@pytest.mark.parametrize(
    ("not_before", "start", "empty"),
    [
        ("2026-11-24", "2026-11-24T00:00+01:00", False),
        ("2026-11-01", "2026-11-23T00:00+01:00", False),
        ("2026-12-01", "2026-12-01T00:00+01:00", True),
    ],
)
def test_not_before(not_before: str, start: str, *, empty: bool) -> None:
    found = asked("2026-11-24T09:30+01:00", not_before=not_before)
    assert (found.start, found.is_empty) == (at(start), empty)


def test_first_moment_is_midnight_of_the_tenant() -> None:
    assert first_moment(Window(not_before="2026-07-01"), zone=ZONE) == at("2026-07-01T00:00+02:00")
    assert first_moment(Window(), zone=ZONE) is None


def test_midnight_that_does_not_exist_is_the_first_moment_of_the_day() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # clocks jump from 0:00 to 1:00
    assert midnight(datetime(2026, 3, 29, tzinfo=UTC).date(), zone=beirut) == at("2026-03-29T01:00+03:00")


moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2032, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
near_changes = st.sampled_from(
    [at(f"{year}-{day}T01:00+00:00") for year in (2026, 2027) for day in ("10-25", "03-28", "11-01", "03-29", "04-05")]
).flatmap(lambda change: st.integers(-72 * 60, 72 * 60).map(lambda minutes: change + timedelta(minutes=minutes)))
rules = st.builds(Window, lookback_days=st.integers(0, 30), catch_up_days=st.integers(1, 90))


def wall(moment: datetime) -> datetime:
    """What Afterbuy stores and compares: Berlin time without zone."""
    return moment.astimezone(BERLIN).replace(tzinfo=None)


def would_be_found(order: datetime, window: Period) -> bool:
    return wall(window.start) <= wall(order) < wall(window.end)


@given(
    zone=st.sampled_from(ZONES),
    run=moments | near_changes,
    gap=st.integers(0, 10 * 24 * 3600),
    share=st.floats(0, 1),
    window=rules,
)
def test_no_order_between_two_runs_is_left_out(
    zone: str, run: datetime, gap: int, share: float, window: Window
) -> None:
    """An order of any moment between a run and the next one is found by the next, up to the limit of catching up."""
    next_run = run + timedelta(seconds=gap)
    order = run + timedelta(seconds=round(gap * share))
    found = period(now=next_run, zone=ZoneInfo(zone), rules=window, last_start=run)
    if timedelta(seconds=gap) <= timedelta(days=window.catch_up_days):
        assert would_be_found(order, found)


@given(zone=st.sampled_from(ZONES), now=moments | near_changes, last=st.none() | moments, window=rules)
def test_bounds(zone: str, now: datetime, last: datetime | None, window: Window) -> None:
    found = period(now=now, zone=ZoneInfo(zone), rules=window, last_start=last)
    furthest = max(window.lookback_days, window.catch_up_days)
    assert found.start <= now < found.end
    assert found.start >= now - timedelta(days=furthest + 2, hours=2)
    assert found.end <= now + timedelta(days=2, hours=2)


@given(zone=st.sampled_from(ZONES), now=moments | near_changes)
def test_a_first_run_never_floods(zone: str, now: datetime) -> None:
    found = period(now=now, zone=ZoneInfo(zone), rules=Window(catch_up_days=90), last_start=None)
    assert now - found.start <= timedelta(days=3, hours=2)
