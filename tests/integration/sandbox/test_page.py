"""The page of the sandbox in a real browser: what is clicked on one side shows on both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from playwright.async_api import ConsoleMessage, Locator, Page, expect

from aftersend_sandbox.page.order_view import KEEP, STAGES, Scanner, scan
from aftersend_sandbox.seed.account import seeded_world
from aftersend_sandbox.server import Sandbox, running
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.world import INTEGRATION_ID, World
from tests.support.chromium import chromium

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
expect.set_options(timeout=30_000)  # a busy machine may need more than Playwright's five seconds to draw a page anew


def about_scripts(message: ConsoleMessage) -> bool:
    """Chromium also logs each answer that is no success: those are a test's own business."""
    return message.type == "error" and "Failed to load resource" not in message.text


@asynccontextmanager
async def browsing(sandbox: Sandbox, **options: Any) -> AsyncIterator[Page]:
    """The page, open in Chromium; a script error on it fails the test."""
    errors: list[str] = []
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1500, "height": 1000}, **options)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if about_scripts(message) else None)
        await page.goto(sandbox.url)
        await expect(page.locator("#rows tr").first).to_be_visible()
        yield page
    assert errors == []


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    world = seeded_world(300, now=NOW)
    world.sendcloud.save_seconds = 0
    async with running(world) as served:
        yield served


def newest(world: World, scenario: str) -> AfterbuyOrder:
    return [each for each in world.afterbuy.orders if each.scenario == scenario][-1]


def row(page: Page, order: AfterbuyOrder) -> Locator:
    return page.locator(f'#rows tr[data-number="{order.order_id}"]')


async def search(page: Page, text: str) -> None:
    await page.get_by_label("Find").fill(text)


async def view(sandbox: Sandbox, **query: str | int) -> Any:
    async with (
        aiohttp.ClientSession(sandbox.url) as session,
        session.get("/page/view", params=query) as answer,
    ):
        assert answer.status == 200
        return await answer.json()


async def push(sandbox: Sandbox, order: AfterbuyOrder) -> None:
    """What the bridge does, as little of it as Sendcloud accepts."""
    body = {
        "order_id": f"afterbuy-{order.order_id}",
        "order_number": str(order.order_id),
        "order_details": {
            "integration": {"id": INTEGRATION_ID},
            "status": {"code": "unshipped", "message": "Unshipped"},
            "order_created_at": order.ordered_at.isoformat(),
            "order_items": [{"name": "Tasse", "quantity": 1, "total_price": {"value": 9.5, "currency": "EUR"}}],
            "tags": ["Kleinpaket"],
        },
        "payment_details": {
            "total_price": {"value": 9.5, "currency": "EUR"},
            "status": {"code": "paid", "message": "Paid"},
        },
        "shipping_address": {
            "name": "Käthe Beispiel",
            "address_line_1": "Musterweg 1",
            "postal_code": "10115",
            "city": "Berlin",
            "country_code": "DE",
        },
        "shipping_details": {
            "delivery_indicator": "Kleinpaket",
            "measurement": {"weight": {"value": 3, "unit": "kg"}},
        },
        "customs_details": {"commercial_invoice_number": str(order.order_id), "shipment_type": "commercial_goods"},
    }
    headers = {"Authorization": aiohttp.encode_basic_auth("sandbox-public", "sandbox-secret")}
    async with (
        aiohttp.ClientSession(sandbox.url) as session,
        session.post("/api/v3/orders", json=[body], headers=headers) as answer,
    ):
        assert answer.status == 201, await answer.text()


# In the browser


async def test_a_parcel_number_is_filled_in_and_cleared(sandbox: Sandbox) -> None:
    order = newest(sandbox.world, "shop")
    async with browsing(sandbox) as page:
        await search(page, str(order.order_id))
        await row(page, order).get_by_role("button", name="Fill in").click()
        await page.get_by_role("textbox", name="Parcel number").fill('selbst <b>"gebracht"</b>')
        await page.locator("#number").get_by_role("button", name="Fill in").click()
        await expect(row(page, order)).to_contain_text('selbst <b>"gebracht"</b>')
        await expect(row(page, order)).to_contain_text("held back")
        assert order.additional_info == 'selbst <b>"gebracht"</b>'
        await row(page, order).get_by_role("button", name="Clear").click()
        await expect(row(page, order)).to_contain_text("empty")
        assert order.additional_info == ""


async def test_filling_in_can_be_called_off(sandbox: Sandbox) -> None:
    order = newest(sandbox.world, "shop")
    async with browsing(sandbox) as page:
        await search(page, str(order.order_id))
        await row(page, order).get_by_role("button", name="Fill in").click()
        await page.get_by_role("button", name="Leave it").click()
        await expect(page.locator("#number")).to_be_hidden()
    assert order.additional_info == ""


