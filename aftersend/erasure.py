"""Erase what Redis holds of one order: on request of a person, while everything runs.

    lease of the order ──> tombstone in place of the entry ──> events of the order, wherever they wait
                                  ^                                      │
                                  └── parcels that only they name ───────┘   until none is found

The tombstone comes first: from then on the writer drops every event of the order, so what is found afterwards can only
become fewer. The lease waits for a write-back that is under way. A process that dies between two steps leaves a
tombstone at least: erasing once more goes on where it stopped, and erasing twice changes nothing.

An event belongs to the order that it would be matched to. A request for a run belongs to it if it names this order
alone: beside others it holds no more than the OrderID, and is served within seconds. An event that cannot be opened
is counted, because no one knows whose it is.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import product
from typing import Final

import msgspec
from redis.asyncio import Redis

from aftersend.errors import AftersendError, Later
from aftersend.ledger.entry import Entry
from aftersend.ledger.match import Match, find
from aftersend.ledger.store import Ledger
from aftersend.redis.connection import guarded
from aftersend.runs import OrderCheck, RunRequest
from aftersend.sealing import Keyring
from aftersend.sendcloud.model import ParcelEvent
from aftersend.stream.event import Fields, text_of
from aftersend.stream.scripts import ACKNOWLEDGE
from aftersend.stream.stored_events import PLACES, EventPlace, stored_events
from aftersend.stream.stream import GROUPS, Stream

_LEASE_WAIT: Final = 90
"""Seconds to wait for a write-back, or for the lease of one that was killed."""
_PASSES: Final = 10
_CHUNK: Final = 100
_READ_ORDER: Final[tuple[EventPlace, ...]] = ("delayed", "stream", "delayed", "dead")
"""Events move from the delayed set to the stream and back, and to the dead letters last."""


@dataclass(slots=True)
class OrderEvents:
    """Events of one order (or of several), as far as they were found."""

    counts: Counter[EventPlace] = field(default_factory=Counter)
    unreadable: set[bytes] = field(default_factory=set)
    """Names of events that cannot be opened, of whichever order."""

    @property
    def alive(self) -> int:
        """Return how many are to be handled yet."""
        return self.counts["stream"] + self.counts["delayed"]


@dataclass(frozen=True, slots=True)
class _OpenedEvent:
    name: bytes
    order: str = ""
    """The order that it names itself; empty for a parcel, whose order is to be matched."""
    parcel: ParcelEvent | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """Erases orders of one tenant."""

    ledger: Ledger
    streams: Sequence[Stream]

    @classmethod
    def of(cls, redis: Redis, *, tenant: str, keyring: Keyring) -> "Erasure":
        """Make the erasure of a tenant."""
        streams = [Stream(redis, tenant=tenant, name=name, keyring=keyring) for name in GROUPS]
        return cls(Ledger(redis, tenant=tenant, keyring=keyring), streams)

    async def erase(self, order: str) -> tuple[Entry, OrderEvents] | None:
        """Erase an order; return its entry as it was, and the events that were deleted. None if nothing is held of it.

        ``Later`` if another process works on the order for too long.
        """
        async with AsyncExitStack() as stack:
            await self._take_lease(stack, order)
            known = await self.ledger.readable(order)
            if known is None and not (await self.events(order)).counts.total():
                return None
            await self.ledger.forget(order)
            return known or Entry(order=order), await self.erase_events({order})

    async def erase_events(self, orders: Collection[str]) -> OrderEvents:
        """Delete the events of orders that have their tombstones, until no more are found."""
        erased = OrderEvents()
        for _ in range(_PASSES if orders else 0):
            before = erased.counts.total()
            for stream, place in product(self.streams, _READ_ORDER):
                async for events in _opened_events(stream, place, erased):
                    mine = await self._of_orders(events, orders)
                    await self._remember_parcels(mine)
                    erased.counts[place] += await _delete(stream, place, [each.name for _, each in mine])
            if erased.counts.total() == before:
                break
        return erased

    async def events(self, order: str) -> OrderEvents:
        """Find the events of an order; one that moves meanwhile may be missed or counted twice."""
        found = OrderEvents()
        for stream, place in product(self.streams, PLACES):
            async for events in _opened_events(stream, place, found):
                found.counts[place] += len(await self._of_orders(events, {order}))
        return found

    async def _of_orders(
        self, events: Sequence[_OpenedEvent], orders: Collection[str]
    ) -> list[tuple[str, _OpenedEvent]]:
        """Return the events of these orders, each with its order."""
        matches = iter(await find([each.parcel for each in events if each.parcel is not None], self.ledger))
        found = [(Match(each.order) if each.parcel is None else next(matches), each) for each in events]
        return [(match.order, each) for match, each in found if isinstance(match, Match) and match.order in orders]

    async def _remember_parcels(self, events: Sequence[tuple[str, _OpenedEvent]]) -> None:
        """Let the tombstones name the parcels before the events that do so are gone."""
        for order in {order for order, _ in events}:
            parcels = {each.parcel.parcel for of, each in events if of == order and each.parcel is not None}
            await self.ledger.forget(order, parcels=parcels)

    async def _take_lease(self, stack: AsyncExitStack, order: str) -> None:
        for _ in range(_LEASE_WAIT):
            with suppress(Later):
                await stack.enter_async_context(self.ledger.lease(order))
                return
            await asyncio.sleep(1)
        raise Later("the order is being written back", retry_after=_LEASE_WAIT)


async def _opened_events(stream: Stream, place: EventPlace, found: OrderEvents) -> AsyncIterator[list[_OpenedEvent]]:
    """Yield the events in one place, some at a time; those that cannot be opened are noted in ``found``."""
    chunk: list[_OpenedEvent] = []
    async for stored in stored_events(stream, place):
        try:
            chunk.append(_OpenedEvent(stored.name, *_subject(stream, stored.fields)))
        except (AftersendError, msgspec.MsgspecError, ValueError, RecursionError):
            found.unreadable.add(stored.name)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _delete(stream: Stream, place: EventPlace, names: Sequence[bytes]) -> int:
    """Delete events; an entry that is in flight is acknowledged, too, so it does not count as lost."""
    if not names:
        return 0
    if place == "stream":
        return int(await ACKNOWLEDGE.run(stream.redis, keys=[stream.key], args=[stream.group, *names]))
    with guarded():
        if place == "delayed":
            return int(await stream.redis.zrem(stream.delayed_key, *names))
        return int(await stream.redis.xdel(stream.dead_key, *names))


def _subject(stream: Stream, fields: Fields) -> tuple[str, ParcelEvent | None]:
    """Return the order that an event names, or the parcel that it is about; its envelope may be broken."""
    data = stream.unseal(fields)
    match text_of(fields, b"type"):
        case "parcel.changed":
            return "", msgspec.json.decode(data, type=ParcelEvent)
        case "order.check":
            return msgspec.json.decode(data, type=OrderCheck).order, None
        case _:
            orders = msgspec.json.decode(data, type=RunRequest).orders
            return orders[0] if len(orders) == 1 else "", None
