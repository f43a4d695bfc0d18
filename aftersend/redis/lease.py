"""Leases: the holder works alone, until 60 seconds after its last renewal.

The key holds a random token. Taking it is ``SET NX PX``; renewing, checking and releasing compare the token on the
server, so a lease that went to another holder meanwhile is never touched. A background task renews every 20
seconds; ``check`` asks the server right before an effect that must not happen twice, and renews as well. If the holder
dies, the lease ends by itself 60 seconds later.

A lease that is lost or held is no failure: it raises ``Later``, and the work is tried again. Many leases are taken,
checked, renewed and released in one round trip each.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from aftersend.errors import Later, Transient
from aftersend.redis.scripts import Script

if TYPE_CHECKING:
    from redis.asyncio import Redis

LEASE_MS = 60_000
_RENEW_SECONDS = 20.0
_AGAIN_SECONDS = 1.0
_OURS: Final = "redis.call('GET', KEYS[1]) == ARGV[1]"
_TAKE: Final = Script.of(f"return (redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) or {_OURS}) and 1 or 0")
"""It is ours already if the command was sent twice."""
_RENEW: Final = Script.of(f"return {_OURS} and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0")
_RELEASE: Final = Script.of(f"return {_OURS} and redis.call('DEL', KEYS[1]) or 0")


def lease_held() -> Later:
    """Return the error of a lease that another process holds."""
    return Later("lease_held", retry_after=_AGAIN_SECONDS)


class Lease:
    """A lease that is held; made by ``hold`` and ``hold_many``."""

    def __init__(self, redis: "Redis", *, key: str, token: str) -> None:
        self._redis = redis
        self._key = key
        self._token = token

    async def check(self) -> None:
        """Raise ``Later`` unless the lease is still ours; if it is, it is good for another 60 seconds."""
        (lost,) = await check_many(self._redis, [self])
        if lost is not None:
            raise lost

    @property
    def place(self) -> tuple[str, str]:
        """Return its key, and the token that the key holds as long as the lease is ours."""
        return self._key, self._token


async def check_many(redis: "Redis", leases: Sequence[Lease]) -> list[Transient | None]:
    """Check and renew leases; returns, for each, None if it is still ours, ``Later`` if not, or the error of Redis."""
    calls = [((key,), (token, LEASE_MS)) for key, token in (lease.place for lease in leases)]
    answers = await _RENEW.run_many(redis, calls)
    lost = Later("lease_lost", retry_after=_AGAIN_SECONDS)
    return [answer if isinstance(answer, Transient) else None if answer else lost for answer in answers]


Take = Callable[[Mapping[str, Lease]], Awaitable[Iterable[str]]]
"""Takes leases by name and returns the names of those that may be ours."""


@contextlib.asynccontextmanager
async def hold(redis: "Redis", *, key: str) -> AsyncIterator[Lease]:
    """Take the lease for the length of the block; ``Later`` if another process holds it."""
    async with hold_many(redis, keys={key: key}, take=partial(_take, redis)) as leases:
        if not leases:
            raise lease_held()
        yield leases[key]


@contextlib.asynccontextmanager
async def hold_many(redis: "Redis", *, keys: Mapping[str, str], take: Take) -> AsyncIterator[dict[str, Lease]]:
    """Take leases, by name, for the length of the block; those that another process holds are left out."""
    token = secrets.token_hex(16)
    leases = {name: Lease(redis, key=key, token=token) for name, key in keys.items()}
    try:
        held = {name: leases[name] for name in await take(leases)}
    except asyncio.CancelledError:
        await _release(redis, list(leases.values()))  # Redis may have carried it out
        raise
    renewal = asyncio.create_task(_keep_renewing(redis, list(held.values())), name="lease renewal")
    try:
        yield held
    finally:
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)
        await _release(redis, list(held.values()))


async def _take(redis: "Redis", leases: Mapping[str, Lease]) -> list[str]:
    answers = await _TAKE.run_many(
        redis, [((key,), (token, LEASE_MS)) for key, token in (each.place for each in leases.values())]
    )
    if error := next((answer for answer in answers if isinstance(answer, Transient)), None):
        raise error
    return [name for name, is_ours in zip(leases, answers, strict=True) if is_ours]


async def _keep_renewing(redis: "Redis", leases: Sequence[Lease]) -> None:
    """Renew every 20 seconds until cancelled, or all are lost; an unreachable Redis is asked again."""
    while leases:
        await asyncio.sleep(_RENEW_SECONDS)
        with contextlib.suppress(Transient):
            results = await check_many(redis, leases)
            leases = [lease for lease, lost in zip(leases, results, strict=True) if not isinstance(lost, Later)]


async def _release(redis: "Redis", leases: Sequence[Lease]) -> None:
    """Release leases at once, as far as they are still ours; otherwise they end by themselves."""
    with contextlib.suppress(Transient):
        await _RELEASE.run_many(redis, [((key,), (token,)) for key, token in (lease.place for lease in leases)])
