"""What holds for every alert: whom it wakes, what it says, where it leads, and that its metrics exist."""

import re

import pytest

from aftersend.observe.metrics import Metrics
from aftersend_operator.metrics import OperatorMetrics
from tests.support.rule_kit import Rule, alerts, metrics_of, names_in, recorded_in, rules, texts

OF_THE_FLEET = {
    "AftersendManyTenants",
    "AftersendUpstreamDown",
    "AftersendOperatorStalled",
    "AftersendTenantsUnscraped",
    "AftersendWaveStopped",
}
"""Alerts without a tenant."""
SENTENCES = {f"{kind}{language}" for kind in ("title", "summary", "description") for language in ("", "_de")}
_ENGLISH = re.compile(r"\b(the|of|has|have|were|is|are|not|does|to|within|with|for|late|its)\b")
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
    assert set(said) == {*SENTENCES, "runbook_url", "dashboard_url"}
    assert said["runbook_url"] == f"RUNBOOKS_URL/{alert['alert']}.md"
    assert said["description"].count("First step: ") == 1
    assert said["description_de"].count("Zuerst: ") == 1
    for each in ("summary", "summary_de"):
        assert said[each].endswith(".")
        assert "\n" not in said[each]


def test_it_says_the_same_in_both_languages(alert: Rule) -> None:
    """The same labels, numbers, commands and branches, and no sentence left as it was."""
    said = alert["annotations"]
    for each in ("summary", "description"):
        before, after = said[each], said[f"{each}_de"]
        assert sorted(_templates(before)) == sorted(_templates(after))
        assert set(re.findall(r"`[^`]+`", before)) == set(re.findall(r"`[^`]+`", after))
        assert not _ENGLISH.search(re.sub(r"`[^`]+`|\{\{.*?\}\}", "", after)), after


def _templates(text: str) -> list[str]:
    return re.findall(r"\{\{.*?\}\}", text)


def test_title_and_description_hold_for_every_tenant_of_a_message(alert: Rule) -> None:
    """A message about many shows them once; what it groups by may stand in them."""
    said = alert["annotations"]
    for each in ("title", "title_de", "description", "description_de"):
        assert set(re.findall(r"\$labels\.(\w+)|(\$value|\.Value)", said[each])) <= {("upstream", "")}
    twins = [rule["annotations"] for rule in EVERY if rule["alert"] == alert["alert"]]
    assert {(twin["title"], twin["title_de"]) for twin in twins} == {(said["title"], said["title_de"])}


def test_it_compares_with_the_threshold_that_it_names(alert: Rule) -> None:
    named = re.match(r"# threshold: ([\d.* ]+) \([^()]+\)\n", alert["expr"])
    compared = re.findall(r"[<>]=? ([\d.]+(?: \* [\d.]+)?)", alert["expr"])
    assert (named is None) == (not compared)
    assert named is None or any(each.endswith(named[1]) for each in compared)


def test_it_names_the_tenant_unless_it_is_about_all_of_them(alert: Rule) -> None:
    said = alert["annotations"]
    if alert["alert"] in OF_THE_FLEET:
        assert "$labels.tenant" not in str(said)
        assert said["dashboard_url"] == (
            "DASHBOARDS_URL/d/aftersend-fleet{{ with $labels.cluster }}?var-cluster={{ . }}{{ end }}"
        )
    else:
        assert said["summary"].startswith("{{ $labels.tenant }}")
        assert said["dashboard_url"] == (
            "DASHBOARDS_URL/d/aftersend-tenant?var-tenant={{ $labels.tenant }}"
            "{{ with $labels.cluster }}&var-cluster={{ . }}{{ end }}"
        )


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
