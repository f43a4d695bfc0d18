"""What holds for every alert: whom it wakes, what it says, where it leads, and that its metrics exist."""

import re

import pytest

from aftersend.observe.metrics import Metrics
from aftersend_operator.metrics import OperatorMetrics
from tests.support.rule_kit import Rule, alerts, metrics_of, names_in, recorded_in, rules, texts

OF_THE_FLEET = {
    "AftersendUpstreamDown",
    "AftersendOperatorStalled",
    "AftersendTenantsUnscraped",
    "AftersendWaveStopped",
}
"""Alerts without a tenant."""
EVERY = [rule for found in alerts().values() for rule in found]
IDS = [f"{rule['alert']}-{rule['labels']['severity']}" for rule in EVERY]


@pytest.fixture(params=EVERY, ids=IDS)
def alert(request: pytest.FixtureRequest) -> Rule:
    rule: Rule = request.param
    return rule


def test_it_pages_or_waits_for_the_next_working_day(alert: Rule) -> None:
    assert alert["labels"] in ({"severity": "critical"}, {"severity": "warning"})


def test_one_rule_for_each_severity() -> None:
    assert len(set(IDS)) == len(IDS)


def test_it_says_what_how_badly_and_where_to_go_on(alert: Rule) -> None:
    said = alert["annotations"]
    assert set(said) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert said["runbook_url"] == f"RUNBOOKS_URL/{alert['alert']}.md"
    assert said["description"].count("First step: ") == 1
    assert said["summary"].endswith(".")
    assert "\n" not in said["summary"]


def test_it_names_the_tenant_unless_it_is_about_all_of_them(alert: Rule) -> None:
    said = alert["annotations"]
    if alert["alert"] in OF_THE_FLEET:
        assert "$labels.tenant" not in str(said)
        assert said["dashboard_url"] == "DASHBOARDS_URL/d/aftersend-fleet"
    else:
        assert said["summary"].startswith("{{ $labels.tenant }}")
        assert said["dashboard_url"] == "DASHBOARDS_URL/d/aftersend-tenant?var-tenant={{ $labels.tenant }}"


def test_no_number_is_shown_raw(alert: Rule) -> None:
    shown = re.findall(r"\{\{ *(?:\$value|\.Value)([^}]*)\}\}", str(alert["annotations"]))
    assert all("humanize" in pipeline for pipeline in shown)


def test_every_metric_exists() -> None:
    known = names_in(Metrics().registry) | names_in(OperatorMetrics().registry)
    assert {metric for rule in rules() for metric in metrics_of(texts(rule))} <= known


def test_every_recorded_series_is_made_and_used() -> None:
    made = {rule["record"] for rule in rules() if "record" in rule}
    used = set().union(*(recorded_in(texts(rule)) - {rule.get("record", "")} for rule in rules()))
    assert used == made


def test_the_objective_of_write_back_is_a_bucket_of_the_histogram() -> None:
    metrics = Metrics()
    metrics.writeback_seconds.labels("shops.mueller").observe(1)
    bounds = {sample.labels.get("le") for family in metrics.registry.collect() for sample in family.samples}
    asked = {bound for rule in rules() for bound in re.findall(r'le="([^"]+)"', rule["expr"])}
    assert asked == {"300.0"}
    assert asked <= bounds
