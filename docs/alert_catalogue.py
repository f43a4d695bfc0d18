"""The reference of the alerts: each rule of the chart with its severity, patience and expression."""

import math
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parent.parent / "charts/aftersend/files/alerts.yaml"


THRESHOLD = re.compile(r"# threshold: (?P<number>[\d.* ]+) \((?P<unit>[^()]+)\)\n")
"""The first line of an expression that compares with a number; the chart replaces the number by value."""


def sections() -> str:
    """Render a section for each alert; several rules of one name (critical, warning) share it."""
    return "\n".join(_section(name, found) for name, found in _alerts())


def thresholds() -> str:
    """Render a table of the numbers that values can replace."""
    rows = [
        f"| [{name}](#{name.lower()}) | {rule['labels']['severity']} | {_product(found['number'])} | {found['unit']} |"
        for name, rules in _alerts()
        for rule in rules
        if (found := THRESHOLD.match(rule["expr"]))
    ]
    return "\n".join(["| alert | threshold of | default | unit |", "|---|---|---|---|", *rows]) + "\n"


def _product(number: str) -> str:
    return f"{math.prod(float(factor) for factor in number.split('*')):.10g}" if "*" in number else number


def _alerts() -> list[tuple[str, list[dict[str, Any]]]]:
    rules: dict[str, list[dict[str, Any]]] = {}
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rules.setdefault(rule["alert"], []).append(rule)
    return sorted(rules.items())


def recordings() -> str:
    """Render the recorded series, with what they are computed from."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found = [rule for group in groups for rule in group["rules"] if "record" in rule]
    return "\n".join(f"### {rule['record']}\n\n{_expression(rule)}" for rule in found)


def _section(name: str, rules: list[dict[str, Any]]) -> str:
    title = rules[0]["annotations"]
    parts = [f"### {name}\n\n{title['title']} ({title['title_de']}): [runbook](../runbooks/{name}.md)\n"]
    for rule in rules:
        patience = f", for {rule['for']}" if "for" in rule else ""
        parts.append(f"**{rule['labels']['severity']}**{patience}:\n\n{_expression(rule)}")
    return "\n".join(parts)


def _expression(rule: dict[str, Any]) -> str:
    return f"```promql\n{textwrap.dedent(THRESHOLD.sub('', rule['expr'])).strip()}\n```\n"
