"""What a dry run prints for each decision and action."""

import pytest

from aftersend_exporter.rules import outcomes
from aftersend_exporter.rules.eligibility import TRANSFER, Decision
from aftersend_exporter.rules.next_action import Action
from aftersend_exporter.rules.outcomes import Outcome, outcome_of


@pytest.mark.parametrize(
    ("decision", "action", "printed"),
    [
        (TRANSFER, Action.PUSH, ("transfer", "")),
        (TRANSFER, Action.PUSH_IF_THERE, ("transfer", "")),
        (TRANSFER, Action.UNCHANGED, ("unchanged", "")),
        (TRANSFER, Action.REFUSED, ("rejected", "")),
        (Decision("skip", "excluded"), Action.SKIP, ("skip", "excluded")),
        (Decision("skip", "excluded"), Action.WITHDRAWN, ("skip", "excluded")),
        (Decision("watch", "unpaid"), Action.WATCH, ("watch", "unpaid")),
        (Decision("watch", "unpaid"), Action.UNCERTAIN, ("watch", "unpaid")),
    ],
)
def test_decided_orders(decision: Decision, action: Action, printed: tuple[str, str]) -> None:
    found = outcome_of("1", decision, action)
    assert found.action is action
    assert (found.decision, found.reason) == printed


def test_orders_that_the_table_does_not_know() -> None:
    assert outcomes.unchanged("1") == Outcome("1", Action.UNCHANGED, "unchanged")
    assert outcomes.later("1") == Outcome("1", Action.LATER, "watch", "later")
    assert outcomes.unreadable("1", path="a/b") == Outcome("1", Action.UNREADABLE, "rejected", "a/b")
    assert outcomes.too_late("1") == Outcome("1", Action.TOO_LATE, "skip", "too_late")
    assert outcomes.gone("1") == Outcome("1", Action.GONE, "skip", "gone")
