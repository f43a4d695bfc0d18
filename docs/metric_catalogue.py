"""The catalogue of metrics: what the registries hold, and which alert or panel asks for it.

Both sides are read from what is shipped: the registries of services and operator, the chart's alert rules and its
dashboards. An unused metric shows two empty cells in the table.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry

from aftersend.observe.metrics import Metrics
from aftersend_operator.metrics import OperatorMetrics

FILES = Path(__file__).resolve().parent.parent / "charts/aftersend/files"
_NAME = re.compile(r"\b(?:aftersend|process|python)_[a-z_]+\b")
_RECORD = re.compile(r"\baftersend:[a-z0-9_:]+")
_ENDINGS = ("_bucket", "_sum", "_count")
_EXCUSES = frozenset({"aftersend:excused"})
"""Holds back half of all alerts; what it asks for need not be named with each of them."""


def tables() -> str:
    """Render one table for the services, one for the operator."""
    asked = users()
    parts = (("Services", Metrics().registry), ("Operator", OperatorMetrics().registry))
    return "\n".join(f"### {title}\n\n{_table(registry, asked)}" for title, registry in parts)


def _table(registry: CollectorRegistry, asked: dict[str, set[str]]) -> str:
    rows = ["| metric | type | labels | meaning | alerts | panels |", "|---|---|---|---|---|---|"]
    for name, kind, labels, meaning in own_metrics(registry):
        who = asked.get(name, set())
        alerts = ", ".join(sorted(user for user in who if " / " not in user))
        panels = ", ".join(sorted(user for user in who if " / " in user))
        rows.append(f"| `{name}` | {kind} | {labels} | {meaning} | {alerts} | {panels} |")
    return "\n".join(rows) + "\n"


def own_metrics(registry: CollectorRegistry) -> Iterator[tuple[str, str, str, str]]:
    """Yield name as a scrape shows it, type, labels, meaning; without those of the Python process."""
    for collector in dict.fromkeys(registry._collector_to_names):  # noqa: SLF001 - the library has no public list
        labels = getattr(collector, "_labelnames", None)
        if labels is None:
            continue
        (family,) = collector.describe()
        name = family.name + ("_total" if family.type == "counter" else "")
        yield name, family.type, ", ".join(labels), family.documentation


def users() -> dict[str, set[str]]:
    """Map each metric to its users, direct or by a recording rule: names of alerts, and ``dashboard / panel``."""
    found: dict[str, set[str]] = defaultdict(set)
    records = {rule["record"]: rule["expr"] for rule in _rules() if "record" in rule}
    alerts = [(rule["alert"], rule["expr"]) for rule in _rules() if "alert" in rule]
    for who, expression in [*alerts, *_panels()]:
        for name in _names(expression, records, seen=_EXCUSES):
            found[_family(name)].add(who)
    return found


def _names(expression: str, records: dict[str, str], *, seen: frozenset[str]) -> set[str]:
    found = set(_NAME.findall(expression))
    for record in set(_RECORD.findall(expression)) - seen:
        found |= _names(records[record], records, seen=seen | {record})
    return found


def _family(name: str) -> str:
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def _rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]:
        yield from group["rules"]


def _panels() -> Iterator[tuple[str, str]]:
    for file in sorted((FILES / "dashboards").glob("*.json")):
        dashboard = json.loads(file.read_text())
        for panel in _flat(dashboard["panels"]):
            for target in panel.get("targets", ()):
                yield f"{dashboard['title']} / {panel['title']}", target["expr"]


def _flat(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _flat(panel.get("panels", []))
