"""Restore a backup into an empty tenant or a running one; a repeated restore changes nothing more (idempotent).

    read it to its end first ──> lease of the sweep ──> facts ──> events, orders ──> request a recovery sweep

Newer state is kept: orders are joined (``ledger.join``), an event that is there already is not added again, of two
cursors the older counts, of two daily counters the greater. From the first step on the tenant is *recovering*: events
are merged, but nothing is written to Afterbuy until a sweep that began after the restore has read everything since the
backup's cursor. Holding the lease keeps a running sweep from moving the cursor past what the restored orders have
missed, and the fact ``restored`` makes void the markers of earlier sweeps, which would end the recovery too soon.

An order that was erased on request does not return: its tombstone beats its saved entry, whether it stands in Redis, in
this backup or in a newer one, and its events are deleted once all is restored (see ``erasure``).

An interrupted restore leaves the tenant as if the backup had held less: repeat it.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from redis.asyncio import Redis

from aftersend.audit import AuditTrail
from aftersend.backup.records import KEPT_FACTS, Record, SavedEvent, SavedFacts
from aftersend.erasure import Erasure
from aftersend.errors import Later
from aftersend.ledger.saved_order import SavedOrder
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import StateField, TenantState
from aftersend.redis.connection import guarded
from aftersend.runs import RunRequest, publish
from aftersend.sealing import Keyring
from aftersend.stream.dead_letters import LIFE_MS
from aftersend.stream.event import Fields, seconds_of, text_of
from aftersend.stream.scripts import ADD_DELAYED, flat
from aftersend.stream.stored_events import PLACES, stored_events
from aftersend.stream.stream import Stream, StreamName

_OLDER_COUNTS: Final = ("export.start", "export.first", "export.highest")
"""Facts of which the older one counts: what an export looks at again changes nothing."""
_LONGEST_NUMBER: Final = 20
_LEASE_WAIT: Final = 90
"""Seconds to wait for a sweep, or for the lease of one that was killed."""


class Restored(msgspec.Struct, kw_only=True):
    """The result of a restore, as ``backup restore --json`` prints it."""

    id: str
    orders: int = 0
    """Orders that were restored or changed."""
    events: int = 0
    """Events that were restored: waiting, delayed or dead."""
    unchanged: int = 0
    """Orders and events that were there already, or would have expired since."""


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores the records of a backup into one tenant."""

    state: TenantState
    trail: AuditTrail
    streams: dict[StreamName, Stream]
    ledger: Ledger
    keyring: Keyring
    pickup_matters: bool
    erasure: Erasure

    @classmethod
    def of(cls, redis: Redis, *, tenant: str, keyring: Keyring, pickup_matters: bool) -> "Restorer":
        """Make the restorer of a tenant."""
        erasure = Erasure.of(redis, tenant=tenant, keyring=keyring)
        return cls(
            state=TenantState(redis, tenant=tenant),
            trail=AuditTrail(redis, tenant=tenant),
            streams={stream.name: stream for stream in erasure.streams},
            ledger=erasure.ledger,
            keyring=keyring,
            pickup_matters=pickup_matters,
            erasure=erasure,
        )

    async def restore(
        self, records: AsyncIterator[Record], *, backup_id: str, tombstones: Iterable[SavedOrder] = ()
    ) -> Restored:
        """Restore the records; ``Later`` if a sweep does not end. They must have been verified to their end before.

        ``tombstones`` are those of a newer backup: what was erased after this one was made does not return.
        """
        restored = Restored(id=backup_id)
        async with AsyncExitStack() as stack:
            await self._take_sweep_lease(stack)
            await self._begin()
            known = await self._known()
            for saved in tombstones:
                await self.ledger.restore(saved, pickup_matters=self.pickup_matters)
            async for record in records:
                match record:
                    case SavedFacts():
                        await self._facts(record.state)
                        await self.ledger.days.restore(record.days)
                        await self.trail.add(record.audit)
                    case SavedEvent():
                        await self._event(record, known, restored)
                    case SavedOrder() as saved:
                        changed = await self.ledger.restore(saved, pickup_matters=self.pickup_matters)
                        restored.orders += changed
                        restored.unchanged += not changed
            erased = await self.erasure.erase_events(await self._forgotten())
            restored.events -= min(restored.events, erased.counts.total())
        await publish(self.streams["runs"], RunRequest(kind="sweep", recovery=True), source="cli")
        return restored

    async def _take_sweep_lease(self, stack: AsyncExitStack) -> None:
        for _ in range(_LEASE_WAIT):
            with suppress(Later):
                await stack.enter_async_context(self.state.lease("sweep"))
                return
            await asyncio.sleep(1)
        raise Later("a sweep does not end", retry_after=_LEASE_WAIT)

    async def _begin(self) -> None:
        """Mark the tenant as recovering: from here on nothing is written to Afterbuy."""
        await self.state.delete("recovered")
        await self.state.set("restored", secrets.token_hex(8))

    async def _facts(self, saved: dict[str, str]) -> None:
        live = {name: value for name in KEPT_FACTS if (value := await self.state.get(name))}
        for name, value in merged_facts(live, saved).items():
            if value is None:
                await self.state.delete(name)
            else:
                await self.state.set(name, value)

    async def _forgotten(self) -> set[str]:
        """Return the orders that were erased on request, here or before the backup: their events do not return."""
        saved = self.ledger.saved(self.ledger.orders())
        return {each.entry.order async for each in saved if each.entry.is_forgotten}

    async def _known(self) -> set[tuple[StreamName, str]]:
        """Return the names of the events that are there."""
        return {
            (stream.name, _name(found.fields))
            for stream in self.streams.values()
            for place in PLACES
            async for found in stored_events(stream, place)
        }

    async def _event(self, event: SavedEvent, known: set[tuple[StreamName, str]], restored: Restored) -> None:
        stream, name = self.streams[event.stream], (event.stream, _name(event.fields))
        if name in known or _is_outdated(event.fields, now=time.time()):
            restored.unchanged += 1
            return
        fields = event.fields
        if event.opened:
            bound = stream.bound(text_of(fields, b"type"), text_of(fields, b"id"))
            fields = {**fields, b"data": self.keyring.seal(fields[b"data"], bound=bound)}
        await _put(stream, event, fields)
        known.add(name)
        restored.events += 1


