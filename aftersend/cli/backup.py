"""``aftersend backup``: encrypted copies of a tenant's Redis, made while everything runs, and the way back."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aftersend.cli.confirm import confirmed
from aftersend.cli.exit_codes import FAILED, OK, print_error, run
from aftersend.cli.jitter import wait_for_start
from aftersend.cli.options import AsJson, BackupTarget, DataDir, Jitter, ReportFile, TenantFile, Yes
from aftersend.cli.output import show_json, show_table, show_text
from aftersend.cli.report import Report

if TYPE_CHECKING:
    from aftersend.backup.create import Backups
    from aftersend.backup.names import Backup
    from aftersend.backup.restore import Restored
    from aftersend.cli.tenant_context import TenantSession
    from aftersend.tenant.document import Tenant

app = typer.Typer(help="Encrypted backups: create, list, verify, restore.", no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Id of a backup.", metavar="ID|latest")]
_HEAD = ("id", "time", "keys", "bytes", "verified")


@dataclass(frozen=True, slots=True)
class BackupSession:
    """One tenant with its Redis and its backups."""

    document: "Tenant"
    tenant: "TenantSession"
    backups: "Backups"


@asynccontextmanager
async def backup_session(file: Path | None, data_dir: Path, target: str) -> AsyncIterator[BackupSession]:
    """Find tenant and backups; ``target`` counts before what ``up`` or the environment say."""
    from aftersend.backup.create import Backups
    from aftersend.backup.target import open_target
    from aftersend.cli.tenant_context import locate, session_at

    location = locate(file, data_dir)
    store = open_target(target or location.backup_target, tenant=location.identity, secrets=location.secrets("backup"))
    async with session_at(location) as tenant:
        yield BackupSession(location.tenant, tenant, Backups(location.identity, store, tenant.keyring))


@app.command()
def create(
    *,
    file: TenantFile = None,
    target: BackupTarget = "",
    jitter: Jitter = False,
    report: ReportFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Make a backup while everything runs, read it back, and remove those that are older than spec.backup.keepHours."""
    told = Report(report)
    run(_create(file, data_dir, target, told, jitter=jitter, as_json=as_json), failed=told.failed)


async def _create(
    file: Path | None, data_dir: Path, target: str, report: Report, *, jitter: bool, as_json: bool
) -> int:
    from aftersend.backup.collect import Collector
    from aftersend.ledger.tenant_state import TenantState

    async with backup_session(file, data_dir, target) as session:
        tenant = session.tenant
        if jitter:
            await wait_for_start(tenant.identity, "backup")
        made = await session.backups.create(
            Collector.of(tenant.redis, tenant=tenant.identity, keyring=tenant.keyring),
            TenantState(tenant.redis, tenant=tenant.identity),
            keep_hours=session.document.spec.backup.keep_hours,
        )
    report.tell(made)
    show_json(made) if as_json else show_text(f"backup {made.id}: {made.keys} records, {made.bytes} bytes, verified")
    return OK


@app.command("list")
def list_(*, file: TenantFile = None, target: BackupTarget = "", as_json: AsJson = False, data_dir: DataDir) -> None:
    """List all backups, oldest first."""
    run(_list(file, data_dir, target, as_json=as_json))


async def _list(file: Path | None, data_dir: Path, target: str, *, as_json: bool) -> int:
    async with backup_session(file, data_dir, target) as session:
        found = await session.backups.list()
    if as_json:
        show_json(found)
    else:
        rows = [(one.id, one.time, one.keys, one.bytes, "yes" if one.verified else "no") for one in found]
        show_table(_HEAD, rows, empty="no backups")
    return OK


@app.command()
def verify(
    which: Which = "latest",
    *,
    file: TenantFile = None,
    target: BackupTarget = "",
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Read a backup from beginning to end: exit code 0 only if it can be restored with the data keys that are here."""
    run(_verify(file, data_dir, target, which, as_json=as_json))


async def _verify(file: Path | None, data_dir: Path, target: str, which: str, *, as_json: bool) -> int:
    async with backup_session(file, data_dir, target) as session:
        good = await session.backups.verify(await session.backups.find(which))
    show_json(good) if as_json else show_text(f"backup {good.id} is good: {good.keys} records")
    return OK


@app.command()
def restore(
    which: Which = "latest",
    *,
    live: Annotated[bool, typer.Option("--live", help="Although services of the tenant run.")] = False,
    yes: Yes = False,
    file: TenantFile = None,
    target: BackupTarget = "",
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Put a backup back; what is newer in Redis stays.

    Afterwards the tenant is recovering: nothing is written to Afterbuy until the exporter has read every parcel that
    changed since the backup. It does so at once, or as soon as it is started.
    """
    run(_restore(file, data_dir, target, which, live=live, yes=yes, as_json=as_json))


async def _restore(
    file: Path | None, data_dir: Path, target: str, which: str, *, live: bool, yes: bool, as_json: bool
) -> int:
    from aftersend.service.heartbeat import GONE_AFTER, Heartbeat

    async with backup_session(file, data_dir, target) as session:
        backup = await session.backups.verify(await session.backups.find(which))
        at_work = [] if live else await Heartbeat(session.tenant.redis, tenant=session.tenant.identity).names()
        if at_work:
            print_error(
                f"{', '.join(at_work)} run or were there {GONE_AFTER} s ago – stop them, wait half a minute if they "
                "were killed, or give --live"
            )
            return FAILED
        into = f"{session.tenant.identity}{' while its services run' if live else ''}"
        if not confirmed(f"Restore the backup of {backup.time} ({backup.keys} records) into {into}?", yes=yes):
            return FAILED
        told = await _put_back(session, backup)
    if as_json:
        show_json(told)
    else:
        show_text(f"{told.orders} orders and {told.events} events restored, {told.unchanged} were there already")
        show_text("recovering: parcels that changed since the backup are read next, then writing to Afterbuy goes on")
    return OK


async def _put_back(session: BackupSession, backup: "Backup") -> "Restored":
    from aftersend.backup.restore import Restorer

    tenant = session.tenant
    restorer = Restorer.of(
        tenant.redis,
        tenant=tenant.identity,
        keyring=tenant.keyring,
        pickup_matters=session.document.spec.write_back.mark_shipped == "onPickup",
    )
    async with aclosing(session.backups.records(backup)) as records:
        return await restorer.restore(records, backup_id=backup.id)
