"""Reading what a backup keeps, while everything goes on.

    facts ──> events: delayed, dead, stream, delayed, dead ──> orders

Nothing is stopped, so the copy is not the state of one moment. It is consistent where it matters:

- An order is read in one step: document, sealed part and expiry belong together. Its indexes are not copied at all,
  they are made anew from it.
- The facts come first. What happens after the sweep's cursor was read will be told again by the sweep after a restore.
- Events come before orders. An event that is handled meanwhile is in the copy as event, as effect, or as both, and
  handling it twice is harmless.
- Events move to the delayed set and the dead letters and back. These are read before and after the stream, so only an
  event that moves there and back within one reading could be missed; if its order is in the ledger, it lags there, and
  lagging orders are looked at again after a restore.

``order.check`` is left out of what waits: nothing but a reason to look, and after a restore there is a look at
everything.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, cast

from redis.asyncio import Redis

from aftersend.backup.records import KEPT_FACTS, EventPlace, Record, SavedEvent, SavedFacts
from aftersend.errors import AftersendError
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.redis.connection import guarded
from aftersend.redis.scripts import run_script
from aftersend.sealing import Keyring
from aftersend.stream.event import Fields, text_of
from aftersend.stream.stream import GROUPS, Stream

_PAGE: Final = 100
_WAITING: Final[tuple[EventPlace, ...]] = ("delayed", "dead", "stream", "delayed", "dead")


class Collector:
    """Reads one tenant. ``unreadable`` counts sealed parts that could not be opened."""

    def __init__(self, *, state: TenantState, streams: list[Stream], ledger: Ledger, keyring: Keyring) -> None:
        self._state = state
        self._streams = streams
        self._ledger = ledger
        self._keyring = keyring
        self.unreadable = 0

    @classmethod
    def of(cls, redis: Redis, *, tenant: str, keyring: Keyring) -> "Collector":
        """That of a tenant."""
        return cls(
            state=TenantState(redis, tenant=tenant),
            streams=[Stream(redis, tenant=tenant, name=name, keyring=keyring) for name in GROUPS],
            ledger=Ledger(redis, tenant=tenant, keyring=keyring),
            keyring=keyring,
        )

    async def records(self) -> AsyncIterator[Record]:
        """Everything that a backup keeps."""
        known = {name: await self._state.get(name) for name in KEPT_FACTS}
        yield SavedFacts({name: value for name, value in known.items() if value is not None})
        for stream in self._streams:
            async for event in self._events(stream):
                yield event
        async for saved in self._orders():
            yield saved

    async def _events(self, stream: Stream) -> AsyncIterator[SavedEvent]:
        seen: set[tuple[EventPlace, int]] = set()
        for place in _WAITING:
            async for entry in entries(stream, place):
                mark = (place, hash(entry.name))
                if mark in seen or (place != "dead" and text_of(entry.fields, b"type") == "order.check"):
                    continue
                if place != "stream":
                    seen.add(mark)
                yield self._queued(stream, place, entry.fields, entry.due)

    def _queued(self, stream: Stream, place: EventPlace, fields: Fields, due: float) -> SavedEvent:
        bound = stream.bound(text_of(fields, b"type"), text_of(fields, b"id"))
        try:
            plain = self._keyring.open(fields.get(b"data", b""), bound=bound)
        except AftersendError:
            return SavedEvent(stream.name, place, dict(fields), due)
        return SavedEvent(stream.name, place, {**fields, b"data": plain}, due, opened=True)

    async def _orders(self) -> AsyncIterator[Record]:
        page: list[str] = []
        async for order in self._ledger.orders():
            page.append(order)
            if len(page) == _PAGE:
                for saved in await self._saved(page):
                    yield saved
                page = []
        for saved in await self._saved(page):
            yield saved

    async def _saved(self, orders: list[str]) -> list[Record]:
        found = await self._ledger.saved(orders)
        self.unreadable += sum(saved.unreadable for saved in found)
        return list(found)


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event as it lies there."""

    name: bytes
    """Id of its entry, or the member of the delayed set."""
    fields: Fields
    due: float = 0.0
    """Delayed ones: ms since 1970."""


def entries(stream: Stream, place: EventPlace) -> AsyncIterator[FoundEvent]:
    """All events in one place; what is no event in the delayed set is left out."""
    if place == "delayed":
        return _delayed(stream)
    return _entries(stream, stream.dead_key if place == "dead" else stream.key)


async def _entries(stream: Stream, key: str) -> AsyncIterator[FoundEvent]:
    start = "-"
    while True:
        with guarded():
            found = await stream.redis.xrange(key, start, "+", count=_PAGE)
        page = cast("list[tuple[bytes, Fields]]", found)
        for name, fields in page:
            yield FoundEvent(name, fields)
        if len(page) < _PAGE:
            return
        start = "(" + page[-1][0].decode()


async def _delayed(stream: Stream) -> AsyncIterator[FoundEvent]:
    cursor: bytes | str = "0"
    while True:
        cursor, page = await run_script(stream.redis, "delayed", keys=[stream.delayed_key], args=[cursor, _PAGE])
        for member, due, flat in page:
            if flat:
                pairs = iter(flat)
                yield FoundEvent(member, dict(zip(pairs, pairs, strict=True)), float(due))
        if cursor == b"0":
            return
