"""Sendcloud closes v2 in mid-flight: sweeps go on by v3, with the same events, and nothing ends silently."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from structlog.testing import capture_logs

from aftersend.ledger.entry import ParcelState
from aftersend.runs import RunRequest
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend_exporter.export.existing_labels import all_labelled, has_label
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.world import INTEGRATION_ID
from tests.support.exporter_kit import IDENTITY, ExporterHarness, exporter_harness

CURSOR: Final = "sweep.cursor"
PICKED_UP: Final = 22


@pytest.fixture
async def harness(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    """Twenty exported orders, all saved."""
    async with exporter_harness(redis_url, tmp_path, orders=20) as found:
        await found.export()
        found.later(minutes=1)
        yield found


def label(harness: ExporterHarness, scenario: str = "shop") -> AfterbuyOrder:
    order = harness.order(scenario)
    harness.panel.print_labels(harness.saved(order))
    return order


def close(harness: ExporterHarness, answer: str = "410", *, v3: str = "open") -> None:
    harness.world.switches.turn("v2_parcels", answer)
    harness.world.switches.turn("v3_shipments", v3)


def shown(harness: ExporterHarness) -> dict[str, float | None]:
    """The metric by API."""
    names = {"tenant": IDENTITY, "upstream": "sendcloud"}
    value = harness.context.metrics.registry.get_sample_value
    return {api: value("aftersend_api_closed", {**names, "api": api}) for api in ("v2", "v3")}


async def outcomes(harness: ExporterHarness, sweeps: int) -> list[str]:
    found = []
    for _ in range(sweeps):
        harness.later(minutes=20)
        found.append((await harness.sweep()).outcome)
    return found


@pytest.mark.parametrize("answer", ["403", "404", "410"])
async def test_the_third_sweep_that_finds_v2_closed_goes_on_by_v3(harness: ExporterHarness, answer: str) -> None:
    await harness.sweep()
    before = await harness.context.state.get(CURSOR)
    label(harness)
    close(harness, answer)
    with capture_logs() as lines:
        assert await outcomes(harness, 2) == ["failed", "failed"]
        assert await harness.context.state.get(CURSOR) == before
        assert shown(harness) == {"v2": 0, "v3": 0}
        assert await outcomes(harness, 1) == ["done"]
    assert shown(harness) == {"v2": 1, "v3": 0}
    assert [line["api"] for line in lines if line["event"] == "api_closed"] == ["v2"] * 3
    assert len(await harness.parcel_events()) == 1
    assert (await harness.context.state.get(CURSOR) or "") > (before or "")


async def test_both_readers_put_the_same_events_on_the_stream(harness: ExporterHarness) -> None:
    for scenario in ("shop", "ebay"):
        label(harness, scenario)
    harness.panel.relabel(harness.saved(harness.order("shop")))
    await harness.sweep()
    by_v2 = await harness.parcel_events()
    await harness.redis.delete(harness.context.parcels.key)
    close(harness)
    for _ in range(3):
        await harness.sweep()
    by_v3 = await harness.parcel_events()
    assert len(by_v2) == 3

    def same(event: ParcelEvent) -> tuple[Any, ...]:
        second = (event.time or 0) // 1000
        return event.parcel, event.status, second, event.number, event.url, event.carrier, event.order_number

    assert sorted(map(same, by_v2)) == sorted(map(same, by_v3))
    assert {event.external_order_id for event in by_v3} == {""}


async def test_v2_is_tried_again_once_a_day(harness: ExporterHarness) -> None:
    close(harness)
    assert await outcomes(harness, 3) == ["failed", "failed", "done"]
    calls = harness.world.journal.calls
    v2 = calls["sendcloud GET /parcels"]
    assert await outcomes(harness, 3) == ["done"] * 3
    assert calls["sendcloud GET /parcels"] == v2
    harness.later(hours=24)
    assert (await harness.sweep()).outcome == "done"
    assert calls["sendcloud GET /parcels"] == v2 + 1
    assert shown(harness) == {"v2": 1, "v3": 0}, "still closed"
    close(harness, "open")
    harness.later(hours=24)
    assert (await harness.sweep()).outcome == "done"
    assert shown(harness) == {"v2": 0, "v3": 0}
    close(harness)
    assert await outcomes(harness, 1) == ["failed"], "three sweeps in a row, not in all"


async def test_trouble_at_the_daily_try_of_v2_does_not_keep_v3_from_being_read(harness: ExporterHarness) -> None:
    close(harness)
    await outcomes(harness, 3)
    harness.later(hours=25)
    harness.break_("sendcloud", "http_502", calls=("GET /parcels",))
    label(harness)
    summary = await harness.sweep()
    assert (summary.outcome, summary.sent) == ("done", 1)


@pytest.mark.parametrize(("call", "kind"), [("GET /parcels", "http_502"), ("GET v3 /integrations", "http_502")])
async def test_an_outage_is_not_a_closed_api(harness: ExporterHarness, call: str, kind: str) -> None:
    if call != "GET /parcels":
        close(harness)
    harness.break_("sendcloud", kind, calls=(call,))
    assert await outcomes(harness, 4) == ["failed"] * 4
    assert shown(harness) == {"v2": 0, "v3": 0}


async def test_refused_keys_are_not_a_closed_api(harness: ExporterHarness) -> None:
    harness.world.credentials = replace(harness.world.credentials, secret_key="another")
    summaries = [await harness.sweep() for _ in range(4)]
    assert [summary.health.sendcloud for summary in summaries] == ["refused"] * 4
    assert shown(harness) == {"v2": 0, "v3": 0}


async def test_a_closed_api_is_not_an_upstream_that_is_down(harness: ExporterHarness) -> None:
    """The circuit stays closed, so exports go on."""
    close(harness, "403")
    summary = await harness.sweep()
    assert (summary.outcome, summary.health.sendcloud) == ("failed", "ok")
    assert "v2_closed" in summary.health.message
    await harness.runs.add("sweep.requested", "cli", RunRequest(kind="sweep"))
    ((_, fields),) = await harness.redis.xrange(harness.runs.key)
    await harness.handler(harness.runs.open(fields))
    assert harness.handler.circuits.closed_for("export")


async def test_both_closed_fails_and_shows(harness: ExporterHarness) -> None:
    close(harness, "404", v3="404")
    assert await outcomes(harness, 5) == ["failed"] * 5
    assert shown(harness) == {"v2": 1, "v3": 1}
    close(harness, "open", v3="410")
    assert await outcomes(harness, 1) == ["done"], "v2 is tried in every sweep, then"


@pytest.mark.parametrize(("api", "v2", "v3"), [("v2", "410", "open"), ("v3", "open", "410")])
async def test_a_fixed_api_that_closes_fails_and_shows(
    redis_url: str, tmp_path: Path, api: str, v2: str, v3: str
) -> None:
    async with exporter_harness(redis_url, tmp_path, sweep={"api": api}) as harness:
        await harness.export()
        close(harness, v2, v3=v3)
        assert await outcomes(harness, 4) == ["failed"] * 4
        assert shown(harness) == {"v2": float(api == "v2"), "v3": float(api == "v3")}


async def test_v3_may_be_chosen(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, sweep={"api": "v3"}) as harness:
        await harness.export()
        harness.later(minutes=1)
        order = label(harness)
        harness.panel.make_directly(str(order.order_id), integration=4700)
        harness.panel.make_directly("R-1001", integration=INTEGRATION_ID)
        summary = await harness.sweep()
        assert [event.order_number for event in await harness.parcel_events()] == [str(order.order_id)]
        assert (summary.read, summary.sent, summary.outcome) == (2, 1, "done")


@pytest.mark.parametrize("codes", ["message", "slug"])
async def test_many_shipments_of_any_spelling(redis_url: str, tmp_path: Path, codes: str) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300, sweep={"api": "v3"}) as harness:
        harness.world.switches.turn("v3_status_codes", codes)
        sent = (await harness.export()).sent
        harness.later(minutes=1)
        for order in harness.world.afterbuy.orders:
            if incoming := harness.incoming(order):
                for parcel in harness.panel.print_labels(incoming):
                    harness.panel.move(parcel, PICKED_UP)
        assert (await harness.sweep()).sent == sent > 200
        assert {event.status for event in await harness.parcel_events()} == {PICKED_UP}


@pytest.mark.parametrize("listed", ["absent", "listed"])
async def test_a_return_of_a_collected_parcel_waits_for_its_webhook(
    redis_url: str, tmp_path: Path, listed: str
) -> None:
    """Nothing in v3 says that it is one; known parcels of the order go on."""
    async with exporter_harness(redis_url, tmp_path, sweep={"api": "v3"}) as harness:
        harness.world.switches.turn("v3_returns", listed)
        await harness.export()
        harness.later(minutes=1)
        order = label(harness)
        (parcel,) = harness.world.sendcloud.parcels
        harness.panel.move(parcel, PICKED_UP)
        known = {str(parcel.id): ParcelState(klass=ParcelClass.TRANSIT, mark="m")}
        await harness.context.ledger.change(
            str(order.order_id), lambda entry: msgspec.structs.replace(entry, parcels=known)
        )
        back = harness.panel.send_back(harness.saved(order))
        harness.panel.move(back, 1000)
        with capture_logs() as lines:
            summary = await harness.sweep()
        assert [event.parcel for event in await harness.parcel_events()] == [str(parcel.id)]
        noticed = [line["parcel"] for line in lines if line["event"] == "parcel_waits_for_webhook"]
        assert noticed == ([str(back.id)] if listed == "listed" else [])
        assert summary.outcome == "done"


async def test_a_recovery_by_v3_takes_no_return_for_a_parcel(redis_url: str, tmp_path: Path) -> None:
    """The ledger knows nothing: the older parcel is the one that went out."""
    async with exporter_harness(redis_url, tmp_path, settled=False, sweep={"api": "v3"}) as harness:
        harness.world.switches.turn("v3_returns", "listed")
        await harness.export()
        order = label(harness)
        (parcel,) = harness.world.sendcloud.parcels
        harness.panel.move(parcel, PICKED_UP)
        back = harness.panel.send_back(harness.saved(order))
        harness.panel.move(back, PICKED_UP)
        await harness.redis.flushall()
        await harness.sweep(recovery=True)
        assert [event.parcel for event in await harness.parcel_events()] == [str(parcel.id)]


async def test_exports_read_labels_by_v3_too(harness: ExporterHarness) -> None:
    order = label(harness)
    other = harness.order("ebay")
    close(harness)
    await outcomes(harness, 3)
    assert await has_label(harness.context, str(order.order_id))
    assert not await has_label(harness.context, str(other.order_id))
    assert await all_labelled(harness.context) == {order.order_id}
