"""Commands that change something: runs, suspension, restarts, backups."""

import json
import sys

from aftersend.cli.output import show_text
from aftersend.errors import Misconfigured
from aftersend_kubectl.jobs import backup_command, in_pod
from aftersend_kubectl.kubectl import Kubectl
from aftersend_kubectl.tenants import KIND, TenantView, read_tenant


def trigger(kubectl: Kubectl, kind: str, name: str | None, order: str | None, *, dry_run: bool) -> int:
    """Ask the exporter for a run, and wait for its result."""
    words = [*(["--order", order] if order else []), *(["--dry-run"] if dry_run else [])]
    return in_pod(kubectl, read_tenant(kubectl, name), "trigger", kind, "--wait", *words)


def suspend(kubectl: Kubectl, name: str | None, *, suspended: bool) -> int:
    """Stop or resume export and write-back."""
    tenant = read_tenant(kubectl, name)
    patch = json.dumps({"spec": {"suspend": suspended}})
    kubectl.within(tenant.namespace).text("patch", f"{KIND}/{tenant.name}", "--type=merge", f"--patch={patch}")
    state = "suspended: its webhook goes on storing events" if suspended else "resumed"
    show_text(f"{tenant.namespace}/{tenant.name} {state}")
    show_text("where Git holds the document, change spec.suspend there, too: else it comes back")
    return 0


def restart(kubectl: Kubectl, name: str | None) -> int:
    """Replace the pods of all services one after the other; Redis stays."""
    tenant = read_tenant(kubectl, name)
    return kubectl.show("rollout", "restart", *(f"deployment/{each}" for each in tenant.deployments))


def backup(kubectl: Kubectl, name: str | None, *words: str) -> int:
    """Make or list backups."""
    show_text(backup_command(kubectl, read_tenant(kubectl, name), *words).rstrip())
    return 0


def restore(kubectl: Kubectl, name: str | None, backup_id: str, *, yes: bool) -> int:
    """Put a backup back into the Redis of a suspended tenant."""
    tenant = read_tenant(kubectl, name)
    if not tenant.spec.suspend:
        raise Misconfigured(
            "the tenant is not suspended",
            cure=f"`kubectl aftersend suspend {tenant.name} -n {tenant.namespace}` first: nothing is written meanwhile",
        )
    _ask(tenant, yes=yes)
    return backup(kubectl, tenant.name, "restore", backup_id, "--live", "--yes")


def _ask(tenant: TenantView, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misconfigured("a restore asks first", cure="say --yes where there is no terminal")
    typed = input(f"Restore into the Redis of {tenant.namespace}/{tenant.name}? Type the tenant's name: ")
    if typed != tenant.name:
        raise Misconfigured("another name was typed", cure="nothing was done")
