"""``kubectl aftersend``: the commands, with their options and help."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer._completion_classes import completion_init  # typer has no public name for these two
from typer._completion_shared import get_completion_script

from aftersend import __version__
from aftersend.cli.exit_codes import code_of, print_error
from aftersend.cli.handover_commands import handover
from aftersend_kubectl import actions, looks
from aftersend_kubectl.jobs import in_pod
from aftersend_kubectl.options import (
    Chosen,
    Context,
    Everywhere,
    Kubeconfig,
    Namespace,
    OrderId,
    Output,
    TenantName,
    Yes,
    chosen,
    cluster_first,
)
from aftersend_kubectl.tenants import read_tenant

app = typer.Typer(
    name="kubectl-aftersend",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
backups = typer.Typer(help="Backups of a tenant: now, list, restore.", no_args_is_help=True)
app.add_typer(backups, name="backup")
app.add_typer(handover, name="handover")


@app.callback()
def options(
    context: typer.Context, namespace: Namespace = "", cluster: Context = "", kubeconfig: Kubeconfig = ""
) -> None:
    """All tenants of Aftersend on a cluster, with your own kubeconfig and rights."""
    context.obj = chosen(namespace, cluster, kubeconfig)


@app.command()
def status(
    context: typer.Context, tenant: TenantName = None, *, everywhere: Everywhere = False, output: Output = "table"
) -> None:
    """Show what runs, what ran last, and what to do; exit code 1 if a tenant is not ready."""
    kubectl = _of(context).kubectl()
    raise SystemExit(code_of(lambda: looks.status(kubectl, tenant, everywhere=everywhere, output=output)))


@app.command()
def problems(
    context: typer.Context, tenant: TenantName = None, *, everywhere: Everywhere = False, output: Output = "table"
) -> None:
    """Show the orders of a tenant that need a person; without a name how many each tenant has, by code."""
    kubectl = _of(context).kubectl()
    raise SystemExit(code_of(lambda: looks.problems(kubectl, tenant, everywhere=everywhere, output=output)))


@app.command()
def orders(
    context: typer.Context,
    order: Annotated[str, typer.Argument(help="OrderID in Afterbuy.", metavar="ID")],
    tenant: Annotated[str | None, typer.Option("-t", "--tenant", help="Name of the tenant.")] = None,
) -> None:
    """Show what the ledger holds of an order: state, why it is held, problems, parcels."""
    kubectl = _of(context).kubectl()
    raise SystemExit(code_of(lambda: in_pod(kubectl, read_tenant(kubectl, tenant), "orders", order)))


@app.command()
def check(context: typer.Context, tenant: TenantName = None) -> None:
    """Check accounts, integration, webhook, clock, Redis and keys, each with its cure."""
    kubectl = _of(context).kubectl()
    raise SystemExit(code_of(lambda: in_pod(kubectl, read_tenant(kubectl, tenant), "check")))


@app.command()
def export(
    context: typer.Context,
    tenant: TenantName = None,
    order: OrderId = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and decide, send nothing.")] = False,
) -> None:
    """Export now, and wait for the result."""
    kubectl = _of(context).kubectl()
    raise SystemExit(code_of(lambda: actions.trigger(kubectl, "export", tenant, order, dry_run=dry_run)))


@app.command()
def sweep(context: typer.Context, tenant: TenantName = None, order: OrderId = None) -> None:
    """Read changed parcels of Sendcloud now, and wait for the result."""
    kubectl = _of(context).kubectl()
    raise SystemExit(code_of(lambda: actions.trigger(kubectl, "sweep", tenant, order, dry_run=False)))


@app.command()
def suspend(context: typer.Context, tenant: TenantName = None) -> None:
    """Stop export and write-back; the webhook goes on storing events."""
    raise SystemExit(code_of(lambda: actions.suspend(_of(context).kubectl(), tenant, suspended=True)))


@app.command()
def resume(context: typer.Context, tenant: TenantName = None) -> None:
    """Go on after `suspend`: nothing that came meanwhile is lost."""
    raise SystemExit(code_of(lambda: actions.suspend(_of(context).kubectl(), tenant, suspended=False)))


@app.command()
def restart(context: typer.Context, tenant: TenantName = None) -> None:
    """Replace the pods of a tenant's services."""
    raise SystemExit(code_of(lambda: actions.restart(_of(context).kubectl(), tenant)))


@backups.command("now")
def backup_now(context: typer.Context, tenant: TenantName = None) -> None:
    """Make a backup, read it back, and wait for the result."""
    raise SystemExit(code_of(lambda: actions.backup(_of(context).kubectl(), tenant, "create")))


@backups.command("list")
def backup_list(context: typer.Context, tenant: TenantName = None) -> None:
    """List the backups that can be reached."""
    raise SystemExit(code_of(lambda: actions.backup(_of(context).kubectl(), tenant, "list")))


@backups.command("restore")
def backup_restore(
    context: typer.Context,
    tenant: TenantName = None,
    backup_id: Annotated[str, typer.Option("--id", help="Which backup.", metavar="ID")] = "latest",
    *,
    yes: Yes = False,
) -> None:
    """Put a backup back into the Redis of a suspended tenant; what is newer there stays."""
    raise SystemExit(code_of(lambda: actions.restore(_of(context).kubectl(), tenant, backup_id, yes=yes)))


@app.command()
def logs(
    context: typer.Context,
    tenant: TenantName = None,
    order: OrderId = None,
    since: Annotated[str, typer.Option(help="How far back, such as 30m.")] = "1h",
    output: Output = "table",
) -> None:
    """Show the log lines of all pods of a tenant by time; with --order one order's story."""
    kubectl = _of(context).kubectl()
    raise SystemExit(code_of(lambda: looks.logs(kubectl, tenant, order, since, output=output)))


@app.command()
def top(context: typer.Context, *, everywhere: Everywhere = False, output: Output = "table") -> None:
    """Show who is late, what waits, and what the pods use; the latest first."""
    raise SystemExit(code_of(lambda: looks.top(_of(context).kubectl(), everywhere=everywhere, output=output)))


@app.command()
def bundle(
    context: typer.Context,
    tenant: TenantName = None,
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Where the archive goes.", metavar="FILE")] = None,
) -> None:
    """Write a support bundle: objects, events, logs, metrics; secrets are never read."""
    raise SystemExit(code_of(lambda: looks.bundle(_of(context).kubectl(), tenant, file)))


@app.command()
def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print the script that completes `kubectl-aftersend` in a shell."""
    name = "kubectl-aftersend"
    sys.stdout.write(get_completion_script(prog_name=name, complete_var=_VARIABLE, shell=shell) + "\n")


@app.command()
def version() -> None:
    """Print the version of this command."""
    sys.stdout.write(f"{__version__}\n")


_VARIABLE = "_KUBECTL_AFTERSEND_COMPLETE"


def _of(context: typer.Context) -> Chosen:
    found: Chosen = context.obj
    return found


def main() -> None:
    """Run the console script."""
    raise SystemExit(code_of(_call, on_failure=print_error))


def _call() -> int:
    completion_init()
    result = app(cluster_first(sys.argv[1:]), standalone_mode=True, prog_name="kubectl-aftersend")
    return result if isinstance(result, int) else 0
