"""Whole exports between the two simulated systems: what is sent, held, reported, and never lost."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from aftersend.afterbuy.model import Page
from aftersend.errors import Later, Transient
from aftersend.ledger.merge import labelled
from aftersend.sendcloud.model import PushOrder
from aftersend_exporter.export.existing_labels import all_labelled
from aftersend_exporter.rules.transitions import MAX_PUSHES
from aftersend_sandbox.faults import Faults
from aftersend_sandbox.rules.judge import judge
from aftersend_sandbox.seed.account import seeded_world
from aftersend_sandbox.sendcloud import saving
from aftersend_sandbox.world.sendcloud_account import SendcloudIntegration
from aftersend_sandbox.world.world import INTEGRATION_ID
from tests.support.exporter_kit import IDENTITY, NOW, ExporterHarness, exporter_harness


@pytest.fixture
async def small(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    """Twenty orders."""
    async with exporter_harness(redis_url, tmp_path, orders=20) as found:
        yield found


def broken_rules(harness: ExporterHarness) -> dict[str, tuple[str, ...]]:
    """The merchant's rules as the sandbox judges them, from both simulated systems alone."""
    saving.settle(harness.world)
    return {rule.name: rule.violations for rule in judge(harness.world) if rule.violations}


async def test_three_hundred_orders(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        first = await harness.export()
        assert first.outcome == "done", first
        assert first.read == first.sent + sum(first.skipped.values())
        assert first.rejected == first.unchanged == 0
        assert {"has_parcel_number", "marketplace_fulfilled", "not_an_order", "no_address"} == set(first.skipped)
        assert (first.from_, first.to) == ("2026-11-22T23:00:00.000Z", "2026-11-24T23:00:00.000Z")
        harness.later(minutes=15)
        assert broken_rules(harness) == {}

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


async def test_a_held_order_goes_when_it_is_released(small: ExporterHarness) -> None:
    order = small.order()
    order.additional_info = "warten"
    first = await small.export()
    assert first.skipped["has_parcel_number"] == first.watched
    assert small.incoming(order) is None
    assert (await small.entry(order)).watched

    small.later(days=5)  # far outside of the window by now
    assert small.incoming(order) is None
    order.additional_info = ""
    summary = await small.export()
    assert small.incoming(order) is not None
    assert summary.outcome == "done"
    assert not (await small.entry(order)).watched


async def test_the_reason_why_an_order_waits_is_kept(small: ExporterHarness) -> None:
    """Beside the state, from when it first applied, until the order is sent."""
    order = small.order()
    order.additional_info = "warten"
    await small.export()
    held = (await small.entry(order)).held
    assert held is not None
    assert (held.reason, held.since) == ("has_parcel_number", (await small.entry(order)).watched)
    small.later(days=1)
    before = await small.entry(order)
    await small.export()
    assert await small.entry(order) == before, "nothing is written while it stays as it is"
    order.hidden = True
    small.later(days=3)
    await small.export()
    gone = (await small.entry(order)).held
    assert gone is not None
    assert gone.reason == "gone"
    order.hidden, order.additional_info = False, ""
    await small.export()
    assert (await small.entry(order)).held is None


async def test_a_held_order_is_given_up_in_the_end(small: ExporterHarness) -> None:
    order = small.order()
    order.additional_info = "warten"
    await small.export()
    small.later(days=13)
    await small.export()
    assert await small.problem(order) == ""
    small.later(days=2)
    await small.export()
    assert await small.problem(order) == "given_up has_parcel_number"
    assert not (await small.entry(order)).watched


async def test_held_cancelled_or_gone_after_the_transfer(small: ExporterHarness) -> None:
    held, cancelled, gone = (small.order(name) for name in ("shop", "ebay", "amazon_own"))
    await small.export()
    small.later(minutes=15)
    held.additional_info = "warten"
    cancelled.cancelled = True
    gone.hidden = True
    await small.export()
    assert await small.problem(held) == "changed_after_transfer has_parcel_number"
    assert (await small.problem(cancelled)).startswith("changed_after_transfer")
    assert await small.problem(gone) == "changed_after_transfer gone"
    assert all(small.pushes(order) == 1 for order in (held, cancelled, gone))

    small.later(days=4)
    held.additional_info, gone.hidden = "", False
    summary = await small.export()
    assert (await small.problem(held), await small.problem(gone)) == ("", "")
    assert summary.health.problems == {"changed_after_transfer": 1}


async def test_a_rejected_order_does_not_hold_up_the_others(small: ExporterHarness) -> None:
    bad = small.order()
    address = bad.shipping_address or bad.billing
    city, address.city = address.city, ""
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("partial", 1)
    assert summary.health.problems == {"rejected": 1}
    assert await small.problem(bad) == "rejected shipping_address/city"
    assert (await small.entry(bad)).watched
    calls = small.world.journal.calls["sendcloud POST /orders"]

    for _ in range(3):
        again = await small.export()
        assert (again.rejected, again.sent, again.outcome) == (1, 0, "partial")
    assert small.world.journal.calls["sendcloud POST /orders"] == calls + 1, "unchanged, it goes with the next run only"

    address.city = city
    cured = await small.export()
    assert (cured.sent, cured.outcome, cured.health.problems) == (1, "done", {})
    assert await small.problem(bad) == ""
    assert small.incoming(bad) is not None


async def test_a_run_for_named_orders_sends_a_refused_one_again(small: ExporterHarness) -> None:
    bad = small.order()
    (bad.shipping_address or bad.billing).city = ""
    await small.export()
    calls = small.world.journal.calls["sendcloud POST /orders"]
    named = await small.export(orders=(str(bad.order_id),))
    assert (named.read, named.rejected) == (1, 1)
    assert small.world.journal.calls["sendcloud POST /orders"] == calls + 1


async def test_a_lost_answer_is_healed_without_a_double(small: ExporterHarness) -> None:
    small.break_("sendcloud", "lost_answer", calls=("POST /orders",))
    first = await small.export()
    assert first.outcome == "failed", "its only batch failed"
    assert first.health.sendcloud == "unavailable"
    assert first.watched == first.read - sum(first.skipped.values())
    small.world.faults.disarm()
    second = await small.export()
    assert second.outcome == "done"
    assert second.sent == first.watched
    small.later(minutes=15)
    assert broken_rules(small) == {}


@pytest.mark.parametrize("labelled_order", ["updated", "refused", "reopened"])
async def test_a_label_between_two_tries_of_a_push_makes_no_double(small: ExporterHarness, labelled_order: str) -> None:
    """The answer to a push is lost, a label is printed at once, and what another push would do is not documented."""
    small.world.switches.turn("labelled_order", labelled_order)
    small.break_("sendcloud", "lost_answer", remaining=1, calls=("POST /orders",))
    push = small.context.sendcloud.push

    async def printing(orders: Sequence[PushOrder]) -> None:
        try:
            await push(orders)
        finally:
            small.panel.print_labels(small.saved(small.order()))

    small.context.sendcloud.push = printing  # type: ignore[method-assign]
    first = await small.export()
    assert (first.outcome, first.sent, first.rejected) == ("partial", 0, 0)
    assert set(small.world.journal.pushes.values()) == {1}
    small.context.sendcloud.push = push  # type: ignore[method-assign]
    second = await small.export()
    assert (second.outcome, second.sent) == ("done", first.watched - 1)
    assert small.pushes(small.order()) == 1


async def test_a_stop_ends_the_wait_between_two_tries(small: ExporterHarness) -> None:
    small.break_("afterbuy", "http_503")
    small.context.stop.set()
    with pytest.raises(Later):
        await small.export()
    assert small.world.faults.struck["afterbuy/http_503"] == 1


async def test_busy_for_long_is_tried_again_in_the_next_run(small: ExporterHarness) -> None:
    small.break_("sendcloud", "still_processing", calls=("POST /orders",))
    busy = await small.export()
    assert (busy.outcome, busy.sent) == ("failed", 0)
    assert small.world.faults.struck["sendcloud/still_processing"] > 4
    small.world.faults.disarm()
    assert (await small.export()).sent == busy.watched


def fail_pushes(harness: ExporterHarness, *, batches: int) -> list[str]:
    """Let every push of the first batches fail; return which order headed each push that failed."""
    push, failed = harness.context.sendcloud.push, list[str]()

    async def flaky(orders: Sequence[PushOrder]) -> None:
        if orders[0].order_id in failed or len(set(failed)) < batches:
            failed.append(orders[0].order_id)
            raise Transient("http_502", upstream="sendcloud")
        await push(orders)

    harness.context.sendcloud.push = flaky  # type: ignore[method-assign]
    return failed


async def test_one_batch_of_several_fails(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        push, failed = harness.context.sendcloud.push, fail_pushes(harness, batches=1)
        first = await harness.export()
        assert (first.outcome, len(set(failed))) == ("partial", 1)
        assert first.watched == 100 + sum(await _held(harness))
        harness.context.sendcloud.push = push  # type: ignore[method-assign]
        second = await harness.export()
        assert (second.outcome, second.sent) == ("done", 100)
        assert set(harness.world.journal.pushes.values()) == {1}


async def _held(harness: ExporterHarness) -> list[int]:
    found = [await harness.context.ledger.get(order) async for order in harness.context.ledger.watched()]
    return [1 for entry in found if entry is not None and entry.state == "new"]


async def test_after_three_failures_nothing_more_is_tried(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=700) as harness:
        push, failed = harness.context.sendcloud.push, fail_pushes(harness, batches=99)
        first = await harness.export()
        assert first.outcome == "failed"
        assert len(failed) > len(set(failed)) == 3
        harness.context.sendcloud.push = push  # type: ignore[method-assign]
        assert (await harness.export()).outcome == "done"


async def test_what_is_never_saved_is_pushed_three_times(small: ExporterHarness) -> None:
    order = small.order()
    for _ in range(MAX_PUSHES):
        small.break_("sendcloud", "not_saved")
        await small.export()
        small.later(minutes=11)
    assert small.pushes(order) == MAX_PUSHES
    assert await small.problem(order) == ""
    summary = await small.export()
    assert await small.problem(order) == "not_saved"
    assert small.pushes(order) == MAX_PUSHES
    assert set(summary.health.problems) == {"not_saved"}

    small.world.faults.disarm()
    (order.shipping_address or order.billing).phone = "0221 1"
    assert (await small.export()).sent == 1
    assert await small.problem(order) == ""


async def test_an_accepted_order_is_not_doubted_within_ten_minutes(small: ExporterHarness) -> None:
    small.world.sendcloud.save_seconds = 8 * 60
    await small.export()
    small.later(minutes=9)
    again = await small.export()
    assert again.sent == 0
    assert (await small.entry(small.order())).state == "accepted"
    small.later(minutes=2)
    await small.export()
    assert (await small.entry(small.order())).state == "confirmed"


async def test_what_a_person_deleted_never_comes_back(small: ExporterHarness) -> None:
    order, other = small.order(), small.order("ebay")
    await small.export()
    small.later(minutes=15)
    await small.export()
    small.panel.delete_order(small.saved(order))
    small.panel.delete_order(small.saved(other))
    other.billing.street = "Neuer Weg 1"
    other.shipping_address = None
    summary = await small.export()
    assert (await small.problem(order), await small.problem(other)) == ("deleted_in_sendcloud",) * 2
    assert summary.health.problems == {"deleted_in_sendcloud": 2}

    order.billing.street = "Neuer Weg 2"
    small.later(days=3)
    await small.export()
    await small.export(orders=(str(order.order_id),))
    assert small.incoming(order) is None
    assert small.pushes(order) == 1


async def test_deleted_between_the_look_and_the_push(small: ExporterHarness) -> None:
    """A changed order is looked up once more, right before it is sent."""
    order = small.order()
    await small.export()
    small.later(minutes=15)
    await small.export()
    small.panel.delete_order(small.saved(order))
    order.billing.street, order.shipping_address = "Neuer Weg 1", None
    await small.export(orders=(str(order.order_id),))
    assert await small.problem(order) == "deleted_in_sendcloud"
    assert small.pushes(order) == 1


async def test_an_order_whose_label_shows_is_not_deleted(small: ExporterHarness) -> None:
    order = small.order()
    await small.export()
    small.later(minutes=15)
    await small.export()
    incoming = small.saved(order)
    small.panel.print_labels(incoming)
    small.panel.delete_order(incoming)
    await small.export()
    assert await small.problem(order) == ""
    assert (await small.entry(order)).state == "confirmed"


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


@pytest.mark.parametrize("fault", ["wrong", "missing"])
async def test_credentials(small: ExporterHarness, tmp_path: Path, fault: str) -> None:
    secret = tmp_path / "afterbuy" / "accountToken"
    secret.write_text("wrong-one" if fault == "wrong" else "")
    summary = await small.export()
    assert (summary.outcome, summary.health.afterbuy) == ("failed", "refused")
    assert summary.health.message
    assert "wrong-one" not in summary.health.message


async def test_an_unknown_integration_fails_clearly(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, integration="Nirgends") as harness:
        summary = await harness.export()
        assert summary.outcome == "failed"
        assert "no integration of that name" in summary.health.message
        assert harness.world.journal.calls["afterbuy GetSoldItems"] == 0


async def test_an_ambiguous_integration_fails_clearly(small: ExporterHarness) -> None:
    small.world.sendcloud.integrations[4712] = SendcloudIntegration(4712, "J&J Aftersend")
    summary = await small.export()
    assert summary.outcome == "failed"
    assert "[4711, 4712]" in summary.health.message


async def test_a_changed_look_up_never_becomes_a_new_key(small: ExporterHarness) -> None:
    await small.export()
    ours = small.world.sendcloud.integrations.pop(INTEGRATION_ID)
    small.world.sendcloud.integrations[5000] = replace(ours, id=5000)
    pushes = sum(small.world.journal.pushes.values())
    summary = await small.export()
    assert summary.outcome == "failed"
    assert "it was 4711" in summary.health.message
    assert sum(small.world.journal.pushes.values()) == pushes


@pytest.mark.parametrize("integration", [INTEGRATION_ID, str(INTEGRATION_ID)])
async def test_a_numeric_integration_is_taken_as_it_is(redis_url: str, tmp_path: Path, integration: Any) -> None:
    async with exporter_harness(redis_url, tmp_path, integration=integration) as harness:
        assert (await harness.export()).outcome == "done"
        assert harness.world.journal.calls["sendcloud GET v3 /integrations"] == 0


async def test_a_wrong_numeric_integration_rejects_no_order(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, integration=1) as harness:
        summary = await harness.export()
        assert (summary.outcome, summary.rejected) == ("failed", 0)
        assert summary.health.message


async def test_customs_data_that_cannot_be_had_now_is_waited_for(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        harness.break_("afterbuy", "code_13", calls=("GetShopProducts",))
        first = await harness.export()
        assert first.outcome == "partial"
        swiss = harness.order("customs_known")
        assert harness.incoming(swiss) is None
        entry = await harness.entry(swiss)
        assert entry.watched
        assert entry.held is not None
        assert entry.held.reason == "later"
        harness.world.faults.disarm()
        second = await harness.export()
        assert second.outcome == "done"
        assert harness.saved(swiss).body["customs_details"]["commercial_invoice_number"] == str(swiss.order_id)


async def test_what_customs_lack_is_noticed_until_it_is_cured(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        swiss = harness.order("customs_known")
        products = [harness.world.afterbuy.products[item.product_id] for item in swiss.items]
        kept = [product.hs_code for product in products]
        for product in products:
            product.hs_code, product.origin = "", "VN/CN"
        first = await harness.export()
        assert (first.outcome, first.rejected, first.health.problems) == ("done", 0, {})
        assert first.health.notices["customs_incomplete"] >= 1
        before = await harness.entry(swiss)
        assert {notice.code for notice in before.notices} == {"customs_incomplete"}
        assert len(before.notices) == 2 * len(swiss.items)
        assert (before.state, before.problem) == ("accepted", None)
        (item, *_) = harness.saved(swiss).body["order_details"]["order_items"]
        assert "hs_code" not in item
        assert "country_of_origin" not in item, "nothing is declared that is not certain"

        harness.later(minutes=15)
        again = await harness.export()
        assert (again.sent, again.health.notices) == (0, first.health.notices)
        assert (await harness.entry(swiss)).notices == before.notices, "the same time, too"

        for product, hs_code in zip(products, kept, strict=True):
            product.hs_code, product.origin = hs_code, "PT"
        harness.later(minutes=15)
        cured = await harness.export()
        assert cured.sent >= 1
        assert (await harness.entry(swiss)).notices == ()
        value = harness.context.metrics.registry.get_sample_value(
            "aftersend_notices", {"tenant": IDENTITY, "code": "customs_incomplete"}
        )
        assert value == cured.health.notices.get("customs_incomplete", 0)


async def test_a_label_ends_the_notice_of_a_missing_state(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        american = harness.order("united_states")
        for address in filter(None, (american.billing, american.shipping_address)):
            address.state = "somewhere"
        before = (await harness.export()).health.notices["state_missing"]
        notices = (await harness.entry(american)).notices
        assert [(notice.code, notice.path) for notice in notices if notice.code == "state_missing"] == [
            ("state_missing", "shipping_address/state_province_code")
        ]
        number = str(american.order_id)
        await harness.context.ledger.change(number, lambda entry: labelled(entry, harness.context.now_ms()))
        assert (await harness.export()).health.notices.get("state_missing", 0) == before - 1
        assert (await harness.entry(american)).notices == ()


async def test_an_upgrade_fills_in_notices_and_sends_nothing_again(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        first = await harness.export()
        assert first.health.notices
        noticed = [entry async for entry in harness.context.ledger.entries(harness.context.ledger.noticed())]
        for known in noticed:  # as a version without notices left them
            await harness.context.ledger.change(known.order, lambda entry: structs.replace(entry, notices=()))
        second = await harness.export()
        assert (second.sent, second.unchanged, second.health.notices) == (0, first.sent, first.health.notices)
        assert set(harness.world.journal.pushes.values()) == {1}


OPTIONAL = [
    *(f"shipping_address/{name}" for name in ("email", "phone_number", "company_name", "address_line_2")),
    "customer_details/email",
    "shipping_address/state_province_code",
    *(f"order_details/order_items/{name}" for name in ("hs_code", "country_of_origin", "ean", "sku", "product_id")),
]


@pytest.mark.parametrize("path", OPTIONAL)
async def test_a_refused_optional_field_is_left_out_in_the_same_run(redis_url: str, tmp_path: Path, path: str) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=100) as harness:
        american = harness.order("united_states")
        for address in filter(None, (american.billing, american.shipping_address)):
            address.company, address.street2, address.mail, address.phone = "Muster", "Hof", "a@example.org", "0221 0"
        for item in american.items:
            product = harness.world.afterbuy.products[item.product_id]
            product.hs_code, product.origin, item.ean, item.anr = "691200", "PT", "4006381333931", "7"
        harness.break_("sendcloud", "refused_field", paths=(path,))
        summary = await harness.export()
        assert (summary.outcome, summary.rejected, summary.health.problems) == ("done", 0, {})
        assert summary.health.notices["field_left_out"] >= 1
        known = await harness.entry(american)
        name = path.rpartition("/")[2]
        left_out = [notice.path for notice in known.notices if notice.code == "field_left_out"]
        assert left_out
        assert all(each.endswith(name) for each in left_out)
        assert harness.pushes(american) == 1
        assert f'"{name}"' not in json.dumps(harness.saved(american).body["shipping_address"])
        assert f'"{name}"' not in json.dumps(harness.saved(american).body["order_details"])

        harness.world.faults.disarm()
        harness.later(minutes=15)
        again = await harness.export()
        assert (again.sent, again.health.notices) == (0, summary.health.notices), "the order has not changed"
        after = await harness.entry(american)
        assert (after.notices, after.fingerprint) == (known.notices, known.fingerprint)


async def test_all_refused_orders_of_a_run_go_again_together_and_at_most_three_times(small: ExporterHarness) -> None:
    paths = ("shipping_address/email", "shipping_address/phone_number", "order_details/order_items/sku")
    small.break_("sendcloud", "refused_field", paths=paths)
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("done", 0)
    assert small.world.journal.calls["sendcloud POST /orders"] <= 4 + 3
    assert small.world.faults.struck["sendcloud/refused_field"] <= 4 + 3


async def test_a_field_of_many_articles_is_left_out_of_all_in_the_last_round(small: ExporterHarness) -> None:
    order = small.order()
    order.items = [replace(order.items[0], item_id=item_id, ean="4006381333931") for item_id in range(900, 906)]
    small.break_("sendcloud", "refused_field", paths=("order_details/order_items/ean",))
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("done", 0)
    assert [notice.path for notice in (await small.entry(order)).notices] == [
        "order_details/order_items/0/ean",
        "order_details/order_items/1/ean",
        "order_details/order_items/ean",
    ]
    items = small.saved(order).body["order_details"]["order_items"]
    assert (len(items), [item for item in items if "ean" in item]) == (6, [])


async def test_a_needed_field_that_is_refused_is_a_problem(small: ExporterHarness) -> None:
    small.break_("sendcloud", "refused_field", paths=("shipping_address/email", "shipping_address/city"))
    summary = await small.export()
    assert (summary.sent, summary.health.problems) == (0, {"rejected": summary.rejected})
    assert await small.problem(small.order()) == "rejected shipping_address/city"


async def test_a_changed_order_is_sent_whole_again(small: ExporterHarness) -> None:
    order = small.order()
    small.break_("sendcloud", "refused_field", paths=("shipping_address/phone_number",))
    await small.export()
    assert [notice.code for notice in (await small.entry(order)).notices] == ["field_left_out"]
    small.world.faults.disarm()
    small.later(minutes=15)
    order.billing.street, order.shipping_address = "Neuer Weg 1", None
    assert (await small.export()).sent == 1
    assert "phone_number" in small.saved(order).body["shipping_address"]
    assert (await small.entry(order)).notices == ()


async def test_an_unreadable_order_is_a_problem_of_its_own(small: ExporterHarness) -> None:
    order = small.order()
    order.items[0].price = Decimal("NaN")
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("partial", 1)
    assert (await small.problem(order)).startswith("unreadable SoldItems")
    order.items[0].price = Decimal("9.99")
    assert (await small.export()).sent == 1
    assert await small.problem(order) == ""


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


ODD = (
    b"Bitte&#0;klingeln",
    b"a\x0bb\x1f",
    b"&#55357;&#56838;",
    "\uffff".encode(),
    b"&nbsp;",
    b"M & M",
    b"<3",
    b"]]>",
    b"\xfc",
    b"<![CDATA[",
    b"</UserComment>",
)


async def test_one_odd_order_stops_no_other(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=20) as harness:
        odd = harness.order()
        for raw in ODD:
            odd.raw_comment = raw.decode("latin-1")
            summary = await harness.export(orders=(str(odd.order_id),))
            assert (summary.outcome, summary.read, summary.rejected) == ("done", 1, 0), raw
        whole = await harness.export()
        assert (whole.outcome, whole.rejected) == ("done", 0)
        assert harness.incoming(odd) is not None


async def test_an_order_that_is_no_xml_is_named_and_the_others_are_sent(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=20) as harness:
        odd = harness.order()
        odd.raw_comment = "<b><i></b></i>"
        summary = await harness.export()
        assert (summary.outcome, summary.rejected) == ("partial", 1)
        assert summary.sent > 1
        assert await harness.problem(odd) == "unreadable Order"
        odd.raw_comment = ""
        assert (await harness.export()).sent == 1
        assert await harness.problem(odd) == ""


async def test_a_country_that_is_none_is_named(small: ExporterHarness) -> None:
    order = small.order()
    order.shipping_address = None
    order.billing.country_iso = "XX"
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("partial", 1)
    assert await small.problem(order) == "unreadable BuyerInfo/BillingAddress/CountryISO"


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
    change, left = harness.context.ledger.change, step

    async def failing(*args: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Transient("redis_unavailable", upstream="redis")
        return await change(*args)

    harness.context.ledger.change = failing  # type: ignore[method-assign, assignment]
    try:
        await harness.export()
    except Transient:
        return True
    else:
        return False
    finally:
        harness.context.ledger.change = change  # type: ignore[method-assign]


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
