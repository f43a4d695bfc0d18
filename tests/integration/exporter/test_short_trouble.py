"""Every transient error, four times in a row, at every call of a run: it costs no run, no order, and no double."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from aftersend.afterbuy import writing
from aftersend.sendcloud import client
from aftersend_sandbox.seed.account import seeded_world
from aftersend_sandbox.seed.scenarios import SCENARIOS
from aftersend_sandbox.sendcloud import parcels, saving
from tests.support.exporter_kit import NOW, ExporterHarness, exporter_harness
from tests.support.short_trouble import IN_A_ROW, LATE_ANSWER, QUICK, SLOW, ShortTrouble

CALLS: Final = {
    "afterbuy": ("window", "next page", "orders by id", "products"),
    "sendcloud": (
        "integrations",
        "push",
        "orders",
        "one order",
        "parcels of an order",
        "parcels",
        "next parcels",
    ),
}
KINDS_OF_ORDERS: Final = ("shop", "ebay", "kaufland", "phone", "several_items", "umlauts", "customs_known")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every list a few pages long."""
    monkeypatch.setattr(writing, "MAX_SOLD_ITEMS", 4)
    monkeypatch.setattr(client, "_ORDERS_PER_PAGE", "4")
    monkeypatch.setattr(parcels, "PAGE", 2)


@asynccontextmanager
async def harness_with(
    redis_url: str, folder: Path, trouble: ShortTrouble | None = None
) -> AsyncIterator[ExporterHarness]:
    world = seeded_world(len(SCENARIOS), now=NOW)
    for order in list(world.afterbuy.orders):
        if order.scenario not in KINDS_OF_ORDERS:
            world.afterbuy.orders.remove(order.order_id)
    async with exporter_harness(redis_url, folder, world=world, trouble=trouble) as found:
        yield found


async def a_day(harness: ExporterHarness) -> list[str]:
    """Live through two exports and a sweep that make every call there is; return how they ended."""
    held = harness.order("umlauts")
    held.additional_info = "warten"
    outcomes = [(await harness.export()).outcome]
    harness.later(days=2)
    saving.settle(harness.world)
    changed, deleted = harness.order("shop"), harness.order("ebay")
    changed.billing.street, changed.shipping_address = "Neuer Weg 1", None
    harness.panel.delete_order(harness.saved(deleted))
    for scenario in ("kaufland", "phone", "several_items"):
        harness.panel.print_labels(harness.saved(harness.order(scenario)))
    outcomes.append((await harness.export()).outcome)
    outcomes.append((await harness.sweep()).outcome)
    return outcomes


async def end_state(harness: ExporterHarness) -> dict[str, Any]:
    """What both sides and the ledger hold in the end, times aside."""
    saving.settle(harness.world, everything=True)
    ledger = harness.context.ledger
    entries = [entry async for entry in ledger.entries(ledger.open())]
    return {
        "orders": sorted(harness.world.sendcloud.orders),
        "streets": {key: order.body["shipping_address"] for key, order in harness.world.sendcloud.orders.items()},
        "ledger": sorted((entry.order, entry.state, entry.problem and entry.problem.code) for entry in entries),
        "watched": sorted([order async for order in ledger.watched()]),
        "problems": await ledger.counts(),
        "parcels": sorted(event.parcel for event in await harness.parcel_events()),
    }


calm_days: dict[str, dict[str, Any]] = {}


async def calm(redis_url: str, folder: Path) -> dict[str, Any]:
    """The end of an undisturbed day, lived once."""
    if not calm_days:
        async with harness_with(redis_url, folder / "calm") as harness:
            assert await a_day(harness) == ["done"] * 3
            calm_days["calm"] = await end_state(harness)
            await harness.redis.flushall()
    return calm_days["calm"]


async def lived(redis_url: str, folder: Path, trouble: ShortTrouble) -> None:
    """A day with trouble ends like the calm one."""
    expected = await calm(redis_url, folder)
    async with harness_with(redis_url, folder, trouble) as harness:
        assert await a_day(harness) == ["done"] * 3
        assert await end_state(harness) == expected
    calls = (trouble.call,) if trouble.call else CALLS[trouble.upstream]
    assert {call: trouble.met[call] >= IN_A_ROW for call in calls} == dict.fromkeys(calls, True)


@pytest.mark.parametrize(
    ("upstream", "error"), [(upstream, error) for upstream, errors in QUICK.items() for error in errors]
)
async def test_four_in_a_row_at_every_call(upstream: str, error: str, redis_url: str, tmp_path: Path) -> None:
    await lived(redis_url, tmp_path, ShortTrouble(upstream, QUICK[upstream][error]))


@pytest.mark.parametrize(
    ("upstream", "error", "call"),
    [(upstream, error, call) for upstream, errors in SLOW.items() for error in errors for call in CALLS[upstream]],
)
async def test_four_slow_ones_in_a_row_at_one_call(
    upstream: str, error: str, call: str, redis_url: str, tmp_path: Path
) -> None:
    await lived(redis_url, tmp_path, ShortTrouble(upstream, SLOW[upstream][error], call))


async def test_a_push_that_is_answered_too_late_is_no_second_order(redis_url: str, tmp_path: Path) -> None:
    await lived(redis_url, tmp_path, ShortTrouble("sendcloud", LATE_ANSWER, "push"))
