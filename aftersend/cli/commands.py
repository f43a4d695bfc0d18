"""Commands with their options and help; what each does is in the module of its name, imported when it runs.

A docstring is the help of its command, written for its users. Every body ends with the exit code of the work.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from aftersend.cli import lazy
from aftersend.cli.exit_codes import code_of
from aftersend.cli.options import (
    AsJson,
    BackupId,
    BackupTarget,
    DataDir,
    DeadLetterIds,
    Jitter,
    ReportFile,
    SecretsDir,
    TenantFile,
    Yes,
)
from aftersend.cli.run_command import exit_with
from aftersend.order_ids import is_order_id

PASS_THROUGH: dict[str, Any] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}
"""Context settings of a command that parses its own options."""


def demo(
    orders: Annotated[int, typer.Option(help="Orders in the simulated Afterbuy.", min=300, max=5000)] = 300,
    seed: Annotated[int, typer.Option(help="Another seed, other orders.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a merchant's day in a minute: export, labels, webhooks, crashes, write-back, sweep; everything is simulated.

    Exit code 0 only if every rule of the merchant was kept, judged from the two simulated systems alone.
    """
    raise SystemExit(code_of(lambda: lazy.demo.run_demo(orders=orders, seed=seed, keep=keep, as_json=as_json)))


def sandbox(context: typer.Context) -> None:
    """Simulated Afterbuy and Sendcloud with a page to click; see `aftersend sandbox --help`."""
    raise SystemExit(code_of(lambda: lazy.sandbox.serve(context.args)))


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
    raise SystemExit(code_of(lambda: lazy.up.serve(files, data_dir, secrets_dir, redis_url, backup_target)))


def check(
    *,
    file: TenantFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
    secrets_dir: SecretsDir = None,
) -> None:
    """Check accounts, integration, webhook, clock, tag, Redis and keys; exit 0 if nothing is wrong."""
    exit_with(lambda: lazy.check.check(file, data_dir, secrets_dir, as_json=as_json))


def setup(
    *,
    file: TenantFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look and show, change nothing, send no test.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir,
    secrets_dir: SecretsDir = None,
) -> None:
    """Connect the accounts: enter and switch on the webhook in Sendcloud, send a signed test, show what is left to do.

    Shows first what it would change in the integration: its name, if the account has a single API integration of
    another name; the webhook's address and switch; a feedback_type of none. Then it asks; without a terminal it needs
    --yes. What is right already stays, so a second run has nothing to do. Exit code 0 only if nothing is wrong.
    """
    exit_with(
        lambda: lazy.setup.setup(file, data_dir, secrets_dir, dry_run=dry_run, yes=yes, as_json=as_json),
    )


def trigger(
    kind: Annotated[Literal["export", "sweep"], typer.Argument(help="What to run.")],
    *,
    file: TenantFile = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the result; exit 1 failed, 3 timed out.")] = False,
    timeout: Annotated[float, typer.Option(help="Longest wait in seconds.", min=0, metavar="S")] = 300,
    order: Annotated[
        list[str] | None, typer.Option(help="Only this OrderID, whatever the window; repeatable.", metavar="ID")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and decide, send nothing; implies --wait.")] = False,
    jitter: Jitter = False,
    report: ReportFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Ask the exporter for a run."""
    request = lazy.trigger.run_request(kind, order or (), dry_run=dry_run)
    written = lazy.report.Report(report)
    limit = timeout if wait or dry_run else None
    exit_with(
        lambda: lazy.trigger.trigger(request, file, data_dir, limit, written, jitter=jitter, as_json=as_json),
        on_failure=written.write_failure,
        sends_events=True,
    )


def orders(
    order: Annotated[str | None, typer.Argument(help="One OrderID.", metavar="ID")] = None,
    *,
    file: TenantFile = None,
    problems: Annotated[bool, typer.Option("--problems", help="Only orders with a problem or a notice.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All that is held of this one; never a value of it.")] = False,
    target: BackupTarget = "",
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """List orders and their state."""
    if every:
        if order is None or problems or not is_order_id(order):
            raise typer.BadParameter("--all belongs to one OrderID", param_hint="--all")
        exit_with(lambda: lazy.order_details.show(file, data_dir, target, order, as_json=as_json))
    exit_with(lambda: lazy.orders.list_orders(file, data_dir, order, problems=problems, as_json=as_json))


def crd(as_json: AsJson = False) -> None:
    """Print the CustomResourceDefinition of AftersendTenant, for `kubectl apply --server-side -f -`."""
    lazy.crd.print_definition(as_json=as_json)


dead = typer.Typer(help="Events that were given up: list, show, redrive, drop.", no_args_is_help=True)


@dead.command("list")
def dead_list(*, file: TenantFile = None, as_json: AsJson = False, data_dir: DataDir) -> None:
    """List all dead letters, oldest death first."""
    exit_with(lambda: lazy.dead.list_all(file, data_dir, as_json=as_json))


@dead.command("show")
def dead_show(
    id_: Annotated[str, typer.Argument(help="Id of a dead letter.", metavar="ID")],
    *,
    file: TenantFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Show one dead letter; its sealed data stays sealed."""
    exit_with(lambda: lazy.dead.show(file, data_dir, id_, as_json=as_json))


@dead.command("redrive")
def dead_redrive(
    ids: DeadLetterIds = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    file: TenantFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Put dead letters back on their stream: attempts start anew."""
    if bool(ids) == every:
        raise typer.BadParameter("name ids, or --all")
    exit_with(lambda: lazy.dead.redrive(file, data_dir, ids, as_json=as_json), sends_events=True, audited=True)


@dead.command("drop")
def dead_drop(
    ids: Annotated[list[str], typer.Argument(help="Ids of dead letters.", metavar="ID…")],
    *,
    file: TenantFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Delete dead letters for good."""
    exit_with(lambda: lazy.dead.drop(file, data_dir, ids, as_json=as_json), audited=True)


backup = typer.Typer(help="Encrypted backups: create, list, verify, restore.", no_args_is_help=True)


@backup.command("create")
def backup_create(
    *,
    file: TenantFile = None,
    target: BackupTarget = "",
    jitter: Jitter = False,
    report: ReportFile = None,
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Make a backup while everything runs, read it back, and remove those that are older than spec.backup.keepHours."""
    written = lazy.report.Report(report)
    exit_with(
        lambda: lazy.backup.create(file, data_dir, target, written, jitter=jitter, as_json=as_json),
        on_failure=written.write_failure,
    )


@backup.command("list")
def backup_list(
    *, file: TenantFile = None, target: BackupTarget = "", as_json: AsJson = False, data_dir: DataDir
) -> None:
    """List all backups, oldest first."""
    exit_with(lambda: lazy.backup.list_all(file, data_dir, target, as_json=as_json))


@backup.command("verify")
def backup_verify(
    which: BackupId = "latest",
    *,
    file: TenantFile = None,
    target: BackupTarget = "",
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Read a backup from beginning to end: exit code 0 only if it can be restored with the data keys that are here."""
    exit_with(lambda: lazy.backup.verify(file, data_dir, target, which, as_json=as_json))


@backup.command("restore")
def backup_restore(
    which: BackupId = "latest",
    *,
    live: Annotated[bool, typer.Option("--live", help="Restore even while services of the tenant run.")] = False,
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
    exit_with(
        lambda: lazy.backup.restore(file, data_dir, target, which, live=live, yes=yes, as_json=as_json), audited=True
    )
