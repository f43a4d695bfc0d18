"""The writer as a service: events in, Afterbuy up to date, whatever happens in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from aftersend import circuit_breaker
from aftersend.ledger.entry import Entry
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.metrics import Metrics
from aftersend.runs import OrderCheck
from aftersend.sealing import Keyring
from aftersend.sendcloud.model import ParcelEvent
from aftersend.service.health import Health
from aftersend.service.listener import PublicListener
from aftersend.service.runtime import Runtime, secret_folders
from aftersend.settings import read_settings
from aftersend.stream.consumer import Consumer
from aftersend.stream.event import Event, Source, rfc3339
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.stream import Stream
from aftersend.stream.timing import ConsumerTiming
from aftersend.tenant.document import Tenant
from aftersend_writer import handler as writer_handler
from aftersend_writer import main as writer
from aftersend_writer import write_back
from aftersend_writer.handler import ParcelEventHandler
from aftersend_writer.metrics import WriterMetrics
from tests.support.afterbuy_sandbox import SimulatedAccount
from tests.support.afterbuy_sandbox import shop as open_shop
from tests.support.ledger_kit import CANCELLED, DELIVERED, NOW, PICKED_UP, client, keyring, parcel
from tests.support.stream_kit import hurry, until

TAG = "Sendcloud abgeschlossen"
BRISK = ConsumerTiming(block_ms=50, look=0.05, due=0.05, renew=0.5)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop does not wait for a blocking read of two seconds."""
    monkeypatch.setattr(writer, "Consumer", partial(Consumer, timing=BRISK))


@dataclass
class Bridge:
    """One tenant's Redis and Afterbuy, and the writer between them."""

    redis: Redis
    shop: SimulatedAccount
    keys: Keyring
    folder: Path
    url: str
    http: aiohttp.ClientSession
    metrics: Metrics = field(default_factory=Metrics)
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self.tenant = "mueller"
        self.stream = Stream(self.redis, tenant=self.tenant, name="parcels", keyring=self.keys)
        self.ledger = Ledger(self.redis, tenant=self.tenant, keyring=self.keys)
        self.state = TenantState(self.redis, tenant=self.tenant)

    def document(self, **spec: Any) -> Tenant:
        return msgspec.convert(
            {
                "apiVersion": "aftersend.jj-ideenschmiede.de/v1",
                "kind": "AftersendTenant",
                "metadata": {"name": self.tenant},
                "spec": {
                    "afterbuy": {"credentials": {"secretName": "a"}, "url": self.shop.url},
                    "sendcloud": {"credentials": {"secretName": "s"}, "integration": 1},
                    **spec,
                },
            },
            Tenant,
        )

    def runtime(self, **spec: Any) -> Runtime:
        environ = {
            "AFTERSEND_TENANT_FILE": "t",
            "AFTERSEND_SECRETS_DIR": str(self.folder),
            "AFTERSEND_REDIS_URL": self.url,
        }
        return Runtime(
            tenant=self.document(**spec),
            identity=self.tenant,
            settings=read_settings(environ),
            secrets=secret_folders(self.folder),
            redis=self.redis,
            keyring=self.keys,
            http=self.http,
            metrics=self.metrics,
            health=self.health,
            public=PublicListener(),
            stop=asyncio.Event(),
        )

    async def recovered(self) -> None:
        await self.state.set("sweep.cursor", "2026-11-24T08:00:00Z")
        await self.state.set("recovered", "1")

    async def send(self, order: str, *events: ParcelEvent) -> None:
        for event in events:
            named = msgspec.structs.replace(event, external_order_id=f"afterbuy-{order}" if order else "")
            await self.stream.add("parcel.changed", "webhook", named)

    async def entry(self, order: str) -> Entry:
        return await self.ledger.get(order) or Entry(order=order)

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"aftersend_{name}", {"tenant": self.tenant, **labels}) or 0.0


@pytest.fixture
async def bridge(redis_url: str, tmp_path: Path) -> AsyncIterator[Bridge]:
    keys = keyring(tmp_path / "data-key")
    async with client(redis_url) as redis, open_shop() as shop, aiohttp.ClientSession() as http:
        folder = tmp_path / "afterbuy"
        folder.mkdir()
        (folder / "partnerToken").write_text(shop.world.credentials.partner_token)
        (folder / "accountToken").write_text(shop.world.credentials.account_token)
        yield Bridge(redis, shop, keys, tmp_path, redis_url, http)


