"""Schedules by an injected clock: zones, missed runs, open circuits."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aftersend.errors import Transient
from aftersend_exporter.requests.schedule import SLICE_SECONDS, Schedule, next_time

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 * * * *", "2026-11-24T09:30+01:00", "2026-11-24T10:00+01:00"),
        ("0 * * * *", "2026-11-24T10:00+01:00", "2026-11-24T11:00+01:00"),
        ("*/20 * * * *", "2026-11-24T09:30+01:00", "2026-11-24T09:40+01:00"),
        ("30 6 * * *", "2026-11-24T09:30+01:00", "2026-11-25T06:30+01:00"),
        ("30 6 * * *", "2026-07-24T09:30+02:00", "2026-07-25T06:30+02:00"),
        # the day on which clocks go forward: the hour that does not exist is made up for
        ("30 6 * * *", "2027-03-27T09:30+01:00", "2027-03-28T06:30+02:00"),
        ("0 8 * * mon", "2026-11-24T09:30+01:00", "2026-11-30T08:00+01:00"),
    ],
)
def test_times_are_meant_in_the_zone_of_the_tenant(cron: str, after: str, expected: str) -> None:
    assert next_time(cron, after=at(after), zone=BERLIN) == at(expected)


class VirtualClock:
    """Time that moves only during waits; ``end`` stops the schedule."""

    def __init__(self, now: str, end: str) -> None:
        self.moment = at(now)
        self.end = at(end)
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self.moment

    async def wait(self, stop: asyncio.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.moment += timedelta(seconds=seconds)
        return self.moment < self.end and not stop.is_set()


class RequestLog:
    """Record when a run was requested."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.failures: Iterator[bool] = iter(())

    async def ask(self) -> None:
        if next(self.failures, False):
            raise Transient("redis_unavailable", upstream="redis")
        self.asked.append(self.clock.moment.astimezone(BERLIN).strftime("%H:%M"))


async def kept(
    clock: VirtualClock, *, last: str | None = None, may_run: Any = lambda: True, cron: str = "0 * * * *"
) -> RequestLog:
    requests = RequestLog(clock)
    schedule = Schedule("export", cron, BERLIN, requests.ask, may_run, clock)
    pulses: list[None] = []
    await schedule.keep(asyncio.Event(), last=at(last) if last else None, heartbeat=lambda: pulses.append(None))
    assert len(pulses) == len(clock.waits)
    return requests


async def test_runs_at_each_time() -> None:
    requests = await kept(VirtualClock("2026-11-24T09:30+01:00", "2026-11-24T12:30+01:00"))
    assert requests.asked == ["10:00", "11:00", "12:00"]


async def test_waits_in_slices_because_clocks_are_set() -> None:
    clock = VirtualClock("2026-11-24T09:30+01:00", "2026-11-24T10:30+01:00")
    await kept(clock)
    assert max(clock.waits) == SLICE_SECONDS


async def test_missed_times_are_made_up_for_once() -> None:
    clock = VirtualClock("2026-11-24T09:30+01:00", "2026-11-24T10:30+01:00")
    requests = await kept(clock, last="2026-11-22T08:00+01:00")
    assert requests.asked == ["09:30", "10:00"]


async def test_without_an_earlier_run_nothing_was_missed() -> None:
    requests = await kept(VirtualClock("2026-11-24T09:30+01:00", "2026-11-24T09:59+01:00"))
    assert requests.asked == []


async def test_an_open_circuit_puts_off_and_one_run_follows() -> None:
    clock = VirtualClock("2026-11-24T09:30+01:00", "2026-11-24T13:30+01:00")
    back = at("2026-11-24T12:15+01:00")
    requests = await kept(clock, may_run=lambda: clock.moment >= back)
    assert requests.asked == ["12:15", "13:00"]


async def test_redis_away_keeps_the_time_due() -> None:
    clock = VirtualClock("2026-11-24T09:59+01:00", "2026-11-24T10:30+01:00")
    requests = RequestLog(clock)
    requests.failures = iter([True, True])
    schedule = Schedule("export", "0 * * * *", BERLIN, requests.ask, lambda: True, clock)
    await schedule.keep(asyncio.Event(), last=None, heartbeat=lambda: None)
    assert requests.asked == ["10:00"]
