"""Orders that cannot be read: each is a problem of its own, and keeps no other back."""

from decimal import Decimal
from pathlib import Path

from tests.support.exporter_kit import ExporterHarness, exporter_harness

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


async def test_an_unreadable_order_is_a_problem_of_its_own(small: ExporterHarness) -> None:
    order = small.order()
    order.items[0].price = Decimal("NaN")
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("partial", 1)
    assert (await small.problem(order)).startswith("unreadable SoldItems")
    order.items[0].price = Decimal("9.99")
    assert (await small.export()).sent == 1
    assert await small.problem(order) == ""


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


async def test_odd_products_cost_no_order_and_no_customs_data_of_others(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        for product, raw in zip(harness.world.afterbuy.products.values(), ODD * 5, strict=False):
            product.raw_memo = raw.decode("latin-1")
        summary = await harness.export()
        assert (summary.outcome, summary.rejected) == ("done", 0)
        harness.later(minutes=15)  # Sendcloud saves what it accepted
        assert {rule: found for rule, found in harness.broken_rules().items() if rule in {"arrive", "customs"}} == {}


async def test_odd_characters_among_watched_orders_keep_none_of_them_back(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=20) as harness:
        held = [order for order in harness.world.afterbuy.orders if order.scenario in {"shop", "ebay", "kaufland"}]
        for order in held:
            order.additional_info = "warten"
        await harness.export()
        harness.later(days=3)
        for order, raw in zip(held, (b"&#X1F;&#0;", b"<o:p>\xff</o:p>", b"]]>&nbsp;<3"), strict=False):
            order.additional_info, order.raw_comment = "", raw.decode("latin-1")
        assert (await harness.export()).sent == 3
        assert all(harness.incoming(order) for order in held[:3])


MAILS = {
    "Max Muster <max@example.org>": "max@example.org",
    "a@example.org; b@example.org": "a@example.org",
    "punkt.@example.org": None,
    "max..m@example.org": None,
    "a@example.org/b@example.org": "a@example.org",
    "'max@example.org'.": "max@example.org",
}


async def test_a_mail_in_any_form_keeps_no_order_back(small: ExporterHarness) -> None:
    orders = [order for order in small.world.afterbuy.orders if order.scenario in {"shop", "ebay", "amazon_own"}]
    orders += [
        order for order in small.world.afterbuy.orders if order.scenario in {"kaufland", "phone", "several_items"}
    ]
    for order, text in zip(orders, MAILS, strict=True):
        order.billing.mail = text
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("done", 0)
    sent = [small.saved(order).body["shipping_address"].get("email") for order in orders]
    assert sent == list(MAILS.values())


async def test_a_country_that_is_none_is_named(small: ExporterHarness) -> None:
    order = small.order()
    order.shipping_address = None
    order.billing.country_iso = "XX"
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("partial", 1)
    assert await small.problem(order) == "unreadable BuyerInfo/BillingAddress/CountryISO"
