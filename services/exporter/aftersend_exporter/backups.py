"""Backups made by the exporter itself, where no CronJob makes them, and metrics of the last one.

A failed backup is logged and reported; the next one is made at the next time of the schedule. A lease lets only one
exporter of a tenant make a backup. The time of the last good backup, also of a CronJob's, stands in Redis; from there
it goes into the metrics and the health of the exporter.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aftersend.errors import AftersendError, Later, Transient
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import with_heartbeat
from aftersend.observe.logs import get_logger
from aftersend.redis.rewrite import rewrite_once_a_day
from aftersend.service.runtime import Runtime
from aftersend.stream.event import rfc3339

if TYPE_CHECKING:
    from aftersend.backup.names import Backup

_HEARTBEAT_SECONDS: Final = 5.0


async def back_up(runtime: Runtime, *, heartbeat: Callable[[], None] = lambda: None) -> None:
    """Make one backup, unless another exporter is making one; failures are reported, not raised.

    ``heartbeat`` is called every five seconds meanwhile.
    """
    await with_heartbeat(_back_up(runtime), heartbeat, seconds=_HEARTBEAT_SECONDS)


async def _back_up(runtime: Runtime) -> None:
    log, state = get_logger(), TenantState(runtime.redis, tenant=runtime.identity)
    try:
        async with state.lease("backup"):
            last = await state.moment("success.backup")
            made = await _create(runtime, state)
            if runtime.tenant.spec.redis.mode == "managed":
                await rewrite_once_a_day(runtime.redis, runtime.secrets("redis"), last_backup=last)
    except Later:
        return
    except AftersendError as error:
        log.error("backup_failed", code=error.code, upstream=error.upstream)  # noqa: TRY400 - no texts, see observe.logs
        runtime.health.set_fact("backup", str(error))
        return
    runtime.health.set_fact("backup", "ok")
    log.info("backup_made", backup=made.id, count=made.keys, bytes=made.bytes)
    with suppress(Transient):
        await show_last(runtime)


async def _create(runtime: Runtime, state: TenantState) -> "Backup":
    from aftersend.backup.collect import Collector  # noqa: PLC0415 - 5 MB, only needed where the exporter makes backups
    from aftersend.backup.create import Backups  # noqa: PLC0415 - as above
    from aftersend.backup.target import open_target  # noqa: PLC0415 - as above

    target = open_target(runtime.settings.backup_target, tenant=runtime.identity, secrets=runtime.secrets("backup"))
    collector = Collector.of(runtime.redis, tenant=runtime.identity, keyring=runtime.keyring)
    backups = Backups(runtime.identity, target, runtime.keyring)
    return await backups.create(collector, state, keep_hours=runtime.tenant.spec.backup.keep_hours)


async def show_last(runtime: Runtime) -> None:
    """Refresh the metrics of the last good backup."""
    ms = await TenantState(runtime.redis, tenant=runtime.identity).get("success.backup")
    if ms:
        runtime.metrics.last_success.labels(runtime.identity, "backup").set(int(ms) / 1000)
        runtime.health.set_fact("lastBackup", rfc3339(int(ms) / 1000))
