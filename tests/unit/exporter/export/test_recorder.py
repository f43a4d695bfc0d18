"""One place counts the orders of an export: statistics, metrics, the list of a dry run."""

from types import SimpleNamespace
from typing import Any

import pytest

from aftersend.observe.metrics import Metrics
from aftersend.runs import OrderDecision
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.rules import outcomes
from aftersend_exporter.rules.eligibility import TRANSFER, Decision
from aftersend_exporter.rules.next_action import Action
from aftersend_exporter.rules.outcomes import Outcome, outcome_of
from aftersend_exporter.run_stats import RunStats

UNPAID = Decision("watch", "unpaid")


def recorder(*, dry_run: bool = False) -> RunRecorder:
    context: Any = SimpleNamespace(metrics=Metrics(), tenant=SimpleNamespace(identity="t"))
    stats = RunStats(run="r", kind="export", decisions=[] if dry_run else None)
    return RunRecorder(context, stats, dry_run=dry_run)


def counted(found: RunRecorder) -> dict[tuple[str, str], float]:
    samples = next(iter(found.context.metrics.orders.collect())).samples
    return {(s.labels["outcome"], s.labels["reason"]): s.value for s in samples if s.name.endswith("_total")}


OUTCOMES = [
    (outcome_of("1", TRANSFER, Action.PUSH), {}, None),
    (outcomes.unchanged("1"), {"unchanged": 1}, ("unchanged", "")),
    (outcome_of("1", TRANSFER, Action.REFUSED), {"rejected": 1}, ("rejected", "")),
    (outcomes.unreadable("1", path="a/b"), {"rejected": 1}, ("rejected", "unreadable")),
    (outcomes.later("1"), {"retried": 1}, ("retried", "")),
    (outcome_of("1", UNPAID, Action.WATCH), {"skipped": {"unpaid": 1}}, ("skipped", "unpaid")),
    (outcome_of("1", UNPAID, Action.WITHDRAWN), {"skipped": {"unpaid": 1}}, ("skipped", "unpaid")),
    (outcomes.gone("1"), {}, None),
]


@pytest.mark.parametrize(("outcome", "figures", "labels"), OUTCOMES)
def test_a_run_counts_in_its_statistics_and_in_the_metrics(
    outcome: Outcome, figures: dict[str, Any], labels: tuple[str, str] | None
) -> None:
    found = recorder()
    found.record(outcome)
    assert {name: getattr(found.stats, name) for name in figures} == figures
    assert counted(found) == ({labels: 1.0} if labels else {})
    assert found.stats.decisions is None


@pytest.mark.parametrize(("outcome", "figures", "labels"), OUTCOMES)
def test_a_dry_run_decides_by_the_same_outcomes_lists_them_and_leaves_the_metrics_alone(
    outcome: Outcome, figures: dict[str, Any], labels: tuple[str, str] | None
) -> None:
    found = recorder(dry_run=True)
    found.record(outcome)
    assert {name: getattr(found.stats, name) for name in figures} == figures
    assert counted(found) == {}, labels
    assert found.stats.decisions == [OrderDecision("1", outcome.decision, outcome.reason)]
    assert found.stats.watched == (outcome.action is Action.WATCH)


def test_what_was_not_taken_stays_watched() -> None:
    found = recorder()
    found.record_push("sent", ["1", "2", "3"])
    found.record_push("rejected", ["4"])
    found.record_push("retried", ["5", "6"])
    stats = found.stats
    assert (stats.sent, stats.rejected, stats.retried, stats.watched) == (3, 1, 2, 3)
    assert counted(found) == {("sent", ""): 3, ("rejected", ""): 1, ("retried", ""): 2}