@asynccontextmanager
async def running(bridge: Bridge, **spec: Any) -> AsyncIterator[Runtime]:
    runtime = bridge.runtime(**spec)
    task = asyncio.create_task(writer.PART.serve(runtime))
    try:
        yield runtime
    finally:
        runtime.stop.set()
        async with asyncio.timeout(20):
            await task


async def drained(bridge: Bridge) -> bool:
    return await settled(bridge)


async def settled(bridge: Bridge, *, on_stream: int = 0, delayed: int = 0) -> bool:
    """So many on the stream, so many delayed; asked in one step, because events move between the two."""
    async with bridge.redis.pipeline(transaction=True) as pipeline:
        pipeline.xlen(bridge.stream.key)
        pipeline.zcard(bridge.stream.delayed_key)
        return await pipeline.execute() == [on_stream, delayed]


async def test_from_the_event_to_afterbuy(bridge: Bridge) -> None:
    order = bridge.shop.order(700)
    await bridge.recovered()
    await bridge.send("700", parcel(number="A1"), parcel(number="A1"))
    async with running(bridge):
        await until(lambda: drained(bridge))
        await bridge.send("700", parcel("12", number="B2"))
        await until(lambda: drained(bridge))
    assert (order.additional_info, order.tags) == ("A1, B2", [TAG])
    assert (await bridge.entry("700")).is_done
    assert bridge.shop.world.journal.tags_added[700, TAG] == 1
    assert bridge.metric("writeback_seconds_count") >= 2
    assert int(await bridge.state.get("success.writeback") or 0) > 0
    assert bridge.health.stalled() == {}


async def test_success_without_effect_ends_in_a_problem_not_in_a_burst(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_back, "LATE_SECONDS", 0.0)
    order = bridge.shop.order(700)
    bridge.shop.fault("not_shown")
    await bridge.recovered()
    await bridge.send("700", parcel(number="A1"))
    async with running(bridge):
        for done in (1, 2, 3):
            await until(lambda done=done: bridge.shop.calls("UpdateSoldItems") == 2 * done)
            await until(lambda: settled(bridge, delayed=1))
            await hurry(bridge.stream)
        await until(lambda: drained(bridge))
        assert (bridge.shop.calls("GetSoldItems"), bridge.shop.calls("UpdateSoldItems")) == (16, 8)
        await bridge.stream.add("order.check", "sweep", OrderCheck("700"))
        await until(lambda: drained(bridge))
    assert (bridge.shop.calls("GetSoldItems"), bridge.shop.calls("UpdateSoldItems")) == (17, 8)
    problem = (await bridge.entry("700")).problem
    assert problem is not None
    assert (problem.code, order.additional_info, await bridge.stream.dead()) == ("not_shown", "", 0)
    assert bridge.health.facts["afterbuy"] == "ok"


async def test_every_way_to_match(bridge: Bridge) -> None:
    orders = [bridge.shop.order(700), bridge.shop.order(701)]
    await bridge.recovered()
    await bridge.ledger.change("701", lambda entry: msgspec.structs.replace(entry, state="accepted", pushed=1))
    async with running(bridge):
        await bridge.send("700", parcel("1", number="A1"))
        await bridge.send("", parcel("2", number="B2", external_order_id="2", order_number="701"))
        await until(lambda: drained(bridge))
        await bridge.send(
            "", parcel("2", CANCELLED, number="B2", time=None), parcel("3", number="C3", order_number="701")
        )
        await until(lambda: drained(bridge))
    assert [order.additional_info for order in orders] == ["A1", "C3"]


async def test_a_parcel_without_order_waits_an_hour_and_is_counted(bridge: Bridge) -> None:
    await bridge.recovered()
    await bridge.stream.add("parcel.changed", "webhook", parcel("1", external_order_id="shop-1"))
    await bridge.send("", parcel("2", order_number="999"))
    old = Stream(
        bridge.redis, tenant=bridge.tenant, name="parcels", keyring=bridge.keys, clock=lambda: time.time() - 3601
    )
    await old.add("parcel.changed", "webhook", parcel("3"))
    async with running(bridge):
        await until(lambda: settled(bridge, delayed=1))
    assert bridge.metric("events_handled_total", outcome="foreign", stream="parcels") == 2
    assert await bridge.stream.delayed() == 1
    assert await bridge.stream.dead() == 0


