"""Confirming: what Sendcloud accepted and never saved, and what a person deleted there."""

from aftersend_exporter.rules.transitions import MAX_PUSHES
from tests.support.exporter_kit import ExporterHarness


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
