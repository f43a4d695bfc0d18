"""The outcome for one order in one run: what to do, and what a dry run prints for it.

Dry and real runs decide by the same outcomes; only a real run acts on them.
"""

from dataclasses import dataclass
from typing import Final, Literal

from aftersend_exporter.rules.eligibility import TRANSFER, Decision
from aftersend_exporter.rules.next_action import Action
from aftersend_exporter.rules.transitions import GONE, LATER, TOO_LATE

_PRINTED: Final[dict[Action, Literal["transfer", "unchanged", "rejected"]]] = {
    Action.PUSH: "transfer",
    Action.PUSH_IF_THERE: "transfer",
    Action.UNCHANGED: "unchanged",
    Action.REFUSED: "rejected",
    Action.RESEND: "transfer",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to do with one order, and why."""

    order: str
    """The OrderID, as Afterbuy has it."""
    action: Action
    decision: Literal["transfer", "unchanged", "skip", "watch", "rejected"]
    """The word for it in the list of a dry run."""
    reason: str = ""
    """Why it is skipped or watched; the path of the field that cannot be read."""


def outcome_of(order_id: str, decision: Decision, action: Action) -> Outcome:
    """Combine eligibility and next action."""
    if decision == TRANSFER:
        return Outcome(order_id, action, _PRINTED[action])
    return Outcome(order_id, action, "skip" if decision.kind == "skip" else "watch", decision.reason)


def unchanged(order_id: str) -> Outcome:
    """Leave an order alone that has a label already."""
    return Outcome(order_id, Action.UNCHANGED, "unchanged")


def refused(order_id: str) -> Outcome:
    """Leave an order alone that Sendcloud refused."""
    return Outcome(order_id, Action.REFUSED, "rejected")


def later(order_id: str) -> Outcome:
    """Try again in the next run: an upstream did not answer a question about the order."""
    return Outcome(order_id, Action.LATER, "watch", LATER)


def unreadable(order_id: str, *, path: str) -> Outcome:
    """Report an order with a field that cannot be read."""
    return Outcome(order_id, Action.UNREADABLE, "rejected", path)


def too_late(order_id: str) -> Outcome:
    """Report a new order that is too old to be sent."""
    return Outcome(order_id, Action.TOO_LATE, "skip", TOO_LATE)


def gone(order_id: str) -> Outcome:
    """Report an order that Afterbuy does not have any more."""
    return Outcome(order_id, Action.GONE, "skip", GONE)