@pytest.mark.parametrize("data", [ParcelEvent(parcel="1", status=1, received=1), OrderCheck("7:8")])
async def test_malformed_events_become_dead_letters(bridge: Bridge, data: msgspec.Struct) -> None:
    await bridge.stream.add("order.check", "cli", data)
    async with running(bridge):
        await until(lambda: drained(bridge))
    assert await bridge.stream.dead() == 1


async def test_recovery_merges_first_and_writes_after_the_marker(bridge: Bridge) -> None:
    orders = [bridge.shop.order(700, additional_info="B2"), bridge.shop.order(701)]
    await bridge.send("700", parcel("1", number="A1"))
    async with running(bridge):
        await until(lambda: drained(bridge))
        assert (await bridge.entry("700")).lagging
        await bridge.stream.add("order.check", "cli", OrderCheck("700"))
        await until(lambda: drained(bridge))
        assert bridge.shop.calls("GetSoldItems") == 0
        # The sweep finds what the ledger had lost, and puts the marker behind it.
        await bridge.send("700", parcel("1", CANCELLED, time=None, number="A1"), parcel("2", number="B2"))
        await bridge.send("701", parcel("3", number="C3"))
        await bridge.stream.add("order.check", "sweep", OrderCheck(""))
        await asyncio.sleep(0)
        assert bridge.shop.calls("GetSoldItems") == 0, "without a cursor the marker waits"
        await bridge.state.set("sweep.cursor", "2026-11-24T08:00:00Z")
        await until(lambda: drained(bridge))
    assert [order.additional_info for order in orders] == ["B2", "C3"]
    assert [order.tags for order in orders] == [[TAG], [TAG]]
    assert await bridge.state.get("recovered") == "1"


async def test_the_marker_waits_for_what_is_older(bridge: Bridge) -> None:
    """An event that another writer is still handling holds the marker up; what waits for a match does not."""
    bridge.shop.order(700)
    await bridge.state.set("sweep.cursor", "2026-11-24T08:00:00Z")
    await bridge.send("700", parcel("1", number="A1"))
    await bridge.redis.xgroup_create(bridge.stream.key, "writer", "0")
    await bridge.redis.xreadgroup("writer", "other", {bridge.stream.key: ">"})
    await bridge.stream.add("order.check", "sweep", OrderCheck(""))
    async with running(bridge):
        await until(lambda: waits(bridge, 1))
        assert await bridge.state.recovering()
        held = await bridge.redis.xrange(bridge.stream.key)
        await bridge.redis.xack(bridge.stream.key, "writer", held[0][0])
        await bridge.redis.xdel(bridge.stream.key, held[0][0])
        await until(lambda: drained(bridge))
    assert not await bridge.state.recovering()


async def test_a_marker_from_before_a_restore_is_void(bridge: Bridge) -> None:
    """The sweep that put it there began before the backup was restored, and knew nothing of what that took away."""
    bridge.shop.order(700)
    await bridge.state.set("sweep.cursor", "2026-11-24T08:00:00Z")
    await bridge.state.set("restored", "second")
    await bridge.send("700", parcel("1", number="A1"))
    await bridge.stream.add("order.check", "sweep", OrderCheck(order="", restored=""))
    await bridge.stream.add("order.check", "sweep", OrderCheck(order="", restored="first"))
    async with running(bridge):
        await until(lambda: drained(bridge))
        assert await bridge.state.recovering()
        assert bridge.shop.calls("UpdateSoldItems") == 0
        await bridge.stream.add("order.check", "sweep", OrderCheck(order="", restored="second"))
        await until(lambda: bridge.shop.calls("UpdateSoldItems"))
        await until(lambda: drained(bridge))
    assert not await bridge.state.recovering()


DAY = 86_400_000
HORIZON = NOW - 14 * DAY


def too_old(bridge: Bridge) -> float:
    return bridge.metric("events_handled_total", outcome="too_old", stream="parcels")


