"""A batch of events ends as its events do one by one, in any order, by one writer or by two at the same time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from aftersend.errors import Later
from aftersend.ledger.documents import EntryLook
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import Recovery, TenantState
from aftersend.runs import OrderCheck
from aftersend.sealing import Keyring
from aftersend.sendcloud.model import ParcelEvent
from aftersend.stream.event import Event, EventType, rfc3339
from aftersend.stream.stream import Stream
from aftersend_writer.batcher import OrderRequest
from aftersend_writer.handler import ParcelEventHandler
from tests.support.ledger_kit import NOW, TENANT, ManualClock, client, keyring, mac, recovered
from tests.support.round_trips import round_trips

ORDERS = {"11": "700", "12": "701", "13": "702"}
"""Parcel -> its order."""
JUST_NOW = rfc3339(NOW / 1000)


@st.composite
def parcel_events(draw: st.DrawFn) -> ParcelEvent:
    """Some name their order, others are known only once another has."""
    parcel = draw(st.sampled_from(sorted(ORDERS)))
    external = draw(st.sampled_from([f"afterbuy-{ORDERS[parcel]}", "", parcel]))
    return ParcelEvent(
        parcel=parcel,
        status=draw(st.sampled_from([1000, 22, 11, 2000, 94, 1337])),
        time=NOW + draw(st.integers(0, 3)),
        received=NOW + 4,
        number=draw(st.sampled_from(["", "A1", "B2"])),
        external_order_id=external,
    )


payloads = st.one_of(
    st.tuples(st.just("parcel.changed"), parcel_events().map(msgspec.json.encode)),
    st.tuples(st.just("parcel.changed"), st.just(b"{}")),
    st.tuples(st.just("order.check"), st.sampled_from(["700", "x"]).map(lambda o: msgspec.json.encode(OrderCheck(o)))),
    st.tuples(st.just("export.requested"), st.just(b"{}")),
)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[list[Event]], list[Event]]:
    """Batches, and their events in another order."""
    found: list[tuple[EventType, bytes]] = draw(st.lists(payloads, min_size=2, max_size=12))
    events = [event(number, *payload) for number, payload in enumerate(found)]
    cuts = draw(st.sets(st.integers(1, len(events) - 1), max_size=2))
    edges = [0, *sorted(cuts), len(events)]
    batches = [events[start:end] for start, end in pairwise(edges)]
    return batches, draw(st.permutations(events))


def event(number: int, kind: EventType, data: bytes) -> Event:
    return Event(str(number), kind, JUST_NOW, "webhook", 1, JUST_NOW, "", data)


@dataclass
class WrittenOrders:
    """In place of the batcher: what would be written to Afterbuy."""

    orders: set[str] = field(default_factory=set)

    async def write_back(self, requests: Sequence[OrderRequest]) -> list[None]:
        self.orders |= {request.order_id for request in requests}
        return [None for _ in requests]


@dataclass
class Writer:
    """A writer's handler, and what became of its events."""

    redis: Redis
    keys: Keyring
    written: WrittenOrders = field(default_factory=WrittenOrders)
    ends: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.redis, tenant=TENANT, keyring=self.keys, clock=ManualClock())
        self.handler = ParcelEventHandler(
            ledger=self.ledger,
            state=TenantState(self.redis, tenant=TENANT),
            stream=Stream(self.redis, tenant=TENANT, name="parcels", keyring=self.keys),
            batcher=self.written,  # type: ignore[arg-type]
            mac=mac,
            pickup_matters=True,
            on_foreign=lambda: None,
            on_too_old=lambda: None,
            on_forgotten=lambda: None,
            clock=ManualClock(),
        )

    async def take(self, batch: Sequence[Event]) -> None:
        for one, outcome in zip(batch, await self.handler(batch), strict=True):
            self.ends[one.id] = repr(outcome)

    async def take_all(self, batches: Sequence[Sequence[Event]]) -> None:
        """Handle all of them; those that came too early once more, as the delayed set brings them back."""
        for batch in batches:
            await self.take(batch)
        for batch in batches:
            early = [one for one in batch if Later.__name__ in self.ends[one.id]]
            await self.take(early)


async def end(*writers: Writer) -> tuple[object, ...]:
    """What is left, as far as the order of arrival must not matter: the ledger's parcels, and how each event ended."""
    ledger = writers[0].ledger
    entries = await ledger.get_many(sorted(ORDERS.values()))
    lagging = {order async for order in ledger.lagging(-86_400_000)}
    assert lagging == {order for order, entry in entries.items() if entry.observed > entry.applied}
    assert lagging <= set().union(*(writer.written.orders for writer in writers))
    known = {order: (entry.parcels, entry.details, entry.live) for order, entry in entries.items()}
    return known, await ledger.orders_of(sorted(ORDERS)), {pair for writer in writers for pair in writer.ends.items()}


async def fresh(redis: Redis) -> None:
    await redis.flushdb()
    await recovered(redis)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(arrived=arrivals())
async def test_a_batch_ends_as_its_events_one_by_one_in_any_order(
    redis_url: str, tmp_path: Path, arrived: tuple[list[list[Event]], list[Event]]
) -> None:
    batches, shuffled = arrived
    async with client(redis_url) as redis:
        keys = keyring(tmp_path / "data-key")
        await fresh(redis)
        together = Writer(redis, keys)
        await together.take_all(batches)
        expected = await end(together)

        await fresh(redis)
        single = Writer(redis, keys)
        await single.take_all([[one] for one in shuffled])
        assert await end(single) == expected

        await fresh(redis)
        rivals = [Writer(redis, keys), Writer(redis, keys)]
        await asyncio.gather(*(rival.take_all(batches) for rival in rivals))
        assert await end(*rivals) == expected


def labelled(parcel: str) -> Event:
    """A webhook's event of a parcel that has just got its number."""
    changed = ParcelEvent(
        parcel=parcel, status=1000, time=NOW, received=NOW, number="A1", external_order_id=f"afterbuy-{ORDERS[parcel]}"
    )
    return event(int(parcel), "parcel.changed", msgspec.json.encode(changed))


async def test_a_label_costs_three_round_trips_before_its_order_is_written(redis_url: str, tmp_path: Path) -> None:
    """Which order; its entry, and whether the tenant recovers; the entry written."""
    async with client(redis_url) as redis:
        await fresh(redis)
        writer = Writer(redis, keyring(tmp_path / "data-key"))
        await writer.take([labelled("11")])  # the server learns the scripts
        with round_trips() as trips:
            await writer.take([labelled("12")])
    assert writer.written.orders == {"700", "701"}
    assert trips.count == 3


async def test_a_recovery_that_ends_before_the_merge_has_not_seen_it(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client(redis_url) as redis:
        await fresh(redis)
        writer = Writer(redis, keyring(tmp_path / "data-key"))

        look = Ledger.look

        async def recovering_until_now(ledger: Ledger, orders: Sequence[str]) -> dict[str, EntryLook]:
            found = await look(ledger, orders)
            return {
                order: replace(each, recovery=Recovery(is_running=True, horizon=None)) for order, each in found.items()
            }

        monkeypatch.setattr(Ledger, "look", recovering_until_now)
        await writer.take([labelled("11")])
        assert writer.written.orders == {"700"}

        await redis.delete(f"aftersend:{{{TENANT}}}:state")
        await writer.take([labelled("12")])
    assert writer.written.orders == {"700"}, "the end of the recovery writes the other"
