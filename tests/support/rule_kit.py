"""The alert rules as tests read them: the chart's own file, its alerts, the metrics that expressions and texts name."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "charts/aftersend/files/alerts.yaml"
CASES = ROOT / "tests/rules/cases"
RUNBOOKS = ROOT / "docs/runbooks"
MISSING = "promtool is missing: apt-get install prometheus"
Rule = dict[str, Any]
_METRIC = re.compile(r"\baftersend_[a-z_]+\b")
_RECORDED = re.compile(r"\baftersend:[a-z_:0-9]+\b")


def promtool(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Debian's promtool; skipped without it (fails in CI)."""
    found = shutil.which("promtool")
    if found is None and os.environ.get("CI"):
        pytest.fail(MISSING)
    if found is None:
        pytest.skip(MISSING)
    return subprocess.run([found, *words], input=given, capture_output=True, text=True, check=False)


@functools.cache
def groups() -> list[dict[str, Any]]:
    """The groups of the chart's rule file."""
    found: list[dict[str, Any]] = yaml.load(RULES.read_text(), yaml.CSafeLoader)["groups"]
    return found


def rules() -> list[Rule]:
    """All rules of the chart's rule file."""
    return [rule for group in groups() for rule in group["rules"]]


def alerts() -> dict[str, list[Rule]]:
    """The alert rules by name: some alerts have one rule for each severity."""
    found: dict[str, list[Rule]] = {}
    for rule in rules():
        if "alert" in rule:
            found.setdefault(rule["alert"], []).append(rule)
    return found


def texts(rule: Rule) -> str:
    """Expression and annotations: both may ask for metrics."""
    return "\n".join([rule["expr"], *rule.get("annotations", {}).values()])


def metrics_of(text: str) -> set[str]:
    """The metrics of ours that a text names."""
    return set(_METRIC.findall(text))


def names_in(registry: CollectorRegistry) -> set[str]:
    """All that a registry may show, as Prometheus stores it: also metrics that have no series yet."""
    families = {name for name in registry._names_to_collectors if not name.endswith("_created")}
    return families | {f"{name}{suffix}" for name in families for suffix in ("_bucket", "_count", "_sum")}


def recorded_in(text: str) -> set[str]:
    """The recorded series that a text names."""
    return set(_RECORDED.findall(text))


def completed(path: Path) -> dict[str, Any]:
    """A case as promtool wants it: the chart's rules in their order, and what a rule says of all tenants alike."""
    document: dict[str, Any] = yaml.load(path.read_text(), yaml.CBaseLoader)
    document["rule_files"] = [str(RULES)]
    document["group_eval_order"] = [group["name"] for group in groups()]
    for check in (check for case in document["tests"] for check in case["alert_rule_test"]):
        for expected in check["exp_alerts"]:
            always = _said_of_all(check["alertname"], expected["exp_labels"])
            expected["exp_annotations"] = always | expected["exp_annotations"]
    return document


def _said_of_all(name: str, labels: dict[str, str]) -> dict[str, str]:
    (rule,) = (rule for rule in alerts()[name] if rule["labels"]["severity"] == labels["severity"])
    said: dict[str, str] = dict(rule["annotations"])
    link, _, chosen = said["dashboard_url"].partition("{{ with $labels.cluster }}")
    if "cluster" in labels:
        link += chosen.removesuffix("{{ end }}").replace("{{ . }}", labels["cluster"])
    said["dashboard_url"] = link.replace("{{ $labels.tenant }}", labels.get("tenant", ""))
    return {key: text for key, text in said.items() if "{{" not in text}


@functools.cache
def cases() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every check of every case: the alert, the case, the check."""
    return [
        (check["alertname"], case, check)
        for path in sorted(CASES.glob("*.yaml"))
        for case in yaml.load(path.read_text(), yaml.CSafeLoader)["tests"]
        for check in case["alert_rule_test"]
    ]
