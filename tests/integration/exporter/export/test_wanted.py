"""Which orders go by tag, shipping method, age and weight; the others are read again until they go or are forgotten."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from aftersend.runs import RunSummary
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from tests.support.exporter_kit import ExporterHarness, exporter_harness


async def reason(harness: ExporterHarness, order: AfterbuyOrder) -> str:
    """Why an order is held."""
    found = (await harness.entry(order)).held
    return found.reason if found else ""


def sent(summary: RunSummary) -> int:
    """How many orders a run sent in which nothing went wrong."""
    assert (summary.outcome, summary.rejected) == ("done", 0)
    return summary.sent


async def is_forgotten(harness: ExporterHarness, order: AfterbuyOrder) -> bool:
    """Whether nothing is left of an order that was held."""
    entry = await harness.entry(order)
    return (entry.state, entry.held, entry.watched, entry.problem) == ("new", None, 0, None)


@pytest.mark.parametrize(
    "switches", [{"tags_at": "order"}, {"tags_at": "item", "tags_level": "items"}, {"tags_at": "both"}]
)
async def test_only_tagged_orders_go_wherever_afterbuy_answers_tags(
    redis_url: str, tmp_path: Path, switches: dict[str, str]
) -> None:
    only = {"tags": ["Versand"], "notTags": ["Abholung"]}
    async with exporter_harness(redis_url, tmp_path, export={"only": only}) as harness:
        for name, position in switches.items():
            harness.world.switches.turn(name, position)
        goes, waits, stays = (harness.order(name) for name in ("shop", "ebay", "amazon_own"))
        goes.tags, stays.tags = ["eilig", " VERSAND"], ["Versand", "abholung"]
        first = await harness.export()
        assert (sent(first), first.skipped["tag"] > 1) == (1, True)
        assert harness.incoming(goes) is not None
        assert [await reason(harness, order) for order in (goes, waits, stays)] == ["", "tag", "tag"]

        harness.later(days=5)  # far outside of the window
        waits.tags = ["versand"]
        assert sent(await harness.export()) == 1
        assert harness.incoming(waits) is not None
        harness.later(days=10)
        await harness.export()
        assert await is_forgotten(harness, stays)
        assert "tag" not in {await harness.problem(order) for order in (goes, waits, stays)}


async def test_only_wanted_shipping_methods_go(redis_url: str, tmp_path: Path) -> None:
    only = {"shippingMethods": ["post at"], "notShippingMethods": ["Selbstabholung"]}
    async with exporter_harness(redis_url, tmp_path, export={"only": only}) as harness:
        goes, picked_up = harness.order("shop"), harness.order("ebay")
        goes.shipping.method, picked_up.shipping.method = "Post AT", "SELBSTABHOLUNG"
        assert sent(await harness.export()) == 1
        assert await reason(harness, picked_up) == "shipping_method"
        harness.later(days=1)
        picked_up.shipping.method = "POST AT "
        assert sent(await harness.export()) == 1
        assert (harness.incoming(goes), harness.incoming(picked_up)) != (None, None)


async def test_what_is_not_wanted_any_more_after_the_transfer_is_a_problem_until_it_is_again(
    redis_url: str, tmp_path: Path
) -> None:
    async with exporter_harness(redis_url, tmp_path, export={"only": {"notTags": ["Stopp"]}}) as harness:
        order = harness.order()
        assert sent(await harness.export()) > 1
        harness.later(minutes=15)
        order.tags = ["stopp"]
        await harness.export()
        assert await harness.problem(order) == "changed_after_transfer tag"
        harness.later(minutes=15)
        order.tags = []
        await harness.export()
        assert (await harness.problem(order), harness.pushes(order)) == ("", 1)


async def test_an_order_goes_once_it_is_old_enough(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, export={"only": {"minAgeMinutes": 90}}) as harness:
        fresh, undated, old = (harness.order(name) for name in ("shop", "ebay", "amazon_own"))
        now = harness.world.clock.now()
        for order, age in ((fresh, 60), (undated, 60), (old, 90)):
            order.ordered_at = now - timedelta(minutes=age)
            for item in order.items:
                item.ended_at = order.ordered_at
        undated.spelled = {"OrderDate": ""}
        await harness.export()
        assert [await reason(harness, order) for order in (fresh, undated, old)] == ["too_young", "too_young", ""]
        harness.later(minutes=31)
        await harness.export()
        assert harness.incoming(fresh) is not None, "90 minutes after its date"
        assert harness.incoming(undated) is None
        harness.later(minutes=60)
        assert sent(await harness.export()) == 1
        assert harness.incoming(undated) is not None, "90 minutes after it was first seen"


async def test_a_least_age_set_later_leaves_alone_what_was_sent(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path) as harness:
        order = harness.order()
        order.ordered_at = harness.world.clock.now()
        await harness.export()
        document = harness.context.tenant
    only = {"minAgeMinutes": 10080}
    async with exporter_harness(
        redis_url, tmp_path, world=harness.world, settled=False, export={"only": only}
    ) as later:
        assert later.context.tenant.spec.export.only != document.spec.export.only
        later.later(minutes=15)
        order.billing.street, order.shipping_address = "Neuer Weg 1", None
        summary = await later.export()
        assert (sent(summary), summary.health.problems) == (1, {})
        assert later.saved(order).body["shipping_address"]["address_line_1"] == "Neuer Weg 1"


async def test_an_order_without_weight_waits_for_one(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, export={"weight": {"missing": "hold"}}) as harness:
        order = harness.order()
        for item in order.items:
            item.weight = None
        await harness.export()
        assert (harness.incoming(order), await reason(harness, order)) == (None, "no_weight")
        harness.later(days=13)
        order.items[0].weight = Decimal("1.5")
        assert sent(await harness.export()) == 1
        body = harness.saved(order).body
        assert "Kleinpaket" not in (body["shipping_details"].get("delivery_indicator"), *body.get("tags", ()))


async def test_an_order_that_never_gets_a_weight_is_given_up(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, export={"weight": {"missing": "hold"}}) as harness:
        order = harness.order()
        for item in order.items:
            item.weight = Decimal(0)
        await harness.export()
        harness.later(days=15)
        await harness.export()
        assert await harness.problem(order) == "given_up no_weight"
