"""The alert rules in the chart: by which kind they come, what is filled in, what may be left out."""

import re

import pytest
import yaml

from tests.support.chart_kit import Manifest, RefusedError, of_kind, one, render
from tests.support.rule_kit import alerts, rules

KIND = "monitoring.coreos.com/v1/PrometheusRule"
ADDRESSES = {"runbookUrl": "https://git.example.com/runbooks/", "dashboardUrl": "https://grafana.example.com"}


def wanted(**wishes: object) -> dict[str, object]:
    return {"monitoring": {"alerts": {"enabled": True, **wishes}}}


def rendered(manifests: list[Manifest]) -> list[Manifest]:
    groups = one(manifests, "PrometheusRule", "aftersend-alerts")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_no_rules_unless_asked_for() -> None:
    assert not of_kind(render(knows=KIND), "PrometheusRule")


def test_a_rule_object_where_the_cluster_knows_the_kind() -> None:
    manifests = render(wanted(labels={"release": "prometheus"}, **ADDRESSES), knows=KIND)
    assert one(manifests, "PrometheusRule", "aftersend-alerts")["metadata"]["labels"]["release"] == "prometheus"
    bare = [re.sub(r"^# threshold: .*\n", "", rule["expr"]) for rule in rules()]
    assert [rule["expr"] for rule in rendered(manifests)] == bare
    assert not of_kind(render(wanted()), "PrometheusRule")
    assert of_kind(render(wanted(), "monitoring.renderMode=always"), "PrometheusRule")
    with pytest.raises(RefusedError, match=r"does not know the kind PrometheusRule.*monitoring\.alerts\.kind"):
        render(wanted(), "monitoring.renderMode=fail")


def test_a_file_for_a_plain_prometheus_says_the_same() -> None:
    data = one(render(wanted(kind="ConfigMap")), "ConfigMap", "aftersend-alerts")["data"]
    spec = one(render(wanted(), knows=KIND), "PrometheusRule", "aftersend-alerts")["spec"]
    assert yaml.safe_load(data["aftersend.yaml"]) == spec


def test_addresses_are_filled_in_and_the_templates_of_prometheus_stay() -> None:
    own = {rule["alert"]: rule["annotations"] for rule in rules() if "alert" in rule}
    for rule in rendered(render(wanted(**ADDRESSES), knows=KIND)):
        if "alert" in rule:
            said = rule["annotations"]
            assert said["runbook_url"] == f"https://git.example.com/runbooks/{rule['alert']}.md"
            assert said["dashboard_url"].startswith("https://grafana.example.com/d/aftersend-")
            assert said["dashboard_url"].partition("?")[2] == own[rule["alert"]]["dashboard_url"].partition("?")[2]


def test_without_an_address_there_is_no_link() -> None:
    manifests = render(wanted(), knows=KIND)
    assert {key for rule in rendered(manifests) for key in rule.get("annotations", {})} == {
        f"{kind}{language}" for kind in ("title", "summary", "description") for language in ("", "_de")
    }
    assert "S_URL" not in str(manifests)


def test_alerts_can_be_left_out_by_name() -> None:
    manifests = render(wanted(exclude=["AftersendTenantChanged", "AftersendBackupLate"]), knows=KIND)
    left = {rule["alert"] for rule in rendered(manifests) if "alert" in rule}
    assert left == alerts().keys() - {"AftersendTenantChanged", "AftersendBackupLate"}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"monitoring\.alerts\.exclude: there is no alert AftersendNothing"):
        render(wanted(exclude=["AftersendNothing"]), knows=KIND)


def test_alerts_can_be_left_out_by_group_and_what_is_recorded_stays() -> None:
    manifests = render(wanted(excludeGroups=["aftersend-redis"]), knows=KIND)
    left = {rule["alert"] for rule in rendered(manifests) if "alert" in rule}
    assert "AftersendRedisDenied" not in left
    assert "AftersendExportLate" in left
    assert {rule["record"] for rule in rendered(manifests) if "record" in rule} == {
        rule["record"] for rule in rules() if "record" in rule
    }


def expressions(**wishes: object) -> dict[tuple[str, str], str]:
    found = rendered(render(wanted(**wishes), knows=KIND))
    return {(rule["alert"], rule["labels"]["severity"]): rule["expr"] for rule in found if "alert" in rule}


