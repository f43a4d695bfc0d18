"""The ledger in Redis: one entry per order, changed by compare and set, many orders in one round trip.

Every change is a pure function from entry to entry. ``change_each`` reads the entries with their revisions, applies the
functions and writes with one script per entry, which refuses if the revision has moved; those that were refused start
again. A function that changes nothing writes nothing. A caller that has read the entries already passes them as
``known``, which saves the reading: what has moved since is refused and starts again like any other, and an entry that
its function leaves as it is counts only once it was read here.

In reading order: ``store``, ``changes``, ``documents`` (how entries are stored).
"""

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from aftersend.errors import AftersendError, Transient
from aftersend.ledger.changes import NOTHING_KNOWN, Change, Known, LedgerChanges
from aftersend.ledger.day_counters import DAY_MS, DayCounters
from aftersend.ledger.documents import ENTRY_LIFE_MS, SEALED_LIFE_DONE_MS, Documents, EntryLook, EntryWrite
from aftersend.ledger.entry import Entry, NoticeCode, ProblemCode
from aftersend.ledger.index import NOTICE_CODES, PROBLEM_CODES
from aftersend.ledger.join import join
from aftersend.ledger.saved_order import SavedOrder
from aftersend.ledger.scripts import ORDERS_OF
from aftersend.ledger.tombstone import tombstone
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.redis.lease import Lease, check_many, hold, hold_many
from aftersend.sealing import Keyring

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["DAY_MS", "ENTRY_LIFE_MS", "SEALED_LIFE_DONE_MS", "Ledger"]
_TRIES = 100
_CHUNK = 200
_Code = TypeVar("_Code", ProblemCode, NoticeCode)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order that no other process writes back, and its entry since then."""

    lease: Lease
    look: EntryLook


class Ledger:
    """The entries of one tenant; ``clock`` returns seconds since 1970.

    Changes are counted by day of ``zone``; without one they are not, as those that a restore or a person makes.
    """

    def __init__(
        self,
        redis: "Redis",
        *,
        tenant: str,
        keyring: Keyring,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
    ) -> None:
        self._redis = redis
        self._keys = Keys(tenant)
        self._clock = clock
        self.days = DayCounters(redis, tenant=tenant, zone=zone, clock=clock)
        self._documents = Documents(redis, tenant=tenant, keyring=keyring, days=self.days)

    async def get(self, order_id: str) -> Entry | None:
        """Read one entry, or None; ``Transient`` if its sealed part needs a key that is not here."""
        return (await self.get_many([order_id])).get(order_id)

    async def get_many(self, order_ids: Sequence[str]) -> dict[str, Entry]:
        """Read the entries of these orders in one round trip; absent ones are left out."""
        found = {order_id: _read(entry) for order_id, entry in (await self.get_each(order_ids)).items()}
        return {order_id: entry for order_id, entry in found.items() if entry is not None}

    async def get_each(self, order_ids: Sequence[str]) -> dict[str, Entry | AftersendError | None]:
        """Read the entries of these orders in one round trip, each or what prevented it."""
        return dict(zip(order_ids, await self._documents.read(order_ids), strict=True)) if order_ids else {}

    async def look(self, order_ids: Sequence[str]) -> dict[str, EntryLook]:
        """Read the entries of these orders, each with the recovery of the tenant, in one round trip."""
        return dict(zip(order_ids, await self._documents.look(order_ids), strict=True)) if order_ids else {}

    async def readable(self, order_id: str) -> Entry | None:
        """Read an entry without its sealed part, whether or not a key opens that; None if it is absent."""
        return await self._documents.readable(order_id)

    async def entries(self, order_ids: AsyncIterable[str]) -> AsyncIterator[Entry]:
        """Read the entries of many orders, a few hundred in each round trip; absent ones are left out."""
        async for chunk in _chunks(order_ids):
            for entry in (await self.get_many(chunk)).values():
                yield entry

    async def change(self, order_id: str, f: Change) -> Entry:
        """Apply a pure function to the entry (``Entry(order=…)`` if absent) and return what is stored now."""
        return (await self.change_many({order_id: f}))[order_id]

    async def change_many(self, changes: Mapping[str, Change], *, known: Known = NOTHING_KNOWN) -> dict[str, Entry]:
        """Change many entries and return what is stored now; the first error is raised when all others are through."""
        return {order_id: _read(entry) for order_id, entry in (await self.change_each(changes, known=known)).items()}

    async def change_each(
        self, changes: Mapping[str, Change], *, known: Known = NOTHING_KNOWN
    ) -> dict[str, Entry | AftersendError]:
        """Change many entries and return, for each, what is stored now, or what prevented it."""
        attempt = LedgerChanges(changes, known)
        for _ in range(_TRIES):
            if not attempt.pending:
                break
            writes = attempt.writes(await self.get_each(attempt.unread), now=self._now())
            attempt.record(writes, await self._write(writes))
        return attempt.results()

    async def saved(self, order_ids: AsyncIterable[str]) -> AsyncIterator[SavedOrder]:
        """Read what a backup keeps of many orders, each as it was at one moment; absent ones are left out."""
        async for chunk in _chunks(order_ids):
            for saved in await self._documents.saved(chunk):
                if saved is not None:
                    yield saved

    async def restore(self, saved: SavedOrder, *, pickup_matters: bool) -> bool:
        """Restore an entry of a backup, or join it with the live one; True if that changed anything.

        What would have expired meanwhile is left out, and everything else expires when it would have.
        """
        for _ in range(_TRIES):
            now = self._now()
            stored = await self.get(saved.entry.order)
            life = saved.entry.touched + ENTRY_LIFE_MS - now
            if life <= 0 and (stored is None or saved.entry.is_forgotten):
                return False
            if stored is None:
                write = EntryWrite(None, saved.unexpired(now), life=life, sealed_life=saved.sealed_until - now)
            else:
                joined = join(stored, saved.unexpired(now), now=now, pickup_matters=pickup_matters)
                if joined == stored:
                    return False
                after = msgspec.structs.replace(joined, revision=stored.revision + 1)
                if after.is_forgotten:
                    write = EntryWrite(stored, after, life=life)
                else:
                    write = EntryWrite(stored, msgspec.structs.replace(after, touched=now))
            (done,) = await self._write([write])
            if _read(done):
                return True
        raise Transient("ledger_busy", upstream="redis")

    async def forget(self, order_id: str, *, parcels: Collection[str] = ()) -> bool:
        """Replace an entry (or its absence) by its tombstone and delete its sealed part, even one without a key.

        ``parcels`` are ids of parcels of this order that the entry may not know. False if its tombstone holds all that.
        """
        for _ in range(_TRIES):
            now = self._now()
            stored = await self._documents.readable(order_id)
            after = tombstone(stored or Entry(order=order_id), parcels=parcels, now=now)
            if after == stored:
                return False
            revision = after.revision + 1
            (done,) = await self._write(
                [EntryWrite(stored, msgspec.structs.replace(after, revision=revision, touched=now))]
            )
            if _read(done):
                with guarded():
                    await self._redis.delete(self._keys.key("checked", order_id))
                return True
        raise Transient("ledger_busy", upstream="redis")

    async def forgotten(self, order_ids: Iterable[str]) -> set[str]:
        """Return which of these orders were erased on request."""
        found = await self.get_each(sorted(set(order_ids)))
        return {order for order, entry in found.items() if isinstance(entry, Entry) and entry.is_forgotten}

    def sealed_place(self, order_id: str) -> tuple[str, bytes]:
        """Return the key of an order's sealed part, and its associated data."""
        return self._documents.keys_of(order_id)[1], self._documents.bound(order_id)

    async def order_of(self, parcel_id: str) -> str | None:
        """Return the order that this parcel was merged into."""
        return (await self.orders_of([parcel_id])).get(parcel_id)

    async def orders_of(self, parcel_ids: Sequence[str]) -> dict[str, str]:
        """Return the orders that these parcels were merged into, in one round trip; unknown parcels are left out."""
        wanted = sorted(set(parcel_ids))
        keys = [self._keys.key("parcel", parcel_id) for parcel_id in wanted]
        orders = await ORDERS_OF.run(self._redis, keys=keys, args=()) if wanted else []
        return {parcel_id: order.decode() for parcel_id, order in zip(wanted, orders, strict=True) if order is not None}

    def lease(self, order_id: str) -> AbstractAsyncContextManager[Lease]:
        """Take the lease of an order; ``Later`` if another process holds it."""
        return hold(self._redis, key=self._lease_key(order_id))

    @asynccontextmanager
    async def hold(self, order_ids: Iterable[str]) -> AsyncIterator[dict[str, HeldOrder]]:
        """Take the leases of many orders, and look at their entries then, in one round trip.

        Orders whose lease another process holds are left out.
        """
        looks: dict[str, EntryLook] = {}

        async def take(leases: Mapping[str, Lease]) -> Iterable[str]:
            looks.update(await self._documents.take(leases) if leases else {})
            return looks

        keys = {order_id: self._lease_key(order_id) for order_id in order_ids}
        async with hold_many(self._redis, keys=keys, take=take) as leases:
            yield {order_id: HeldOrder(lease, looks[order_id]) for order_id, lease in leases.items()}

    async def check_leases(self, leases: Sequence[Lease]) -> list[Transient | None]:
        """Check and renew many leases in one round trip; None for each that is still ours."""
        return await check_many(self._redis, leases) if leases else []

    def orders(self) -> AsyncIterator[str]:
        """Yield all orders."""
        return self._indexed("orders")

    def watched(self) -> AsyncIterator[str]:
        """Yield watched orders: read again in every run."""
        return self._indexed("watched")

    def open(self) -> AsyncIterator[str]:
        """Yield open orders: transferred, without a label yet."""
        return self._indexed("open")

    def lagging(self, older_than_ms: int) -> AsyncIterator[str]:
        """Yield lagging orders: Afterbuy has been behind for at least so long."""
        return self._indexed("lagging", until=self._now() - older_than_ms)

    def tagged(self) -> AsyncIterator[str]:
        """Yield orders that got a tag in Afterbuy because of a problem."""
        return self._indexed("tagged")

    async def problems(self, *codes: ProblemCode) -> AsyncIterator[str]:
        """Yield orders that a person must look at: those with one of these problems, or all."""
        for code in codes or PROBLEM_CODES:
            async for order_id in self._indexed(f"problem-{code}"):
                yield order_id

    async def noticed(self) -> AsyncIterator[str]:
        """Yield orders with a notice; one with several of them comes several times."""
        for code in NOTICE_CODES:
            async for order_id in self._indexed(f"notice-{code}"):
                yield order_id

    async def counts(self) -> dict[ProblemCode, int]:
        """Count the orders by problem; every code is in it."""
        return await self._counted("problem", PROBLEM_CODES)

    async def notice_counts(self) -> dict[NoticeCode, int]:
        """Count the orders by notice; every code is in it, and an order with several counts in each."""
        return await self._counted("notice", NOTICE_CODES)

    async def _counted(self, kind: str, codes: tuple[_Code, ...]) -> dict[_Code, int]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for code in codes:
                pipeline.zcard(self._index_key(f"{kind}-{code}"))
            with guarded():
                counts = await pipeline.execute()
        return dict(zip(codes, counts, strict=True))

    async def _write(self, writes: Sequence[EntryWrite]) -> list[bool | Transient]:
        return await self._documents.write(writes, now=self._now()) if writes else []

    async def _indexed(self, name: str, *, until: float = float("inf")) -> AsyncIterator[str]:
        """Yield every order that stands in the index from beginning to end of the walk, once."""
        seen: set[bytes] = set()
        cursor = -1
        while cursor:
            with guarded():
                cursor, page = await self._redis.zscan(self._index_key(name), max(cursor, 0), count=500)
            for order, score in cast("Iterable[tuple[bytes, float]]", page):
                if score <= until and order not in seen:
                    seen.add(order)
                    yield order.decode()

    def _lease_key(self, order_id: str) -> str:
        return self._keys.key("lease", "order", order_id)

    def _index_key(self, name: str) -> str:
        return self._keys.key("index", name)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _read(result: _T | AftersendError) -> _T:
    """Return a result; raise it if it is an error."""
    if isinstance(result, AftersendError):
        raise result
    return result


async def _chunks(order_ids: AsyncIterable[str]) -> AsyncIterator[list[str]]:
    """Collect orders into lists for one round trip each."""
    chunk: list[str] = []
    async for order_id in order_ids:
        chunk.append(order_id)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