@pytest.mark.parametrize(
    ("source", "time", "written"),
    [
        ("webhook", HORIZON - 1, False),
        ("webhook", HORIZON - 60 * DAY, False),
        ("webhook", HORIZON, True),
        ("webhook", NOW, True),
        ("webhook", None, True),
        ("webhook", 1000, True),
        ("sweep", HORIZON - 60 * DAY, True),
    ],
)
async def test_a_webhook_from_before_the_horizon_brings_no_forgotten_order_back(
    bridge: Bridge, source: Source, time: int | None, *, written: bool
) -> None:
    order = bridge.shop.order(700)
    await bridge.recovered()
    await bridge.state.set("horizon", str(HORIZON))
    event = parcel(number="A1", time=time, external_order_id="afterbuy-700")
    await bridge.stream.add("parcel.changed", source, event)
    with capture_logs() as lines:
        async with running(bridge):
            await until(lambda: drained(bridge))
    assert (order.additional_info, order.tags) == (("A1", [TAG]) if written else ("", []))
    assert too_old(bridge) == (0 if written else 1)
    refused = [(line["log_level"], line["order"]) for line in lines if line["event"] == "event_too_old"]
    assert refused == ([] if written else [("warning", "700")])


async def test_an_order_that_the_ledger_holds_merges_anything(bridge: Bridge) -> None:
    order = bridge.shop.order(700)
    await bridge.recovered()
    await bridge.state.set("horizon", str(HORIZON))
    await bridge.ledger.change("700", lambda entry: msgspec.structs.replace(entry, state="accepted", pushed=1))
    await bridge.send("700", parcel(number="A1", time=HORIZON - 60 * DAY))
    async with running(bridge):
        await until(lambda: drained(bridge))
    assert order.additional_info == "A1"


async def test_events_that_were_kept_during_a_suspension_do_not_age_out(bridge: Bridge) -> None:
    order = bridge.shop.order(700)
    await bridge.recovered()
    await bridge.state.set("horizon", str(NOW - 200 * DAY))
    early = Stream(
        bridge.redis, tenant=bridge.tenant, name="parcels", keyring=bridge.keys, clock=lambda: NOW / 1000 - 100 * 86_400
    )
    event = parcel(number="A1", time=NOW - 100 * DAY, received=NOW - 100 * DAY, external_order_id="afterbuy-700")
    await early.add("parcel.changed", "webhook", event)
    async with running(bridge, suspend=True):
        await bridge.stream.length()
    async with running(bridge):
        await until(lambda: drained(bridge))
    assert order.additional_info == "A1"


