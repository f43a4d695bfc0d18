"""``aftersend keys``: the data keys of a tenant. Without them Redis and all backups are worthless, so keep a copy."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aftersend.cli.confirm import confirmed
from aftersend.cli.exit_codes import FAILED, OK, print_error, run
from aftersend.cli.options import AsJson, BackupTarget, DataDir, TenantFile, Yes
from aftersend.cli.output import show_json, show_table, show_text

if TYPE_CHECKING:
    from aftersend.backup.reseal import KeyUse
    from aftersend.cli.tenant_context import TenantLocation

app = typer.Typer(help="Data keys: new, export, reseal.", no_args_is_help=True)
_HEAD = ("key", "here", "orders", "events", "backups")


@app.command()
def new(*, file: TenantFile = None, as_json: AsJson = False, data_dir: DataDir) -> None:
    """Make a further data key beside the others. The services seal with it after ten minutes; the old ones still open.

    Where Kubernetes mounts the keys the folder cannot be written: add a key YYYYMMDD (or YYYYMMDD-n) with 32 random
    bytes in base64 to the Secret instead.
    """
    run(_new(file, data_dir, as_json=as_json))


async def _new(file: Path | None, data_dir: Path, *, as_json: bool) -> int:
    from aftersend.cli.tenant_context import locate
    from aftersend.errors import Misconfigured
    from aftersend.sealing import make_next_key

    folder = locate(file, data_dir).secrets_dir / "data-key"
    try:
        name = make_next_key(folder)
    except OSError as error:
        raise Misconfigured(
            f"no key can be written to {folder} ({type(error).__name__})",
            cure="make the folder writable, or add the key where it comes from: see `aftersend keys new --help`",
        ) from None
    show_json({"key": name}) if as_json else show_text(
        f"data key {name} made: keep a copy elsewhere; it seals in ten minutes, then `aftersend keys reseal`"
    )
    return OK


@app.command()
def export(*, yes: Yes = False, file: TenantFile = None, as_json: AsJson = False, data_dir: DataDir) -> None:
    """Print all keys, to be kept in a safe place. Whoever has them can read everything that is sealed."""
    run(_export(file, data_dir, yes=yes, as_json=as_json))


async def _export(file: Path | None, data_dir: Path, *, yes: bool, as_json: bool) -> int:
    from aftersend.cli.tenant_context import locate

    location = locate(file, data_dir)
    secrets = location.secrets("data-key")
    names = secrets.names()
    if not confirmed(f"Print the {len(names)} keys of {location.identity} in clear?", yes=yes):
        return FAILED
    sys.stderr.write("aftersend: whoever reads the following can read all sealed data and all backups\n")
    if as_json:
        show_json({name: secrets.required(name) for name in names})
    else:
        for name in names:
            show_text(f"data-key/{name}  {secrets.required(name)}")
    return OK


@app.command()
def reseal(*, file: TenantFile = None, target: BackupTarget = "", as_json: AsJson = False, data_dir: DataDir) -> None:
    """Seal anew what old keys have sealed in Redis, while everything runs; tells what still needs which key.

    Do it when the newest key has been with all services for ten minutes. Exit code 0 only if nothing in Redis needs an
    old key any more; otherwise call it again in a minute. Backups are not changed: a key may go when none needs it.
    """
    run(_reseal(file, data_dir, target, as_json=as_json))


async def _reseal(file: Path | None, data_dir: Path, target: str, *, as_json: bool) -> int:
    from aftersend.backup.reseal import Resealer
    from aftersend.cli.tenant_context import locate, session_at

    location = locate(file, data_dir)
    async with session_at(location) as tenant:
        resealer = Resealer(tenant.redis, tenant=tenant.identity, keyring=tenant.keyring)
        count = await resealer.reseal()
        uses = await resealer.uses()
    await _count_backups(location, target, uses)
    if as_json:
        show_json({"resealed": count, "keys": uses})
    else:
        show_text(f"{count} resealed")
        rows = [(use.key, "yes" if use.here else "no", use.ledger, use.events, use.backups) for use in uses]
        show_table(_HEAD, rows, empty="")
    if any(use.ledger or use.events for use in uses[1:]):
        print_error("some of it is in use right now, or its key is not here: call it again in a minute")
        return FAILED
    return OK


async def _count_backups(location: "TenantLocation", target: str, uses: "list[KeyUse]") -> None:
    """Which keys the backups need, if there are any."""
    from aftersend.backup.names import key_of
    from aftersend.backup.reseal import KeyUse
    from aftersend.backup.target import open_target

    if not (target or location.backup_target):
        return
    store = open_target(target or location.backup_target, tenant=location.identity, secrets=location.secrets("backup"))
    by_key = {use.key: use for use in uses}
    for name, _ in await store.files():
        if key := key_of(name):
            if key not in by_key:
                by_key[key] = KeyUse(key=key)
                uses.append(by_key[key])
            by_key[key].backups += 1
