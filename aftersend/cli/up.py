"""``aftersend up``: everything for real accounts in one process, with an embedded Valkey if you have no Redis."""

from pathlib import Path
from typing import Annotated

import typer

from aftersend.cli.exit_codes import code_of
from aftersend.cli.options import BackupTarget, DataDir, SecretsDir


def up(
    *,
    files: Annotated[
        list[Path], typer.Option("-f", "--file", help="Tenant document; repeat for several tenants.", metavar="FILE")
    ],
    data_dir: DataDir,
    secrets_dir: SecretsDir = None,
    redis_url: Annotated[
        str,
        typer.Option(
            envvar="AFTERSEND_REDIS_URL", help="A Redis of your own instead of the embedded Valkey.", metavar="URL"
        ),
    ] = "",
    backup_target: BackupTarget = "",
) -> None:
    """Run exporter, webhook and writer for one or several tenants.

    Secrets are files: <secrets>/afterbuy/partnerToken and accountToken, <secrets>/sendcloud/publicKey and secretKey;
    with several tenants <secrets>/<tenant>/afterbuy/… and so on. The data key is made beside them if there is none:
    without it the data directory is worthless, so keep a copy elsewhere. With several tenants each webhook path gets
    /<tenant> appended. AFTERSEND_LISTEN (webhook, default 0.0.0.0:8080) and AFTERSEND_ADMIN_LISTEN (probes and
    metrics, default 127.0.0.1:9090) say where to listen. With a backup target, encrypted backups are made on the
    schedule of the document (spec.backup). Ctrl-C or SIGTERM end everything in order.
    """
    from aftersend.cli.supervisor import serve
    from aftersend.cli.up_plan import UpPlan

    plan = UpPlan(
        files=tuple(files),
        data_dir=data_dir.absolute(),
        secrets_dir=(secrets_dir or files[0].parent / "secrets").absolute(),
        redis_url=redis_url,
        backup_target=backup_target,
    )
    raise SystemExit(code_of(lambda: serve(plan)))
