"""Customs papers in whole runs: tax numbers, business buyers, weights, and what an upgrade leaves alone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from aftersend_exporter.rules.order_mapping import earlier_order, fingerprint
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyOrder
from tests.support.exporter_kit import ExporterHarness, exporter_harness

TAX_NUMBERS = [
    {"name": "EORI", "number": "DE1234567", "country": "DE"},
    {"name": "IOSS", "number": "IM2760000742", "country": "DE"},
    {"name": "VOEC", "number": "2012345", "country": "NO"},
]
EORI = {"name": "EORI", "country_code": "DE", "value": "DE1234567"}
VOEC = {"name": "VAT", "country_code": "NO", "value": "2012345"}
EBAY = {"name": "VAT", "country_code": "NO", "value": "2024926"}
MWST = {"name": "VAT", "country_code": "CH", "value": "CHE123456789MWST"}
ZURICH = AfterbuyAddress(
    first_name="Urs",
    last_name="Erfunden",
    street="Beispielgasse 3",
    postal_code="8001",
    city="Zürich",
    country="CH",
    country_iso="CH",
)
OSLO = replace(ZURICH, city="Oslo", postal_code="0150", country="N", country_iso="NO")


@pytest.fixture
async def exporter(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    """Twenty orders of a merchant with tax numbers."""
    export = {"customs": {"taxNumbers": TAX_NUMBERS, "hsCode": "691200"}}
    async with exporter_harness(redis_url, tmp_path, orders=20, export=export) as found:
        yield found


def swiss_business(harness: ExporterHarness) -> AfterbuyOrder:
    order = harness.order("shop")
    order.shipping_address = replace(ZURICH, company="Beispiel AG")
    order.billing.is_merchant, order.billing.tax_id = True, "CHE-123.456.789 MWST"
    return order


def to_norway(harness: ExporterHarness, **item: Any) -> AfterbuyOrder:
    order = harness.order("ebay")
    order.shipping_address = OSLO
    for each in order.items:
        each.price = Decimal("19.90")
        for name, value in item.items():
            setattr(each, name, value)
    return order


def papers(harness: ExporterHarness, order: AfterbuyOrder) -> dict[str, Any]:
    found: dict[str, Any] = harness.saved(order).body["customs_details"]
    return found


async def noticed(harness: ExporterHarness, order: AfterbuyOrder, code: str) -> list[str]:
    return [notice.path for notice in (await harness.entry(order)).notices if notice.code == code]


async def test_papers_of_a_business_and_of_a_marketplace(exporter: ExporterHarness) -> None:
    swiss, norwegian = swiss_business(exporter), to_norway(exporter)
    summary = await exporter.export()
    assert (summary.outcome, summary.rejected, summary.health.problems) == ("done", 0, {})
    assert papers(exporter, swiss)["export_type"] == "commercial_b2b"
    assert papers(exporter, swiss)["tax_numbers"] == {"sender": [EORI], "receiver": [MWST]}
    assert papers(exporter, norwegian)["export_type"] == "commercial_b2c"
    assert papers(exporter, norwegian)["tax_numbers"] == {"sender": [VOEC, EORI]}
    assert exporter.broken_rules() == {}


@pytest.mark.parametrize("position", ["number", "labelled", "absent"])
async def test_the_number_of_a_marketplace_goes_first(exporter: ExporterHarness, position: str) -> None:
    exporter.world.switches.turn("platform_tax_reference", position)
    order = to_norway(exporter, tax_reference="2024926", tax_collected=True)
    await exporter.export()
    known = position != "absent"
    assert papers(exporter, order)["tax_numbers"] == {"sender": [EBAY, EORI] if known else [EORI]}
    missing = [] if known else ["customs_details/tax_numbers/sender"]
    assert await noticed(exporter, order, "customs_incomplete") == missing


async def test_goods_that_a_marketplace_imports_into_the_union_get_papers(exporter: ExporterHarness) -> None:
    order = exporter.order("ebay")
    for item in order.items:
        item.tax_reference = "IM2760000999"
    await exporter.export()
    ioss = {"name": "IOSS", "country_code": "DE", "value": "IM2760000999"}
    assert papers(exporter, order)["tax_numbers"] == {"sender": [ioss, EORI]}
    assert exporter.broken_rules() == {}


@pytest.mark.parametrize("position", ["accepted", "refused", "unknown_field"])
async def test_an_order_goes_whether_or_not_tax_numbers_are_refused(exporter: ExporterHarness, position: str) -> None:
    exporter.world.switches.turn("tax_numbers", position)
    order = swiss_business(exporter)
    first = await exporter.export()
    assert (first.outcome, first.rejected, first.health.problems) == ("done", 0, {})
    left_out = {
        "accepted": [],
        "refused": ["customs_details/tax_numbers/sender/0/value", "customs_details/tax_numbers/receiver/0/value"],
        "unknown_field": ["customs_details/tax_numbers"],
    }
    assert sorted(await noticed(exporter, order, "field_left_out")) == sorted(left_out[position])
    assert ("tax_numbers" in papers(exporter, order)) is (position == "accepted")
    assert papers(exporter, order)["export_type"] == "commercial_b2b"
    exporter.later(minutes=15)
    again = await exporter.export()
    assert (again.sent, again.health.notices) == (0, first.health.notices), "the order has not changed"


@pytest.mark.parametrize("position", ["unchecked", "checked"])
async def test_articles_without_weight_share_the_default(exporter: ExporterHarness, position: str) -> None:
    exporter.world.switches.turn("declared_weight", position)
    order = swiss_business(exporter)
    (item, *_) = order.items
    order.items = [replace(item, item_id=900 + place, weight=None, quantity=2) for place in range(2)]
    summary = await exporter.export()
    assert (summary.outcome, summary.rejected) == ("done", 0)
    pieces = exporter.saved(order).body["order_details"]["order_items"]
    assert [piece["measurement"]["weight"]["value"] for piece in pieces] == [0.75, 0.75]


async def test_an_article_that_alone_has_no_weight_is_noticed(exporter: ExporterHarness) -> None:
    order = swiss_business(exporter)
    (item, *_) = order.items
    order.items = [replace(item, item_id=900, weight=Decimal(1)), replace(item, item_id=901, weight=None)]
    await exporter.export()
    assert await noticed(exporter, order, "customs_incomplete") == ["order_details/order_items/1/measurement"]


async def test_a_vat_id_that_is_not_understood_is_noticed_until_it_is_corrected(exporter: ExporterHarness) -> None:
    order = swiss_business(exporter)
    order.billing.tax_id = "folgt noch"
    await exporter.export()
    assert await noticed(exporter, order, "customs_incomplete") == ["customs_details/tax_numbers/receiver"]
    assert "receiver" not in papers(exporter, order)["tax_numbers"]
    exporter.later(minutes=15)
    order.billing.tax_id = "CHE-123.456.789 MWST"
    assert (await exporter.export()).sent == 1
    assert papers(exporter, order)["tax_numbers"]["receiver"] == [MWST]
    assert await noticed(exporter, order, "customs_incomplete") == []


async def test_an_upgrade_sends_no_order_again_for_the_sake_of_its_papers(exporter: ExporterHarness) -> None:
    """As the version before left them: fingerprints without further papers, and no word of these in the ledger."""
    swiss, norwegian = swiss_business(exporter), to_norway(exporter, tax_reference="2024926")
    light = exporter.order("amazon_own")
    light.shipping_address = ZURICH
    for item in light.items:
        item.weight = None
    first = await exporter.export()
    context = exporter.context
    products = await context.afterbuy.products({str(item.product_id) for item in (*swiss.items, *norwegian.items)})
    changed = 0
    for order in (swiss, norwegian, light):
        (page,) = [page async for page in context.afterbuy.orders_by_id([str(order.order_id)])]
        products |= await context.afterbuy.products({item.product_id for item in page.orders[0].items})
        rules, integration = context.tenant.spec.export, exporter.saved(order).integration
        before = earlier_order(
            page.orders[0], integration=integration, rules=rules, products=products, now=context.now()
        )
        mark = fingerprint(before, mac=context.mac)
        changed += mark != (await exporter.entry(order)).fingerprint
        await context.ledger.change(
            str(order.order_id), lambda entry, mark=mark: structs.replace(entry, fingerprint=mark, papers=0)
        )
    assert changed == 3
    exporter.later(minutes=15)
    again = await exporter.export()
    assert (again.sent, again.unchanged) == (0, first.sent)

    exporter.later(minutes=15)
    swiss.shipping_address = replace(ZURICH, street="Neuer Weg 1")
    assert (await exporter.export()).sent == 1, "it changed, and goes with all its papers"
    assert papers(exporter, swiss)["export_type"] == "commercial_b2b"


async def test_what_changes_after_the_upgrade_is_sent(exporter: ExporterHarness) -> None:
    order = swiss_business(exporter)
    order.billing.is_merchant, order.billing.tax_id = False, ""
    await exporter.export()
    exporter.later(minutes=15)
    order.billing.is_merchant, order.billing.tax_id = True, "CHE-123.456.789 MWST"
    assert (await exporter.export()).sent == 1
    assert papers(exporter, order)["tax_numbers"]["receiver"] == [MWST]
