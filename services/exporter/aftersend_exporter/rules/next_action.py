"""What a run does with one order, given the decision about it and what the ledger knows: a pure table.

=====================  ==========================  ==============================  ==========================
ledger                 transfer, same fingerprint  transfer, other fingerprint     skip or watch
=====================  ==========================  ==============================  ==========================
nothing, or new        push                        push                            skip or watch
pushing                push                        push                            skip or watch; if Sendcloud
                                                                                   may have it: look there
accepted, confirmed    unchanged                   push; if it was confirmed,      changed after transfer
                                                   only if it is still there
rejected, not saved    refused (as before)         push                            skip or watch
labelled               unchanged                   unchanged                       skip
deleted in Sendcloud   unchanged                   unchanged                       skip
=====================  ==========================  ==============================  ==========================

A run for named orders (``resend_refused``) sends a refused order again although it did not change.
"""

from enum import StrEnum

from aftersend.ledger.entry import Entry
from aftersend_exporter.rules.eligibility import Decision
from aftersend_exporter.rules.transitions import is_final, is_transferred, was_confirmed

_REFUSALS = frozenset({"rejected", "not_saved"})


class Action(StrEnum):
    """What to do with an order; the last three come from reading it, not from the table."""

    PUSH = "push"
    PUSH_IF_THERE = "push_if_there"
    """It was seen in Sendcloud before: push only if no person deleted it there."""
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    """It is what Sendcloud refused before: do not push it again."""
    SKIP = "skip"
    WATCH = "watch"
    WITHDRAWN = "withdrawn"
    """Sendcloud has it, but it must not be sent any more."""
    UNCERTAIN = "uncertain"
    """It must not be sent, but a push of unknown outcome may have arrived: look in Sendcloud."""
    LATER = "later"
    """It could not be decided: an upstream did not answer a question about it."""
    UNREADABLE = "unreadable"
    """A field of it cannot be read."""
    GONE = "gone"
    """Afterbuy does not have it any more."""


def next_action(entry: Entry | None, decision: Decision, *, fingerprint: str, resend_refused: bool = False) -> Action:
    """Look up the action; ``fingerprint`` is that of the order as it is now (any text if it is not transferred)."""
    if decision.kind != "transfer":
        return without_transfer(entry, watch=decision.kind == "watch")
    if entry is None or entry.state == "new":
        return Action.PUSH
    if is_final(entry):
        return Action.UNCHANGED
    same = entry.fingerprint == fingerprint
    if same and entry.state in ("accepted", "confirmed"):
        return Action.UNCHANGED
    if same and not resend_refused and _was_refused(entry):
        return Action.REFUSED
    return Action.PUSH_IF_THERE if was_confirmed(entry) else Action.PUSH


def without_transfer(entry: Entry | None, *, watch: bool) -> Action:
    """Look up the action for an order that must not be sent; ``watch`` is False if it is skipped for good."""
    if entry is not None and is_final(entry):
        return Action.SKIP
    if entry is not None and is_transferred(entry):
        return Action.WITHDRAWN
    if entry is not None and entry.state == "pushing":
        return Action.UNCERTAIN
    return Action.WATCH if watch else Action.SKIP


def _was_refused(entry: Entry) -> bool:
    return entry.state == "problem" and entry.problem is not None and entry.problem.code in _REFUSALS
