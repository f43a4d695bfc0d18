"""Which orders a sweep has looked at again although no event makes the writer do so."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aftersend.ledger.entry import Entry, Problem, ProblemCode
from aftersend_exporter.sweep.lagging import check_lagging
from tests.support.exporter_kit import ExporterHarness, exporter_harness

MINUTE, DAY = 60_000, 86_400_000


async def remember(harness: ExporterHarness, order: str, **changes: Any) -> None:
    def change(entry: Entry) -> Entry:
        return replace(entry, state="labelled", **changes)

    await harness.context.ledger.change(order, change)


def problem(harness: ExporterHarness, code: ProblemCode, *, age: int = 0) -> Problem:
    return Problem(code=code, since=harness.context.now_ms() - age)


async def test_an_order_that_lags_for_ten_minutes_is_checked_once_in_six_hours(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path) as harness:
        await remember(harness, "700", observed=1, lagging=harness.context.now_ms() - 11 * MINUTE)
        await remember(harness, "701", observed=1, lagging=harness.context.now_ms() - 9 * MINUTE)
        assert [await check_lagging(harness.context) for _ in range(2)] == [1, 0]
        assert await harness.checks() == ["700"]


@pytest.mark.parametrize(
    ("code", "age", "checks"),
    [
        ("conflict", 0, ["700"]),
        ("tag_refused", DAY, ["700"]),
        ("not_shown", DAY, ["700"]),
        ("conflict", 15 * DAY, []),
        ("withdrawn", 0, []),
        ("rejected", 0, []),
    ],
)
async def test_what_a_person_may_have_put_in_order_is_looked_at_again(
    code: ProblemCode, age: int, checks: list[str], redis_url: str, tmp_path: Path
) -> None:
    async with exporter_harness(redis_url, tmp_path) as harness:
        await remember(harness, "700", problem=problem(harness, code, age=age))
        await check_lagging(harness.context)
        await check_lagging(harness.context)
        assert await harness.checks() == checks
