"""The commands below ``aftersend keys``, with their options and help."""

import typer

from aftersend.cli import lazy
from aftersend.cli.options import AsJson, BackupTarget, DataDir, TenantFile, Yes
from aftersend.cli.run_command import exit_with

keys = typer.Typer(help="Data keys: new, export, reseal.", no_args_is_help=True)


@keys.command("new")
def keys_new(*, file: TenantFile = None, as_json: AsJson = False, data_dir: DataDir) -> None:
    """Make a further data key beside the others. The services seal with it after ten minutes; the old ones still open.

    Where Kubernetes mounts the keys the folder cannot be written: add a key YYYYMMDD (or YYYYMMDD-n) with 32 random
    bytes in base64 to the Secret instead.
    """
    exit_with(lambda: lazy.keys.new(file, data_dir, as_json=as_json))


@keys.command("export")
def keys_export(*, yes: Yes = False, file: TenantFile = None, as_json: AsJson = False, data_dir: DataDir) -> None:
    """Print all keys, to be kept in a safe place. Anyone who has them can read everything that is sealed."""
    exit_with(lambda: lazy.keys.export(file, data_dir, yes=yes, as_json=as_json), audited=True)


@keys.command("reseal")
def keys_reseal(
    *, file: TenantFile = None, target: BackupTarget = "", as_json: AsJson = False, data_dir: DataDir
) -> None:
    """Seal anew what old keys have sealed in Redis, while everything runs; show what still needs which key.

    Do it when the newest key has been with all services for ten minutes. Exit code 0 only if nothing in Redis needs an
    old key any more; otherwise call it again in a minute. Backups are not changed: a key may go when none needs it.
    """
    exit_with(lambda: lazy.keys.reseal(file, data_dir, target, as_json=as_json))
