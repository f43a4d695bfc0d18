"""Whatever a summary counts can be found: one log line per result and reason, with OrderIDs."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import labelled
from aftersend.runs import RunSummary
from aftersend_exporter.run_stats import MAX_NAMED
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyOrder
from tests.support.exporter_kit import NOW, ExporterHarness, exporter_harness

Line = dict[str, Any]


async def export(harness: ExporterHarness, **request: Any) -> tuple[RunSummary, list[Line]]:
    with capture_logs() as logs:
        summary = await harness.export(**request)
    return summary, [dict(line) for line in logs if line["event"] == "run_counted"]


def line_of(lines: list[Line], order: str, **wanted: str) -> Line:
    (found,) = [line for line in lines if order in line["orders"]]
    assert wanted.items() <= found.items()
    assert found["kind"] == "export"
    return found


def counts(lines: list[Line], outcome: str) -> int:
    return sum(line["count"] for line in lines if line["outcome"] == outcome)


def unpaid(order: AfterbuyOrder) -> None:
    order.payment.already_paid, order.payment.full_amount = Decimal(0), Decimal(20)


def without_address(order: AfterbuyOrder) -> None:
    order.shipping_address, order.billing = None, AfterbuyAddress()


def of_another_platform(order: AfterbuyOrder) -> None:
    for item in order.items:
        item.platform = "flohmarkt"


def with_a_parcel_number(order: AfterbuyOrder) -> None:
    order.additional_info = "warten"


def shipped_long_ago(order: AfterbuyOrder) -> None:
    order.additional_info, order.shipping.dispatched_at = "00340", NOW


def fulfilled(order: AfterbuyOrder) -> None:
    for item in order.items:
        item.item_type = 201


def credited(order: AfterbuyOrder) -> None:
    for item in order.items:
        item.quantity = -1


def too_old(order: AfterbuyOrder) -> None:
    order.ordered_at = NOW - timedelta(days=2)
    for item in order.items:
        item.ended_at = NOW


def nowhere(order: AfterbuyOrder) -> None:
    (order.shipping_address or order.billing).country_iso = "QQ"
    (order.shipping_address or order.billing).country = "QQ"


def with_a_comment(order: AfterbuyOrder) -> None:
    order.user_comment = "Bitte klingeln"


def without_a_city(order: AfterbuyOrder) -> None:
    (order.shipping_address or order.billing).city = ""


@pytest.mark.parametrize(
    ("change", "outcome", "reason", "export_rules"),
    [
        (unpaid, "skipped", "unpaid", {"only": {"paid": True}}),
        (without_address, "skipped", "no_address", {}),
        (of_another_platform, "skipped", "excluded", {"only": {"platforms": ["eigener shop"]}}),
        (with_a_parcel_number, "skipped", "has_parcel_number", {}),
        (shipped_long_ago, "skipped", "has_parcel_number", {}),
        (fulfilled, "skipped", "marketplace_fulfilled", {}),
        (credited, "skipped", "not_an_order", {}),
        (too_old, "skipped", "before_start", {"window": {"notBefore": "2026-11-23"}}),
        (nowhere, "rejected", "unreadable", {}),
        (without_a_city, "rejected", "", {}),
        (with_a_comment, "sent", "", {}),
    ],
)
async def test_each_reason(
    change: Callable[[AfterbuyOrder], None],
    outcome: str,
    reason: str,
    export_rules: dict[str, Any],
    redis_url: str,
    tmp_path: Path,
) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=8, export=export_rules) as harness:
        order = harness.order()
        change(order)
        summary, lines = await export(harness)
        line_of(lines, str(order.order_id), outcome=outcome, reason=reason, run=summary.run)
        skipped = {line["reason"]: line["count"] for line in lines if line["outcome"] == "skipped"}
        assert skipped == summary.skipped
        assert (counts(lines, "sent"), counts(lines, "rejected")) == (summary.sent, summary.rejected)
        assert all(len(line["orders"]) == min(line["count"], MAX_NAMED) for line in lines)
        assert sum(line["count"] for line in lines) == summary.read


async def test_what_did_not_change_what_waits_and_what_is_gone(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=20) as harness:
        swiss = harness.order()
        address = swiss.shipping_address or swiss.billing
        address.country, address.country_iso = "CH", "CH"
        swiss.items[0].product_id = next(iter(harness.world.afterbuy.products))
        harness.break_("afterbuy", "code_13", calls=("GetShopProducts",))
        summary, lines = await export(harness)
        waiting = line_of(lines, str(swiss.order_id), outcome="retried", reason="later")
        harness.world.faults.disarm()
        again, lines = await export(harness)
        assert line_of(lines, str(swiss.order_id), outcome="sent")["count"] == waiting["count"]
        assert line_of(lines, str(harness.order("ebay").order_id), outcome="unchanged")["count"] == again.unchanged
        gone, lines = await export(harness, orders=("611999999",))
        assert line_of(lines, "611999999", outcome="skipped", reason="gone")["count"] == 1
        assert (summary.rejected, gone.skipped) == (0, {"gone": 1})


async def test_a_push_that_meets_an_error(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=8) as harness:
        harness.break_("sendcloud", "http_502", calls=("POST /orders",))
        _, lines = await export(harness)
        line_of(lines, str(harness.order().order_id), outcome="retried", reason="")


async def test_an_order_that_gets_its_label_before_the_push_is_counted(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=8) as harness:
        order, ledger = str(harness.order().order_id), harness.context.ledger
        read = ledger.get_many

        async def read_before_the_label(orders: Sequence[str]) -> dict[str, Entry]:
            found = await read(orders)
            await ledger.change(order, lambda entry: labelled(entry, harness.context.now_ms()))
            return found

        ledger.get_many = read_before_the_label  # type: ignore[method-assign]
        summary, lines = await export(harness)
        line_of(lines, order, outcome="unchanged")
        assert (summary.unchanged, sum(line["count"] for line in lines)) == (1, summary.read)


async def test_many_orders_and_those_without_a_number(redis_url: str, tmp_path: Path) -> None:
    """Twenty OrderIDs are named; an entry without one is counted only."""
    async with exporter_harness(redis_url, tmp_path, orders=60) as harness:
        for order in harness.world.afterbuy.orders:
            credited(order)
        nameless = harness.order()
        nameless.is_order = False
        summary, (line,) = await export(harness)
        assert (line["reason"], line["count"]) == ("not_an_order", summary.read)
        assert len(set(line["orders"])) == MAX_NAMED < line["count"]
        assert not {"0", str(nameless.order_id)} & set(line["orders"])