def merged_facts(live: Mapping[StateField, str], saved: Mapping[str, str]) -> dict[StateField, str | None]:
    """Merge the facts: the older cursor and progress of exports, the later success, and what only one of them has.

    A backup without cursor is of a time before the first sweep: then the cursor goes (None), and the next sweep reaches
    as far back as it can. A number that is none counts as absent: one bad fact keeps no tenant from its backup.
    """
    merged: dict[StateField, str | None] = {"sweep.cursor": None}
    for name in KEPT_FACTS:
        is_number = name in _OLDER_COUNTS or name.startswith("success.")
        found = (live.get(name), saved.get(name))
        values = [value for value in found if value and (_is_number(value) or not is_number)]
        if name == "sweep.cursor":
            merged[name] = min(values) if name in saved else None
        elif name in _OLDER_COUNTS and values:
            merged[name] = min(values, key=int)
        elif values:
            merged[name] = max(values, key=int) if name.startswith("success.") else values[0]
    return merged


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER


async def _put(stream: Stream, event: SavedEvent, fields: dict[bytes, bytes]) -> None:
    if event.place == "delayed":
        args = [f"{event.due:.0f}", *flat(fields)]
        await ADD_DELAYED.run(stream.redis, keys=[stream.delayed_key], args=args)
        return
    key = stream.dead_key if event.place == "dead" else stream.key
    with guarded():
        await stream.redis.xadd(key, cast("Any", fields))


def _is_outdated(fields: Fields, *, now: float) -> bool:
    """Return whether an event would have ended since: nothing of it is kept for longer than a dead letter."""
    moment = seconds_of(text_of(fields, b"died") or text_of(fields, b"first"))
    return moment is not None and (now - moment) * 1000 > LIFE_MS


def _name(fields: Fields) -> str:
    """Identify an event: by its id, or by all its fields if it never had one."""
    return text_of(fields, b"id") or str(hash(tuple(sorted(fields.items()))))
