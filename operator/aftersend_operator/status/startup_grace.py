"""Faults that are too early to tell: pure.

A service that comes up before its managed Redis says that it cannot reach it. That wakes nobody as long as the tenant
is on its way up anyway: Ready is False then, with the reason Starting. Two minutes after it became False the fault is
told. That time is read from the status, so a restart of the operator prolongs nothing. An external Redis is not
ours to start: what is wrong with it is told at once.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from aftersend_operator.model.reasons import Reason
from aftersend_operator.model.records import TenantSighting
from aftersend_operator.status.conditions import Fault

LONGEST_START: Final = 120.0
"""Seconds that a managed Redis may take until its services have reached it."""


def start_left(seen: TenantSighting, *, available: bool, now: datetime) -> float:
    """Seconds for which an unreachable Redis may be one that starts; 0 if it is none, or no longer."""
    if available or seen.tenant is None or seen.tenant.spec.redis.mode != "managed":
        return 0.0
    ready = next((condition for condition in seen.status.conditions if condition.type == "Ready"), None)
    if ready is None or ready.status == "True":
        return LONGEST_START
    return min(max(LONGEST_START - _age(ready.last_transition_time, now), 0.0), LONGEST_START)


def _age(time: str, now: datetime) -> float:
    """Seconds since a time that we wrote; one that somebody else wrote is old."""
    try:
        return (now - datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()
    except ValueError:
        return LONGEST_START


def without_early(faults: Iterable[Fault], left: float) -> list[Fault]:
    """What is to be told now: all but what may pass by itself within the time that is left."""
    return [fault for fault in faults if fault.reason is not Reason.REDIS_UNREACHABLE or left <= 0]
