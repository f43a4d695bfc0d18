"""Orders that are held, released, given up, or changed after the transfer."""

from pathlib import Path

from tests.support.exporter_kit import ExporterHarness, exporter_harness


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
