"""Faults that are too early to tell: pure.

A service that comes up before its managed Redis says that it cannot reach it. That wakes nobody as long as the tenant
is on its way up anyway: Ready is False then, with the reason Starting. Two minutes after it became False the fault is
reported. That time is read from the status, so a restart of the operator prolongs nothing. An external Redis is not
ours to start: what is wrong with it is reported at once.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import TenantRecord

STARTUP_GRACE_SECONDS: Final = 120.0
"""Seconds that a managed Redis may take until its services have reached it."""


def grace_left(record: TenantRecord, *, available: bool, now: datetime) -> float:
    """Seconds for which an unreachable Redis may be one that starts; 0 if it is none, or no longer."""
    if available or record.tenant is None or record.tenant.spec.redis.mode != "managed":
        return 0.0
    ready = next((condition for condition in record.status.conditions if condition.type == "Ready"), None)
    if ready is None or ready.status == "True":
        return STARTUP_GRACE_SECONDS
    return min(max(STARTUP_GRACE_SECONDS - _age(ready.last_transition_time, now), 0.0), STARTUP_GRACE_SECONDS)


def _age(time: str, now: datetime) -> float:
    """Seconds since a time that we wrote; one that somebody else wrote is old."""
    try:
        return (now - datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()
    except ValueError:
        return STARTUP_GRACE_SECONDS


def without_startup_faults(faults: Iterable[Fault], left: float) -> list[Fault]:
    """What is to be reported now: all but what may pass by itself within the time that is left."""
    return [fault for fault in faults if fault.reason is not ConditionReason.REDIS_UNREACHABLE or left <= 0]
