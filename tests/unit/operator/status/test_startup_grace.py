from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aftersend.tenant.status import Status
from aftersend_operator.model.reasons import Reason
from aftersend_operator.status.conditions import Fault, Picture, dated, verdicts
from aftersend_operator.status.startup_grace import LONGEST_START, start_left, without_early
from tests.support.operator_objects import tenant_seen

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
MANAGED, EXTERNAL = {"mode": "managed"}, {"mode": "external", "urlSecretName": "redis"}
UNREACHABLE, REFUSED = Fault(Reason.REDIS_UNREACHABLE, "r"), Fault(Reason.CREDENTIALS_REFUSED, "c")


def left(redis: dict[str, str], *, ready: bool | None, since: str | float, available: bool = False) -> float:
    """``ready``: what the status says, None for a tenant without any; ``since``: its time, or how many seconds ago."""
    seen = tenant_seen(redis=redis)
    if ready is not None:
        time = since if isinstance(since, str) else f"{NOW - timedelta(seconds=since):%Y-%m-%dT%H:%M:%SZ}"
        told = [dated(verdict, [], generation=1, now=time) for verdict in verdicts(Picture(available=ready))]
        seen = replace(seen, status=Status(conditions=told))
    return start_left(seen, available=available, now=NOW)


@pytest.mark.parametrize(
    ("redis", "ready", "since", "available", "seconds"),
    [
        (MANAGED, None, 0, False, LONGEST_START),  # a new tenant
        (MANAGED, True, 9999, False, LONGEST_START),  # Redis has just gone
        (MANAGED, False, 0, False, LONGEST_START),
        (MANAGED, False, 30, False, LONGEST_START - 30),
        (MANAGED, False, LONGEST_START, False, 0),
        (MANAGED, False, 9999, False, 0),
        (MANAGED, False, -9999, False, LONGEST_START),  # the clock was put back
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
    assert start_left(tenant_seen(timeZone="no/zone"), available=False, now=NOW) == 0


@pytest.mark.parametrize(("seconds", "told"), [(0.0, [UNREACHABLE, REFUSED]), (0.1, [REFUSED])])
def test_only_what_may_pass_by_itself_is_kept_back(seconds: float, told: list[Fault]) -> None:
    assert without_early([UNREACHABLE, REFUSED], seconds) == told
