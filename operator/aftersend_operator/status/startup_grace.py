"""The startup grace: an unreachable managed Redis is no fault while it may still be starting. Pure.

A service that starts before its managed Redis reports it as unreachable. For two minutes after Ready became False that
is left out, and Ready has the reason Starting. The time is read from the status, so a restart of the operator prolongs
nothing. There is no grace for an external Redis, which the operator does not start.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import TenantRecord

STARTUP_GRACE_SECONDS: Final = 120.0
"""Seconds within which the services of a managed Redis reach it."""


def grace_left(record: TenantRecord, *, available: bool, now: datetime) -> float:
    """Return the seconds of grace that are left; 0 without a managed Redis, or if every workload is available."""
    if available or record.tenant is None or record.tenant.spec.redis.mode != "managed":
        return 0.0
    ready = next((condition for condition in record.status.conditions if condition.type == "Ready"), None)
    if ready is None or ready.status == "True":
        return STARTUP_GRACE_SECONDS
    return min(max(STARTUP_GRACE_SECONDS - _age(ready.last_transition_time, now), 0.0), STARTUP_GRACE_SECONDS)


def _age(time: str, now: datetime) -> float:
    """Return the seconds since a transition time; one in another format counts as old."""
    try:
        return (now - datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()
    except ValueError:
        return STARTUP_GRACE_SECONDS


def without_startup_faults(faults: Iterable[Fault], left: float) -> list[Fault]:
    """Leave out an unreachable Redis while there is grace left."""
    return [fault for fault in faults if fault.reason is not ConditionReason.REDIS_UNREACHABLE or left <= 0]
