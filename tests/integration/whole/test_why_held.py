"""Why was this order not exported? One command answers."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.exporter_kit import exporter_harness
from tests.support.part_kit import call_main, environment


async def orders(redis_url: str, folder: Path, order: str) -> tuple[int, list[Any], str]:
    """What ``aftersend orders ID --json`` answers: exit code, the orders, standard error."""
    environ = environment(folder, AFTERSEND_REDIS_URL=redis_url)
    words = ["orders", order, "--json"]
    code, out, err = await asyncio.to_thread(call_main, words, environ)
    return code, json.loads(out), err


async def test_an_unpaid_order_says_so_until_it_is_paid(redis_url: str, tmp_path: Path) -> None:
    environment(tmp_path)
    spec = {"only": {"paid": True}}
    async with exporter_harness(redis_url, tmp_path / "secrets", export=spec) as harness:
        order = harness.order()
        paid, order.payment.already_paid = order.payment.already_paid, Decimal(0)
        await harness.export()
        harness.later(hours=1)
        await harness.export()
        code, (found,), _ = await orders(redis_url, tmp_path, str(order.order_id))
        assert (code, found["state"], found["held"]["reason"], found["problem"]) == (0, "new", "unpaid", None)
        assert found["held"]["since"] == found["since"]
        assert found["held"]["since"].startswith("2026-11-24T09:3"), "the first run that found it unpaid"

        order.payment.already_paid = paid
        await harness.export()
        code, (found,), _ = await orders(redis_url, tmp_path, str(order.order_id))
        assert (code, found["state"], found["held"]) == (0, "accepted", None)


async def test_each_reason_of_the_merchants_own_rules_is_shown(redis_url: str, tmp_path: Path) -> None:
    environment(tmp_path)
    only = {"notTags": ["Abholung"], "notShippingMethods": ["Spedition"], "minAgeMinutes": 60}
    spec = {"only": only, "weight": {"missing": "hold"}}
    async with exporter_harness(redis_url, tmp_path / "secrets", export=spec) as harness:
        picked_up, bulky, light, young = (harness.order(name) for name in ("shop", "ebay", "today", "yesterday"))
        picked_up.tags, bulky.shipping.method = ["ABHOLUNG"], " spedition"
        for item in light.items:
            item.weight = None
        young.ordered_at = harness.world.clock.now()
        await harness.export()
        reasons = ((picked_up, "tag"), (bulky, "shipping_method"), (light, "no_weight"), (young, "too_young"))
        for order, reason in ((str(each.order_id), why) for each, why in reasons):
            code, (found,), _ = await orders(redis_url, tmp_path, order)
            assert (code, found["state"], found["held"]["reason"], found["problem"]) == (0, "new", reason, None)
            (line,) = (await harness.export(orders=(order,), dry_run=True)).orders or ()
            assert (line.decision, line.reason) == ("watch", reason)


async def test_an_order_that_is_skipped_for_good_names_the_command_that_says_why(
    redis_url: str, tmp_path: Path
) -> None:
    environment(tmp_path)
    async with exporter_harness(redis_url, tmp_path / "secrets", orders=300) as harness:
        await harness.export()
        amazon = str(harness.order("amazon_fulfilled").order_id)
        code, found, err = await orders(redis_url, tmp_path, amazon)
        assert (code, found) == (1, [])
        assert f"`aftersend trigger export --order {amazon} --dry-run` says what would happen" in err
        (line,) = (await harness.export(orders=(amazon,), dry_run=True)).orders or ()
        assert (line.decision, line.reason) == ("skip", "marketplace_fulfilled")
