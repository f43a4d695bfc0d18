"""CronJobs of the split topology: they ask for an export, and make backups.

The schedule is the tenant's own expression in the tenant's own time zone; the commands wait a hashed part of a minute,
so that a thousand tenants do not start together. A run that hangs is ended; one that failed is tried once more at once,
and then the next hour is soon enough. A pod that a drained node took away does not count as a try. The command's
result reaches the operator through the termination message, which is a file that the command writes, never the log.

A suspended tenant exports nothing, but its webhook stores events all the same, so its backups go on.
"""

from typing import Any, Final

from aftersend_operator.manifests.parts import BACKUP, EXPORT, TenantPart, jobs
from aftersend_operator.manifests.pods import pod_spec, pod_template
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest

_START_WITHIN: Final = 600
_END_WITHIN: Final = {EXPORT.name: 1200, BACKUP.name: 1800}
"""Seconds; the export's command itself gives up after 60 + 900."""


def cron_jobs(context: RenderContext) -> list[Manifest]:
    """None in the compact topology, whose process has its own schedules."""
    return [_cron_job(context, part) for part in jobs(context.spec.topology)]


def _cron_job(context: RenderContext, part: TenantPart) -> Manifest:
    spec = context.spec
    schedules = {EXPORT.name: spec.export.schedule, BACKUP.name: spec.backup.schedule}
    return {
        **context.manifest("batch/v1", "CronJob", part.name, part=part.name),
        "spec": {
            "schedule": schedules[part.name],
            "timeZone": spec.time_zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _START_WITHIN,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "suspend": spec.suspend and part is EXPORT,
            "jobTemplate": _job(context, part),
        },
    }


def _job(context: RenderContext, part: TenantPart) -> dict[str, Any]:
    template = pod_template(context, part.name, {**pod_spec(context, part), "restartPolicy": "Never"}, {})
    return {
        "metadata": {"labels": template["metadata"]["labels"]},
        "spec": {
            "activeDeadlineSeconds": _END_WITHIN[part.name],
            "backoffLimit": 1,
            "podFailurePolicy": {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
            },
            "template": template,
        },
    }
