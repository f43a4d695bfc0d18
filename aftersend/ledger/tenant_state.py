"""Facts of the tenant as a whole, in one hash, and the leases of its runs.

==================  ===============================================================================================
field               meaning
==================  ===============================================================================================
``export.start``    ms; start of the last complete export
``export.first``    ms; start of the window of the first complete export
``export.highest``  the highest OrderID that a complete export has seen
``sweep.cursor``    RFC 3339; up to where changed parcels have been read
``closed.<api>``    "<sweeps> <ms>": how many sweeps in a row found v2 or v3 closed, and when the last did
``recovered``       "1" once the ledger is known to be no older than Sendcloud (see ``recovering``)
``horizon``         ms; from where the sweep read that ended the last recovery: what is older may have been forgotten
``restored``        a random word, new with every restore: only a sweep that began after it ends the recovery
``integration``     "<name>=<id>": the integration that was looked up once and is pinned since
``success.<kind>``  ms; last success of export, sweep, writeback, backup
``repeat.<kind>``   "<failed runs in a row> <id of the delayed request that repeats the last one>"
``quiet``           ms; the last moment when no run was expected: the tenant was new, or suspended
==================  ===============================================================================================
"""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, cast

from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.redis.lease import Lease, hold

if TYPE_CHECKING:
    from redis.asyncio import Redis

StateField = Literal[
    "export.start",
    "export.first",
    "export.highest",
    "sweep.cursor",
    "closed.v2",
    "closed.v3",
    "recovered",
    "horizon",
    "restored",
    "integration",
    "success.export",
    "success.sweep",
    "success.writeback",
    "success.backup",
    "repeat.export",
    "repeat.sweep",
    "quiet",
]


class Recovery(NamedTuple):
    """What the state says of recoveries, at one moment."""

    is_running: bool
    horizon: int | None
    """ms; of the last one that has ended."""

    @classmethod
    def of(cls, recovered: bytes | None, cursor: bytes | None, horizon: bytes | None) -> Self:
        """Read the fields ``recovered``, ``sweep.cursor`` and ``horizon``."""
        return cls(None in (recovered, cursor), int(horizon) if horizon and horizon.isdigit() else None)


class TenantState:
    """The hash ``state`` of one tenant."""

    def __init__(self, redis: "Redis", *, tenant: str) -> None:
        self._redis = redis
        self._keys = Keys(tenant)
        self._key = self._keys.key("state")

    async def get(self, field: StateField) -> str | None:
        """Read one field, or None if it was never set."""
        with guarded():
            value = await self._redis.hget(self._key, field)
        return cast("bytes", value).decode() if value is not None else None

    async def moment(self, field: StateField) -> datetime | None:
        """Read one field of milliseconds as a time, UTC; None if it was never set."""
        ms = await self.get(field)
        return datetime.fromtimestamp(int(ms) / 1000, UTC) if ms and ms.isdecimal() else None

    async def set(self, field: StateField, value: str) -> None:
        """Set one field."""
        with guarded():
            await self._redis.hset(self._key, field, value)

    async def delete(self, field: StateField) -> None:
        """Delete one field."""
        with guarded():
            await self._redis.hdel(self._key, field)

    async def recovering(self) -> bool:
        """Return True while the ledger may be older than Sendcloud: nothing must be written to Afterbuy then."""
        with guarded():
            known = await self._redis.hmget(self._key, "recovered", "sweep.cursor")
        return None in known

    def lease(self, name: str) -> AbstractAsyncContextManager[Lease]:
        """Take the lease of one kind of run ("export", "sweep"); ``Later`` if another process holds it."""
        return hold(self._redis, key=self._keys.key("lease", name))
