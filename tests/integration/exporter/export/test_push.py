"""Pushes that fail, are refused, or have an unknown outcome."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from aftersend.errors import Later, Transient
from aftersend.sendcloud.model import PushOrder
from aftersend_exporter.export.batches import BATCH
from aftersend_exporter.export.push import Pusher
from tests.support.exporter_kit import ExporterHarness, exporter_harness
from tests.support.round_trips import round_trips


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
    assert small.broken_rules() == {}


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


async def test_a_hundred_orders_are_announced_and_accepted_in_two_round_trips(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New ones and known ones: what the page read of them is used."""
    spent: list[int] = []
    flush = Pusher.flush

    async def counted(self: Pusher) -> None:
        with round_trips() as trips:
            await flush(self)
        spent.append(trips.count)

    monkeypatch.setattr(Pusher, "flush", counted)
    async with exporter_harness(redis_url, tmp_path, orders=150) as harness:
        harness.break_("sendcloud", "http_502", calls=("POST /orders",))
        await harness.export()
        harness.world.faults.disarm()
        harness.later(minutes=1)
        spent.clear()
        summary = await harness.export()
    assert (summary.outcome, summary.sent > BATCH) == ("done", True)
    assert spent == [2, 2]
