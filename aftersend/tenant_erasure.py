"""Erase all keys of a tenant: at the end of a contract, when none of its services runs any more."""

import re
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from aftersend.errors import Misconfigured, Transient
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.stream.stream import GROUPS

_CHUNK: Final = 500
_PASSES: Final = 10
_ORDER: Final = re.compile(rb":order:\d+\Z")


@dataclass(slots=True)
class ErasedTenant:
    """How much there was."""

    orders: int = 0
    events: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class TenantErasure:
    """Erases the keys of one tenant."""

    redis: Redis
    keys: Keys

    async def erase(self) -> ErasedTenant:
        """Delete every key, until no more are found: a webhook may add an event meanwhile."""
        erased = ErasedTenant()
        names = await self._names()
        await self._count_events(erased)
        for _ in range(_PASSES):
            if not names:
                break
            erased.orders += sum(bool(_ORDER.search(name)) for name in names)
            for start in range(0, len(names), _CHUNK):
                with guarded():
                    await self.redis.delete(*names[start : start + _CHUNK])
            names = await self._names()
        return erased

    async def _count_events(self, erased: ErasedTenant) -> None:
        with guarded():
            for name in GROUPS:
                erased.events += await self.redis.xlen(self.keys.key(name))
                erased.events += await self.redis.zcard(self.keys.key(name, "delayed"))
                erased.dead += await self.redis.xlen(self.keys.key(name, "dead"))

    async def _names(self) -> list[bytes]:
        """List all keys of the tenant; ``Misconfigured`` for a user of a managed Redis, who may not."""
        try:
            with guarded():
                found: Any = self.redis.scan_iter(match=self.keys.key("*"), count=1000)
                return sorted({name async for name in found})
        except Transient as error:
            if error.code != "redis_refused":
                raise
        raise Misconfigured(
            "this user of Redis may not list keys",
            cure="a managed Redis goes as a whole: spec.deletionPolicy: Delete, then delete the tenant",
        )
