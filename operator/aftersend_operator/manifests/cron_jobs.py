"""CronJobs of the split topology: request exports, and make backups.

Schedule and time zone come from the tenant; the commands wait a hashed part of a minute, so that a thousand tenants do
not start together. A hanging run is ended by its deadline, that of an export by the next one as well: a pod that cannot
start (no image, no node) must not block what could. Nothing is lost by that: the exporter works off what it was asked
for. A backup that is cut off is none, so the next one waits. A failed Job is not repeated: the exporter repeats failed
exports by itself, and a backup has its next schedule. A pod evicted from a drained node is replaced. The result reaches
the operator as termination message, a file that the command writes, never through the log.

A suspended tenant exports nothing, but its webhook still stores events, so its backups go on.
"""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any, Final, Literal

from cronsim import CronSim

from aftersend_operator.manifests.parts import BACKUP, EXPORT, TenantPart, jobs
from aftersend_operator.manifests.pods import pod_spec, pod_template
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest

_START_WITHIN: Final = 600
_END_WITHIN: Final = {EXPORT.name: 1200, BACKUP.name: 1800}
"""Seconds; the export command itself times out after 60 + 900."""
_ASKED_WITHIN: Final = timedelta(minutes=2)
"""An export job has asked by then: a minute to start, and the part of a minute that it waits."""


def cron_jobs(context: RenderContext) -> list[Manifest]:
    """Render the CronJobs; none in the compact topology, whose process has its own schedules."""
    return [_cron_job(context, part) for part in jobs(context.spec.topology)]


def _cron_job(context: RenderContext, part: TenantPart) -> Manifest:
    spec = context.spec
    schedules = {EXPORT.name: spec.export.schedule, BACKUP.name: spec.backup.schedule}
    return {
        **context.manifest("batch/v1", "CronJob", part.name, part=part.name),
        "spec": {
            "schedule": schedules[part.name],
            "timeZone": spec.time_zone,
            "concurrencyPolicy": _concurrency(part, schedules[part.name]),
            "startingDeadlineSeconds": _START_WITHIN,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "suspend": spec.suspend and part is EXPORT,
            "jobTemplate": _job(context, part),
        },
    }


def _concurrency(part: TenantPart, schedule: str) -> Literal["Replace", "Forbid"]:
    """Let the next export replace one that is stuck, but no export that may not have asked yet."""
    return "Replace" if part is EXPORT and _distance(schedule) >= _ASKED_WITHIN else "Forbid"


def _distance(schedule: str) -> timedelta:
    """Return the shortest distance of two minutes that the schedule names, in whichever hours."""
    minutes = islice(CronSim(f"{schedule.split(maxsplit=1)[0]} * * * *", datetime(2000, 1, 1, tzinfo=UTC)), 61)
    return min(later - earlier for earlier, later in pairwise(minutes))


def _job(context: RenderContext, part: TenantPart) -> dict[str, Any]:
    template = pod_template(context, part.name, {**pod_spec(context, part), "restartPolicy": "Never"}, {})
    return {
        "metadata": {"labels": template["metadata"]["labels"]},
        "spec": {
            "activeDeadlineSeconds": _END_WITHIN[part.name],
            "backoffLimit": 0,
            "podFailurePolicy": {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
            },
            "template": template,
        },
    }
