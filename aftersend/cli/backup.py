"""``aftersend backup``: encrypted copies of a tenant's Redis, made while everything runs, and the way back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aftersend.backup.collect import Collector
from aftersend.backup.create import Backups
from aftersend.backup.names import Backup
from aftersend.backup.restore import Restored, Restorer
from aftersend.backup.target import open_target
from aftersend.cli.confirm import confirmed
from aftersend.cli.exit_codes import FAILED, OK, print_error
from aftersend.cli.jitter import wait_for_start
from aftersend.cli.output import show_json, show_table, show_text
from aftersend.cli.redis_wait import while_redis_is_away
from aftersend.cli.report import Report
from aftersend.cli.tenant_context import TenantSession, locate, session_at
from aftersend.ledger.tenant_state import TenantState
from aftersend.redis.rewrite import rewrite_once_a_day
from aftersend.secrets import SecretFiles
from aftersend.service.heartbeat import GONE_AFTER, Heartbeat
from aftersend.tenant.document import Tenant

REDIS_WAIT_SECONDS = 30.0
"""How long a backup or a restore waits for Redis: jobs run in new pods, which network policies may not know yet."""
_HEAD = ("id", "time", "keys", "bytes", "verified")


@dataclass(frozen=True, slots=True)
class BackupSession:
    """A tenant with a connection to its Redis and its backups."""

    document: Tenant
    tenant: TenantSession
    backups: Backups
    redis_secrets: SecretFiles


@asynccontextmanager
async def backup_session(file: Path | None, data_dir: Path, target: str) -> AsyncIterator[BackupSession]:
    """Locate tenant and backups; ``target`` overrides what ``up`` or the environment say."""
    location = locate(file, data_dir)
    store = open_target(target or location.backup_target, tenant=location.identity, secrets=location.secrets("backup"))
    async with session_at(location) as tenant:
        backups = Backups(location.identity, store, tenant.keyring)
        yield BackupSession(location.tenant, tenant, backups, location.secrets("redis"))


async def create(file: Path | None, data_dir: Path, target: str, report: Report, *, jitter: bool, as_json: bool) -> int:
    """Make a backup, verify it, and remove expired ones."""
    async with backup_session(file, data_dir, target) as session:
        tenant = session.tenant
        if jitter:
            await wait_for_start(tenant.identity, "backup")
        await _wait_for_redis(tenant)
        state = TenantState(tenant.redis, tenant=tenant.identity)
        last = await state.moment("success.backup")
        made = await session.backups.create(
            Collector.of(tenant.redis, tenant=tenant.identity, keyring=tenant.keyring),
            state,
            keep_hours=session.document.spec.backup.keep_hours,
        )
        if session.document.spec.redis.mode == "managed":
            await rewrite_once_a_day(tenant.redis, session.redis_secrets, last_backup=last)
    report.write(made)
    show_json(made) if as_json else show_text(f"backup {made.id}: {made.keys} records, {made.bytes} bytes, verified")
    return OK


async def list_all(file: Path | None, data_dir: Path, target: str, *, as_json: bool) -> int:
    """Print all backups, oldest first."""
    async with backup_session(file, data_dir, target) as session:
        found = await session.backups.list()
    if as_json:
        show_json(found)
    else:
        rows = [(one.id, one.time, one.keys, one.bytes, "yes" if one.verified else "no") for one in found]
        show_table(_HEAD, rows, empty="no backups")
    return OK


async def verify(file: Path | None, data_dir: Path, target: str, which: str, *, as_json: bool) -> int:
    """Read a backup to its end, which raises an error unless it can be restored with the data keys at hand."""
    async with backup_session(file, data_dir, target) as session:
        good = await session.backups.verify(await session.backups.find(which))
    show_json(good) if as_json else show_text(f"backup {good.id} is good: {good.keys} records")
    return OK


async def restore(
    file: Path | None, data_dir: Path, target: str, which: str, *, live: bool, yes: bool, as_json: bool
) -> int:
    """Verify a backup and put it back; ``FAILED`` while services of the tenant run, unless ``live``."""
    async with backup_session(file, data_dir, target) as session:
        backup = await session.backups.verify(await session.backups.find(which))
        await _wait_for_redis(session.tenant)
        running = [] if live else await Heartbeat(session.tenant.redis, tenant=session.tenant.identity).names()
        if running:
            print_error(
                f"{', '.join(running)} run or were there {GONE_AFTER} s ago – stop them, wait half a minute if they "
                "were killed, or give --live"
            )
            return FAILED
        into = f"{session.tenant.identity}{' while its services run' if live else ''}"
        if not confirmed(f"Restore the backup of {backup.time} ({backup.keys} records) into {into}?", yes=yes):
            return FAILED
        restored = await _put_back(session, backup)
    if as_json:
        show_json(restored)
    else:
        show_text(
            f"{restored.orders} orders and {restored.events} events restored, {restored.unchanged} were there already"
        )
        show_text("recovering: parcels that changed since the backup are read next, then writing to Afterbuy goes on")
    return OK


async def _wait_for_redis(tenant: TenantSession) -> None:
    await while_redis_is_away(tenant.reach, deadline=asyncio.get_running_loop().time() + REDIS_WAIT_SECONDS)


async def _put_back(session: BackupSession, backup: Backup) -> Restored:
    tenant = session.tenant
    restorer = Restorer.of(
        tenant.redis,
        tenant=tenant.identity,
        keyring=tenant.keyring,
        pickup_matters=session.document.spec.write_back.mark_shipped == "onPickup",
    )
    tombstones = await session.backups.newer_tombstones(backup)
    await tenant.record("backup.restore", backup=backup.id)
    async with aclosing(session.backups.records(backup)) as records:
        return await restorer.restore(records, backup_id=backup.id, tombstones=tombstones)
