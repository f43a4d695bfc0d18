"""Options and arguments that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer


def default_data_dir() -> Path:
    """Return ``$XDG_DATA_HOME/aftersend``, else ``~/.local/share/aftersend``."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "aftersend"


TenantFile = Annotated[
    Path | None,
    typer.Option(
        "-f", "--file", help="Tenant document; default: the AFTERSEND_* variables of the environment.", metavar="FILE"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        help="What `aftersend up` keeps; default: $XDG_DATA_HOME/aftersend, else ~/.local/share/aftersend.",
        default_factory=default_data_dir,
        show_default=False,
        metavar="DIR",
    ),
]
SecretsDir = Annotated[
    Path | None,
    typer.Option(
        "--secrets-dir",
        envvar="AFTERSEND_SECRETS_DIR",
        help="Folders afterbuy/ and sendcloud/ with one file per key; default: `secrets` beside the tenant document.",
        metavar="DIR",
    ),
]
Jitter = Annotated[
    bool,
    typer.Option("--jitter", help="Wait 0 to 59 s first, always the same for a tenant: for schedules of many tenants."),
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        help="Write the JSON document to FILE, too, in less than 4,096 bytes, and also after a failure.",
        metavar="FILE",
    ),
]
BackupTarget = Annotated[
    str,
    typer.Option(
        "--backup-target",
        envvar="AFTERSEND_BACKUP_TARGET",
        help="Where backups lie: a directory or s3://bucket/prefix.",
        metavar="PLACE",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
BackupId = Annotated[str, typer.Argument(help="Id of a backup.", metavar="ID|latest")]
DeadLetterIds = Annotated[list[str] | None, typer.Argument(help="Ids of dead letters.", metavar="ID…")]