async def test_the_life_of_a_label_shows_on_both_sides(sandbox: Sandbox) -> None:
    order = newest(sandbox.world, "all_weights_missing")
    async with browsing(sandbox) as page:
        await search(page, str(order.order_id))
        line = row(page, order)
        await expect(line).to_contain_text("Afterbuy only")
        await push(sandbox, order)
        for shown in ("incoming", "Kleinpaket", "3 kg", "customs"):
            await expect(line).to_contain_text(shown)
        await line.get_by_role("combobox").select_option("2")
        await line.get_by_role("button", name="Print").click()
        await expect(line.locator("li.label")).to_have_count(2)
        await expect(line).to_contain_text("labelled")
        numbers = [each.tracking_number for each in sandbox.world.sendcloud.parcels.of_number(str(order.order_id))]
        order.additional_info = ", ".join(numbers)
        await expect(line).to_contain_text("done")
        await line.get_by_role("button", name="Pick up").first.click()
        await expect(line.locator("li.underway")).to_have_count(1)
        await line.locator("li.underway").get_by_role("button", name="Deliver").click()
        await expect(line.locator("li.delivered")).to_have_count(1)
        await line.get_by_role("button", name="Return").click()
        await expect(line.locator("li.return")).to_have_count(1)


async def test_a_label_is_cancelled_and_made_anew(sandbox: Sandbox) -> None:
    order = newest(sandbox.world, "ebay")
    await push(sandbox, order)
    async with browsing(sandbox) as page:
        await search(page, str(order.order_id))
        line = row(page, order)
        await line.get_by_role("button", name="Print").click()
        await line.get_by_role("button", name="Re-label").click()
        await expect(line.locator("li.cancelled")).to_have_count(1)
        await line.locator("li.label").get_by_role("button", name="Cancel").click()
        await expect(line.locator("li.cancelled")).to_have_count(2)
        await expect(line).to_contain_text("incoming")
        await expect(line.get_by_role("button", name="Print")).to_be_visible()


async def test_all_labels_are_printed_at_once(sandbox: Sandbox) -> None:
    orders = [newest(sandbox.world, name) for name in ("shop", "ebay", "company")]
    for order in orders:
        await push(sandbox, order)
    async with browsing(sandbox) as page:
        await page.get_by_role("button", name="Print all labels").click()
        await expect(page.locator(".chip.labelled")).to_contain_text("3")
        await page.locator(".chip.labelled").click()
        await expect(page.locator("#rows tr")).to_have_count(3)
        await expect(page.get_by_role("button", name="Print all labels")).to_be_disabled()
    assert len(sandbox.world.sendcloud.parcels) == 3


async def test_markup_in_orders_stays_text(sandbox: Sandbox) -> None:
    order = newest(sandbox.world, "html_characters")
    async with browsing(sandbox) as page:
        await search(page, str(order.order_id))
        await expect(row(page, order)).to_contain_text("<b>NEU</b> & 'weich' </td>")
        await expect(row(page, order)).to_contain_text('Muster & Söhne <GmbH> "Nord"')
        assert await row(page, order).locator("b, gmbh, script").count() == 0


async def test_a_link_that_is_no_web_page_stays_text(sandbox: Sandbox) -> None:
    order = newest(sandbox.world, "shop")
    await push(sandbox, order)
    async with browsing(sandbox) as page:
        await search(page, str(order.order_id))
        await row(page, order).get_by_role("button", name="Print").click()
        await expect(row(page, order).locator("li a")).to_have_count(1)
        (parcel,) = sandbox.world.sendcloud.parcels.of_number(str(order.order_id))
        parcel.tracking_url = "javascript:alert(1)"
        await expect(row(page, order).locator("li a")).to_have_count(0)


async def test_faults_and_switches_are_set_from_the_drawer(sandbox: Sandbox) -> None:
    async with browsing(sandbox, color_scheme="dark") as page:
        await page.get_by_role("button", name="Faults & switches").click()
        await page.get_by_role("switch", name="lost", exact=True).check()
        await expect(page.locator("#faults-dot")).to_be_visible()
        assert {each["kind"] for each in sandbox.world.faults.armed()} == {"lost"}
        await page.get_by_role("switch", name="lost", exact=True).uncheck()
        await expect(page.locator("#faults-dot")).to_be_hidden()
        await page.get_by_role("switch", name="doubled").check()
        await expect(page.locator("#faults-dot")).to_be_visible()
        await page.get_by_role("button", name="All faults off").click()
        await expect(page.locator("#faults-dot")).to_be_hidden()
        assert sandbox.world.faults.armed() == []
        await page.locator("#switch-weight_unit").select_option("g")
        await expect(page.locator(".choice.turned")).to_have_count(1)
        assert sandbox.world.switches.weight_unit == "g"
        await page.get_by_role("button", name="Close").click()
        await expect(page.locator("#faults-drawer")).to_be_hidden()


