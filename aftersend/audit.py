"""The audit trail of a tenant: what persons did through the commands, for 90 days.

    command ──> record: a member of the sorted set ``audit`` (score: time in ms) and the log event ``audited``
    backup  ──> the records travel with the facts; a restore unites both trails

A record is written before the deed, so that a process that dies leaves it, too. It names the action, the time and the
way, and never an order: an order that was erased would stay readable in it. Who it was is in the audit log of the
cluster, which knows the caller of ``exec`` and the creator of a job.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from aftersend.observe.logs import get_logger
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.stream.event import new_id, rfc3339

if TYPE_CHECKING:
    from redis.asyncio import Redis

Action = Literal["dead.redrive", "dead.drop", "backup.restore", "keys.export", "forget.order", "forget.tenant"]
Way = Literal["cli", "job"]
LIFE_MS: Final = 90 * 86_400_000


class AuditRecord(msgspec.Struct, frozen=True):
    """One line of ``aftersend audit``."""

    id: str
    """UUIDv7; the log event has it, too."""
    time: str
    """RFC 3339, UTC; when the command began to act."""
    action: Action
    way: Way
    """``job``: with the Redis user that jobs have; ``cli``: called in a pod of a service, or on a machine."""
    backup: str = ""
    """Restores only: the backup that was put back."""


_decoder = msgspec.json.Decoder(AuditRecord)


class AuditTrail:
    """The audit trail of one tenant; ``clock`` returns seconds since 1970."""

    def __init__(self, redis: "Redis", *, tenant: str, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._tenant = tenant
        self._key = Keys(tenant).key("audit")
        self._clock = clock

    async def record(self, action: Action, *, way: Way = "cli", backup: str = "") -> AuditRecord:
        """Log an action and store it; ``Transient`` if Redis fails, when it is logged all the same."""
        now = self._clock()
        made = AuditRecord(new_id(now), rfc3339(now), action, way, backup)
        facts = {name: value for name, value in msgspec.structs.asdict(made).items() if value}
        get_logger().info("audited", tenant=self._tenant, **facts)
        await self.add({msgspec.json.encode(made).decode(): now * 1000})
        return made

    async def add(self, records: dict[str, float]) -> None:
        """Store records, as they are encoded, by their time in ms; expired ones go."""
        expired = self._clock() * 1000 - LIFE_MS
        kept = {record: ms for record, ms in records.items() if ms > expired}
        with guarded():
            if kept:
                await self._redis.zadd(self._key, kept)
            old: Any = await self._redis.zrangebyscore(self._key, "-inf", expired)
            if old:
                await self._redis.zrem(self._key, *old)
            await self._redis.pexpire(self._key, LIFE_MS)

    async def stored(self) -> dict[str, float]:
        """Return all records as they are encoded, each with its time in ms, the oldest first."""
        with guarded():
            found: Any = await self._redis.zrangebyscore(
                self._key, self._clock() * 1000 - LIFE_MS, "+inf", withscores=True
            )
        return {record.decode(): ms for record, ms in found}

    async def records(self) -> list[AuditRecord]:
        """Return all records, the oldest first; what a later release wrote and this one cannot read is left out."""
        return list(_readable(await self.stored()))


def _readable(records: Iterable[str]) -> Iterable[AuditRecord]:
    for record in records:
        try:
            yield _decoder.decode(record)
        except msgspec.MsgspecError:
            continue
