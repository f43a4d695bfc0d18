"""Transitions of an order's ledger entry on its way to Sendcloud: pure functions from entry to entry.

    new ──pushing──> pushing ──accepted──> accepted ──confirmed──> confirmed ──(the writer sees a label)──> labelled
     │ ^                │ ^                   │                        │
     └─watched          │ └──────absent───────┘ not found in Sendcloud │
                        └──rejected──> problem <──not_saved, deleted───┘

The ledger compares and sets, so every function decides anew on the entry as it is then: a label that arrived
meanwhile is never undone. Four fields say what the state alone does not:

- ``pushed`` is the time of the last acceptance; 0 = never accepted, so it is unknown whether Sendcloud has it.
- ``pushes`` counts acceptances since it was last found there; 0 with ``pushed`` set = it has been confirmed before.
- ``refusals`` counts what Sendcloud said to this version of the order; a changed one begins anew (see ``resend``).
- ``watched`` is set as long as the order must be read again by its OrderID.

``held`` says why an order is not sent (see ``_held``); every transition on its way to Sendcloud clears it. ``notices``
(see ``notices``) end where an order is not to be sent any more; they never decide anything.
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from aftersend.ledger.entry import Entry, Held, Problem, ProblemCode, State
from aftersend.sendcloud.model import PushOrder
from aftersend_exporter.rules.country_papers import PAPERS
from aftersend_exporter.rules.notices import fields_left_out, missing_data

MAX_PUSHES: Final = 3
"""An order that Sendcloud accepted so often without keeping it is a problem."""
LATER: Final = "later"
"""Reason of an order that could not be decided in this run, because an upstream did not answer a question about it."""
GONE: Final = "gone"
"""Reason of an order that Afterbuy does not have any more."""
TOO_LATE: Final = "too_late"
"""Problem, and reason, of an order that Afterbuy showed when it was too old to be sent."""
_FORGOTTEN: Final = frozenset({"tag", "shipping_method"})
"""Reasons of orders that the merchant does not want in Sendcloud: no problem when their watch ends."""
_NOT_MISSED: Final = _FORGOTTEN | {"too_young"}
"""Reasons of orders that may vanish without a problem: not wanted, or cancelled or combined before they were to go."""
_CURED_BY_DISMISSAL: Final = frozenset({"rejected", "not_saved", "unreadable", "given_up", TOO_LATE})
_CURED_BY_ACCEPTANCE: Final = _CURED_BY_DISMISSAL | {"changed_after_transfer"}
_CURED_BY_READING: Final = frozenset({"changed_after_transfer", "given_up"})


def is_final(entry: Entry) -> bool:
    """Return whether it is never pushed again: it has a label, was deleted in Sendcloud, or was erased on request."""
    return entry.state in ("labelled", "forgotten") or _has(entry, "deleted_in_sendcloud")


def is_transferred(entry: Entry) -> bool:
    """Return whether Sendcloud accepted it (in this or an earlier version), and there is no label yet."""
    if entry.state == "problem" and (_has(entry, "not_saved") or _has(entry, "deleted_in_sendcloud")):
        return False
    return entry.state in ("accepted", "confirmed") or (entry.state in ("pushing", "problem") and entry.pushed > 0)


def was_confirmed(entry: Entry) -> bool:
    """Return whether Sendcloud showed it since the last acceptance; if it is not there now, a person deleted it."""
    return entry.state in ("confirmed", "pushing") and entry.pushed > 0 and entry.pushes == 0


def pushing(entry: Entry, *, fingerprint: str, now: int, trace: str = "") -> Entry:
    """Mark it as about to be sent. From here on a crash is healed by reading and sending it again."""
    if is_final(entry):
        return entry
    refusals = entry.refusals if entry.fingerprint == fingerprint else 0
    counted = replace(entry, refusals=refusals, refused=now if refusals else 0)
    sent = replace(counted, fingerprint=fingerprint, papers=PAPERS, trace=trace)
    return _moved(sent, "pushing", now, watched=entry.watched or now)


def noticed(entry: Entry, push: PushOrder, *, now: int, numbers: Iterable[str] = ()) -> Entry:
    """Keep what the order lacks as it is sent now; nothing is asked of one that is never sent again."""
    if is_final(entry):
        return entry
    return replace(entry, notices=missing_data(entry.notices, push, now=now, numbers=numbers))


def accepted(entry: Entry, *, fingerprint: str, now: int, left_out: Iterable[str] = ()) -> Entry:
    """Mark it as accepted, without the fields ``left_out``; whether Sendcloud keeps it shows later."""
    if entry.state != "pushing" or entry.fingerprint != fingerprint:
        return entry
    notices = fields_left_out(entry.notices, left_out, now=now)
    cured = replace(entry, problem=_without(entry.problem, _CURED_BY_ACCEPTANCE), notices=notices)
    return _moved(cured, "accepted", now, pushed=now, pushes=entry.pushes + 1, watched=0, refused=0, refusals=0)


def rejected(entry: Entry, *, path: str, now: int) -> Entry:
    """Report what Sendcloud refuses, count the refusal, and watch the order."""
    if is_final(entry):
        return entry
    counted = replace(entry, refused=now, refusals=entry.refusals + 1)
    return _reported(counted, "rejected", path=path, now=now)


def undecided(entry: Entry, *, refused: int, now: int) -> Entry:
    """Take back that a refused order was sent again, if the answer was about others, too; ``refused`` as it was."""
    if entry.state != "pushing" or not _has(entry, "rejected"):
        return entry
    return _moved(entry, "problem", now, refused=refused)


def unreadable(entry: Entry, *, path: str, now: int, recheck_period_ms: int) -> Entry:
    """Report an order that cannot be read; what was transferred stays as it is."""
    if is_final(entry) or is_transferred(entry):
        return entry
    known = _reported(entry, "unreadable", path=path, now=now) if not _has(entry, "given_up") else entry
    return expired(known, now=now, recheck_period_ms=recheck_period_ms)


def too_late(entry: Entry, *, now: int) -> Entry:
    """Report an order that is too old to be sent; it is not watched, so it goes only if a person asks for it."""
    if entry.state != "new" or entry.problem is not None or entry.watched:
        return entry
    return _moved(entry, "problem", now, problem=_problem(entry, TOO_LATE, now=now, path="OrderDate"))


def watched(entry: Entry, *, reason: str, now: int, recheck_period_ms: int) -> Entry:
    """Keep why it is held ("" = a problem says so), and read it again in every run for ``recheck_period_ms``."""
    if is_final(entry):
        return entry
    entry = _held(entry, reason, now=now)
    if _has(entry, "given_up"):
        return entry
    if not entry.watched:
        return replace(entry, watched=now)
    path = "" if reason == LATER else reason
    return expired(entry, now=now, recheck_period_ms=recheck_period_ms, reason=path)


def gone(entry: Entry, *, now: int, recheck_period_ms: int) -> Entry:
    """Go on watching an order that Afterbuy does not have any more: it may come back until it is given up."""
    if not entry.watched or is_final(entry):
        return entry
    if entry.held is not None and entry.held.reason in _NOT_MISSED:
        return dismissed(entry) if _is_over(entry, now=now, recheck_period_ms=recheck_period_ms) else entry
    return expired(_held(entry, GONE, now=now), now=now, recheck_period_ms=recheck_period_ms, reason=GONE)


def expired(entry: Entry, *, now: int, recheck_period_ms: int, reason: str = "") -> Entry:
    """Give it up, or forget it, if it has been watched for longer than ``recheck_period_ms`` ms."""
    if not _is_over(entry, now=now, recheck_period_ms=recheck_period_ms):
        return entry
    if reason in _FORGOTTEN:
        return dismissed(entry)
    if _has(entry, "changed_after_transfer"):
        return replace(entry, watched=0)
    path = reason or (entry.problem.path if entry.problem else "")
    return replace(entry, watched=0, problem=_problem(entry, "given_up", now=now, path=path))


def _is_over(entry: Entry, *, now: int, recheck_period_ms: int) -> bool:
    return bool(entry.watched) and now - entry.watched >= recheck_period_ms and not is_final(entry)


def overdue(entry: Entry, *, now: int) -> Entry:
    """Give up an order that was transferred long ago and still has no label: a person should look at it."""
    if entry.problem is not None or not is_transferred(entry):
        return entry
    return replace(entry, problem=_problem(entry, "given_up", now=now, path="label"))


def dismissed(entry: Entry) -> Entry:
    """End the watch of an order that was not transferred and is skipped for good now."""
    if is_final(entry) or is_transferred(entry) or entry.state == "pushing":
        return entry
    problem = _without(entry.problem, _CURED_BY_DISMISSAL)
    return replace(entry, state="new", watched=0, held=None, problem=problem, notices=(), refused=0, refusals=0)


def changed_after_transfer(entry: Entry, *, reason: str, now: int, recheck_period_ms: int) -> Entry:
    """Report that it is held, cancelled or gone although Sendcloud has it: only a person can remove it there."""
    if is_final(entry) or not is_transferred(entry):
        return entry
    known = replace(entry, problem=_problem(entry, "changed_after_transfer", now=now, path=reason))
    return expired(known, now=now, recheck_period_ms=recheck_period_ms)


def unchanged(entry: Entry) -> Entry:
    """End the problems of an order that Afterbuy shows as it was transferred (again)."""
    if entry.state not in ("accepted", "confirmed"):
        return entry
    return replace(entry, problem=_without(entry.problem, _CURED_BY_READING))


def confirmed(entry: Entry, *, now: int) -> Entry:
    """Mark it as seen in Sendcloud."""
    return _moved(entry, "confirmed", now, pushes=0) if entry.state == "accepted" else entry


def absent(entry: Entry, *, now: int) -> Entry:
    """Push an order again that was accepted but is not there, three times in all."""
    if entry.state != "accepted":
        return entry
    if entry.pushes >= MAX_PUSHES:
        return _moved(entry, "problem", now, problem=_problem(entry, "not_saved", now=now), pushes=0, watched=0)
    return _moved(entry, "pushing", now, watched=now)


def deleted(entry: Entry, *, now: int) -> Entry:
    """Report that a person deleted it in Sendcloud; it is never pushed again."""
    if not was_confirmed(entry):
        return entry
    problem = _problem(entry, "deleted_in_sendcloud", now=now)
    return _moved(entry, "problem", now, problem=problem, watched=0, notices=())


def never_sent(entry: Entry) -> Entry:
    """Settle a push of unknown outcome that did not arrive, of an order that must not be sent any more."""
    if entry.state != "pushing" or entry.pushed:
        return entry
    return replace(entry, state="new", fingerprint="")


def surely_sent(entry: Entry, *, now: int) -> Entry:
    """Settle a push of unknown outcome that arrived."""
    if entry.state != "pushing" or entry.pushed:
        return entry
    return _moved(entry, "confirmed", now, pushed=now, pushes=0, watched=0)


def _reported(entry: Entry, code: ProblemCode, *, path: str, now: int) -> Entry:
    if is_final(entry):
        return entry
    problem = _problem(entry, code, now=now, path=path)
    return _moved(entry, "problem", now, problem=problem, watched=entry.watched or now)


def _moved(entry: Entry, state: State, now: int, **changes: object) -> Entry:
    since = entry.since if entry.state == state else now
    return replace(entry, state=state, since=since, held=None, **changes)


def _held(entry: Entry, reason: str, *, now: int) -> Entry:
    """Set why it is held. The same reason keeps its time; entries of older versions are held since they are watched."""
    if not reason or is_transferred(entry):
        return replace(entry, held=None) if entry.held else entry
    if entry.held is not None and entry.held.reason == reason:
        return entry
    known_since = entry.watched if entry.state == "new" and entry.held is None else 0
    notices = entry.notices if reason == LATER else ()
    return replace(entry, held=Held(reason=reason, since=known_since or now), notices=notices)


def _problem(entry: Entry, code: ProblemCode, *, now: int, path: str = "") -> Problem:
    since = entry.problem.since if entry.problem is not None and entry.problem.code == code else now
    return Problem(code=code, since=since, path=path)


def _without(problem: Problem | None, cured: frozenset[str]) -> Problem | None:
    return None if problem is not None and problem.code in cured else problem


def _has(entry: Entry, code: ProblemCode) -> bool:
    return entry.problem is not None and entry.problem.code == code
