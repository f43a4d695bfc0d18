"""Every alert fires when it must, with exactly these words, and is silent when it must be: promtool runs the cases."""

from pathlib import Path

import pytest
import yaml

from tests.support.rule_kit import CASES, RULES, alerts, cases, metrics_of, promtool, recorded_in, rules, texts

FILES = sorted(CASES.glob("*.yaml"))


def test_prometheus_accepts_the_rules_without_a_complaint() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_case(path: Path) -> None:
    ran = promtool("test", "rules", str(path))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_groups_are_evaluated_in_the_order_of_the_file(path: Path) -> None:
    """Without that order promtool takes any, and a case at the edge of a limit fails now and then."""
    document = yaml.safe_load(path.read_text())
    assert document["group_eval_order"] == [group["name"] for group in yaml.safe_load(RULES.read_text())["groups"]]
    assert {check["alertname"] for case in document["tests"] for check in case["alert_rule_test"]} == {
        path.name.partition(".")[0]
    }


@pytest.mark.parametrize("name", alerts())
def test_each_severity_of_an_alert_has_a_case_in_which_it_fires(name: str) -> None:
    fired = [alert["exp_labels"] for alert, _, check in cases() if alert == name for alert in check["exp_alerts"]]
    assert {labels["severity"] for labels in fired} == {rule["labels"]["severity"] for rule in alerts()[name]}


@pytest.mark.parametrize("name", alerts())
def test_each_alert_has_a_case_in_which_it_is_silent_although_its_metrics_are_there(name: str) -> None:
    needed = _metrics_behind(name)
    silent = [case for alert, case, check in cases() if alert == name and not check["exp_alerts"]]
    assert any(needed & metrics_of(str(case["input_series"])) for case in silent)


def _metrics_behind(name: str) -> set[str]:
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    found, open_ends = set(), [texts(rule) for rule in alerts()[name]]
    seen: set[str] = set()
    while open_ends:
        text = open_ends.pop()
        found |= metrics_of(text)
        open_ends += [recorded[each] for each in recorded_in(text) - seen]
        seen |= recorded_in(text)
    return found
