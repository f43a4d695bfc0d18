"""Which orders a sweep has looked at again although no event tells the writer to."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aftersend.ledger.entry import Entry, Problem, ProblemCode
from aftersend_exporter.sweep.lagging import check_lagging
from tests.support.exporter_kit import Office, office

MINUTE, DAY = 60_000, 86_400_000


async def remember(office: Office, order: str, **changes: Any) -> None:
    def change(entry: Entry) -> Entry:
        return replace(entry, state="labelled", **changes)

    await office.desk.ledger.change(order, change)


def problem(office: Office, code: ProblemCode, *, age: int = 0) -> Problem:
    return Problem(code=code, since=office.desk.now_ms() - age)


async def test_an_order_that_lags_for_ten_minutes_is_checked_once_in_six_hours(redis_url: str, tmp_path: Path) -> None:
    async with office(redis_url, tmp_path) as here:
        await remember(here, "700", observed=1, lagging=here.desk.now_ms() - 11 * MINUTE)
        await remember(here, "701", observed=1, lagging=here.desk.now_ms() - 9 * MINUTE)
        assert [await check_lagging(here.desk) for _ in range(2)] == [1, 0]
        assert await here.checks() == ["700"]


@pytest.mark.parametrize(
    ("code", "age", "checks"),
    [
        ("conflict", 0, ["700"]),
        ("tag_refused", DAY, ["700"]),
        ("conflict", 15 * DAY, []),
        ("withdrawn", 0, []),
        ("rejected", 0, []),
    ],
)
async def test_what_a_person_may_have_put_in_order_is_looked_at_again(
    code: ProblemCode, age: int, checks: list[str], redis_url: str, tmp_path: Path
) -> None:
    async with office(redis_url, tmp_path) as here:
        await remember(here, "700", problem=problem(here, code, age=age))
        await check_lagging(here.desk)
        await check_lagging(here.desk)
        assert await here.checks() == checks
