"""Due times of a schedule between two moments."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aftersend.tenant.cron import due_between

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "until", "due"),
    [
        ("0 * * * *", "2026-11-24T10:00:40", "2026-11-24T10:59:59", 0),
        ("0 * * * *", "2026-11-24T10:00:40", "2026-11-24T11:00:00", 1),
        ("0 * * * *", "2026-11-24T10:00:00", "2026-11-24T13:00:05", 3),
        ("0 * * * *", "2026-11-24T10:00:00", "2026-11-24T09:00:00", 0),
        ("0 8 * * *", "2026-11-24T06:59:00", "2026-11-24T07:01:00", 1),
        ("0 2 * * *", "2026-10-24T12:00:00", "2026-10-25T12:00:00", 1),
        ("* * * * *", "2026-10-24T12:00:00", "2026-11-25T12:00:00", 1000),
    ],
)
def test_due_times(schedule: str, after: str, until: str, due: int) -> None:
    assert due_between(schedule, after=at(after), until=at(until), zone=BERLIN) == due
