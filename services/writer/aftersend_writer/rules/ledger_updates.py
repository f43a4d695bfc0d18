"""Ledger updates: what an observation of Afterbuy changes in the entry. Pure steps from entry to entry.

Only what Afterbuy shows is stored, never what we merely wrote. ``applied`` moves to the ``observed`` revision that the
observation is based on, not to the present one: if an event came in between, the order still lags and is written again.
A problem keeps the time since when it has been known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from aftersend.ledger.entry import Entry, Problem, ProblemCode
from aftersend.tenant.document import WriteBack
from aftersend_writer.rules.diff import Diff, OrderProblem
from aftersend_writer.rules.ownership import Mac

ORDER_GONE = OrderProblem("changed_after_transfer", "gone")
"""The order does not exist any more; the exporter uses the same code and path."""
Tick = Literal["tag", "shipped"]
_OWN_CODES: frozenset[ProblemCode] = frozenset({"withdrawn", "conflict", "tag_refused", "not_shown"})
_OBSERVABLE: frozenset[str] = frozenset({ORDER_GONE.path, "has_parcel_number"})
"""Reasons of the exporter's ``changed_after_transfer`` that an observation can clear."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of reading an order: our texts and ticks that it shows, and its problem."""

    observed: int
    """The entry's ``observed`` at that moment."""
    problem: OrderProblem | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    ticks: frozenset[Tick] = frozenset()


def observe(entry: Entry, diff: Diff, settings: WriteBack, *, problem: OrderProblem | None = None) -> Observation:
    """Return the observation of an order whose diff holds nothing to write; ``problem`` replaces that of the diff."""
    ticks: set[Tick] = set()
    if diff.has_tag and settings.tag.strip():
        ticks.add("tag")
    if diff.is_shipped and settings.mark_shipped != "never":
        ticks.add("shipped")
    return Observation(entry.observed, problem or diff.problem, diff.texts, frozenset(ticks))


def applied(entry: Entry, observation: Observation, *, mac: Mac, now: int) -> Entry:
    """Return the entry with an observation applied; ``now`` in ms."""
    revision = max(entry.applied, observation.observed)
    is_unshown = observation.problem is not None and observation.problem.code == "not_shown"
    return msgspec.structs.replace(
        entry,
        applied=revision,
        lagging=0 if revision == entry.observed else entry.lagging,
        unshown=entry.unshown if is_unshown else None,
        ticks=entry.ticks | observation.ticks,
        written={**entry.written, **{name: mac(text) for name, text in observation.texts.items()}},
        problem=_problem(entry, observation.problem, now),
    )


def needs_recheck(entry: Entry) -> bool:
    """Return True for an order with a problem that may be cured meanwhile."""
    return _is_observable(entry)


def _problem(entry: Entry, found: OrderProblem | None, now: int) -> Problem | None:
    """Return the problem afterwards; one that an observation cannot clear (an order cancelled after all) stays."""
    known = entry.problem
    if found is None:
        return None if _is_observable(entry) else known
    if known is not None and ((known.code, known.path) == (found.code, found.path) or _is_exporters(entry)):
        return known
    return Problem(code=found.code, path=found.path, since=now)


def _is_observable(entry: Entry) -> bool:
    """Return whether reading the order in Afterbuy shows that its problem has ended."""
    problem = entry.problem
    if problem is None or _is_exporters(entry):
        return False
    is_rejected_number = problem.code == "rejected"
    is_gone = problem.code == ORDER_GONE.code and problem.path in _OBSERVABLE
    return problem.code in _OWN_CODES or is_rejected_number or is_gone


def _is_exporters(entry: Entry) -> bool:
    """Return whether the problem hinders the transfer: before the first label it is the exporter's to end."""
    return entry.state != "labelled" and entry.problem is not None and entry.problem.code not in _OWN_CODES
