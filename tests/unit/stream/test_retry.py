"""What becomes of an event after one try: the whole table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.errors import Bug, CredentialsRefused, Later, Misconfigured, Rejected, StoreAway, StoreFull, Transient
from aftersend.sealing import UnknownKey, WrongSeal
from aftersend.stream.retry import (
    SCHEDULE,
    SHORT_SECONDS,
    DeadLetter,
    Decision,
    Delay,
    Done,
    Release,
    decide,
    error_text,
)


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (None, Done()),
        (Later("soon"), Delay(1.0, counted=False, error="Later: soon")),
        (Later("soon", retry_after=3600), Delay(3600, counted=False, error="Later: soon")),
        (Transient("timeout"), Delay(5, counted=True, error="Transient: timeout")),
        (Transient("limited", retry_after=60), Delay(60, counted=True, error="Transient: limited")),
        (Transient("limited", retry_after=1), Delay(5, counted=True, error="Transient: limited")),
        (Transient("limited", retry_after=-7), Delay(5, counted=True, error="Transient: limited")),
        (Transient("limited", retry_after=1e12), Delay(86400, counted=True, error="Transient: limited")),
        (Transient("limited", retry_after=float("nan")), Delay(5, counted=True, error="Transient: limited")),
        (StoreAway("redis_unavailable"), Delay(5, counted=False, error="StoreAway: redis_unavailable")),
        (StoreFull("redis_full"), Delay(5, counted=False, error="StoreFull: redis_full")),
        (
            StoreFull("redis_nearly_full", retry_after=30),
            Delay(30, counted=False, error="StoreFull: redis_nearly_full"),
        ),
        (UnknownKey("unknown_key"), Delay(5, counted=True, error="UnknownKey: unknown_key")),
        (ValueError("Erika"), Delay(5, counted=True, error="ValueError")),
        (CredentialsRefused("refused"), Delay(60, counted=False, error="CredentialsRefused: refused")),
        (Misconfigured("no file"), Delay(300, counted=False, error="Misconfigured: no file")),
        (Rejected("no", path="a.b"), DeadLetter("rejected", "Rejected: no at a.b")),
        (Rejected("malformed_entry"), DeadLetter("malformed_entry", "Rejected: malformed_entry")),
        (Rejected("unknown_version"), DeadLetter("unknown_version", "Rejected: unknown_version")),
        (WrongSeal("wrong_seal"), DeadLetter("wrong_seal", "WrongSeal: wrong_seal")),
        (WrongSeal("no_key_id"), DeadLetter("wrong_seal", "WrongSeal: no_key_id")),
        (Bug("sent_nonsense"), DeadLetter("bug", "Bug: sent_nonsense")),
    ],
)
def test_the_type_of_the_error_decides(error: Exception | None, decision: Decision) -> None:
    assert decide(error, attempt=1) == decision


@pytest.mark.parametrize(("attempt", "seconds"), [*enumerate(SCHEDULE, start=1)])
def test_waits_grow_with_the_attempts(attempt: int, seconds: int) -> None:
    assert decide(Transient("timeout"), attempt=attempt) == Delay(seconds, counted=True, error="Transient: timeout")


def test_the_schedule_begins_with_seconds_and_lasts_at_least_27_hours() -> None:
    assert SCHEDULE == (5, 15, 60, 300, 1800, 7200, 18000, 36000, 36000)
    assert sum(SCHEDULE) >= 27 * 3600


@pytest.mark.parametrize(
    ("error", "upstream"),
    [
        (Transient("timeout", upstream="afterbuy"), "afterbuy"),
        (Transient("limited", upstream="afterbuy", retry_after=1), ""),
        (Transient("limited", upstream="afterbuy", retry_after=0), ""),
        (Transient("not_shown"), ""),
        (Later("no_match_yet", retry_after=60), ""),
        (Later("busy", upstream="afterbuy"), ""),
        (UnknownKey("unknown_key"), ""),
        (StoreAway("redis_unavailable", upstream="redis"), ""),
        (Misconfigured("no file", upstream="afterbuy"), ""),
        (KeyError("x"), ""),
    ],
)
def test_only_trouble_of_an_upstream_waits_for_its_circuit(error: Exception, upstream: str) -> None:
    for disturbed in (False, True):
        decision = decide(error, attempt=2, disturbed=disturbed)
        assert isinstance(decision, Delay)
        assert decision.upstream == upstream


def test_an_early_try_that_fails_goes_on_with_its_wait_and_costs_no_attempt() -> None:
    error = Transient("down")
    assert decide(error, attempt=6, remaining=1700.5) == Delay(1700.5, counted=False, error="Transient: down")
    assert decide(error, attempt=10, remaining=9.0) == Delay(9.0, counted=False, error="Transient: down")
    assert decide(error, attempt=3, remaining=0.0) == Delay(5, counted=False, error="Transient: down")
    assert decide(error, attempt=3, remaining=9.0, disturbed=True) == Delay(60, counted=False, error="Transient: down")
    assert decide(Rejected("no"), attempt=3, remaining=9.0) == DeadLetter("rejected", "Rejected: no")


def test_after_the_schedule_it_is_exhausted() -> None:
    assert decide(Transient("timeout"), attempt=10) == DeadLetter("exhausted", "Transient: timeout")
    assert decide(KeyError("x"), attempt=11) == DeadLetter("exhausted", "KeyError")


def test_a_wait_during_an_outage_is_repeated() -> None:
    for attempt, seconds in [(1, 5), (3, 60), (10, 36000), (100, 36000)]:
        decision = decide(Transient("down"), attempt=attempt, disturbed=True)
        assert decision == Delay(seconds, counted=False, error="Transient: down")


def test_refused_credentials_wait_behind_the_open_circuit() -> None:
    assert decide(CredentialsRefused("refused"), attempt=3, circuit_open=True) == Release()
    assert decide(Misconfigured("no file"), attempt=3, circuit_open=True) == Release()


@given(
    attempt=st.integers(1, 20),
    disturbed=st.booleans(),
    jitter=st.floats(0, 1),
    retry_after=st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
)
def test_jitter_only_adds_and_waits_stay_bounded(
    attempt: int, *, disturbed: bool, jitter: float, retry_after: float | None
) -> None:
    error = Transient("x", retry_after=retry_after)
    calm = decide(error, attempt=attempt, disturbed=disturbed)
    shaken = decide(error, attempt=attempt, disturbed=disturbed, jitter=jitter)
    if isinstance(calm, Delay) and isinstance(shaken, Delay):
        assert SCHEDULE[0] <= calm.seconds <= shaken.seconds <= 86400 * 1.1
    assert type(calm) is type(shaken)


@given(st.lists(st.tuples(st.booleans(), st.none() | st.floats(0, 1)), max_size=80))
def test_the_horizon_counts_undisturbed_waits_only(tries: list[tuple[bool, float | None]]) -> None:
    """However outages and early tries fall, an event that fails for ever had its 27 hours before it dies."""
    attempt, calm, wait = 1, 0.0, 0.0
    for disturbed, early in [(False, None), *tries, *[(False, None)] * 12]:
        waited = wait * (1 if early is None else early)
        calm += 0 if disturbed else waited
        rest = wait - waited
        remaining = rest if rest > SHORT_SECONDS else None
        decision = decide(Transient("down"), attempt=attempt, disturbed=disturbed, remaining=remaining)
        if isinstance(decision, DeadLetter):
            break
        assert isinstance(decision, Delay)
        attempt += decision.counted
        wait = decision.seconds
    else:
        raise AssertionError("it never died")
    assert calm >= 27 * 3600


def test_texts_of_foreign_errors_go_nowhere() -> None:
    assert error_text(ValueError("Erika Mustermann")) == "ValueError"
