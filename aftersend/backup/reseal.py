"""Sealing anew under the newest data key whatever old keys have sealed in Redis, so that those may be removed.

Services run on meanwhile. Each value is exchanged in one step, and only if it is still the one that was read: what
somebody changed or handles right now is left alone and found by the next call. An event on a stream gets a new entry,
since entries cannot be changed; it keeps id, first and trace. Events that are being handled vanish by themselves; what
a dead process has held for longer than a minute is exchanged. Calling it again goes on where it ended: what is sealed
under the newest key is passed over.
"""

from typing import TYPE_CHECKING, Final, cast

import msgspec

from aftersend.backup.collect import FoundEvent, entries
from aftersend.backup.records import EventPlace
from aftersend.errors import Rejected
from aftersend.ledger.store import Ledger
from aftersend.redis.connection import guarded
from aftersend.redis.scripts import ScriptArgument, run_script
from aftersend.sealing import Keyring, UnknownKey, key_id_of
from aftersend.stream.event import text_of
from aftersend.stream.stream import GROUPS, Stream

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PLACES: Final[tuple[EventPlace, ...]] = ("stream", "delayed", "dead")
_HELD_MS: Final = 60_000


class KeyUse(msgspec.Struct, kw_only=True):
    """What is sealed under one data key."""

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
        """Exchange what can be exchanged now; returns how much that was."""
        newest, count = self._keyring.ids()[0], 0
        async for order in self._ledger.orders():
            count += await self._value(*self._ledger.sealed_place(order), newest)
        for stream in self._streams:
            for place in _PLACES:
                async for found in entries(stream, place):
                    count += await self._event(stream, place, found, newest)
        return count

    async def uses(self) -> list[KeyUse]:
        """What is sealed under which key, the newest first; keys under which nothing is sealed are in it, too."""
        uses = {key: KeyUse(key=key, here=True) for key in self._keyring.ids()}
        async for order in self._ledger.orders():
            if key := key_id_of(await self._get(self._ledger.sealed_place(order)[0])):
                uses.setdefault(key, KeyUse(key=key)).ledger += 1
        for stream in self._streams:
            for place in _PLACES:
                async for found in entries(stream, place):
                    if key := key_id_of(found.fields.get(b"data", b"")):
                        uses.setdefault(key, KeyUse(key=key)).events += 1
        return list(uses.values())

    async def _value(self, name: str, bound: bytes, newest: str) -> int:
        old = await self._get(name)
        new = self._sealed_anew(old, bound, newest)
        return int(await run_script(self._redis, "reseal_value", keys=[name], args=[old, new])) if new else 0

    async def _event(self, stream: Stream, place: EventPlace, found: FoundEvent, newest: str) -> int:
        fields = found.fields
        bound = stream.bound(text_of(fields, b"type"), text_of(fields, b"id"))
        new = self._sealed_anew(fields.get(b"data", b""), bound, newest)
        if not new:
            return 0
        pairs: list[ScriptArgument] = []
        for name, value in {**fields, b"data": new}.items():
            pairs += (name, value)
        if place == "delayed":
            args: list[ScriptArgument] = [found.name, f"{found.due:.0f}", *pairs]
            return int(await run_script(self._redis, "reseal_delayed", keys=[stream.delayed_key], args=args))
        key, group = (stream.dead_key, "") if place == "dead" else (stream.key, stream.group)
        return int(
            await run_script(self._redis, "reseal_entry", keys=[key], args=[group, _HELD_MS, found.name, *pairs])
        )

    def _sealed_anew(self, old: bytes, bound: bytes, newest: str) -> bytes:
        """Empty if there is nothing to do, or nothing that can be done."""
        if key_id_of(old) in ("", newest):
            return b""
        try:
            return self._keyring.seal(self._keyring.open(old, bound=bound), bound=bound, key=newest)
        except (UnknownKey, Rejected):
            return b""

    async def _get(self, name: str) -> bytes:
        with guarded():
            return cast("bytes | None", await self._redis.get(name)) or b""
