"""A command of ``aftersend`` in the cluster: in a running pod, or as a Job with the rights of the backup's CronJob."""

import json
import secrets
from typing import Any, Final

from aftersend.errors import AftersendError
from aftersend_kubectl.kubectl import Kubectl
from aftersend_kubectl.tenants import TenantView

_PATIENCE: Final = "--timeout=1900s"
"""More than the deadline of the Job itself."""


def in_pod(kubectl: Kubectl, tenant: TenantView, *words: str) -> int:
    """Run ``aftersend …`` where exports run, on the caller's terminal; return its exit code."""
    return kubectl.show("exec", f"service/{tenant.child('exporter')}", "--", "aftersend", *words)


def backup_command(kubectl: Kubectl, tenant: TenantView, *words: str) -> str:
    """Run ``aftersend backup …`` where the backups can be reached; return what it printed."""
    if tenant.spec.topology == "compact":
        return kubectl.text("exec", f"deployment/{tenant.child('all')}", "--", "aftersend", "backup", *words)
    return _as_job(kubectl, tenant.child("backup"), ["aftersend", "backup", *words])


def _as_job(kubectl: Kubectl, cron_job: str, command: list[str]) -> str:
    """Make a Job from the CronJob with another command, wait for its end, and remove it."""
    name = f"{cron_job}-{secrets.token_hex(3)}"
    made = kubectl.text("create", "job", name, f"--from=cronjob/{cron_job}", "--dry-run=client", "--output=json")
    document: dict[str, Any] = json.loads(made)
    document["spec"]["template"]["spec"]["containers"][0]["command"] = command
    kubectl.text("create", "--filename=-", given=json.dumps(document))
    try:
        kubectl.text("wait", f"job/{name}", "--for=jsonpath={.status.conditions[0].type}", _PATIENCE)
        return _outcome(kubectl, name)
    finally:
        kubectl.text("delete", f"job/{name}", "--wait=false")


def _outcome(kubectl: Kubectl, name: str) -> str:
    whole = kubectl.text("logs", f"job/{name}").strip()
    said = _without_log_lines(whole)
    conditions = kubectl.read(f"job/{name}")["status"].get("conditions", ())
    if any(each["type"] in ("Failed", "FailureTarget") for each in conditions):
        raise AftersendError(f"the job failed: {said.strip() or whole or 'it printed nothing'}", upstream="kubernetes")
    return said


def _without_log_lines(said: str) -> str:
    """Drop what the process logged beside its answer: JSON with an event."""
    return "\n".join(line for line in said.splitlines() if not (line.startswith("{") and '"event":' in line))
