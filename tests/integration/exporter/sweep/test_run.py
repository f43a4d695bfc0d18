"""The sweep feeds the writer's stream: what it reads, what it drops, where it goes on, and the recovery."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from aftersend.errors import Transient
from aftersend.ledger.entry import Entry
from aftersend.runs import RunHealth, RunRequest, RunSummary, store_result
from aftersend_exporter.sweep.recovery import AGAIN_SECONDS, RecoveryWatch
from aftersend_exporter.sweep.run import sweep
from aftersend_sandbox.world import INTEGRATION_ID, AfterbuyOrder
from tests.support.exporter_kit import Office, office

CURSOR: Final = "sweep.cursor"


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Twenty orders, exported and confirmed."""
    async with office(redis_url, tmp_path, orders=20) as found:
        await found.export()
        found.later(minutes=15)
        await found.export()
        yield found


def labelled(place: Office, scenario: str = "shop") -> AfterbuyOrder:
    order = place.order(scenario)
    place.panel.print_labels(place.saved(order))
    return order


async def test_a_lost_webhook_costs_minutes(place: Office) -> None:
    order = labelled(place)
    summary = await place.sweep()
    (event,) = await place.parcel_events()
    assert event.external_order_id == f"afterbuy-{order.order_id}"
    assert event.number
    assert (summary.kind, summary.outcome, summary.read, summary.sent) == ("sweep", "done", 1, 1)
    (told,) = await place.events()
    assert (told.type, told.source) == ("parcel.changed", "sweep")


async def test_the_cursor_is_sendclouds_clock_and_overlaps(place: Office) -> None:
    labelled(place)
    first = await place.sweep()
    assert await place.desk.state.get(CURSOR) == first.to
    assert first.from_ == "2026-11-24T08:45:00.000Z"

    place.later(minutes=10)
    again = await place.sweep()
    assert again.sent == 1, "ten minutes old: within the overlap of fifteen"
    place.later(minutes=10)
    assert (await place.sweep()).sent == 1, "the last cursor is ten minutes younger than the label"
    place.later(minutes=10)
    assert (await place.sweep()).sent == 0


@pytest.mark.parametrize("external", ["order_id", "absent", "own_id"])
async def test_whatever_a_label_says_about_its_origin(place: Office, external: str) -> None:
    place.world.switches.turn("external_order_id", external)
    order = labelled(place)
    assert (await place.sweep()).sent == 1
    assert [event.order_number for event in await place.parcel_events()] == [str(order.order_id)]


async def test_parcels_of_others_returns_and_numberless_ones_are_dropped(place: Office) -> None:
    own = labelled(place)
    place.panel.make_directly("R-1001", integration=4700)
    place.panel.make_directly("987654321", integration=INTEGRATION_ID)
    place.panel.send_back(place.saved(own))
    place.panel.print_labels(place.saved(place.order("ebay")), fails=True)
    summary = await place.sweep()
    assert (summary.read, summary.sent, summary.unchanged) == (5, 1, 4)


async def test_a_cancelled_label_is_told_without_number(place: Office) -> None:
    labelled(place)
    (parcel,) = place.world.sendcloud.parcels
    place.panel.cancel(parcel)
    parcel.tracking_number = ""
    assert (await place.sweep()).sent == 1


async def test_trouble_leaves_the_cursor_where_it_was(place: Office) -> None:
    labelled(place)
    before = await place.desk.state.get(CURSOR)
    place.break_("sendcloud", "http_502", calls=("GET /parcels",))
    summary = await place.sweep()
    assert (summary.outcome, summary.health.sendcloud) == ("failed", "unavailable")
    assert await place.desk.state.get(CURSOR) == before
    place.world.faults.disarm()
    assert (await place.sweep()).sent == 1


async def test_a_store_that_takes_no_more_leaves_the_cursor_where_it_was(place: Office) -> None:
    labelled(place)
    before = await place.desk.state.get(CURSOR)
    used = (await place.redis.info("memory"))["used_memory"]
    await place.redis.config_set("maxmemory", int(used * 1.05))
    with pytest.raises(Transient):
        await place.sweep()
    assert await place.desk.state.get(CURSOR) == before


async def test_many_pages(redis_url: str, tmp_path: Path) -> None:
    async with office(redis_url, tmp_path, orders=300) as place:
        sent = (await place.export()).sent
        place.later(minutes=1)
        for order in place.world.afterbuy.orders:
            if incoming := place.incoming(order):
                place.panel.print_labels(incoming)
        assert (await place.sweep()).sent == sent > 200
        assert len({event.parcel for event in await place.parcel_events()}) == sent


# Orders that lag


