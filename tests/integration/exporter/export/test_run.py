"""Whole exports between the two simulated systems: what is sent, held, reported, and never lost."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aftersend.afterbuy.model import Page
from aftersend.errors import Transient
from aftersend.ledger.changes import Change
from aftersend_exporter.export.existing_labels import all_labelled
from aftersend_sandbox.faults import Faults
from aftersend_sandbox.seed.account import seeded_world
from tests.support.exporter_kit import IDENTITY, NOW, ExporterHarness, exporter_harness


async def test_three_hundred_orders(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        first = await harness.export()
        assert first.outcome == "done", first
        assert first.read == first.sent + sum(first.skipped.values())
        assert first.rejected == first.unchanged == 0
        assert {"has_parcel_number", "marketplace_fulfilled", "not_an_order", "no_address"} == set(first.skipped)
        assert (first.from_, first.to) == ("2026-11-22T23:00:00.000Z", "2026-11-24T23:00:00.000Z")
        harness.later(minutes=15)
        assert harness.broken_rules() == {}

        second = await harness.export()
        assert (second.outcome, second.sent, second.unchanged) == ("done", 0, first.sent)
        assert second.skipped == first.skipped
        assert set(harness.world.journal.pushes.values()) == {1}
        states = [(await harness.context.ledger.get(order)).state async for order in harness.context.ledger.open()]  # type: ignore[union-attr]
        assert states == ["confirmed"] * first.sent


async def test_a_changed_address_is_sent_until_a_label_is_known(small: ExporterHarness) -> None:
    order = small.order()
    await small.export()
    small.later(minutes=15)
    order.billing.street = "Neuer Weg 1"
    order.shipping_address = None
    summary = await small.export()
    assert (summary.outcome, summary.sent) == ("done", 1)
    assert small.saved(order).body["shipping_address"]["address_line_1"] == "Neuer Weg 1"

    small.later(minutes=15)
    assert (await small.export()).sent == 0
    small.panel.print_labels(small.saved(order))
    order.billing.street = "Zu spät 2"
    again = await small.export()
    assert (again.sent, again.rejected, again.outcome) == (0, 0, "done")
    assert small.saved(order).body["shipping_address"]["address_line_1"] == "Neuer Weg 1"


async def test_catching_up_after_an_outage(small: ExporterHarness) -> None:
    await small.export()
    start = await small.context.state.get("export.start")
    missed = small.order()
    small.later(days=6)
    missed.items[0].ended_at = missed.ordered_at = small.world.clock.now().replace(microsecond=0)
    missed.billing.street, missed.shipping_address = "Neuer Weg 1", None
    small.later(days=4)
    small.break_("afterbuy", "code_14", calls=("GetSoldItems",))
    down = await small.export()
    assert down.outcome == "failed"
    assert down.health.afterbuy == "unavailable"
    assert await small.context.state.get("export.start") == start, "a run that read nothing moves nothing"

    small.world.faults.disarm()
    summary = await small.export()
    assert summary.from_ == "2026-11-24T09:30:00.000Z" or summary.from_.startswith("2026-11-24T09:30")  # type: ignore[union-attr]
    assert summary.sent == 1
    assert await small.context.state.get("export.start") != start


async def test_trouble_in_the_middle_of_the_window_moves_nothing(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=700) as harness:
        reads = iter([False, True, True])
        original = Faults.strikes

        def second_page(self: Faults, upstream: str, kind: str, call: str = "") -> Any:
            if (upstream, kind, call) == ("afterbuy", "http_500", "GetSoldItems") and not next(reads, True):
                harness.break_("afterbuy", "http_500", calls=("GetSoldItems",))
                return None
            return original(self, upstream, kind, call)

        Faults.strikes = second_page  # type: ignore[method-assign]
        try:
            summary = await harness.export()
        finally:
            Faults.strikes = original  # type: ignore[method-assign]
        assert summary.outcome == "failed"
        assert 0 < summary.sent == summary.read - sum(summary.skipped.values())
        assert await harness.context.state.get("export.start") is None


async def test_a_dry_run_leaves_no_trace(small: ExporterHarness) -> None:
    before = await small.redis.keys()
    summary = await small.export(dry_run=True)
    assert summary.outcome == "done"
    lines = {line.order: (line.decision, line.reason) for line in summary.orders}  # type: ignore[union-attr]
    assert len(lines) == summary.read
    assert lines[str(small.order().order_id)] == ("transfer", "")
    held = [order for order in small.world.afterbuy.orders if order.scenario == "number_in_additional_info"]
    assert all(lines[str(order.order_id)] == ("watch", "has_parcel_number") for order in held)
    assert small.world.journal.calls["sendcloud POST /orders"] == 0
    assert sorted(await small.redis.keys()) == sorted(before)

    await small.export()
    again = await small.export(dry_run=True)
    assert {line.decision for line in again.orders} <= {"unchanged", "skip", "watch"}  # type: ignore[union-attr]


async def test_a_dry_run_names_the_orders_that_afterbuy_does_not_have(small: ExporterHarness) -> None:
    before = await small.redis.keys()
    summary = await small.export(dry_run=True, orders=("999",))
    lines = [(line.order, line.decision, line.reason) for line in summary.orders]  # type: ignore[union-attr]
    assert lines == [("999", "skip", "gone")]
    assert (summary.outcome, summary.read, dict(summary.skipped)) == ("done", 0, {"gone": 1})
    assert sorted(await small.redis.keys()) == sorted(before)


async def test_named_orders_ignore_the_window(small: ExporterHarness) -> None:
    old = small.order()
    small.later(days=30)
    summary = await small.export(orders=(str(old.order_id), "999"))
    assert (summary.read, summary.sent, summary.from_, summary.to) == (1, 1, None, None)
    assert summary.skipped == {"gone": 1}
    assert small.incoming(old) is not None
    assert await small.context.state.get("export.start") is None


async def never_answered(*_: object, **__: object) -> AsyncIterator[Page]:
    raise Transient("code_13", upstream="afterbuy")
    yield


async def test_a_window_that_was_not_read_to_its_end_is_a_failure_whatever_else_was_done(
    redis_url: str, tmp_path: Path
) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=8) as harness:
        held = harness.order()
        held.additional_info = "warten"
        assert (await harness.export()).outcome == "done"
        success = await harness.context.state.get("success.export")
        held.additional_info = ""
        harness.later(minutes=30)
        harness.context.afterbuy.orders_between = never_answered  # type: ignore[method-assign]
        summary = await harness.export()
        assert (summary.outcome, summary.sent) == ("failed", 1)
        assert await harness.context.state.get("success.export") == success


async def test_a_crash_after_any_step_is_healed(redis_url: str, tmp_path: Path) -> None:
    """The ledger fails at its n-th change, for every n of a small run; the next run ends as a calm one does."""
    world = seeded_world(8, now=NOW)
    step, crashed = 0, True
    while crashed:
        step += 1
        async with exporter_harness(redis_url, tmp_path, world=world) as harness:
            await harness.redis.flushall()
            world.sendcloud.orders.clear()
            world.sendcloud.by_id.clear()
            world.sendcloud.pending.clear()
            await harness.context.state.set("recovered", "1")
            await harness.context.state.set("sweep.cursor", "2026-11-24T09:00:00.000Z")
            crashed = await _crash_at(harness, step)
            await harness.export()
            harness.later(minutes=15)
            calm = await harness.export()
            assert (calm.outcome, calm.sent) == ("done", 0)
            assert len(world.sendcloud.orders) == calm.unchanged
    assert step > 10


async def _crash_at(harness: ExporterHarness, step: int) -> bool:
    change, left = harness.context.ledger.change_each, step

    async def failing(changes: Mapping[str, Change], **options: Any) -> Any:
        """Change as many orders as there are steps left: Redis goes in the middle of a batch."""
        nonlocal left
        found = {}
        for order, f in changes.items():
            left -= 1
            if left == 0:
                raise Transient("redis_unavailable", upstream="redis")
            found |= await change({order: f}, **options)
        return found

    harness.context.ledger.change_each = failing  # type: ignore[method-assign, assignment]
    try:
        await harness.export()
    except Transient:
        return True
    else:
        return False
    finally:
        harness.context.ledger.change_each = change  # type: ignore[method-assign]


async def test_a_lost_ledger_does_not_bring_labelled_orders_back(small: ExporterHarness) -> None:
    order = small.order()
    await small.export()
    small.later(minutes=15)
    await small.export()
    small.world.switches.turn("labelled_order", "reopened")
    small.panel.print_labels(small.saved(order))
    await small.redis.flushall()
    assert await all_labelled(small.context) == {order.order_id}
    number = small.saved(order).id
    unchanged = small.context.metrics.orders.labels(IDENTITY, "unchanged", "")
    before = unchanged._value.get()
    summary = await small.export()
    small.later(minutes=15)
    assert summary.unchanged == 1
    assert unchanged._value.get() == before + 1, "summary and metric count the same"
    assert small.saved(order).id == number


@pytest.mark.parametrize(
    ("switch", "value"),
    [("currencies", "three"), ("house_number", "required"), ("updated_at_gates", "yes"), ("order_filter", "ignored")],
)
async def test_points_that_could_not_be_verified(redis_url: str, tmp_path: Path, switch: str, value: str) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        harness.world.switches.turn(switch, value)
        summary = await harness.export()
        francs = harness.order("swiss_francs")
        assert harness.incoming(francs) is not None or summary.sent
        harness.later(minutes=15)
        changed = harness.order("today")
        changed.shipping_address, changed.billing.street = None, "Neuer Weg 1"
        again = await harness.export()
        street = harness.saved(changed).body["shipping_address"]
        assert " ".join(filter(None, (street["address_line_1"], street.get("house_number")))) == "Neuer Weg 1"
        assert again.sent == 1
        assert harness.saved(francs).body["payment_details"]["total_price"]["currency"] == (
            "EUR" if value == "three" else "CHF"
        )


async def test_metrics_of_a_run(small: ExporterHarness) -> None:
    bad = small.order()
    (bad.shipping_address or bad.billing).city = ""
    summary = await small.export()
    registry = small.context.metrics.registry

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"tenant": IDENTITY, **labels})

    assert value("aftersend_orders_total", outcome="sent", reason="") == summary.sent
    assert value("aftersend_orders_total", outcome="rejected", reason="") == 1
    assert value("aftersend_problems", code="rejected") == 1
    assert value("aftersend_last_success_timestamp_seconds", kind="export") == pytest.approx(NOW.timestamp(), abs=60)
