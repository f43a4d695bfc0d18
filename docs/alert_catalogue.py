"""The reference of the alerts: each rule of the chart with its severity, patience and expression."""

import textwrap
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parent.parent / "charts/aftersend/files/alerts.yaml"


def sections() -> str:
    """Render a section for each alert; several rules of one name (critical, warning) share it."""
    rules: dict[str, list[dict[str, Any]]] = {}
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rules.setdefault(rule["alert"], []).append(rule)
    return "\n".join(_section(name, found) for name, found in sorted(rules.items()))


def recordings() -> str:
    """Render the recorded series, with what they are computed from."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found = [rule for group in groups for rule in group["rules"] if "record" in rule]
    return "\n".join(f"### {rule['record']}\n\n{_expression(rule)}" for rule in found)


def _section(name: str, rules: list[dict[str, Any]]) -> str:
    parts = [f"### {name}\n\n[Runbook](../runbooks/{name}.md)\n"]
    for rule in rules:
        patience = f", for {rule['for']}" if "for" in rule else ""
        parts.append(f"**{rule['labels']['severity']}**{patience}:\n\n{_expression(rule)}")
    return "\n".join(parts)


def _expression(rule: dict[str, Any]) -> str:
    return f"```promql\n{textwrap.dedent(rule['expr']).strip()}\n```\n"
