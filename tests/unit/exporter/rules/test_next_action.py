"""The table of steps: decision against what the ledger knows."""

from typing import Any

import pytest

from aftersend.ledger.entry import Entry, Problem, ProblemCode
from aftersend_exporter.rules.eligibility import TRANSFER, Decision
from aftersend_exporter.rules.next_action import Action, next_action

HELD = Decision("watch", "has_parcel_number")
EXCLUDED = Decision("skip", "excluded")
NOW = 1_795_500_000_000
DAY = 86_400_000


def known(state: Any, fingerprint: str = "same", code: ProblemCode | None = None, **fields: Any) -> Entry:
    problem = Problem(code=code, since=1) if code else None
    return Entry(order="1", state=state, fingerprint=fingerprint, problem=problem, **fields)


@pytest.mark.parametrize(
    ("entry", "same", "other", "held", "excluded"),
    [
        (None, "push", "push", "watch", "skip"),
        (known("new"), "push", "push", "watch", "skip"),
        (known("new", code="given_up"), "push", "push", "watch", "skip"),
        (known("pushing"), "push", "push", "uncertain", "uncertain"),
        (known("pushing", pushed=5, pushes=1), "push", "push", "withdrawn", "withdrawn"),
        (known("pushing", pushed=5), "push_if_there", "push_if_there", "withdrawn", "withdrawn"),
        (known("accepted", pushed=5, pushes=1), "unchanged", "push", "withdrawn", "withdrawn"),
        (known("confirmed", pushed=5), "unchanged", "push_if_there", "withdrawn", "withdrawn"),
        (known("problem", code="rejected"), "resend", "push", "watch", "skip"),
        (known("problem", code="rejected", refused=NOW, refusals=1), "resend", "push", "watch", "skip"),
        (known("problem", code="rejected", refused=NOW, refusals=2), "refused", "push", "watch", "skip"),
        (known("problem", code="rejected", refused=NOW - DAY, refusals=9), "resend", "push", "watch", "skip"),
        (known("problem", code="rejected", refused=NOW, refusals=2, pushed=5), "refused", "push", *["withdrawn"] * 2),
        (known("pushing", code="rejected", refused=NOW, refusals=2), "resend", "push", "uncertain", "uncertain"),
        (known("problem", code="given_up", refused=5, refusals=9), "refused", "push", "watch", "skip"),
        (known("problem", code="not_saved", pushed=5), "refused", "push", "watch", "skip"),
        (known("problem", code="given_up"), "push", "push", "watch", "skip"),
        (known("problem", code="deleted_in_sendcloud", pushed=5), "unchanged", "unchanged", "skip", "skip"),
        (known("labelled", pushed=5), "unchanged", "unchanged", "skip", "skip"),
        (known("labelled", pushed=5, code="withdrawn"), "unchanged", "unchanged", "skip", "skip"),
        (known("forgotten", ""), "unchanged", "unchanged", "skip", "skip"),
    ],
)
def test_steps(entry: Entry | None, same: str, other: str, held: str, excluded: str) -> None:
    assert next_action(entry, TRANSFER, fingerprint="same", now=NOW) == Action(same)
    assert next_action(entry, TRANSFER, fingerprint="other", now=NOW) == Action(other)
    assert next_action(entry, HELD, fingerprint="", now=NOW) == Action(held)
    assert next_action(entry, EXCLUDED, fingerprint="", now=NOW) == Action(excluded)


@pytest.mark.parametrize(
    ("entry", "action"),
    [
        (known("problem", code="rejected", refused=NOW, refusals=2), "push"),
        (known("problem", code="given_up", refused=5, refusals=9), "push"),
        (known("problem", code="not_saved", pushed=5), "push"),
        (known("problem", code="deleted_in_sendcloud", pushed=5), "unchanged"),
        (known("confirmed", pushed=5), "unchanged"),
        (known("labelled"), "unchanged"),
        (known("forgotten", ""), "unchanged"),
    ],
)
def test_a_run_for_named_orders_pushes_a_refused_one_again(entry: Entry, action: str) -> None:
    assert next_action(entry, TRANSFER, fingerprint="same", now=NOW, resend_refused=True) == Action(action)
