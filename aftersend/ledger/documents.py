"""How entries are stored: two keys per order, read and written for many orders in one round trip.

``order:<id>`` is readable and holds ids, times, states and keyed marks; it lives 90 days from its last change.
``order:<id>:sealed`` holds numbers, links and carriers, encrypted and bound to the tenant and the order. It lives as
long, but only seven days from when the order is done: Redis itself expires it, so no housekeeping of ours can fail.

What fails for one order, an unreadable entry for example, is the result of that order and leaves the others alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import msgspec

from aftersend.errors import AftersendError, Bug, Rejected, Transient
from aftersend.ledger.day_counters import DAY_LIFE_MS, DAY_MS, DayCounters
from aftersend.ledger.entry import Entry
from aftersend.ledger.index import INDEX_PLACES, INDEXES, positions
from aftersend.ledger.saved_order import SavedOrder
from aftersend.ledger.scripts import HAS_JSON, ScriptName, script
from aftersend.ledger.sealed_part import decode_sealed_part, encode_sealed_part
from aftersend.ledger.tenant_state import Recovery
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.redis.lease import LEASE_MS, Lease
from aftersend.redis.scripts import ScriptArgument, ScriptCall
from aftersend.sealing import Keyring, UnknownKey, bind
from aftersend.undecodable import UNDECODABLE

if TYPE_CHECKING:
    from redis.asyncio import Redis

ENTRY_LIFE_MS: Final = 90 * DAY_MS
SEALED_LIFE_DONE_MS: Final = 7 * DAY_MS

_encoder = msgspec.json.Encoder(order="deterministic")
_entries = msgspec.json.Decoder(Entry)
_UNKNOWN: Final = Recovery(is_running=True, horizon=None)


@dataclass(frozen=True, slots=True)
class EntryWrite:
    """An entry to store in place of the one before; None = there was none."""

    before: Entry | None
    after: Entry
    life: int = ENTRY_LIFE_MS
    """ms."""
    sealed_life: int | None = None
    """ms; None = as the entry demands."""


@dataclass(frozen=True, slots=True)
class EntryLook:
    """An entry and the recovery of its tenant, both of one moment."""

    entry: Entry | AftersendError | None
    """None if it is absent, or what prevented reading it."""
    recovery: Recovery = _UNKNOWN


class Documents:
    """The stored entries of one tenant."""

    def __init__(self, redis: "Redis", *, tenant: str, keyring: Keyring, days: DayCounters) -> None:
        self._redis = redis
        self._days = days
        self._bound_orders = bind(tenant, "order")
        self._keys = Keys(tenant)
        self._state_key = self._keys.key("state")
        self._keyring = keyring
        self._indexes = [self._keys.key("index", name) for name in INDEXES]
        self._json: bool | None = None

    async def read(self, order_ids: Sequence[str]) -> list[Entry | AftersendError | None]:
        """Read entries; None for an absent one, the error for one that cannot be read."""
        answers = await self._run("read", [(self.keys_of(order_id), ()) for order_id in order_ids])
        return [self._entry(order_id, answer) for order_id, answer in zip(order_ids, answers, strict=True)]

    async def look(self, order_ids: Sequence[str]) -> list[EntryLook]:
        """Read entries, each with the recovery of the tenant."""
        answers = await self._run(
            "look", [(self.keys_of(order_id), ()) for order_id in order_ids], shared=[self._state_key]
        )
        return [self._look(order_id, answer) for order_id, answer in zip(order_ids, answers, strict=True)]

    async def take(self, leases: Mapping[str, Lease]) -> dict[str, EntryLook]:
        """Take leases by order and look at the entries then; orders whose lease another process holds are left out."""
        calls: list[ScriptCall] = []
        for order_id, lease in leases.items():
            key, token = lease.place
            calls.append(([*self.keys_of(order_id), key], (token, LEASE_MS)))
        answers = await self._run("look", calls, shared=[self._state_key])
        found = dict(zip(leases, answers, strict=True))
        return {order_id: self._look(order_id, answer) for order_id, answer in found.items() if answer is not None}

    async def readable(self, order_id: str) -> Entry | None:
        """Read an entry without its sealed part, whether or not that can be opened; None if it is absent."""
        (answer,) = await self._run("read", [(self.keys_of(order_id), ())])
        if isinstance(answer, Transient):
            raise answer
        return self._decode(order_id, answer[0], None)

    async def saved(self, order_ids: Sequence[str]) -> list[SavedOrder | None]:
        """Read what a backup keeps of orders, each as it was at one moment; None for absent ones."""
        answers = await self._run("read_saved", [(self.keys_of(order_id), ()) for order_id in order_ids])
        return [self._saved(order_id, answer) for order_id, answer in zip(order_ids, answers, strict=True)]

    async def write(self, writes: Sequence[EntryWrite], *, now: int) -> list[bool | Transient]:
        """Compare and set entries; False where the revision has moved, or the error of Redis."""
        calls = [self._call(each, now) for each in writes]
        answers = await self._run("write", calls, shared=[*self._indexes, self._days.key])
        return [answer if isinstance(answer, Transient) else bool(answer) for answer in answers]

    def keys_of(self, order_id: str) -> list[str]:
        """Return the keys of an order's readable and sealed part."""
        return [self._keys.key("order", order_id), self._keys.key("order", order_id, "sealed")]

    def bound(self, order_id: str) -> bytes:
        """Return the associated data of an order's sealed part."""
        return self._bound_orders + bind(order_id)

    def _call(self, write: EntryWrite, now: int) -> ScriptCall:
        after, known = write.after, write.before or Entry(order=write.after.order)
        sealed, usual = self._sealed(known, after)
        parcels = (self._keys.key("parcel", parcel) for parcel in after.parcels)
        places = [(INDEX_PLACES[name], score) for name, score in positions(after).items()]
        arguments: list[ScriptArgument] = [
            *(known.revision if write.before else -1, _encoder.encode(msgspec.structs.replace(after, details={}))),
            *(write.life, sealed, usual if write.sealed_life is None else write.sealed_life, after.order),
            *(now - ENTRY_LIFE_MS, len(INDEXES), len(places), *chain.from_iterable(places)),
            DAY_LIFE_MS,
            *self._days.fields(known, after, now=now),
        ]
        return [*self.keys_of(after.order), *parcels], arguments

    def _sealed(self, before: Entry, after: Entry) -> tuple[bytes, int | str]:
        """Return the sealed part to write (empty = keep) and its life in ms (empty = keep)."""
        if after.is_forgotten:
            return b"", 0  # expires at once
        life: int | str = SEALED_LIFE_DONE_MS if after.is_done else ENTRY_LIFE_MS
        if after.details == before.details:
            return b"", "" if before.is_done and after.is_done else life
        plain = encode_sealed_part(after.details)
        return self._keyring.seal(plain, bound=self.bound(after.order)), life

    def _entry(self, order_id: str, answer: Any) -> Entry | AftersendError | None:  # noqa: ANN401 - of a script
        if isinstance(answer, Transient):
            return answer
        try:
            return self._decode(order_id, *answer)
        except AftersendError as error:
            return error

    def _look(self, order_id: str, answer: Any) -> EntryLook:  # noqa: ANN401 - of a script
        if isinstance(answer, Transient):
            return EntryLook(answer)
        document, sealed, *state = answer
        return EntryLook(self._entry(order_id, (document, sealed)), Recovery.of(*state))

    def _saved(self, order_id: str, answer: Any) -> SavedOrder | None:  # noqa: ANN401 - of a script
        if isinstance(answer, Transient):
            raise answer
        document, sealed, until = answer
        try:
            entry, unreadable = self._decode(order_id, document, sealed), False
        except (UnknownKey, Rejected):
            entry, unreadable = self._decode(order_id, document, None), True
        if entry is None:
            return None
        return SavedOrder(entry, until if entry.details else 0, unreadable)

    def _decode(self, order_id: str, document: bytes | None, sealed: bytes | None) -> Entry | None:
        if document is None:
            return None
        try:
            entry = _entries.decode(document)
            details = decode_sealed_part(self._keyring.open(sealed, bound=self.bound(order_id))) if sealed else {}
        except UNDECODABLE:
            raise Bug("ledger_unreadable", path=f"order:{order_id}") from None
        return msgspec.structs.replace(entry, details=details)

    async def _run(self, name: ScriptName, calls: Sequence[ScriptCall], *, shared: Sequence[str] = ()) -> list[Any]:
        """Run a script once per call; again for calls that failed because the server has got or lost the module."""
        json = self._json if self._json is not None else await self._has_json()
        answers = await script(name, json=json).run_many(self._redis, calls, shared=shared)
        failed = [place for place, answer in enumerate(answers) if _is_refused(answer)]
        if failed and await self._has_json() != json:
            again = [calls[place] for place in failed]
            repeated = await script(name, json=not json).run_many(self._redis, again, shared=shared)
            for place, answer in zip(failed, repeated, strict=True):
                answers[place] = answer
        return answers

    async def _has_json(self) -> bool:
        """Ask the server, which a process may outlive: its next one may be of another image."""
        with guarded():
            self._json = bool(await self._redis.eval(HAS_JSON.text, 1, self._keys.key("probe")))
        return self._json


def _is_refused(answer: object) -> bool:
    """Return True if the server knows no such command, or finds a value of another kind."""
    return isinstance(answer, Transient) and answer.code == "redis_error"
