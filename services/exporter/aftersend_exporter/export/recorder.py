"""Counting the orders of an export: statistics of the run, metrics, and the list of a dry run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aftersend.runs import OrderDecision
from aftersend_exporter.context import ExportContext
from aftersend_exporter.rules.next_action import Action
from aftersend_exporter.rules.outcomes import Outcome
from aftersend_exporter.run_stats import OrderResult, RunStats

_RESULT: Final[Mapping[Action, OrderResult]] = {
    Action.UNCHANGED: "unchanged",
    Action.REFUSED: "rejected",
    Action.UNREADABLE: "rejected",
    Action.LATER: "retried",
    Action.SKIP: "skipped",
    Action.WATCH: "skipped",
    Action.WITHDRAWN: "skipped",
    Action.UNCERTAIN: "skipped",
    Action.TOO_LATE: "skipped",
}
"""Not here: pushes and resends, counted when Sendcloud has answered, and orders that are gone, which were not read."""


@dataclass(frozen=True, slots=True)
class RunRecorder:
    """The one place that counts the orders of an export."""

    context: ExportContext
    stats: RunStats
    dry_run: bool = False

    def record(self, outcome: Outcome) -> None:
        """Count one order; a dry run lists it, too, and leaves the metrics alone."""
        result = _RESULT.get(outcome.action)
        if result:
            self.stats.count(result, [outcome.order], reason=_reason(outcome))
        if self.dry_run:
            self.stats.watched += 1 if outcome.action is Action.WATCH else 0
            self.stats.record_decision(OrderDecision(outcome.order, outcome.decision, outcome.reason))
        elif result:
            self._count(result, _label(outcome, result))

    def record_push(self, result: OrderResult, orders: Sequence[str]) -> None:
        """Count orders that Sendcloud answered for; those that it did not take stay watched."""
        self.stats.count(result, orders)
        self.stats.watched += 0 if result == "sent" else len(orders)
        self._count(result, orders=len(orders))

    def _count(self, result: OrderResult, reason: str = "", *, orders: int = 1) -> None:
        self.context.metrics.orders.labels(self.context.tenant.identity, result, reason).inc(orders)


def _reason(outcome: Outcome) -> str:
    """Return why: a word of a fixed list, never a path."""
    return "unreadable" if outcome.action is Action.UNREADABLE else outcome.reason


def _label(outcome: Outcome, result: OrderResult) -> str:
    """Return the metric label ``reason``."""
    return _reason(outcome) if result in ("skipped", "rejected") else ""