async def lag(place: Office, order: AfterbuyOrder) -> None:
    now = place.desk.now_ms()

    def lags(entry: Entry) -> Entry:
        return replace(entry, state="labelled", observed=1, lagging=now)

    await place.desk.ledger.change(str(order.order_id), lags)


async def test_what_lags_for_ten_minutes_is_checked(place: Office) -> None:
    order = place.order()
    await lag(place, order)
    place.later(minutes=9)
    await place.sweep()
    assert await place.checks() == []
    place.later(minutes=2)
    await place.sweep()
    assert await place.checks() == [str(order.order_id)]
    place.later(minutes=20)
    await place.sweep()
    assert await place.checks() == [str(order.order_id)], "one check is enough for hours"


async def test_no_checks_while_the_writer_is_behind(place: Office) -> None:
    await lag(place, place.order())
    place.later(minutes=11)
    await place.redis.xadd(place.desk.parcels.key, {"v": "1"}, id="1-1")  # put there in 1970
    await place.sweep()
    assert await place.desk.parcels.length() == 1


# Recovery


async def test_without_a_cursor_everything_is_read_and_the_marker_comes_last(redis_url: str, tmp_path: Path) -> None:
    async with office(redis_url, tmp_path, settled=False) as place:
        await place.export()
        own = labelled(place)
        place.panel.make_directly("555", integration=4700)
        unknown = place.panel.make_directly("777", integration=INTEGRATION_ID)
        unknown.external_order_id = "shopware-1"
        summary = await place.sweep()
        events = await place.events()
        assert [event.type for event in events][-1] == "order.check"
        assert await place.checks() == [""]
        numbers = {event.order_number for event in await place.parcel_events()}
        assert numbers == {str(own.order_id), "555"}, "only what is certainly foreign is dropped"
        assert summary.from_ is not None
        assert summary.from_.startswith("2026-11-10")
        assert await place.desk.state.get(CURSOR) == summary.to
        assert await place.desk.state.recovering(), "the writer ends it"


async def test_after_a_restore_it_goes_on_from_the_cursor(place: Office) -> None:
    await place.desk.state.delete("recovered")
    summary = await place.sweep()
    assert summary.from_ == "2026-11-24T08:45:00.000Z"
    assert await place.checks() == [""]


async def test_who_asks_for_recovery_gets_the_marker(place: Office) -> None:
    await place.sweep(recovery=True)
    assert await place.checks() == [""]


class Seconds:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def requested(place: Office) -> list[RunRequest]:
    entries: Any = await place.redis.xrange(place.runs.key)
    return [place.runs.open(fields).read(RunRequest) for _, fields in entries]


@pytest.mark.parametrize(("kind", "again"), [("http_502", True), ("", False)])
async def test_a_recovery_sweep_that_failed_is_asked_for_at_the_next_look(
    place: Office, kind: str, *, again: bool
) -> None:
    """Until it gets through nothing is written back; one that did is waited for."""
    watch = RecoveryWatch(place.desk.state, place.runs, clock=Seconds())
    await place.desk.state.delete("recovered")
    assert await watch.look()
    ((_, fields),) = await place.redis.xrange(place.runs.key)
    event = place.runs.open(fields)
    if kind:
        place.break_("sendcloud", kind, calls=("GET /parcels",))
    _, summary = await sweep(place.desk, event.read(RunRequest), run=event.id)
    await store_result(place.redis, tenant=place.runs.tenant, run=event.id, summary=summary)
    assert await watch.look() is again


async def test_refused_credentials_are_not_asked_with_at_every_look(place: Office) -> None:
    watch = RecoveryWatch(place.desk.state, place.runs, clock=Seconds())
    await place.desk.state.delete("recovered")
    assert await watch.look()
    ((_, fields),) = await place.redis.xrange(place.runs.key)
    health = RunHealth(sendcloud="refused")
    summary = RunSummary(run=place.runs.open(fields).id, kind="sweep", outcome="failed", health=health)
    await store_result(place.redis, tenant=place.runs.tenant, run=summary.run, summary=summary)
    assert not await watch.look()


async def test_a_lost_cursor_is_noticed_and_asked_for_until_it_is_over(place: Office) -> None:
    clock = Seconds()
    watch = RecoveryWatch(place.desk.state, place.runs, clock=clock)
    assert not await watch.look()
    await place.desk.state.delete(CURSOR)
    assert await watch.look()
    assert not await watch.look()
    clock.now += AGAIN_SECONDS
    assert await watch.look()
    assert await requested(place) == [RunRequest(kind="sweep", recovery=True)] * 2

    await place.desk.state.set(CURSOR, "2026-11-24T09:00:00.000Z")
    assert not await watch.look()
    await place.desk.state.delete("recovered")
    assert await watch.look(), "a new loss is answered at once"
