"""What runs add to the counters of the day."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from aftersend.afterbuy.model import Page
from aftersend.errors import Transient
from tests.support.exporter_kit import ExporterHarness, exporter_harness

TODAY = date(2026, 11, 24)


@pytest.fixture
async def small(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    async with exporter_harness(redis_url, tmp_path, orders=8) as found:
        yield found


async def never_answered(*_: object, **__: object) -> AsyncIterator[Page]:
    raise Transient("code_13", upstream="afterbuy")
    yield


async def counts(harness: ExporterHarness) -> dict[str, int]:
    return (await harness.context.ledger.days.read([TODAY])).get(TODAY, {})


async def test_orders_are_counted_once_and_runs_by_outcome(small: ExporterHarness) -> None:
    first = await small.export()
    small.later(minutes=15)
    await small.export()
    await small.export(dry_run=True)
    await small.sweep()
    assert await counts(small) == {"sent": first.sent, "export.done": 2, "sweep.done": 1}


async def test_due_times_without_success_are_missed_however_many_runs_failed(small: ExporterHarness) -> None:
    await small.export()
    small.later(hours=1)
    read, small.context.afterbuy.orders_between = small.context.afterbuy.orders_between, never_answered  # type: ignore[method-assign]
    assert (await small.export()).outcome == "failed"
    small.later(hours=2)
    small.context.afterbuy.orders_between = read  # type: ignore[method-assign]
    for _ in range(2):
        assert (await small.export()).outcome == "done"
    found = await counts(small)
    assert (found["export.done"], found["export.failed"], found["export.missed"]) == (3, 1, 2)


async def test_no_run_is_missed_while_none_was_expected(small: ExporterHarness) -> None:
    await small.export()
    small.later(hours=5)
    await small.context.state.set("quiet", str(small.context.now_ms()))
    small.later(hours=1)
    await small.export()
    assert "export.missed" not in await counts(small)
