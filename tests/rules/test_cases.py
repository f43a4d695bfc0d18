"""Every alert fires when it must, with exactly these words, and is silent when it must be: promtool runs the cases."""

from pathlib import Path

import pytest
import yaml

from tests.support.rule_kit import (
    CASES,
    RULES,
    alerts,
    cases,
    completed,
    metrics_of,
    promtool,
    recorded_in,
    rules,
    texts,
)

FILES = sorted(CASES.glob("*.yaml"))


def test_prometheus_accepts_the_rules_without_a_complaint() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_case(path: Path, tmp_path: Path) -> None:
    """In the order of the groups, without which a case at the edge of a limit fails now and then."""
    document = completed(path)
    asked = {check["alertname"] for case in document["tests"] for check in case["alert_rule_test"]}
    assert asked == {path.name.partition(".")[0]}
    file = tmp_path / path.name
    file.write_text(yaml.safe_dump(document, allow_unicode=True, width=10_000))
    ran = promtool("test", "rules", str(file))
    assert ran.returncode == 0, ran.stdout + ran.stderr


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
