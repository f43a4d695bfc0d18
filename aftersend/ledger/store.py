"""The ledger in Redis: one entry per order, changed by compare and set.

Every change is a pure function from entry to entry. ``change`` reads the entry with its revision, applies the
function and writes with one script, which refuses if the revision has moved; then ``change`` starts again. A function
that changes nothing writes nothing.

An entry is two keys. ``order:<id>`` is readable and holds ids, times, states and keyed marks; it lives 90 days from
its last change. ``order:<id>:sealed`` holds numbers, links and carriers, encrypted and bound to the tenant and the
order. It lives as long, but only seven days from when the order is done: Redis itself expires it, so no housekeeping
of ours can fail.
"""

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from aftersend.errors import Bug, Rejected, Transient
from aftersend.ledger.entry import Entry, NoticeCode, ParcelDetails, ProblemCode
from aftersend.ledger.index import INDEXES, NOTICE_CODES, PROBLEM_CODES, positions
from aftersend.ledger.join import join
from aftersend.ledger.saved_order import SavedOrder
from aftersend.ledger.scripts import HAS_JSON, script
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.redis.lease import Lease, hold
from aftersend.sealing import Keyring, UnknownKey, bind

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

DAY_MS = 86_400_000
ENTRY_LIFE_MS = 90 * DAY_MS
SEALED_LIFE_DONE_MS = 7 * DAY_MS
_TRIES = 100
_CHUNK = 200
_Code = TypeVar("_Code", ProblemCode, NoticeCode)

_encoder = msgspec.json.Encoder(order="deterministic")
_entries = msgspec.json.Decoder(Entry)
_details = msgspec.msgpack.Decoder(dict[str, ParcelDetails])


