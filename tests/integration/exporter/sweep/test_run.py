"""The sweep feeds the writer's stream: what it reads, what it drops, where it goes on, and the recovery."""

from collections.abc import AsyncIterator
from dataclasses import replace as replace_context
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from aftersend.errors import Transient
from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from aftersend.runs import OrderCheck, RunHealth, RunRequest, RunSummary, store_result
from aftersend_exporter.sweep.recovery import REPEAT_SECONDS, RecoveryWatch
from aftersend_exporter.sweep.run import sweep
from aftersend_sandbox.clock import SandboxClock
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.world import INTEGRATION_ID
from tests.support.exporter_kit import IDENTITY, NOW, ExporterHarness, exporter_harness

CURSOR: Final = "sweep.cursor"


@pytest.fixture
async def harness(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    """Twenty orders, exported and confirmed."""
    async with exporter_harness(redis_url, tmp_path, orders=20) as found:
        await found.export()
        found.later(minutes=15)
        await found.export()
        yield found


def labelled(harness: ExporterHarness, scenario: str = "shop") -> AfterbuyOrder:
    order = harness.order(scenario)
    harness.panel.print_labels(harness.saved(order))
    return order


async def test_a_lost_webhook_costs_minutes(harness: ExporterHarness) -> None:
    order = labelled(harness)
    summary = await harness.sweep()
    (event,) = await harness.parcel_events()
    assert event.external_order_id == f"afterbuy-{order.order_id}"
    assert event.number
    assert (summary.kind, summary.outcome, summary.read, summary.sent) == ("sweep", "done", 1, 1)
    (stored,) = await harness.events()
    assert (stored.type, stored.source) == ("parcel.changed", "sweep")


async def test_each_sweep_reaches_back_behind_the_last_cursor(harness: ExporterHarness) -> None:
    labelled(harness)
    first = await harness.sweep()
    assert await harness.context.state.get(CURSOR) == first.to
    assert first.from_ == "2026-11-24T08:45:00.000Z"

    harness.later(minutes=10)
    again = await harness.sweep()
    assert again.sent == 1, "ten minutes old: within the overlap of fifteen"
    harness.later(minutes=10)
    assert (await harness.sweep()).sent == 1, "the last cursor is ten minutes younger than the label"
    harness.later(minutes=10)
    assert (await harness.sweep()).sent == 0


async def test_what_afterbuy_shows_is_not_forwarded_again(harness: ExporterHarness) -> None:
    order = labelled(harness)
    harness.later(seconds=2)  # the change has a whole second, which is over by then
    assert (await harness.sweep()).sent == 1
    (event,) = await harness.parcel_events()

    def written_back(entry: Entry) -> Entry:
        merged = merge(entry, event, lambda text: harness.context.keyring.mac(text.encode(), purpose="parcel"))
        return replace(merged, applied=merged.observed, lagging=0)

    await harness.context.ledger.change(str(order.order_id), written_back)
    again = await harness.sweep()
    assert (again.read, again.sent, again.unchanged) == (1, 0, 1)
    await harness.context.state.set("restored", "a-word")
    await harness.sweep(recovery=True)
    assert len(await harness.parcel_events()) == 2, "a recovery forwards whatever may be ours"


@pytest.mark.parametrize("external", ["order_id", "absent", "own_id"])
async def test_parcels_of_an_erased_order_are_dropped(harness: ExporterHarness, external: str) -> None:
    harness.world.switches.turn("external_order_id", external)
    order = labelled(harness)
    await harness.context.ledger.forget(str(order.order_id))
    other = labelled(harness, "ebay")
    assert (await harness.sweep()).sent == 1
    assert [event.order_number for event in await harness.parcel_events()] == [str(other.order_id)]


@pytest.mark.parametrize("external", ["order_id", "absent", "own_id"])
async def test_whatever_a_label_says_about_its_origin(harness: ExporterHarness, external: str) -> None:
    harness.world.switches.turn("external_order_id", external)
    order = labelled(harness)
    assert (await harness.sweep()).sent == 1
    assert [event.order_number for event in await harness.parcel_events()] == [str(order.order_id)]


async def test_parcels_of_others_returns_and_numberless_ones_are_dropped(harness: ExporterHarness) -> None:
    own = labelled(harness)
    harness.panel.make_directly("R-1001", integration=4700)
    harness.panel.make_directly("987654321", integration=INTEGRATION_ID)
    harness.panel.send_back(harness.saved(own))
    harness.panel.print_labels(harness.saved(harness.order("ebay")), fails=True)
    summary = await harness.sweep()
    assert (summary.read, summary.sent, summary.unchanged) == (5, 1, 4)


async def test_a_cancelled_label_is_an_event_without_number(harness: ExporterHarness) -> None:
    labelled(harness)
    (parcel,) = harness.world.sendcloud.parcels
    harness.panel.cancel(parcel)
    parcel.tracking_number = ""
    assert (await harness.sweep()).sent == 1


# Clocks that are wrong: no parcel is missed


def skew(harness: ExporterHarness) -> float | None:
    return harness.context.metrics.registry.get_sample_value(
        "aftersend_clock_skew_seconds", {"tenant": IDENTITY, "upstream": "sendcloud"}
    )


DATES: Final = ["absent", "unreadable", "1970", "2099"]


@pytest.mark.parametrize("date", DATES)
async def test_a_wrong_date_of_one_answer_skips_nothing(harness: ExporterHarness, date: str) -> None:
    harness.world.switches.turn("date_header", date)
    assert (await harness.sweep()).outcome == "done"
    harness.world.switches.turn("date_header", "right")
    harness.later(minutes=20)
    labelled(harness)
    harness.later(minutes=20)
    assert (await harness.sweep()).sent == 1


@pytest.mark.parametrize("date", DATES)
async def test_a_wrong_date_does_not_make_sweeps_read_the_whole_account(
    redis_url: str, tmp_path: Path, date: str
) -> None:
    async with exporter_harness(redis_url, tmp_path, settled=False) as harness:
        harness.world.switches.turn("date_header", date)
        await harness.sweep()
        harness.later(minutes=20)
        again = await harness.sweep()
        assert again.from_ is not None
        assert again.from_ >= "2026-11-10", "two weeks back at most"


@pytest.mark.parametrize(
    "stored", ["2099-11-24T09:00:00.000Z", "1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "yesterday", ""]
)
async def test_a_stored_cursor_that_cannot_be_right_heals(harness: ExporterHarness, stored: str) -> None:
    labelled(harness)
    harness.later(days=3)
    await harness.context.state.set(CURSOR, stored)
    summary = await harness.sweep()
    assert summary.sent == 1
    assert summary.from_ is not None
    assert summary.from_.startswith("2026-11-13")
    assert summary.to is not None
    assert summary.to.startswith("2026-11-27")
    assert await harness.context.state.get(CURSOR) == summary.to


async def test_a_sweep_reaches_back_over_a_long_outage(harness: ExporterHarness) -> None:
    labelled(harness)
    harness.later(days=40)
    assert (await harness.sweep()).sent == 1, "longer than the days that orders are caught up"


@pytest.mark.parametrize("ahead", [0, 300, -300, 301, -301, 86_400])
async def test_a_clock_that_differs_is_shown_and_from_five_minutes_on_warned_of(
    harness: ExporterHarness, ahead: int
) -> None:
    """The exporter's own clock is the one that is off."""
    harness.world.clock = SandboxClock(base=NOW.timestamp)
    own = NOW.timestamp() - ahead
    with capture_logs() as logs:
        await sweep(replace_context(harness.context, clock=lambda: own), RunRequest(kind="sweep"), run="sweep-2")
    assert skew(harness) == ahead
    warnings = [line["seconds"] for line in logs if line["event"] == "clock_skew"]
    assert warnings == ([ahead] if abs(ahead) > 300 else [])


async def test_pages_that_fail_in_the_middle_leave_the_cursor_where_it_was(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        await harness.export()
        for order in harness.world.afterbuy.orders:
            if incoming := harness.incoming(order):
                harness.panel.print_labels(incoming)
        before = await harness.context.state.get(CURSOR)
        add_many = harness.context.parcels.add_many
        pages = 0

        async def break_after_the_first(*args: Any, **kwargs: Any) -> None:
            nonlocal pages
            await add_many(*args, **kwargs)
            pages += args[0] == "parcel.changed"
            harness.break_("sendcloud", "http_502", calls=("GET /parcels",))

        harness.context.parcels.add_many = break_after_the_first  # type: ignore[method-assign]  # a page later it breaks
        assert (await harness.sweep()).outcome == "failed"
        assert pages == 1
        assert await harness.context.state.get(CURSOR) == before


async def test_trouble_leaves_the_cursor_where_it_was(harness: ExporterHarness) -> None:
    labelled(harness)
    before = await harness.context.state.get(CURSOR)
    harness.break_("sendcloud", "http_502", calls=("GET /parcels",))
    summary = await harness.sweep()
    assert (summary.outcome, summary.health.sendcloud) == ("failed", "unavailable")
    assert await harness.context.state.get(CURSOR) == before
    harness.world.faults.disarm()
    assert (await harness.sweep()).sent == 1


async def test_a_store_that_takes_no_more_leaves_the_cursor_where_it_was(harness: ExporterHarness) -> None:
    labelled(harness)
    before = await harness.context.state.get(CURSOR)
    used = (await harness.redis.info("memory"))["used_memory"]
    await harness.redis.config_set("maxmemory", int(used * 1.05))
    with pytest.raises(Transient):
        await harness.sweep()
    assert await harness.context.state.get(CURSOR) == before


async def test_many_pages(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as harness:
        sent = (await harness.export()).sent
        harness.later(minutes=1)
        for order in harness.world.afterbuy.orders:
            if incoming := harness.incoming(order):
                harness.panel.print_labels(incoming)
        assert (await harness.sweep()).sent == sent > 200
        assert len({event.parcel for event in await harness.parcel_events()}) == sent


# Orders that lag


async def lag(harness: ExporterHarness, order: AfterbuyOrder) -> None:
    now = harness.context.now_ms()

    def lags(entry: Entry) -> Entry:
        return replace(entry, state="labelled", observed=1, lagging=now)

    await harness.context.ledger.change(str(order.order_id), lags)


async def test_what_lags_for_ten_minutes_is_checked(harness: ExporterHarness) -> None:
    order = harness.order()
    await lag(harness, order)
    harness.later(minutes=9)
    await harness.sweep()
    assert await harness.checks() == []
    harness.later(minutes=2)
    await harness.sweep()
    assert await harness.checks() == [str(order.order_id)]
    harness.later(minutes=20)
    await harness.sweep()
    assert await harness.checks() == [str(order.order_id)], "one check is enough for hours"


async def test_no_checks_while_the_writer_is_behind(harness: ExporterHarness) -> None:
    await lag(harness, harness.order())
    harness.later(minutes=11)
    await harness.redis.xadd(harness.context.parcels.key, {"v": "1"}, id="1-1")  # put there in 1970
    await harness.sweep()
    assert await harness.context.parcels.length() == 1


# Recovery


async def test_without_a_cursor_everything_is_read_and_the_marker_comes_last(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, settled=False) as harness:
        await harness.export()
        own = labelled(harness)
        harness.panel.make_directly("555", integration=4700)
        unknown = harness.panel.make_directly("777", integration=INTEGRATION_ID)
        unknown.external_order_id = "shopware-1"
        summary = await harness.sweep()
        events = await harness.events()
        assert [event.type for event in events][-1] == "order.check"
        assert await harness.checks() == [""]
        numbers = {event.order_number for event in await harness.parcel_events()}
        assert numbers == {str(own.order_id), "555"}, "only what is certainly foreign is dropped"
        assert summary.from_ is not None
        assert summary.from_.startswith("2026-11-10")
        assert await harness.context.state.get(CURSOR) == summary.to
        assert await harness.context.state.recovering(), "the writer ends it"


async def test_after_a_restore_it_goes_on_from_the_cursor(harness: ExporterHarness) -> None:
    await harness.context.state.delete("recovered")
    summary = await harness.sweep()
    assert summary.from_ == "2026-11-24T08:45:00.000Z"
    assert await harness.checks() == [""]


async def test_a_recovery_sweep_ends_with_the_marker(harness: ExporterHarness) -> None:
    await harness.sweep(recovery=True)
    assert await harness.checks() == [""]
    (*_, marker) = await harness.events()
    assert marker.read(OrderCheck).since == datetime(2026, 11, 24, 8, 45, tzinfo=UTC).timestamp() * 1000


class ManualClock:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def requested(harness: ExporterHarness) -> list[RunRequest]:
    entries: Any = await harness.redis.xrange(harness.runs.key)
    return [harness.runs.open(fields).read(RunRequest) for _, fields in entries]


@pytest.mark.parametrize(("kind", "again"), [("http_502", True), ("", False)])
async def test_a_recovery_sweep_that_failed_is_asked_for_at_the_next_look(
    harness: ExporterHarness, kind: str, *, again: bool
) -> None:
    """Until it gets through nothing is written back; one that did is waited for."""
    watch = RecoveryWatch(harness.context.state, harness.runs, clock=ManualClock())
    await harness.context.state.delete("recovered")
    assert await watch.check()
    ((_, fields),) = await harness.redis.xrange(harness.runs.key)
    event = harness.runs.open(fields)
    if kind:
        harness.break_("sendcloud", kind, calls=("GET /parcels",))
    _, summary = await sweep(harness.context, event.read(RunRequest), run=event.id)
    await store_result(harness.redis, tenant=harness.runs.tenant, run=event.id, summary=summary)
    assert await watch.check() is again


async def test_refused_credentials_are_not_asked_with_at_every_look(harness: ExporterHarness) -> None:
    watch = RecoveryWatch(harness.context.state, harness.runs, clock=ManualClock())
    await harness.context.state.delete("recovered")
    assert await watch.check()
    ((_, fields),) = await harness.redis.xrange(harness.runs.key)
    health = RunHealth(sendcloud="refused")
    summary = RunSummary(run=harness.runs.open(fields).id, kind="sweep", outcome="failed", health=health)
    await store_result(harness.redis, tenant=harness.runs.tenant, run=summary.run, summary=summary)
    assert not await watch.check()


async def test_a_lost_cursor_is_noticed_and_asked_for_until_it_is_over(harness: ExporterHarness) -> None:
    clock = ManualClock()
    watch = RecoveryWatch(harness.context.state, harness.runs, clock=clock)
    assert not await watch.check()
    await harness.context.state.delete(CURSOR)
    assert await watch.check()
    assert not await watch.check()
    clock.now += REPEAT_SECONDS
    assert await watch.check()
    assert await requested(harness) == [RunRequest(kind="sweep", recovery=True)] * 2

    await harness.context.state.set(CURSOR, "2026-11-24T09:00:00.000Z")
    assert not await watch.check()
    await harness.context.state.delete("recovered")
    assert await watch.check(), "a new loss is answered at once"


async def test_what_a_sweep_counts_is_in_the_log(harness: ExporterHarness) -> None:
    order = labelled(harness)
    harness.panel.print_labels(harness.saved(harness.order("ebay")))
    with capture_logs() as logs:
        summary = await harness.sweep()
    lines = [line for line in logs if line["event"] == "run_counted"]
    assert sum(line["count"] for line in lines) == summary.read == 2
    assert [(line["kind"], line["outcome"], line["count"]) for line in lines] == [("sweep", "sent", 2)]
    assert str(order.order_id) in lines[0]["orders"]
