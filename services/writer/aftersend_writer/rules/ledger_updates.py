"""What the ledger learns from one look at Afterbuy: pure steps from entry to entry.

Only what Afterbuy shows is ticked, never what we merely wrote. ``applied`` moves to the ``observed`` that the look was
based on, not to the present one: if an event came in between, the order is still lagging and the next look follows. A
problem keeps the moment since when it has been known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from aftersend.ledger.entry import Entry, Problem, ProblemCode
from aftersend.tenant.document import WriteBack
from aftersend_writer.rules.diff import Fault, Verdict
from aftersend_writer.rules.ownership import Mac

GONE = Fault("changed_after_transfer", "gone")
"""The order is not there any more; the exporter uses the same words."""
Tick = Literal["tag", "shipped"]
_OURS: frozenset[ProblemCode] = frozenset({"withdrawn", "conflict", "tag_refused", "rejected"})
_SEEN: frozenset[str] = frozenset({GONE.path, "has_parcel_number"})
"""Why the exporter found an order changed, where a look at it tells whether that is still so."""


@dataclass(frozen=True, slots=True)
class Look:
    """The result of one look at an order: what it shows of ours, and what a person must know."""

    observed: int
    """The entry's ``observed`` at that moment."""
    fault: Fault | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    ticks: frozenset[Tick] = frozenset()


def look(entry: Entry, verdict: Verdict, wishes: WriteBack, *, fault: Fault | None = None) -> Look:
    """The look that a verdict stands for, once its change is written."""
    ticks: set[Tick] = set()
    if verdict.has_tag and wishes.tag.strip():
        ticks.add("tag")
    if verdict.is_shipped and wishes.mark_shipped != "never":
        ticks.add("shipped")
    return Look(entry.observed, fault or verdict.fault, verdict.texts, frozenset(ticks))


def ticked(entry: Entry, seen: Look, *, mac: Mac, now: int) -> Entry:
    """The entry after the look; ``now`` in ms."""
    applied = max(entry.applied, seen.observed)
    return msgspec.structs.replace(
        entry,
        applied=applied,
        lagging=0 if applied == entry.observed else entry.lagging,
        ticks=entry.ticks | seen.ticks,
        written={**entry.written, **{name: mac(text) for name, text in seen.texts.items()}},
        problem=_problem(entry.problem, seen.fault, now),
    )


def wants_another_look(entry: Entry) -> bool:
    """True for an order with a problem that may have gone meanwhile."""
    return entry.problem is not None and _is_ours(entry.problem)


def _problem(known: Problem | None, fault: Fault | None, now: int) -> Problem | None:
    """Ours come and go with what Afterbuy shows; what a look cannot judge (an order cancelled after all) stays."""
    if fault is None:
        return None if known is None or _is_ours(known) else known
    if known is not None and (known.code, known.path) == (fault.code, fault.path):
        return known
    return Problem(code=fault.code, path=fault.path, since=now)


def _is_ours(problem: Problem) -> bool:
    return problem.code in _OURS or (problem.code == GONE.code and problem.path in _SEEN)
