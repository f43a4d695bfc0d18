import pytest

from aftersend_operator.status.startup_grace import STARTUP_GRACE_SECONDS, grace_of
from tests.support.part_objects import NOW, pod

LONG = STARTUP_GRACE_SECONDS + 1


@pytest.mark.parametrize(
    ("check", "ready", "age", "managed", "redis_age", "needed", "counts"),
    [
        ("redis", False, 5, True, LONG, True, False),  # it may be starting
        ("redis", False, 5, True, LONG, False, False),
        ("redis", False, LONG, True, LONG, True, True),
        ("redis", False, LONG, True, LONG, False, True),
        ("redis", True, LONG, True, LONG, True, False),  # a probe that fails for long makes it unready
        ("redis", False, LONG, True, 5, True, False),  # Redis itself has just started
        ("redis", False, LONG, True, -9999, True, False),  # the clock was put back
        ("redis", False, LONG, True, None, True, True),  # there is no Redis
        ("redis", False, 5, False, None, True, True),  # nothing that the operator starts
        ("redis", False, 5, False, None, False, False),  # old pods serve
        ("redis", False, LONG, False, None, False, True),
        ("signature-key", False, 5, True, LONG, True, False),
        ("signature-key", False, LONG, True, 5, True, True),
        ("signature-key", True, LONG, True, LONG, True, False),
    ],
)
def test_a_starting_pod_is_not_heard_before_its_grace_is_over(
    *, check: str, ready: bool, age: float, managed: bool, redis_age: float | None, needed: bool, counts: bool
) -> None:
    servers = [] if redis_age is None else [pod("redis", age=redis_age)]
    grace = grace_of(servers, is_managed=managed, now=NOW)
    assert grace.counts(pod("writer", ready=ready, age=age), check, is_needed=needed) is counts


def test_the_rest_of_the_grace_is_known() -> None:
    grace = grace_of([pod("redis", age=20)], is_managed=True, now=NOW)
    assert grace.redis_left == STARTUP_GRACE_SECONDS - 20
    assert [grace.left(pod("writer", ready=ready, age=30)) for ready in (False, True)] == [
        STARTUP_GRACE_SECONDS - 30,
        0,
    ]
