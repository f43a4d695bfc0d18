"""Read what a backup keeps, while the services run.

    facts ──> events: delayed, dead, stream, delayed, dead ──> orders

No service is stopped, so the copy is not the state of one moment. It is consistent where it matters:

- An order is read in one step: document, sealed part and expiry belong together. Its indexes are not copied, they
  follow from it.
- The facts come first. What happens after the sweep's cursor was read is read again by the sweep after a restore.
- Events come before orders. An event that is handled meanwhile is in the copy as event, as effect, or as both, and
  handling it twice is harmless (idempotent).
- Events move to the delayed set and the dead letters and back. These are read before and after the stream, so only an
  event that moves there and back within one reading could be missed; if its order is in the ledger, it lags there, and
  lagging orders are checked again after a restore.

``order.check`` is left out, except among dead letters: after a restore every lagging order is checked anyway.
"""

from collections.abc import AsyncIterator
from typing import Final

from redis.asyncio import Redis

from aftersend.audit import AuditTrail
from aftersend.backup.records import KEPT_FACTS, Record, SavedEvent, SavedFacts
from aftersend.errors import AftersendError
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.sealing import Keyring
from aftersend.stream.event import text_of
from aftersend.stream.stored_events import EventPlace, StoredEvent, stored_events
from aftersend.stream.stream import GROUPS, Stream

_READ_ORDER: Final[tuple[EventPlace, ...]] = ("delayed", "dead", "stream", "delayed", "dead")


class Collector:
    """Reads the records of one tenant; ``unreadable`` counts sealed parts that could not be opened."""

    def __init__(self, *, state: TenantState, trail: AuditTrail, streams: list[Stream], ledger: Ledger) -> None:
        self._state = state
        self._trail = trail
        self._streams = streams
        self._ledger = ledger
        self.unreadable = 0

    @classmethod
    def of(cls, redis: Redis, *, tenant: str, keyring: Keyring) -> "Collector":
        """Make the collector of a tenant."""
        return cls(
            state=TenantState(redis, tenant=tenant),
            trail=AuditTrail(redis, tenant=tenant),
            streams=[Stream(redis, tenant=tenant, name=name, keyring=keyring) for name in GROUPS],
            ledger=Ledger(redis, tenant=tenant, keyring=keyring),
        )

    async def records(self) -> AsyncIterator[Record]:
        """Yield everything that a backup keeps."""
        known = {name: await self._state.get(name) for name in KEPT_FACTS}
        facts: dict[str, str] = {name: value for name, value in known.items() if value is not None}
        yield SavedFacts(facts, await self._ledger.days.saved(), await self._trail.stored())
        for stream in self._streams:
            async for event in self._events(stream):
                yield event
        async for saved in self._ledger.saved(self._ledger.orders()):
            self.unreadable += saved.unreadable
            yield saved

    async def _events(self, stream: Stream) -> AsyncIterator[SavedEvent]:
        seen: set[tuple[EventPlace, int]] = set()
        for place in _READ_ORDER:
            async for event in stored_events(stream, place):
                mark = (place, hash(event.name))
                if mark in seen or (place != "dead" and text_of(event.fields, b"type") == "order.check"):
                    continue
                if place != "stream":
                    seen.add(mark)
                yield self._saved_event(stream, place, event)

    def _saved_event(self, stream: Stream, place: EventPlace, event: StoredEvent) -> SavedEvent:
        fields = event.fields
        try:
            plain = stream.unseal(fields)
        except AftersendError:
            return SavedEvent(stream.name, place, dict(fields), event.due)
        return SavedEvent(stream.name, place, {**fields, b"data": plain}, event.due, opened=True)