async def test_pages_turn_and_show_each_order_once(sandbox: Sandbox) -> None:
    async with browsing(sandbox) as page:
        await expect(page.locator("#rows tr")).to_have_count(25)
        await expect(page.get_by_role("button", name="Newer")).to_be_disabled()
        first = await page.locator("#rows tr").first.get_attribute("data-number")
        await page.get_by_role("button", name="Older").click()
        await expect(page.locator("#where")).to_contain_text("Page 2 of 12")
        assert await page.locator("#rows tr").first.get_attribute("data-number") != first


async def test_a_refusal_is_shown(sandbox: Sandbox) -> None:
    order = newest(sandbox.world, "shop")
    async with browsing(sandbox) as page:
        await search(page, str(order.order_id))
        await expect(page.locator("#rows tr")).to_have_count(1)
        await page.route("**/control/**", lambda route: route.fulfill(status=503, json={"error": "not now"}))
        await row(page, order).get_by_role("button", name="Fill in").click()
        await page.locator("#number").get_by_role("button", name="Fill in").click()
        await expect(page.get_by_role("alert")).to_have_text("not now")


# The view behind the page


async def test_no_answer_holds_more_rows_than_a_page(sandbox: Sandbox) -> None:
    shown = await view(sandbox, size=50_000)
    assert len(shown["rows"]) == 100
    assert shown["total"] == shown["matching"] == 300


@pytest.mark.parametrize("query", [{"page": 99_999}, {"page": "-1"}, {"page": "x"}, {"size": 0}, {"stage": "nonsense"}])
async def test_odd_questions_get_plain_answers(sandbox: Sandbox, query: dict[str, str | int]) -> None:
    shown = await view(sandbox, **query)
    assert shown["rows"]
    assert 0 <= shown["page"] < shown["pages"]


@pytest.mark.parametrize("words", ["küRBiskern", "html_characters", "HTML characters", "söhne muster", "WIEN", "ebay"])
async def test_search_finds_all_words_in_any_case(sandbox: Sandbox, words: str) -> None:
    shown = await view(sandbox, find=words)
    assert 0 < shown["matching"] < 300
    for each in shown["rows"]:
        text = str(each).casefold() + each["afterbuy"]["scenario"].replace(" ", "_")
        assert all(word in text for word in words.casefold().split())


async def test_stages_show_how_far_the_orders_are(sandbox: Sandbox) -> None:
    shown = await view(sandbox)
    counts = {each["name"]: each["count"] for each in shown["stages"]}
    assert list(counts) == list(STAGES)
    assert counts["held"] == sum(
        bool(each.additional_info or each.shipping.parcel_labels) for each in sandbox.world.afterbuy.orders
    )
    assert counts["waiting"] == 300 - counts["held"]


async def test_what_waits_for_saving_shows_so(sandbox: Sandbox) -> None:
    sandbox.world.sendcloud.save_seconds = None
    await push(sandbox, newest(sandbox.world, "shop"))
    (shown,) = (await view(sandbox, stage="saving"))["rows"]
    assert shown["incoming"]["saved"] is False
    assert shown["stage_text"] == "being saved"


async def test_parcels_of_other_tools_show_as_foreign(sandbox: Sandbox) -> None:
    sandbox.panel.make_directly("SHOP-1", integration=4700)
    (shown,) = (await view(sandbox, stage="foreign"))["rows"]
    assert shown["afterbuy"] is None
    assert shown["parcels"][0]["number"]
    async with browsing(sandbox) as page:
        await expect(page.locator("#rows tr").first).to_contain_text("does not know the order number SHOP-1")


async def test_a_link_in_the_field_counts_as_written(sandbox: Sandbox) -> None:
    order = newest(sandbox.world, "shop")
    await push(sandbox, order)
    await view(sandbox)
    (parcel,) = sandbox.panel.print_labels(sandbox.world.sendcloud.orders[INTEGRATION_ID, f"afterbuy-{order.order_id}"])
    order.additional_info = str(parcel.tracking_url)
    assert {each.stage for each in scan(sandbox.world).cases if each.parcels} == {"done"}


async def test_the_page_loads_nothing_from_elsewhere(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession(sandbox.url) as session, session.get("/") as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "//" not in (await answer.text()).replace("<!doctype html>", "")


def test_a_scan_is_kept_for_a_multiple_of_its_own_time() -> None:
    world = seeded_world(10, now=NOW)
    moments = iter([0.0, 1.0, KEEP, KEEP + 1.5, KEEP + 2.5])
    scanner = Scanner(world, timer=lambda: next(moments))
    first = scanner.latest()
    assert scanner.latest() is first
    assert scanner.latest() is not first


def test_only_the_latest_searches_are_kept() -> None:
    scanner = Scanner(seeded_world(100, now=NOW))
    for number in range(50):
        scanner.find(stage="", words=str(number))
    assert len(scanner._searches) <= 8
