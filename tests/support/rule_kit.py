"""The alert rules as tests read them: the chart's own file, its alerts, the metrics that expressions and texts name."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
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


def rules(text: str | None = None) -> list[Rule]:
    """All rules of a rule file, the chart's own if none is given."""
    document = yaml.safe_load(text if text is not None else RULES.read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


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


def cases() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every check of every case: the alert, the case, the check."""
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                yield check["alertname"], case, check
