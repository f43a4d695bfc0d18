"""What a run does with one order, given the decision about it and what the ledger knows: a pure table.

=====================  ==========================  ==============================  ==========================
ledger                 transfer, same fingerprint  transfer, other fingerprint     skip or watch
=====================  ==========================  ==============================  ==========================
nothing, or new        push                        push                            skip or watch
pushing                push                        push                            skip or watch; if Sendcloud
                                                                                   may have it: look there
accepted, confirmed    unchanged                   push; if it was confirmed,      changed after transfer
                                                   only if it is still there
rejected               resend if it is time, else  push                            skip or watch
                       refused (as before)
not saved              refused (as before)         push                            skip or watch
labelled               unchanged                   unchanged                       skip
deleted in Sendcloud   unchanged                   unchanged                       skip
forgotten              unchanged                   unchanged                       skip
=====================  ==========================  ==============================  ==========================

A run for named orders (``resend_refused``) sends a refused order again although it did not change.
"""

from enum import StrEnum

from aftersend.ledger.entry import Entry
from aftersend_exporter.rules.eligibility import Decision
from aftersend_exporter.rules.resend import is_refused, resend_due_at
from aftersend_exporter.rules.transitions import is_final, is_transferred, was_confirmed


class Action(StrEnum):
    """What to do with an order; the last four come from reading it, not from the table."""

    PUSH = "push"
    PUSH_IF_THERE = "push_if_there"
    """It was seen in Sendcloud before: push only if no person deleted it there."""
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    """It is what Sendcloud refused, or did not save, before: do not push it again."""
    RESEND = "resend"
    """It is what Sendcloud refused before, but the cause may be gone: push it again, within the run's limit."""
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
    TOO_LATE = "too_late"
    """Afterbuy shows it for the first time, and it is too old to be sent."""


def next_action(
    entry: Entry | None, decision: Decision, *, fingerprint: str, now: int, resend_refused: bool = False
) -> Action:
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
    if same and not resend_refused and (_is_not_saved(entry) or is_refused(entry)):
        return _again(entry, now=now)
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


def _is_not_saved(entry: Entry) -> bool:
    return entry.state == "problem" and entry.problem is not None and entry.problem.code == "not_saved"


def _again(entry: Entry, *, now: int) -> Action:
    due = None if _is_not_saved(entry) else resend_due_at(entry)
    return Action.REFUSED if due is None or now < due else Action.RESEND
