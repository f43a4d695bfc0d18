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


async def test_a_country_that_is_none_is_named(small: ExporterHarness) -> None:
    order = small.order()
    order.shipping_address = None
    order.billing.country_iso = "XX"
    summary = await small.export()
    assert (summary.outcome, summary.rejected) == ("partial", 1)
    assert await small.problem(order) == "unreadable BuyerInfo/BillingAddress/CountryISO"