def test_each_threshold_is_replaced_where_it_stands_and_nowhere_else() -> None:
    named = {
        (rule["alert"], rule["labels"]["severity"]): found[1]
        for rule in rules()
        if (found := re.match(r"# threshold: ([\d.* ]+) \(", rule["expr"]))
    }
    assert len(named) > 20
    own: dict[str, dict[str, dict[str, float]]] = {}
    for name, severity in named:
        own.setdefault(name, {"thresholds": {}})["thresholds"][severity] = 1234.5
    before, after = expressions(), expressions(rules=own)
    for rule, default in named.items():
        assert after[rule].count(" 1234.5") == (before[rule].count(f" * {default}") or 1)
        assert after[rule].replace(" 1234.5", f" {default}") == before[rule]
    assert {rule: text for rule, text in after.items() if rule not in named} == {
        rule: text for rule, text in before.items() if rule not in named
    }


def test_one_of_two_rules_keeps_its_own_threshold_and_a_large_one_is_written_out() -> None:
    found = expressions(rules={"AftersendBackupLate": {"severity": "page", "thresholds": {"critical": 2592000}}})
    late = [text for (name, _), text in found.items() if name == "AftersendBackupLate"]
    assert late == [found["AftersendBackupLate", "page"]]
    assert late[0].strip().endswith("> 2592000")
    kept = expressions(rules={"AftersendBackupLate": {"thresholds": {"critical": 0}}})
    assert kept["AftersendBackupLate", "critical"].strip().endswith("> 0")
    assert kept["AftersendBackupLate", "warning"].strip().endswith("> 2 * 3600")


def test_a_cluster_that_alerts_get_by_value_does_not_hide_them_from_each_other() -> None:
    """Series have no such label then, and what asks for ALERTS must match them all the same."""
    excused = {
        cluster: next(
            rule["expr"]
            for rule in rendered(render(wanted(ruleLabels=labels), knows=KIND))
            if rule.get("record") == "aftersend:excused"
        )
        for cluster, labels in {"": {}, "prod-1": {"cluster": "prod-1"}}.items()
    }
    assert re.findall(r"by (\(.*?\)) \(ALERTS", excused[""]) == ["(cluster, tenant, upstream)", "(cluster, upstream)"]
    assert re.findall(r"by (\(.*?\)) \(ALERTS", excused["prod-1"]) == ["(tenant, upstream)", "(upstream)"]


def test_one_alert_gets_a_severity_a_patience_and_texts_of_its_own() -> None:
    own = {"severity": "page", "for": "1h30m", "labels": {"team": "shop"}, "annotations": {"channel": "#parcels"}}
    everywhere = {"ruleLabels": {"cluster": "prod-1"}, "ruleAnnotations": {"owner": "platform"}}
    found = {
        rule["alert"]: rule
        for rule in rendered(render(wanted(rules={"AftersendExportLate": own}, **everywhere), knows=KIND))
        if "alert" in rule
    }
    late = found.pop("AftersendExportLate")
    assert late["for"] == "1h30m"
    assert late["labels"] == {"severity": "page", "team": "shop", "cluster": "prod-1"}
    assert late["annotations"].items() >= {"channel": "#parcels", "owner": "platform"}.items()
    assert {(rule["labels"]["cluster"], rule["labels"].get("team")) for rule in found.values()} == {("prod-1", None)}


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"rules": {"AftersendNothing": {}}}, r"monitoring\.alerts\.rules: there is no alert AftersendNothing"),
        ({"rules": {"AftersendNothing": {}}}, r"there are AftersendApiClosed, AftersendBackupLate, "),
        ({"rules": {"AftersendExportLate": {"for": "soon"}}}, "for"),
        (
            {"rules": {"AftersendWaveStopped": {"thresholds": {"warning": 2}}}},
            r"rules\.AftersendWaveStopped\.thresholds: this alert compares with no number, so leave them out",
        ),
        (
            {"rules": {"AftersendBackupLate": {"thresholds": {"page": 2}}}},
            r"rules\.AftersendBackupLate\.thresholds\.page: .*; name its threshold warning or critical",
        ),
        ({"rules": {"AftersendBackupLate": {"thresholds": {"warning": "2h"}}}}, r"thresholds.*warning"),
        ({"rules": {"AftersendBackupLate": {"thresholds": {"warning": -1}}}}, r"thresholds.*warning"),
        ({"rules": {"AftersendExportLate": {"expr": "1"}}}, "expr"),
        ({"excludeGroups": ["aftersend-facts"]}, r"no group of alerts is called aftersend-facts; there are aftersend-"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(wishes: dict[str, object], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        render(wanted(**wishes), knows=KIND)
