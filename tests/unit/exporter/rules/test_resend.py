"""When a refused order is sent again: the table of distances, and whose entry says what."""

from typing import Any

import pytest

from aftersend.ledger.entry import Entry, Problem, ProblemCode
from aftersend_exporter.rules.resend import is_refused, resend_due_at

HOUR = 3_600_000
REFUSED = 1_795_500_000_000


def entry(state: Any = "problem", code: ProblemCode | None = "rejected", **fields: Any) -> Entry:
    problem = Problem(code=code, since=REFUSED - 100 * HOUR) if code else None
    return Entry(order="1", state=state, problem=problem, **fields)


@pytest.mark.parametrize(
    ("refusals", "hours"), [(1, 0), (2, 1.5), (3, 3.5), (4, 7.5), (5, 15.5), (6, 23.5), (7, 23.5), (400, 23.5)]
)
def test_distances_grow_up_to_a_day(refusals: int, hours: float) -> None:
    assert resend_due_at(entry(refused=REFUSED, refusals=refusals)) == REFUSED + hours * HOUR


def test_an_entry_of_an_earlier_version_was_refused_when_its_problem_began() -> None:
    assert resend_due_at(entry()) == REFUSED - 100 * HOUR


def test_one_of_unknown_outcome_is_due_and_behind_those_that_waited_longer() -> None:
    assert resend_due_at(entry("pushing", refused=REFUSED, refusals=9)) == REFUSED


def test_one_that_is_given_up_is_never_due() -> None:
    assert resend_due_at(entry(code="given_up", refused=REFUSED, refusals=3)) is None


@pytest.mark.parametrize(
    ("known", "refused"),
    [
        (entry(), True),
        (entry(refusals=2), True),
        (entry("pushing", refusals=2), True),
        (entry("pushing"), False),  # changed since: another version
        (entry(code="given_up", refusals=2), True),
        (entry(code="given_up"), False),
        (entry(code="not_saved", refusals=2), False),
        (entry(code="unreadable", refusals=2), False),
        (entry("new", code=None), False),
        (entry("labelled"), False),  # the writer's: Afterbuy refused its number
    ],
)
def test_which_orders_are_refused(known: Entry, *, refused: bool) -> None:
    assert is_refused(known) == refused
