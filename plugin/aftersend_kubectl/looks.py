"""Commands that only look: ``status``, ``problems``, ``top``, ``logs``, ``bundle``."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from aftersend.cli.exit_codes import print_error
from aftersend.cli.output import show_json, show_table, show_text
from aftersend_kubectl.bundle import write_bundle
from aftersend_kubectl.details import details
from aftersend_kubectl.jobs import in_pod
from aftersend_kubectl.kubectl import Kubectl, KubectlError
from aftersend_kubectl.logs import as_text, story
from aftersend_kubectl.parts import serving_parts, used_by_tenants
from aftersend_kubectl.rows import (
    PROBLEMS_HEAD,
    STATUS_HEAD,
    TOP_HEAD,
    WIDE_HEAD,
    problem_rows,
    status_row,
    top_order,
    top_row,
)
from aftersend_kubectl.tenants import TenantView, read_tenant, read_tenants

_EMPTY = "no tenants – with -A those of all namespaces are shown"


def status(kubectl: Kubectl, name: str | None, *, everywhere: bool, output: str) -> int:
    """Show one tenant, or a line for each; exit code 1 if one of them is not ready."""
    tenants = [read_tenant(kubectl, name)] if name else read_tenants(kubectl, everywhere=everywhere)
    now = datetime.now(UTC)
    if output in ("json", "yaml"):
        _show_data(tenants, output)
    elif name:
        (tenant,) = tenants
        for line in details(tenant, serving_parts(kubectl.within(tenant.namespace), tenant), now):
            show_text(line)
    else:
        wide = output == "wide"
        rows = [status_row(tenant, now, wide=wide) for tenant in tenants]
        show_table(WIDE_HEAD if wide else STATUS_HEAD, rows, empty=_EMPTY)
    return 0 if all(tenant.condition("Ready").status == "True" or tenant.spec.suspend for tenant in tenants) else 1


def problems(kubectl: Kubectl, name: str | None, *, everywhere: bool, output: str) -> int:
    """Show how many orders of the fleet need a person, or which ones of one tenant."""
    if name and not everywhere:
        tenant = read_tenant(kubectl, name)
        return in_pod(kubectl, tenant, "orders", "--problems", *(["--json"] if output == "json" else []))
    rows = [row for tenant in read_tenants(kubectl, everywhere=everywhere) for row in problem_rows(tenant)]
    if output in ("json", "yaml"):
        _show_data([dict(zip(PROBLEMS_HEAD, row, strict=True)) for row in rows], output)
    else:
        show_table(PROBLEMS_HEAD, rows, empty="no problems")
    return 0


def top(kubectl: Kubectl, *, everywhere: bool, output: str) -> int:
    """Show who is late, what waits and what is used; the latest first."""
    used, now = used_by_tenants(kubectl, everywhere=everywhere), datetime.now(UTC)
    tenants = sorted(read_tenants(kubectl, everywhere=everywhere), key=lambda tenant: top_order(tenant, now))
    rows = [top_row(tenant, now, used.get((tenant.namespace, tenant.name))) for tenant in tenants]
    if output in ("json", "yaml"):
        _show_data([dict(zip(TOP_HEAD, row, strict=True)) for row in rows], output)
    else:
        show_table(TOP_HEAD, rows, empty=_EMPTY)
    return 0


def logs(kubectl: Kubectl, name: str | None, order: str | None, since: str, *, output: str) -> int:
    """Show what all pods of a tenant logged, by time; with an order only its story."""
    tenant = read_tenant(kubectl, name)
    mine = f"--selector=app.kubernetes.io/instance={tenant.name},app.kubernetes.io/managed-by=aftersend-operator"
    pods = [pod["metadata"]["name"] for pod in kubectl.read("pods", mine)["items"]]
    lines = story(_logs(kubectl, pods, since), order)
    if output in ("json", "yaml"):
        _show_data(lines, output)
        return 0
    for line in as_text(lines):
        show_text(line)
    if not lines:
        what = f"no line{f' names order {order}' if order else ''} within {since}"
        show_text(
            f"{what}; `--since 24h` looks further back, logs of pods that are gone are where your cluster keeps them"
        )
    return 0


def _logs(kubectl: Kubectl, pods: Iterable[str], since: str) -> dict[str, str]:
    """Return the log of each pod; one that has none (its image is missing, it waits for a node) is named as an error.

    Where no pod gives its log, the last refusal is raised, with its cure.
    """
    found: dict[str, str] = {}
    refusal: KubectlError | None = None
    for pod in pods:
        try:
            found[pod] = kubectl.text("logs", f"pod/{pod}", f"--since={since}")
        except KubectlError as error:
            print_error(f"{pod}: {error.code}")
            refusal = error
    if refusal and not found:
        raise refusal
    return found


def bundle(kubectl: Kubectl, name: str | None, file: Path | None) -> int:
    """Write the archive and say what is missing in it."""
    tenant = read_tenant(kubectl, name)
    target = file or Path(f"aftersend-{tenant.namespace}-{tenant.name}.tar.gz")
    missing = write_bundle(kubectl, tenant, target)
    show_text(f"{target}: objects, events, logs and metrics; no secrets were read")
    for line in missing:
        show_text(f"  missing  {line}")
    return 0


def _show_data(value: Sequence[Any] | Sequence[TenantView], output: str) -> None:
    if output == "json":
        show_json(value)
    else:
        show_text(yaml.safe_dump(msgspec.to_builtins(value), sort_keys=False, allow_unicode=True).rstrip())