class Ledger:
    """The entries of one tenant; ``clock`` returns seconds since 1970."""

    def __init__(
        self, redis: "Redis", *, tenant: str, keyring: Keyring, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._tenant = tenant
        self._keys = Keys(tenant)
        self._keyring = keyring
        self._clock = clock
        self._scripts: tuple[AsyncScript, AsyncScript, AsyncScript] | None = None

    async def get(self, order_id: str) -> Entry | None:
        """Read one entry, or None; ``Transient`` if its sealed part needs a key that is not here."""
        read, _, _ = await self._ready()
        with guarded():
            document, sealed = await read(keys=self._entry_keys(order_id))
        return self._decode(order_id, document, sealed)

    async def get_many(self, order_ids: Sequence[str]) -> dict[str, Entry]:
        """Read the entries of these orders in one round trip; absent ones are left out."""
        read, _, _ = await self._ready()
        answers = await self._read_many(read, order_ids)
        found = ((o, self._decode(o, *answer)) for o, answer in zip(order_ids, answers, strict=True))
        return {order_id: entry for order_id, entry in found if entry is not None}

    async def entries(self, order_ids: AsyncIterable[str]) -> AsyncIterator[Entry]:
        """Read the entries of many orders, a few hundred in each round trip; absent ones are left out."""
        async for chunk in _chunks(order_ids):
            for entry in (await self.get_many(chunk)).values():
                yield entry

    async def change(self, order_id: str, f: Callable[[Entry], Entry]) -> Entry:
        """Apply a pure function to the entry (``Entry(order=…)`` if absent) and return what is stored now."""
        for _ in range(_TRIES):
            stored = await self.get(order_id)
            before = stored or Entry(order=order_id)
            after = f(before)
            if after == before:
                return before
            after = msgspec.structs.replace(after, revision=before.revision + 1, touched=self._now())
            if await self._write(before if stored else None, after):
                return after
        raise Transient("ledger_busy", upstream="redis")

    async def saved(self, order_ids: AsyncIterable[str]) -> AsyncIterator[SavedOrder]:
        """Read what a backup keeps of many orders, each as it was at one moment; absent ones are left out."""
        _, _, read = await self._ready()
        async for chunk in _chunks(order_ids):
            for order_id, answer in zip(chunk, await self._read_many(read, chunk), strict=True):
                if saved := self._saved(order_id, *answer):
                    yield saved

    async def restore(self, saved: SavedOrder, *, pickup_matters: bool) -> bool:
        """Restore an entry of a backup, or join it with the live one; True if that changed anything.

        What would have expired meanwhile is left out, and everything else expires when it would have.
        """
        for _ in range(_TRIES):
            now = self._now()
            stored = await self.get(saved.entry.order)
            if stored is None:
                life = saved.entry.touched + ENTRY_LIFE_MS - now
                if life <= 0:
                    return False
                done = await self._write(None, saved.unexpired(now), life=life, sealed_life=saved.sealed_until - now)
            else:
                joined = join(stored, saved.unexpired(now), now=now, pickup_matters=pickup_matters)
                if joined == stored:
                    return False
                after = msgspec.structs.replace(joined, revision=stored.revision + 1, touched=now)
                done = await self._write(stored, after)
            if done:
                return True
        raise Transient("ledger_busy", upstream="redis")

    def sealed_place(self, order_id: str) -> tuple[str, bytes]:
        """Return the key of an order's sealed part, and its associated data."""
        return self._entry_keys(order_id)[1], self._bound(order_id)

    async def order_of(self, parcel_id: str) -> str | None:
        """Return the order that this parcel was merged into."""
        with guarded():
            order = await self._redis.get(self._keys.key("parcel", parcel_id))
        return cast("bytes", order).decode() if order is not None else None

    def lease(self, order_id: str) -> AbstractAsyncContextManager[Lease]:
        """Take the lease of an order; ``Later`` if another process holds it."""
        return hold(self._redis, key=self._keys.key("lease", "order", order_id))

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

    async def _read_many(self, read: "AsyncScript", order_ids: Sequence[str]) -> list[list[Any]]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for order_id in order_ids:
                await read(keys=self._entry_keys(order_id), client=pipeline)
            with guarded():
                return await pipeline.execute()

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

    def _saved(self, order_id: str, document: bytes | None, sealed: bytes | None, until: int) -> SavedOrder | None:
        try:
            entry, unreadable = self._decode(order_id, document, sealed), False
        except (UnknownKey, Rejected):
            entry, unreadable = self._decode(order_id, document, None), True
        if entry is None:
            return None
        return SavedOrder(entry, until if entry.details else 0, unreadable)

    async def _write(
        self, before: Entry | None, after: Entry, *, life: int = ENTRY_LIFE_MS, sealed_life: int | None = None
    ) -> bool:
        _, write, _ = await self._ready()
        known = before or Entry(order=after.order)
        sealed, usual = self._sealed(known, after)
        scores = positions(after)
        keys = [
            *self._entry_keys(after.order),
            *map(self._index_key, INDEXES),
            *(self._keys.key("parcel", parcel) for parcel in after.parcels),
        ]
        document = _encoder.encode(msgspec.structs.replace(after, details={}))
        arguments: list[Any] = [
            *(
                known.revision if before else -1,
                document,
                life,
                sealed,
                usual if sealed_life is None else sealed_life,
                after.order,
            ),
            *(self._now() - ENTRY_LIFE_MS, len(INDEXES), *(scores.get(name, "") for name in INDEXES)),
        ]
        with guarded():
            return bool(await write(keys=keys, args=arguments))

    def _sealed(self, before: Entry, after: Entry) -> tuple[bytes, int | str]:
        """Return the sealed part to write (empty = keep) and its life in ms (empty = keep)."""
        life: int | str = SEALED_LIFE_DONE_MS if after.is_done else ENTRY_LIFE_MS
        if after.details == before.details:
            return b"", "" if before.is_done and after.is_done else life
        plain = msgspec.msgpack.encode(after.details)
        return self._keyring.seal(plain, bound=self._bound(after.order)), life

    def _decode(self, order_id: str, document: bytes | None, sealed: bytes | None) -> Entry | None:
        if document is None:
            return None
        try:
            entry = _entries.decode(document)
            details = _details.decode(self._keyring.open(sealed, bound=self._bound(order_id))) if sealed else {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Bug("ledger_unreadable", path=f"order:{order_id}") from None
        return msgspec.structs.replace(entry, details=details)

    async def _ready(self) -> tuple["AsyncScript", "AsyncScript", "AsyncScript"]:
        """Return the scripts that fit the server: read, write, read_saved; the server is asked once."""
        if self._scripts is None:
            with guarded():
                json = bool(await self._redis.eval(HAS_JSON.text, 1, self._keys.key("probe")))
            register = self._redis.register_script
            self._scripts = (
                register(script("read", json=json)),
                register(script("write", json=json)),
                register(script("read_saved", json=json)),
            )
        return self._scripts

    def _entry_keys(self, order_id: str) -> list[str]:
        return [self._keys.key("order", order_id), self._keys.key("order", order_id, "sealed")]

    def _index_key(self, name: str) -> str:
        return self._keys.key("index", name)

    def _bound(self, order_id: str) -> bytes:
        return bind(self._tenant, "order", order_id)

    def _now(self) -> int:
        return int(self._clock() * 1000)


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
