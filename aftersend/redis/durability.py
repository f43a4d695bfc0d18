"""Check that Redis keeps what it confirms: append-only file and eviction policy, by INFO and CONFIG.

The webhook answers 200 because Redis has the event. That promise holds only with an append-only file that is being
written, and with ``noeviction``. ``appendfsync everysec`` is accepted: up to a second of events may be lost by a power
cut, and the sweep brings them again. CONFIG is denied to services with a narrow ACL; then INFO alone decides.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoPermissionError, RedisError, ResponseError

from aftersend.errors import SecretMissing, Transient
from aftersend.loops import every
from aftersend.observe.logs import get_logger

if TYPE_CHECKING:
    from prometheus_client import Gauge
    from redis.asyncio import Redis

    from aftersend.secrets import SecretFiles

_PERIOD_SECONDS = 60.0
_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Durability:
    """Settings of Redis that decide whether it keeps what it confirms."""

    append_only: bool
    writable: bool
    """The last write of the append-only file succeeded."""
    policy: str
    """``maxmemory-policy``."""
    fsync: str = ""
    """``appendfsync``, or an empty text where CONFIG is not allowed."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Settings that break the promise, in words; empty if none does."""
        found = (
            ("appendonly is off", not self.append_only),
            ("the append-only file cannot be written", not self.writable),
            ("maxmemory-policy is not noeviction", self.policy != "noeviction"),
            ("appendfsync is no", self.fsync == "no"),
        )
        return tuple(text for text, wrong in found if wrong)


def may_ask_config(secrets: "SecretFiles") -> bool:
    """Return False for a user with an ACL of its own: it has no right to CONFIG, and a denial would raise an alert."""
    try:
        return not secrets.optional("username")
    except SecretMissing:
        return False


async def inspect(redis: "Redis", *, ask_config: bool) -> Durability:
    """Read the settings; ``Transient`` if Redis does not answer."""
    try:
        persistence: dict[str, Any] = await redis.info("persistence")
        memory: dict[str, Any] = await redis.info("memory")
        fsync = await _fsync(redis) if ask_config else ""
    except (RedisError, OSError):
        raise Transient("redis_unavailable", upstream="redis") from None
    return Durability(
        append_only=bool(persistence.get("aof_enabled")),
        writable=persistence.get("aof_last_write_status", "ok") == "ok",
        policy=str(memory.get("maxmemory_policy", "")),
        fsync=fsync,
    )


async def _fsync(redis: "Redis") -> str:
    try:
        answer: dict[Any, Any] = await redis.config_get("appendfsync")
    except (NoPermissionError, ResponseError):
        return ""
    return next((value.decode() if isinstance(value, bytes) else str(value) for value in answer.values()), "")


async def watch(redis: "Redis", gauge: "Gauge", stop: asyncio.Event, *, tenant: str, ask_config: bool) -> None:
    """Inspect Redis at the start and every minute; log when the result changes."""
    known: tuple[str, ...] | None = None
    seconds = _RETRY_SECONDS

    async def check() -> None:
        nonlocal known, seconds, ask_config
        seconds = _RETRY_SECONDS
        found = await inspect(redis, ask_config=ask_config)
        seconds = _PERIOD_SECONDS
        ask_config = ask_config and bool(found.fsync)  # a denial stays one, and each is counted as an intruder's
        gauge.labels(tenant).set(0 if found.faults else 1)
        if found.faults != known:
            known = found.faults
            _log_result(found)

    await every(lambda: seconds, check, stop)


def _log_result(found: Durability) -> None:
    log = get_logger()
    if found.faults:
        log.warning("redis_not_durable", faults=found.faults)
    else:
        log.info("redis_durable", appendfsync=found.fsync or "unknown")
