"""The commands ``aftersend forget`` and ``aftersend audit``, with their options and help."""

from typing import Annotated

import typer

from aftersend.cli import lazy
from aftersend.cli.options import AsJson, BackupTarget, DataDir, TenantFile, Yes
from aftersend.cli.run_command import exit_with
from aftersend.order_ids import is_order_id


def forget(
    *,
    order: Annotated[str | None, typer.Option(help="The OrderID, as Afterbuy shows it.", metavar="ID")] = None,
    tenant: Annotated[bool, typer.Option("--tenant", help="All that Redis holds of the tenant.")] = False,
    yes: Yes = False,
    file: TenantFile = None,
    target: BackupTarget = "",
    as_json: AsJson = False,
    data_dir: DataDir,
) -> None:
    """Erase what Redis holds of an order while everything runs, or of the tenant while none of its services runs.

    Of an order its OrderID, the ids of its parcels and the time stay for 90 days, so that neither an export nor a late
    webhook nor a restore brings it back. Older backups hold it until they end: the answer says when. Afterbuy and
    Sendcloud keep what they have.
    """
    if (order is None) is not tenant:
        raise typer.BadParameter("name either --order ID or --tenant")
    if order is None:
        exit_with(lambda: lazy.forget.forget_tenant(file, data_dir, target, yes=yes, as_json=as_json), audited=True)
    if not is_order_id(order):
        raise typer.BadParameter(f"{order!r}: an OrderID is digits, as Afterbuy shows it", param_hint="--order")
    exit_with(lambda: lazy.forget.forget_order(file, data_dir, target, order, as_json=as_json), audited=True)


def audit(*, file: TenantFile = None, as_json: AsJson = False, data_dir: DataDir) -> None:
    """List what persons did in the last 90 days: redrive, drop, restore, keys export, forget.

    Who it was is in the audit log of the cluster, at the same time: the caller of `exec`, or the creator of the job.
    """
    exit_with(lambda: lazy.audit.list_all(file, data_dir, as_json=as_json))
