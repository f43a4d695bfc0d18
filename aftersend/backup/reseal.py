"""Reseal under the newest data key what old keys have sealed in Redis, so that the old keys may be removed.

Services run on meanwhile. Each value is exchanged in one step, and only if it is still the one that was read: a value
that has changed or is in flight stays as it is and is found by the next call. An event on a stream gets a new entry,
since entries cannot be changed; it keeps id, first and trace. Events in flight end by themselves; an entry that a dead
process has held for longer than a minute is exchanged. A repeated call goes on where the last one ended: what is sealed
under the newest key is skipped. What the webhook sealed with a seal key counts for the data key of the same name.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import msgspec

from aftersend.errors import Rejected
from aftersend.ledger.scripts import RESEAL_VALUE
from aftersend.ledger.store import Ledger
from aftersend.redis.connection import guarded
from aftersend.sealing import Keyring, UnknownKey, key_id_of
from aftersend.stream.event import text_of
from aftersend.stream.scripts import RESEAL_DELAYED, RESEAL_ENTRY, flat
from aftersend.stream.stored_events import PLACES, EventPlace, StoredEvent, stored_events
from aftersend.stream.stream import GROUPS, Stream

if TYPE_CHECKING:
    from redis.asyncio import Redis

_HELD_MS: Final = 60_000


class KeyUse(msgspec.Struct, kw_only=True):
    """Number of values that are sealed under one data key."""

    key: str
    here: bool = False
    """The key file is here."""
    ledger: int = 0
    """Orders with a sealed part under it."""
    events: int = 0
    """Events under it: waiting, delayed, dead."""
    backups: int = 0
    """Backups that need it; they end with spec.backup.keepHours."""


class Resealer:
    """Reseals one tenant."""

    def __init__(self, redis: "Redis", *, tenant: str, keyring: Keyring) -> None:
        self._redis = redis
        self._keyring = keyring
        self._ledger = Ledger(redis, tenant=tenant, keyring=keyring)
        self._streams = [Stream(redis, tenant=tenant, name=name, keyring=keyring) for name in GROUPS]

    async def reseal(self) -> int:
        """Reseal what can be exchanged now; returns the number of values."""
        newest, count = self._keyring.ids()[0], 0
        async for order in self._ledger.orders():
            count += await self._value(*self._ledger.sealed_place(order), newest)
        for stream in self._streams:
            for place in PLACES:
                async for found in stored_events(stream, place):
                    count += await self._event(stream, place, found, newest)
        return count

    async def uses(self) -> list[KeyUse]:
        """Count values by key, the newest key first; keys without values are in it, too."""
        uses = {key: KeyUse(key=key, here=True) for key in self._keyring.ids()}
        async for order in self._ledger.orders():
            if key := key_id_of(await self._get(self._ledger.sealed_place(order)[0])):
                uses.setdefault(key, KeyUse(key=key)).ledger += 1
        for stream in self._streams:
            for place in PLACES:
                async for found in stored_events(stream, place):
                    if key := key_id_of(found.fields.get(b"data", b"")):
                        uses.setdefault(key, KeyUse(key=key)).events += 1
        return list(uses.values())

    async def _value(self, name: str, bound: bytes, newest: str) -> int:
        old = await self._get(name)
        new = self._sealed_anew(old, partial(self._keyring.open, old, bound=bound), bound, newest)
        return int(await RESEAL_VALUE.run(self._redis, keys=[name], args=[old, new])) if new else 0

    async def _event(self, stream: Stream, place: EventPlace, found: StoredEvent, newest: str) -> int:
        fields = found.fields
        bound = stream.bound(text_of(fields, b"type"), text_of(fields, b"id"))
        new = self._sealed_anew(fields.get(b"data", b""), partial(stream.unseal, fields), bound, newest)
        if not new:
            return 0
        resealed = flat({**fields, b"data": new})
        if place == "delayed":
            args = [found.name, f"{found.due:.0f}", *resealed]
            return int(await RESEAL_DELAYED.run(self._redis, keys=[stream.delayed_key], args=args))
        key, group = (stream.dead_key, "") if place == "dead" else (stream.key, stream.group)
        args = [group, _HELD_MS, found.name, *resealed]
        return int(await RESEAL_ENTRY.run(self._redis, keys=[key], args=args))

    def _sealed_anew(self, old: bytes, unseal: Callable[[], bytes], bound: bytes, newest: str) -> bytes:
        """Reseal a value; empty if it is under the newest key already, or cannot be opened."""
        if key_id_of(old) in ("", newest):
            return b""
        try:
            return self._keyring.seal(unseal(), bound=bound, key=newest)
        except (UnknownKey, Rejected):
            return b""

    async def _get(self, name: str) -> bytes:
        with guarded():
            return cast("bytes | None", await self._redis.get(name)) or b""
