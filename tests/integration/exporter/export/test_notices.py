"""Notices: what orders are sent without, because it is missing or because Sendcloud refuses it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from aftersend.ledger.merge import labelled
from tests.support.exporter_kit import IDENTITY, ExporterHarness, exporter_harness

OPTIONAL = [
    *(f"shipping_address/{name}" for name in ("email", "phone_number", "company_name", "address_line_2")),
    "customer_details/email",
    "shipping_address/state_province_code",
    *(f"order_details/order_items/{name}" for name in ("hs_code", "country_of_origin", "ean", "sku", "product_id")),
]


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


@pytest.mark.parametrize("position", ["optional", "required"])
async def test_a_post_number_goes_whether_or_not_a_service_point_is_wanted_beside_it(
    small: ExporterHarness, position: str
) -> None:
    small.world.switches.turn("service_point_id", position)
    order = small.order()
    home = order.shipping_address = replace(order.billing, street="Postnr. 12345678", street2="Packstation 145")
    first = await small.export()
    assert (first.outcome, first.rejected, first.health.problems) == ("done", 0, {})
    body = small.saved(order).body
    address = body["shipping_address"]
    assert (address["address_line_1"], address["address_line_2"]) == ("Packstation 145", "Postnr. 12345678")
    is_sent = position == "optional"
    assert body.get("service_point_details") == ({"post_number": "12345678"} if is_sent else None)
    notices = [(notice.code, notice.path) for notice in (await small.entry(order)).notices]
    assert notices == ([] if is_sent else [("field_left_out", "service_point_details/id")])

    small.later(minutes=15)
    again = await small.export()
    assert (again.sent, again.health.notices) == (0, first.health.notices), "the order has not changed"
    small.later(minutes=15)
    home.street = "Ahornweg 7"
    assert (await small.export()).sent == 1
    assert "service_point_details" not in small.saved(order).body


async def test_a_missing_post_number_is_noticed_until_it_is_cured_or_labelled(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=100) as harness:
        cured, printed = harness.order("packing_station"), harness.order("today")
        for order in (cured, printed):
            order.shipping_address = replace(order.billing, street="Packstation 145", street2="")
        first = await harness.export()
        assert (first.health.notices["post_number_missing"], first.health.problems) == (2, {})
        for order in (cured, printed):
            assert "service_point_details" not in harness.saved(order).body
            assert [(notice.code, notice.path) for notice in (await harness.entry(order)).notices] == [
                ("post_number_missing", "service_point_details/post_number")
            ]
        metric = ("aftersend_notices", {"tenant": IDENTITY, "code": "post_number_missing"})
        assert harness.context.metrics.registry.get_sample_value(*metric) == 2

        cured.shipping_address = replace(cured.billing, street="Packstation 145", street2="", company="12345678")
        number = str(printed.order_id)
        await harness.context.ledger.change(number, lambda entry: labelled(entry, harness.context.now_ms()))
        harness.later(minutes=15)
        again = await harness.export()
        assert (again.sent, again.health.notices.get("post_number_missing", 0)) == (1, 0)
        assert harness.saved(cured).body["service_point_details"] == {"post_number": "12345678"}
        assert harness.context.metrics.registry.get_sample_value(*metric) == 0


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
