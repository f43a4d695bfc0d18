"""What the tables of the fleet show of a tenant: pure."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from aftersend_kubectl.tenants import TenantView

STATUS_HEAD: Final = (
    "namespace", "tenant", "ready", "reason", "degraded", "export", "sweep", "write-back", "backup", "problems",
)  # fmt: skip
WIDE_HEAD: Final = (*STATUS_HEAD, "version", "message")
PROBLEMS_HEAD: Final = ("namespace", "tenant", "code", "orders")
TOP_HEAD: Final = ("namespace", "tenant", "late", "waiting", "oldest", "delayed", "dead", "problems", "cpu", "memory")
_PATIENCE: Final = timedelta(minutes=5)
"""An export that began at its time may still run."""


def status_row(tenant: TenantView, now: datetime, *, wide: bool) -> tuple[object, ...]:
    """Render one line of ``status``."""
    ready, degraded, status = tenant.condition("Ready"), tenant.condition("Degraded"), tenant.status
    lasts = (status.last_export, status.last_sweep, status.last_write_back, status.last_backup)
    row = (
        tenant.namespace, tenant.name, ready.status, ready.reason, degraded.reason,
        *(age(last.time if last else None, now) for last in lasts), tenant.problems,
    )  # fmt: skip
    return (*row, status.version, cure_of(tenant)) if wide else row


def cure_of(tenant: TenantView) -> str:
    """Return the message that matters most: why it is not ready, else what is degraded."""
    ready, degraded = tenant.condition("Ready"), tenant.condition("Degraded")
    if ready.status != "True":
        return ready.message
    return degraded.message if degraded.status == "True" else ""


def problem_rows(tenant: TenantView) -> list[tuple[object, ...]]:
    """Render a line per code of ``problems``."""
    counts = sorted((tenant.status.problems or {}).items())
    return [(tenant.namespace, tenant.name, code, count) for code, count in counts]


def top_row(tenant: TenantView, now: datetime, used: tuple[int, int] | None) -> tuple[object, ...]:
    """Render one line of ``top``; ``used`` is millicores and bytes, None without a metrics API."""
    queues = (tenant.status.queues or {}).values()
    oldest = max((queue.oldest_minutes or 0 for queue in queues), default=0)
    sums = [sum(getattr(queue, name) or 0 for queue in queues) for name in ("waiting", "delayed", "dead")]
    cpu, memory = (f"{used[0]}m", f"{used[1] // 2**20}Mi") if used else (None, None)
    late = lateness(tenant, now)
    return (
        tenant.namespace, tenant.name, short(late) if late else None, sums[0], f"{oldest}m" if oldest else None,
        sums[1], sums[2], tenant.problems, cpu, memory,
    )  # fmt: skip


def top_order(tenant: TenantView, now: datetime) -> tuple[timedelta, int]:
    """Return what sorts ``top``: the latest export first, then the most that waits for anything."""
    queues = (tenant.status.queues or {}).values()
    waiting = sum((queue.waiting or 0) + (queue.delayed or 0) + (queue.dead or 0) for queue in queues)
    return -lateness(tenant, now), -(waiting + tenant.problems)


def lateness(tenant: TenantView, now: datetime) -> timedelta:
    """Return how long the export has been due; zero if it ran, or the tenant is younger or suspended."""
    if tenant.spec.suspend:
        return timedelta()
    local = now.astimezone(ZoneInfo(tenant.spec.time_zone))
    due = next(CronSim(tenant.spec.export.schedule, local, reverse=True), None)
    last = tenant.status.last_export
    since = last.time if last and last.time else tenant.metadata.creation_timestamp
    ran = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
    return now - due if due and ran < due and now - due > _PATIENCE else timedelta()


def age(time: str | None, now: datetime) -> str | None:
    """Return how long ago a time of the status was, as kubectl shows ages."""
    return short(now - datetime.fromisoformat(time)) if time else None


def short(span: timedelta) -> str:
    """Return ``45s``, ``12m``, ``5h`` or ``3d``."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