async def test_a_recovery_sets_the_horizon_and_old_webhooks_wait_for_it(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing old is merged during a recovery that its end would write back."""
    monkeypatch.setattr(writer_handler, "_RECOVERY_RETRY_DELAY", 0.1)
    old, late, live = (bridge.shop.order(number) for number in (700, 701, 702))
    await bridge.send("700", parcel("1", number="A1", time=HORIZON - 1))
    await bridge.send("701", parcel("2", number="B2", time=HORIZON))
    await bridge.send("702", parcel("3", number="C3"))
    async with running(bridge):
        await until(lambda: waits(bridge, 2))
        assert await bridge.ledger.get("700") is None
        await bridge.state.set("sweep.cursor", "2026-11-24T08:00:00Z")
        await bridge.stream.add("order.check", "sweep", OrderCheck("", since=HORIZON))
        await until(lambda: drained(bridge))
    assert [order.additional_info for order in (old, late, live)] == ["", "B2", "C3"]
    assert too_old(bridge) == 1
    assert await bridge.state.get("horizon") == str(HORIZON)


async def waits(bridge: Bridge, count: int) -> bool:
    return await bridge.stream.delayed() == count


async def test_events_of_an_erased_order_are_done_and_change_nothing(bridge: Bridge) -> None:
    """By parcel id alone, by OrderID, by number, of webhook and sweep; a check of it is not even read."""
    order, other = bridge.shop.order(700), bridge.shop.order(701)
    await bridge.recovered()
    async with running(bridge):
        await bridge.send("700", parcel("11", number="A1"))
        await until(lambda: drained(bridge))
        order.additional_info = ""
        assert await bridge.ledger.forget("700")
        left, calls = await bridge.entry("700"), bridge.shop.calls("GetSoldItems")
        await bridge.send("", parcel("11", status=DELIVERED, time=NOW + 1, number="A1"))
        await bridge.send("700", parcel("12", number="A2"))
        await bridge.stream.add("parcel.changed", "sweep", parcel("13", number="A3", order_number="700"))
        await bridge.stream.add("order.check", "sweep", OrderCheck("700"))
        await until(lambda: drained(bridge))
        assert bridge.shop.calls("GetSoldItems") == calls
        await bridge.send("701", parcel("14", number="B1"))
        await until(lambda: drained(bridge))
    assert (order.additional_info, other.additional_info) == ("", "B1")
    assert await bridge.entry("700") == left
    assert await bridge.ledger.order_of("12") is None, "nothing of it is looked up either"
    assert bridge.metric("events_handled_total", outcome="forgotten", stream="parcels") == 3
    assert await bridge.stream.dead() == 0


async def test_a_long_stream_is_searched_to_its_end(bridge: Bridge) -> None:
    """A redriven old event may lie behind many newer ones."""
    await bridge.state.set("sweep.cursor", "2026-11-24T08:00:00Z")
    now = time.time()
    early = Stream(bridge.redis, tenant=bridge.tenant, name="parcels", keyring=bridge.keys, clock=lambda: now - 60)
    await bridge.stream.add_many("order.check", "cli", [OrderCheck("1")] * 1001)
    await early.add("parcel.changed", "webhook", parcel())
    handler = ParcelEventHandler(
        ledger=bridge.ledger,
        state=bridge.state,
        stream=bridge.stream,
        batcher=None,  # type: ignore[arg-type]
        mac=str,
        pickup_matters=False,
        on_foreign=lambda: None,
        on_too_old=lambda: None,
        on_forgotten=lambda: None,
    )
    marker = Event("0", "order.check", rfc3339(now), "sweep", 1, rfc3339(now), "", msgspec.json.encode(OrderCheck("")))
    assert await handler._has_older_event(marker)
    await bridge.redis.delete(bridge.stream.key)
    assert not await handler._has_older_event(marker)


async def test_a_check_reads_an_order_that_does_not_lag(bridge: Bridge) -> None:
    order = bridge.shop.order(700, additional_info="warten")
    await bridge.recovered()
    async with running(bridge):
        await bridge.send("700", parcel(number="A1"))
        await until(lambda: drained(bridge))
        assert order.additional_info == "warten"
        order.additional_info = ""
        await bridge.stream.add("order.check", "sweep", OrderCheck("700"))
        await until(lambda: drained(bridge))
        assert order.additional_info == "A1"
        order.additional_info = "anders"
        await bridge.stream.add("order.check", "sweep", OrderCheck("700"))
        await until(lambda: drained(bridge))
        order.additional_info = ""
        await bridge.send("700", parcel(status=DELIVERED, number="A1", time=None))
        await until(lambda: drained(bridge))
    assert order.additional_info == "A1", "it got on"


async def test_an_order_with_a_problem_is_rechecked_when_its_parcel_changes_its_class(bridge: Bridge) -> None:
    bridge.shop.order(700, additional_info="warten")
    await bridge.recovered()
    seen = [parcel(number="A1", time=NOW + minute, received=NOW + minute) for minute in range(5)]
    way = parcel(status=PICKED_UP, number="A1", time=NOW + 9, received=NOW + 9)
    async with running(bridge):
        for event in (*seen, way, way):
            await bridge.send("700", event)
            await until(lambda: drained(bridge))
    assert bridge.shop.calls("GetSoldItems") == 2


async def test_a_suspended_tenant_reads_nothing(bridge: Bridge) -> None:
    order = bridge.shop.order(700)
    await bridge.recovered()
    await bridge.send("700", parcel(number="A1"))
    async with running(bridge, suspend=True):
        await until(lambda: shown(bridge, "stream_length", 1))
    assert (order.additional_info, await bridge.stream.length()) == ("", 1)


async def shown(bridge: Bridge, name: str, value: float) -> bool:
    await asyncio.sleep(0)
    return bridge.metric(name, stream="parcels") == value


async def test_a_backlog_is_worked_off_in_batches(bridge: Bridge) -> None:
    orders = [bridge.shop.order(number) for number in range(1000, 1200)]
    await bridge.recovered()
    for order in orders:
        await bridge.send(str(order.order_id), parcel(str(order.order_id), number=f"N{order.order_id}"))
    async with running(bridge):
        await until(lambda: drained(bridge))
    assert all(order.additional_info == f"N{order.order_id}" and order.tags == [TAG] for order in orders)
    assert bridge.shop.calls("UpdateSoldItems") < len(orders)
    assert set(bridge.shop.world.journal.tags_added.values()) == {1}


async def test_wrong_keys_open_the_circuit_without_any_event(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "_CREDENTIALS_SECONDS", 0.05)
    (bridge.folder / "afterbuy" / "accountToken").write_text("00000000-wrong")
    async with running(bridge):
        await until(lambda: refused(bridge))
    assert bridge.shop.calls("GetAfterbuyTime") == 1


async def refused(bridge: Bridge) -> bool:
    return bridge.health.facts.get("afterbuy") == "refused"


@pytest.mark.parametrize("broken", ["wrong", "", None], ids=["wrong", "empty", "missing"])
async def test_refused_credentials_open_the_circuit_until_the_secret_changes(
    bridge: Bridge, broken: str | None
) -> None:
    order = bridge.shop.order(700)
    await bridge.recovered()
    secret = bridge.folder / "afterbuy" / "partnerToken"
    right = secret.read_text()
    secret.unlink() if broken is None else secret.write_text(broken)
    await bridge.send("700", parcel(number="A1"))
    async with running(bridge):
        await until(lambda: circuit(bridge, 1.0))
        await until(lambda: settled(bridge, on_stream=1))
        secret.write_text(right)
        await until(lambda: drained(bridge))
    assert order.additional_info == "A1"
    assert bridge.metric("circuit_open", upstream="afterbuy") == 0
    assert bridge.metric("write_race_seconds_count") == 1
    assert 0 < bridge.metric("write_race_seconds_sum") < 60
    assert await bridge.stream.dead() == 0


async def test_a_full_redis_keeps_what_it_has_until_there_is_room(bridge: Bridge) -> None:
    order = bridge.shop.order(700)
    await bridge.recovered()
    await bridge.send("700", parcel(number="A1"))
    await PendingEntries(bridge.stream, "earlier").ensure_group()
    await bridge.redis.config_set("maxmemory", "1")
    async with running(bridge):
        await until(lambda: put_off(bridge))
        assert (bridge.shop.calls("UpdateSoldItems"), await bridge.stream.dead()) == (0, 0)
        await bridge.redis.config_set("maxmemory", "0")
        await hurry(bridge.stream)
        await until(lambda: drained(bridge))
    assert order.additional_info == "A1"
    assert await bridge.stream.dead() == 0


def put_off(bridge: Bridge) -> bool:
    return bridge.metric("events_handled_total", stream="parcels", outcome="later") == 1


def circuit(bridge: Bridge, value: float) -> bool:
    return bridge.metric("circuit_open", upstream="afterbuy") == value


async def test_metrics_show_what_is_known(bridge: Bridge) -> None:
    await bridge.recovered()
    order = bridge.shop.order(700, additional_info="warten")
    await bridge.send("700", parcel(number="A1"))
    async with running(bridge):
        await until(lambda: drained(bridge))
    metrics = WriterMetrics(bridge.tenant, bridge.metrics, bridge.health, bridge.ledger, bridge.state, bridge.stream)
    await bridge.send("700", parcel(number="A1"))
    await metrics.refresh()
    assert bridge.metric("problems", code="conflict") == 1
    assert (bridge.health.facts["problems"], bridge.health.facts["notices"]) == ({"conflict": 1}, {})
    assert bridge.health.facts["queues"] == {"parcels": {"waiting": 1, "delayed": 0, "dead": 0, "oldestMinutes": 0}}
    assert bridge.metric("stream_length", stream="parcels") == 1
    assert bridge.metric("stream_pending", stream="parcels") == 0
    assert bridge.metric("events_delayed", stream="parcels") == 0
    assert bridge.metric("dead_letters", stream="parcels") == 0
    assert bridge.metric("last_success_timestamp_seconds", kind="writeback") == 0
    metrics.record_success()
    await metrics.refresh()
    later = WriterMetrics(bridge.tenant, Metrics(), bridge.health, bridge.ledger, bridge.state, bridge.stream)
    await later.refresh()
    name = "aftersend_last_success_timestamp_seconds"
    known = later.metrics.registry.get_sample_value(name, {"tenant": bridge.tenant, "kind": "writeback"})
    assert known == pytest.approx(time.time(), abs=60)
    assert order.additional_info == "warten"


async def test_redis_away_at_the_start_is_waited_for(tmp_path: Path, bridge: Bridge) -> None:
    async with client("redis://127.0.0.1:1/0") as unreachable:
        absent = Bridge(unreachable, bridge.shop, bridge.keys, tmp_path, "redis://127.0.0.1:1/0", bridge.http)
        async with running(absent) as runtime:
            await asyncio.sleep(0.1)
            assert not runtime.stop.is_set()
