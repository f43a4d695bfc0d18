"""Which orders the writer gets to check after a run, because a problem with a tag began or ended."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aftersend.ledger.entry import Problem, ProblemTag
from tests.support.exporter_kit import ExporterHarness, exporter_harness

TAG = "Bitte ansehen"


def write_back(**settings: Any) -> dict[str, Any]:
    return {"writeBack": {"problemTag": TAG} | settings}


async def remember(harness: ExporterHarness, **changes: Any) -> None:
    await harness.context.ledger.change("700", lambda entry: replace(entry, state="labelled", **changes))


async def test_a_problem_that_an_export_finds_is_checked_once_until_it_has_its_tag(
    redis_url: str, tmp_path: Path
) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=8, **write_back()) as harness:
        order = harness.order()
        await harness.export()
        harness.later(minutes=15)
        order.additional_info = "warten"
        await harness.export()
        assert await harness.problem(order) == "changed_after_transfer has_parcel_number"
        assert await harness.checks() == [str(order.order_id)]
        await harness.sweep()
        assert await harness.checks() == [str(order.order_id)]


@pytest.mark.parametrize(
    ("settings", "problem", "tagged", "checks"),
    [
        ({}, ("rejected", 5), None, 1),
        ({}, ("rejected", 5), ("rejected", 5), 0),
        ({}, ("rejected", 6), ("rejected", 5), 1),
        ({}, ("unreadable", 5), None, 0),
        ({}, None, ("rejected", 5), 1),
        ({"problemTags": {"rejected": ""}}, ("rejected", 5), None, 0),
        ({"problemTag": ""}, ("rejected", 5), None, 0),
        ({"problemTag": ""}, None, ("rejected", 5), 1),
        ({"problemTag": "", "problemTags": {"withdrawn": "x"}}, ("withdrawn", 5), None, 1),
    ],
)
async def test_what_began_or_ended_since_the_tag(
    settings: dict[str, Any], problem: Any, tagged: Any, checks: int, redis_url: str, tmp_path: Path
) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=8, **write_back(**settings)) as harness:
        known = ProblemTag(TAG, *tagged) if tagged else None
        await remember(harness, problem=Problem(*problem) if problem else None, problem_tag=known)
        await harness.sweep()
        assert len(await harness.checks()) == checks
