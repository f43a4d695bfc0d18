"""An order that was erased on request is not sent again, whatever Afterbuy shows and a run asks for."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aftersend_exporter.export.push import Pusher
from tests.support.exporter_kit import ExporterHarness, exporter_harness


@pytest.fixture
async def harness(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    async with exporter_harness(redis_url, tmp_path) as found:
        yield found


async def forget(harness: ExporterHarness, scenario: str) -> str:
    order = str(harness.order(scenario).order_id)
    assert await harness.context.ledger.forget(order)
    return order


async def test_neither_the_window_nor_a_person_sends_it_again(harness: ExporterHarness) -> None:
    order = harness.order("shop")
    await harness.export()
    name = await forget(harness, "shop")
    left = await harness.entry(order)
    harness.later(minutes=15)
    (order.shipping_address or order.billing).city = "Anderswo"
    sent = harness.pushes(order)
    summary = await harness.export()
    assert (summary.outcome, summary.sent) == ("done", 0)
    named = await harness.export(orders=(name,))
    assert (named.outcome, named.unchanged, named.sent) == ("done", 1, 0)
    dry = await harness.export(orders=(name,), dry_run=True)
    assert [(each.order, each.decision) for each in dry.orders or ()] == [(name, "unchanged")]
    assert harness.pushes(order) == sent
    assert await harness.entry(order) == left


async def test_one_that_was_held_or_changed_or_vanished_is_no_problem(harness: ExporterHarness) -> None:
    held, gone = harness.order("shop"), harness.order("ebay")
    held.additional_info = "warten"
    await harness.export()
    entries = [await forget(harness, scenario) for scenario in ("shop", "ebay")]
    held.additional_info = ""
    harness.world.afterbuy.orders.remove(gone.order_id)
    for _ in range(3):
        harness.later(days=8)
        await harness.export(orders=tuple(entries))
        await harness.export()
    assert [await harness.problem(order) for order in (held, gone)] == ["", ""]
    assert {(await harness.entry(order)).state for order in (held, gone)} == {"forgotten"}
    assert harness.pushes(held) == 0


async def test_an_export_that_read_it_before_leaves_it_out(
    harness: ExporterHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, order = Pusher.mark, harness.order("shop")

    async def late(self: Pusher, orders: Any) -> Any:
        await harness.context.ledger.forget(str(order.order_id))
        return await mark(self, orders)

    monkeypatch.setattr(Pusher, "mark", late)
    await harness.export()
    assert harness.pushes(order) == 0
    assert harness.pushes(harness.order("ebay")) == 1


async def test_the_answer_to_a_call_under_way_brings_nothing_back(
    harness: ExporterHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call itself cannot be taken back: Sendcloud has the order then, as it has others that were sent before."""
    accept, order = Pusher._accept, harness.order("shop")

    async def late(self: Pusher, group: Any) -> None:
        await harness.context.ledger.forget(str(order.order_id))
        await accept(self, group)

    monkeypatch.setattr(Pusher, "_accept", late)
    await harness.export()
    entry = await harness.entry(order)
    assert (entry.state, entry.fingerprint, harness.pushes(order)) == ("forgotten", "", 1)
