"""Whole exports of orders that Afterbuy shows later than their own date: each goes once, or is reported once."""

from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from aftersend.errors import Transient
from aftersend_exporter.rules.late_orders import MAX_AT_ONCE
from aftersend_sandbox.world.afterbuy_account import AfterbuyItem, AfterbuyOrder
from tests.support.exporter_kit import NOW, ExporterHarness, exporter_harness

FACTS = ("export.start", "export.first", "export.highest")


@pytest.fixture
async def small(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    """Twenty orders."""
    async with exporter_harness(redis_url, tmp_path, orders=20) as found:
        yield found


def newest(harness: ExporterHarness) -> int:
    return max(order.order_id for order in harness.world.afterbuy.orders)


def split_order(harness: ExporterHarness, *, days: float = 0, **different: Any) -> AfterbuyOrder:
    """A new order with the next OrderID, dated so many days ago."""
    order = deepcopy(harness.order())
    order.order_id = newest(harness) + 9
    order.ordered_at = order.modified_at = harness.world.clock.now() - timedelta(days=days)
    for item in order.items:
        item.ended_at = order.ordered_at
    for name, value in different.items():
        setattr(order, name, value)
    harness.world.afterbuy.orders.add(order)
    return order


async def facts(harness: ExporterHarness) -> list[str | None]:
    return [await harness.context.state.get(name) for name in FACTS]  # type: ignore[arg-type]


def calls(harness: ExporterHarness) -> int:
    return harness.world.journal.calls["afterbuy GetSoldItems"]


async def begun(harness: ExporterHarness) -> None:
    """A tenant after its first run, that has gone on for longer than ``catchUpDays``."""
    await harness.export()
    await harness.context.state.delete("export.first")


@pytest.mark.parametrize("days", [2.8, 5, 13.9])
@pytest.mark.parametrize("switches", [{}, {"range_id": "exclusive", "mod_date": "edits", "nothing_found": "empty"}])
async def test_a_split_order_goes_once(small: ExporterHarness, days: float, switches: dict[str, str]) -> None:
    for name, value in switches.items():
        small.world.switches.turn(name, value)
    await small.export()
    order = split_order(small, days=days)
    small.later(hours=1)
    summary = await small.export()
    assert (summary.outcome, summary.sent) == ("done", 1)
    small.later(hours=1)
    again = await small.export()
    assert (again.outcome, again.sent) == ("done", 0)
    assert small.saved(order)
    assert small.pushes(order) == 1


@pytest.mark.parametrize("days", [2.8, 5])
@pytest.mark.parametrize(
    "switches", [{}, {"date_filter": "exclusive", "order_under_date_filter": "by_date"}, {"mod_date": "edits"}]
)
async def test_a_pending_order_goes_once_it_is_released(
    small: ExporterHarness, days: float, switches: dict[str, str]
) -> None:
    """Its OrderID is older than those that were seen meanwhile."""
    for name, value in switches.items():
        small.world.switches.turn(name, value)
    order = small.order()
    order.visible_from = NOW + timedelta(days=days)
    await small.export()
    for _ in range(3):
        small.later(days=days / 3, minutes=1)
        assert small.pushes(order) == 0
        if small.world.switches.mod_date == "edits" and order.is_shown(small.world.clock.now()):
            order.modified_at = small.world.clock.now()
        summary = await small.export()
        assert summary.outcome == "done"
    await small.export()
    assert small.pushes(order) == 1


async def test_an_import_shortly_before_an_outage_goes(small: ExporterHarness) -> None:
    await small.export()
    small.later(minutes=5)
    order = split_order(small, days=1.5)
    small.later(days=3)
    summary = await small.export()
    assert summary.outcome == "done"
    assert small.pushes(order) == 1


async def test_one_odd_order_id_hides_no_order_that_comes_later(small: ExporterHarness) -> None:
    small.world.switches.mod_date = "edits"
    await small.export()
    known = newest(small)
    odd = split_order(small, order_id=9_000_000_000)
    small.later(hours=1)
    await small.export()
    late = split_order(small, days=3, order_id=known + 9)
    late.modified_at = late.ordered_at
    small.later(hours=1)
    assert (await small.export()).outcome == "done"
    assert (small.pushes(odd), small.pushes(late)) == (1, 1)


async def test_nothing_new_costs_two_calls(small: ExporterHarness) -> None:
    await small.export()
    first = calls(small)
    assert first == 2, "the window, and the highest OrderID"
    small.later(hours=3)
    assert (await small.export()).sent == 0
    assert calls(small) - first == 3, "the window, and two more"


@pytest.mark.parametrize("method", ["orders_from", "orders_changed"])
async def test_a_second_look_that_fails_loses_nothing(
    small: ExporterHarness, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small.export()
    known = await facts(small)
    order = split_order(small, days=3)
    small.later(hours=1)
    with monkeypatch.context() as patched:
        patched.setattr(type(small.context.afterbuy), method, _failing)
        summary = await small.export()
    assert summary.outcome == "partial"
    assert summary.health.afterbuy == "unavailable"
    assert await facts(small) == known
    small.later(hours=1)
    assert (await small.export()).outcome == "done"
    assert small.pushes(order) == 1
    start, first, highest = await facts(small)
    assert int(start or 0) > int(known[0] or 0)
    assert (first, highest) == (known[1], str(order.order_id))


async def _failing(*_: Any) -> AsyncIterator[Any]:
    raise Transient("http_500", upstream="afterbuy")
    yield


async def test_a_failed_run_moves_nothing(small: ExporterHarness) -> None:
    await small.export()
    known = await facts(small)
    order = split_order(small, days=3)
    small.break_("afterbuy", "http_500")
    assert (await small.export()).outcome == "failed"
    assert await facts(small) == known
    small.world.faults.disarm()
    small.later(days=3)
    assert (await small.export()).outcome == "done"
    assert small.pushes(order) == 1


async def test_a_first_run_that_cannot_look_up_the_highest_order_begins_again(small: ExporterHarness) -> None:
    small.world.switches.turn("order_under_date_filter", "by_date")

    async def failing() -> int | None:
        raise Transient("http_500", upstream="afterbuy")

    look_up = small.context.afterbuy.highest_order_id
    small.context.afterbuy.highest_order_id = failing  # type: ignore[method-assign]
    assert (await small.export()).outcome == "partial"
    assert await facts(small) == [None, None, None]
    small.context.afterbuy.highest_order_id = look_up  # type: ignore[method-assign]
    assert (await small.export()).outcome == "done"
    assert (await facts(small))[2] == str(max(each.order_id for each in shown(small)))


def shown(harness: ExporterHarness) -> list[AfterbuyOrder]:
    return [order for order in harness.world.afterbuy.orders if order.is_order and not order.hidden]


async def test_a_new_order_that_is_too_late_is_reported_once(small: ExporterHarness) -> None:
    await begun(small)
    order = split_order(small, days=15.5)
    small.later(hours=1)
    dry = await small.export(dry_run=True)
    assert dry.orders
    assert [each.reason for each in dry.orders if each.order == str(order.order_id)] == ["too_late"]
    assert await small.context.ledger.get(str(order.order_id)) is None
    summaries = []
    for _ in range(3):
        summaries.append(await small.export())
        small.later(hours=1)
    assert [summary.outcome for summary in summaries] == ["done"] * 3
    assert [summary.skipped.get("too_late", 0) for summary in summaries] == [1, 0, 0]
    assert all(each.read == each.sent + each.unchanged + sum(each.skipped.values()) for each in summaries)
    assert [summary.health.problems.get("too_late") for summary in summaries] == [1, 1, 1]
    assert await small.problem(order) == "too_late OrderDate"
    assert small.pushes(order) == 0

    assert (await small.export(orders=(str(order.order_id),))).sent == 1
    assert await small.problem(order) == ""
    assert small.pushes(order) == 1


@pytest.mark.parametrize(
    "different",
    [
        {"additional_info": "0034"},
        {"hidden": True},
        {"items": []},
        {"cancelled": True},
    ],
)
async def test_an_old_order_that_would_not_go_is_not_reported(
    small: ExporterHarness, different: dict[str, Any]
) -> None:
    await begun(small)
    order = split_order(small, days=20, **different)
    summary = await small.export()
    assert "too_late" not in summary.skipped
    assert await small.context.ledger.get(str(order.order_id)) is None


async def test_an_old_order_that_is_dispatched_or_known_is_not_reported(small: ExporterHarness) -> None:
    await begun(small)
    dispatched, known = split_order(small, days=20), split_order(small, days=20)
    dispatched.shipping.dispatched_at = NOW
    entry = await small.context.ledger.change(str(known.order_id), partial(structs.replace, fingerprint="earlier"))
    assert "too_late" not in (await small.export()).skipped
    assert await small.context.ledger.get(str(dispatched.order_id)) is None
    assert await small.entry(known) == entry
    assert small.pushes(dispatched) == small.pushes(known) == 0


async def test_many_that_are_too_late_are_an_import(small: ExporterHarness) -> None:
    await begun(small)
    imported = [split_order(small, days=20) for _ in range(MAX_AT_ONCE + 1)]
    small.later(hours=1)
    with capture_logs() as logs:
        summaries = [await small.export(), await small.export()]
    assert [summary.skipped.get("too_late", 0) for summary in summaries] == [MAX_AT_ONCE + 1, 0]
    assert "too_late" not in summaries[0].health.problems
    (line,) = [log for log in logs if log.get("reason") == "too_late"]
    assert (line["count"], line["orders"]) == (MAX_AT_ONCE + 1, [str(order.order_id) for order in imported[:20]])


async def test_a_new_tenant_starts_without_the_past(small: ExporterHarness) -> None:
    """Whatever its OrderID; and what is old stays old when a tag is set."""
    past = [split_order(small, days=days) for days in (2.5, 5, 13, 15)]
    first = await small.export()
    small.later(hours=3)
    summaries = [await small.export() for _ in range(2)]
    assert [(summary.outcome, summary.sent) for summary in (first, *summaries)] == [
        ("done", first.sent),
        ("done", 0),
        ("done", 0),
    ]
    assert [small.pushes(order) for order in past] == [0] * 4


async def test_the_past_that_changes_goes_if_it_is_open(small: ExporterHarness) -> None:
    open_, numbered, dispatched, old = (split_order(small, days=days) for days in (5, 5, 5, 20))
    await small.export()
    small.later(hours=3)
    numbered.additional_info = "0034"
    dispatched.shipping.dispatched_at = NOW
    for order in (open_, numbered, dispatched, old):
        order.modified_at = small.world.clock.now()
    summary = await small.export()
    assert (summary.outcome, summary.sent, summary.watched) == ("done", 1, (await small.export()).watched)
    assert [small.pushes(order) for order in (open_, numbered, dispatched, old)] == [1, 0, 0, 0]
    assert await small.context.ledger.get(str(numbered.order_id)) is None


async def test_a_bulk_change_of_the_past_floods_nothing(small: ExporterHarness) -> None:
    past = [split_order(small, days=5) for _ in range(MAX_AT_ONCE + 1)]
    await small.export()
    small.later(hours=3)
    for order in past:
        order.modified_at = small.world.clock.now()
    with capture_logs() as logs:
        assert (await small.export()).sent == 0
    assert [log["count"] for log in logs if log["event"] == "past_orders_left_out"] == [MAX_AT_ONCE + 1]


async def test_a_lost_redis_floods_nothing(small: ExporterHarness) -> None:
    past = split_order(small, days=5)
    await small.export()
    small.later(days=3)
    await small.redis.flushall()
    with capture_logs() as logs:
        await small.export()
    assert small.pushes(past) == 0
    begins = max(order.order_id for order in shown(small))
    assert [log["order"] for log in logs if log["event"] == "second_look_begins"] == [begins]
    order = split_order(small, days=5)
    small.later(hours=1)
    await small.export()
    assert small.pushes(order) == 1


async def test_a_tenant_of_an_earlier_version_goes_on(small: ExporterHarness) -> None:
    await small.export()
    for name in ("export.first", "export.highest"):
        await small.context.state.delete(name)  # type: ignore[arg-type]
    order = split_order(small, days=5)
    order.modified_at = small.world.clock.now()
    small.later(hours=1)
    assert (await small.export()).outcome == "done"
    assert small.pushes(order) == 1
    assert (await facts(small))[1:] == [None, str(order.order_id)]


async def test_an_order_before_not_before_is_left_out(redis_url: str, tmp_path: Path) -> None:
    window = {"window": {"notBefore": "2026-11-20"}}
    async with exporter_harness(redis_url, tmp_path, orders=20, export=window) as harness:
        await harness.export()
        before, after = split_order(harness, days=5), split_order(harness, days=3)
        summary = await harness.export()
        assert (summary.outcome, summary.sent) == ("done", 1)
        assert (harness.pushes(before), harness.pushes(after)) == (0, 1)
        assert await harness.context.ledger.get(str(before.order_id)) is None


async def test_an_unpaid_order_is_not_due_for_a_merchant_who_goes_by_payment(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=20, export={"window": {"dateField": "PayDate"}}) as harness:
        await harness.export()
        order = split_order(harness)
        order.payment.paid_at = None
        assert (await harness.export()).sent == 0
        harness.later(days=5)
        order.payment.paid_at = harness.world.clock.now() - timedelta(days=3)
        order.modified_at = harness.world.clock.now()
        assert (await harness.export()).sent == 1


async def test_a_new_order_that_cannot_be_read_is_a_problem(small: ExporterHarness) -> None:
    await small.export()
    order = split_order(small, days=5)
    order.items = [AfterbuyItem(1, "Tasse", quantity="zwei")]  # type: ignore[arg-type]
    summary = await small.export()
    assert summary.rejected == 1
    assert (await small.problem(order)).startswith("unreadable")


async def test_named_orders_and_dry_runs_move_nothing(small: ExporterHarness) -> None:
    await small.export()
    known = await facts(small)
    order = split_order(small, days=5)
    small.later(hours=1)
    named = await small.export(orders=(str(small.order("ebay").order_id),))
    dry = await small.export(dry_run=True)
    assert await facts(small) == known
    assert named.read == 1
    assert dry.orders
    assert [each.decision for each in dry.orders if each.order == str(order.order_id)] == ["transfer"]
    assert small.pushes(order) == 0


async def test_a_dry_first_run_looks_up_nothing(small: ExporterHarness) -> None:
    assert (await small.export(dry_run=True)).outcome == "done"
    assert calls(small) == 1
    assert await facts(small) == [None, None, None]
