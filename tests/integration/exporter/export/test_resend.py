"""Refused orders that did not change: whole exports while Sendcloud refuses, and after the cause was cured there."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from aftersend.call_retries import Repeat
from aftersend.sendcloud.client import SendcloudClient
from aftersend.sendcloud.errors import BatchRejected
from aftersend.sendcloud.model import PushOrder
from aftersend_exporter.export.resend import MAX_CALLS
from tests.support.exporter_kit import ExporterHarness, exporter_harness

CITY = ("shipping_address/city",)


@pytest.fixture
async def small(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    """Eight orders."""
    async with exporter_harness(redis_url, tmp_path, orders=8) as found:
        yield found


class NamelessRefusals:
    """Sendcloud refuses what holds a bad order and names none; it counts its calls."""

    def __init__(self, real: SendcloudClient, bad: set[str]) -> None:
        self.real = real
        self.bad = bad
        self.calls: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def repeating(self, repeat: Repeat) -> "NamelessRefusals":
        client = NamelessRefusals(self.real.repeating(repeat), self.bad)
        client.calls = self.calls
        return client

    async def push(self, orders: Sequence[PushOrder]) -> None:
        self.calls.append(len(orders))
        if self.bad & {order.order_number for order in orders}:
            raise BatchRejected("invalid", {})
        await self.real.push(orders)


def nameless(harness: ExporterHarness, bad: set[str]) -> NamelessRefusals:
    fake = NamelessRefusals(harness.context.sendcloud, bad)
    harness.context = replace(harness.context, sendcloud=fake)  # type: ignore[arg-type]
    return fake


def pushes(harness: ExporterHarness) -> int:
    return harness.world.journal.calls["sendcloud POST /orders"]


def calls(harness: ExporterHarness) -> Counter[str]:
    journal = harness.world.journal.calls
    return Counter({name: count for name, count in journal.items() if name.startswith("sendcloud")})


async def refusals(harness: ExporterHarness) -> list[int]:
    entries = harness.context.ledger.entries(harness.context.ledger.problems("rejected"))
    return [entry.refusals async for entry in entries]


async def test_a_cause_that_is_cured_in_sendcloud_needs_no_change_in_afterbuy(small: ExporterHarness) -> None:
    small.break_("sendcloud", "refused_field", paths=CITY)
    first = await small.export()
    assert (first.sent, first.outcome) == (0, "partial")
    small.world.faults.disarm()
    small.later(minutes=60)
    dry = await small.export(dry_run=True)
    assert {line.decision for line in dry.orders or () if line.reason == ""} == {"transfer"}
    again = await small.export()
    assert (again.sent, again.rejected, again.health.problems) == (first.rejected, 0, {})
    assert (again.outcome, again.watched) == ("done", sum(await _held(small)))
    entry = await small.entry(small.order())
    assert (entry.state, entry.refusals, entry.watched) == ("accepted", 0, 0)


async def _held(harness: ExporterHarness) -> list[int]:
    return [1 async for _ in harness.context.ledger.watched()]


async def test_the_distances_between_resends_grow_up_to_a_day(small: ExporterHarness) -> None:
    order = small.order()
    (order.shipping_address or order.billing).city = ""
    await small.export()
    before, resent, past = pushes(small), [], 0
    for hour in (1, 2, 3, 6, 7, 14, 15, 30, 31, 54, 55, 78, 79):
        small.later(hours=hour - past)
        past = hour
        await small.export()
        if pushes(small) > before:
            before, resent = pushes(small), [*resent, hour]
    assert resent == [1, 3, 7, 15, 31, 55, 79]
    assert (await small.entry(order)).refusals == 1 + len(resent)


async def test_resends_end_when_the_order_is_given_up(small: ExporterHarness) -> None:
    order = small.order()
    (order.shipping_address or order.billing).city = ""
    await small.export()
    for _ in range(14):
        small.later(days=1)
        await small.export()
    assert await small.problem(order) == "given_up shipping_address/city"
    before = pushes(small)
    small.later(days=1)
    await small.export()
    assert pushes(small) == before
    await small.export(orders=(str(order.order_id),))
    assert pushes(small) == before + 1, "a run for named orders sends it at once"


async def test_a_changed_order_does_not_wait(small: ExporterHarness) -> None:
    order = small.order()
    address = order.shipping_address or order.billing
    city, address.city = address.city, ""
    await small.export()
    await small.export()
    assert (await small.entry(order)).refusals == 2
    address.phone = "0221 1"
    await small.export()
    assert (await small.entry(order)).refusals == 1, "another version, refused for the first time"
    address.city = city
    assert (await small.export()).sent == 1


async def test_a_crowd_of_refused_orders_costs_three_calls_a_run_and_all_have_their_turn(
    redis_url: str, tmp_path: Path
) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=380) as harness:
        harness.break_("sendcloud", "refused_field", paths=CITY)
        first = await harness.export()
        assert first.rejected > 300, "more than one run can hold"
        before = pushes(harness)
        again = await harness.export()
        assert (again.rejected, again.watched) == (first.rejected, first.watched)
        assert pushes(harness) - before == MAX_CALLS
        assert sum(await refusals(harness)) == first.rejected + MAX_CALLS * 100

        harness.world.faults.disarm()
        before = pushes(harness)
        assert (await harness.export()).sent == first.rejected - MAX_CALLS * 100, "those that had no turn"
        harness.later(hours=2)
        assert (await harness.export()).sent == MAX_CALLS * 100
        assert pushes(harness) - before == 1 + MAX_CALLS


async def test_an_order_that_is_refused_without_a_name_keeps_no_other_back(redis_url: str, tmp_path: Path) -> None:
    """Half of a group decides about no order, so two are tried alone in each run."""
    async with exporter_harness(redis_url, tmp_path, orders=20) as harness:
        every = {str(order.order_id) for order in harness.world.afterbuy.orders}
        sendcloud = nameless(harness, every)
        first = await harness.export()
        refused = [order async for order in harness.context.ledger.problems("rejected")]
        assert first.rejected == len(refused) > 8
        sendcloud.bad = {max(refused, key=int)}
        sent, runs = 0, 0
        while sent < first.rejected - 1:
            sendcloud.calls.clear()
            harness.later(minutes=60)
            summary = await harness.export()
            assert len(sendcloud.calls) <= MAX_CALLS
            assert summary.rejected == first.rejected - sent - summary.sent
            sent, runs = sent + summary.sent, runs + 1
            assert runs < 30, "an order starves"
        assert summary.rejected == 1


async def test_a_transient_error_ends_resends_for_this_run(small: ExporterHarness) -> None:
    small.break_("sendcloud", "refused_field", paths=CITY)
    first = await small.export()
    small.world.faults.disarm()
    small.break_("sendcloud", "http_502", calls=("POST /orders",))
    down = await small.export()
    assert small.world.faults.struck["sendcloud/http_502"] > MAX_CALLS, "the call was repeated"
    assert (down.rejected, down.sent, down.outcome) == (0, 0, "failed")
    small.world.faults.disarm()
    assert (await small.export()).sent == first.rejected


async def test_questions_about_an_order_count_as_calls(redis_url: str, tmp_path: Path) -> None:
    """One that was accepted before may have a label by now, which is looked up first."""
    async with exporter_harness(redis_url, tmp_path, orders=20) as harness:
        first = await harness.export()
        for order in harness.world.afterbuy.orders:
            order.billing.street, order.shipping_address = "Neuer Weg 1", None
        harness.break_("sendcloud", "refused_field", paths=CITY)
        assert (await harness.export()).rejected == first.sent
        before = calls(harness)
        await harness.export()
        assert (calls(harness) - before).total() <= MAX_CALLS + 1, "one is for the integration"


async def test_an_entry_of_an_earlier_version_is_sent_again_too(small: ExporterHarness) -> None:
    order = small.order()
    small.break_("sendcloud", "refused_field", paths=CITY)
    await small.export()
    await small.context.ledger.change(str(order.order_id), lambda entry: structs.replace(entry, refused=0, refusals=0))
    small.world.faults.disarm()
    await small.export()
    assert (await small.entry(order)).state == "accepted"
