"""``aftersend keys``: the data keys of a tenant. Without them Redis and all backups are worthless, so keep a copy."""

import sys
from pathlib import Path

from aftersend.backup.names import key_of
from aftersend.backup.reseal import KeyUse, Resealer
from aftersend.backup.target import open_target
from aftersend.cli.confirm import confirmed
from aftersend.cli.exit_codes import FAILED, OK, print_error
from aftersend.cli.output import show_json, show_table, show_text
from aftersend.cli.tenant_context import TenantLocation, locate, session_at
from aftersend.errors import AftersendError, Misconfigured
from aftersend.key_files import make_next_key, write_seal_keys

_HEAD = ("key", "here", "orders", "events", "backups")


async def new(file: Path | None, data_dir: Path, *, as_json: bool) -> int:
    """Make the next data key in the folder of the tenant's secrets."""
    secrets = locate(file, data_dir).secrets_dir
    folder = secrets / "data-key"
    try:
        name = make_next_key(folder)
        if (secrets / "seal-key").is_dir():
            write_seal_keys(secrets)
    except OSError as error:
        raise Misconfigured(
            f"no key can be written to {folder} ({type(error).__name__})",
            cure="make the folder writable, or add the key where it comes from: see `aftersend keys new --help`",
        ) from None
    show_json({"key": name}) if as_json else show_text(
        f"data key {name} made: keep a copy elsewhere; it seals in ten minutes, then `aftersend keys reseal`"
    )
    return OK


async def export(file: Path | None, data_dir: Path, *, yes: bool, as_json: bool) -> int:
    """Print all data keys in clear, once confirmed."""
    location = locate(file, data_dir)
    secrets = location.secrets("data-key")
    names = secrets.names()
    if not confirmed(f"Print the {len(names)} keys of {location.identity} in clear?", yes=yes):
        return FAILED
    await _record_export(location)
    sys.stderr.write("aftersend: anyone with these keys can read all sealed data and all backups\n")
    if as_json:
        show_json({name: secrets.required(name) for name in names})
    else:
        for name in names:
            show_text(f"data-key/{name}  {secrets.required(name)}")
    return OK


async def _record_export(location: TenantLocation) -> None:
    """Record the export; keys are needed most when Redis is gone, so its absence is no reason to refuse."""
    try:
        async with session_at(location) as tenant:
            await tenant.record("keys.export")
    except AftersendError as error:
        print_error(f"this is in the log and not in `aftersend audit`: {error}")


async def reseal(file: Path | None, data_dir: Path, target: str, *, as_json: bool) -> int:
    """Seal what old keys have sealed with the newest one; ``FAILED`` while anything in Redis needs an old key."""
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


async def _count_backups(location: TenantLocation, target: str, uses: list[KeyUse]) -> None:
    """Add to each key how many backups need it, if there is a backup target."""
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
