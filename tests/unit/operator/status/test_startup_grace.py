from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aftersend.tenant.status import Status
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.status.conditions import TenantHealth, condition_drafts, with_timestamps
from aftersend_operator.status.startup_grace import STARTUP_GRACE_SECONDS, grace_left, without_startup_faults
from tests.support.operator_objects import recorded_tenant

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
MANAGED, EXTERNAL = {"mode": "managed"}, {"mode": "external", "urlSecretName": "redis"}
UNREACHABLE, REFUSED = Fault(ConditionReason.REDIS_UNREACHABLE, "r"), Fault(ConditionReason.CREDENTIALS_REFUSED, "c")


def left(redis: dict[str, str], *, ready: bool | None, since: str | float, available: bool = False) -> float:
    """``ready``: what the status says, None for a tenant without any; ``since``: its time, or how many seconds ago."""
    record = recorded_tenant(redis=redis)
    if ready is not None:
        time = since if isinstance(since, str) else f"{NOW - timedelta(seconds=since):%Y-%m-%dT%H:%M:%SZ}"
        reported = [
            with_timestamps(draft, [], generation=1, now=time)
            for draft in condition_drafts(TenantHealth(available=ready))
        ]
        record = replace(record, status=Status(conditions=reported))
    return grace_left(record, available=available, now=NOW)


@pytest.mark.parametrize(
    ("redis", "ready", "since", "available", "seconds"),
    [
        (MANAGED, None, 0, False, STARTUP_GRACE_SECONDS),  # a new tenant
        (MANAGED, True, 9999, False, STARTUP_GRACE_SECONDS),  # Redis has just gone
        (MANAGED, False, 0, False, STARTUP_GRACE_SECONDS),
        (MANAGED, False, 30, False, STARTUP_GRACE_SECONDS - 30),
        (MANAGED, False, STARTUP_GRACE_SECONDS, False, 0),
        (MANAGED, False, 9999, False, 0),
        (MANAGED, False, -9999, False, STARTUP_GRACE_SECONDS),  # the clock was put back
        (MANAGED, False, "yesterday", False, 0),
        (MANAGED, None, 0, True, 0),  # every workload serves, and yet
        (MANAGED, True, 9999, True, 0),
        (EXTERNAL, None, 0, False, 0),
        (EXTERNAL, True, 9999, False, 0),
    ],
)
def test_a_managed_redis_is_given_two_minutes(
    *, redis: dict[str, str], ready: bool | None, since: str | float, available: bool, seconds: float
) -> None:
    assert left(redis, ready=ready, since=since, available=available) == seconds


def test_a_spec_that_is_not_usable_is_given_none() -> None:
    assert grace_left(recorded_tenant(timeZone="no/zone"), available=False, now=NOW) == 0


@pytest.mark.parametrize(("seconds", "reported"), [(0.0, [UNREACHABLE, REFUSED]), (0.1, [REFUSED])])
def test_only_what_may_pass_by_itself_is_kept_back(seconds: float, reported: list[Fault]) -> None:
    assert without_startup_faults([UNREACHABLE, REFUSED], seconds) == reported
