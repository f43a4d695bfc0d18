"""A real Prometheus with the chart's own rules, made to hurry so that a test need not wait for minutes.

The rules stay what they are; only their times are divided by one factor: ``for``, the groups' intervals, every range
and offset, and every ``N * 60``, ``N * 3600`` and ``N * 86400`` of an expression. What services do in their own time
(reading Redis every 5 to 60 seconds, writing back within 300) stays as it is.
"""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.programs import running
from tests.support.servers import free_port

RULES = Path(__file__).resolve().parents[2] / "charts" / "aftersend" / "files" / "alerts.yaml"
RUNBOOKS, DASHBOARDS = "https://docs.example.com/runbooks", "https://grafana.example.com"
_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_RANGE = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=offset )(\d+)([smhd])\b")
_PRODUCT = re.compile(r"\b\d+ \* (?:60|3600|86400)\b")


def hurried_rules(factor: float) -> str:
    """The chart's rules with all times divided by ``factor``, and with addresses of runbooks and dashboards."""
    text = RULES.read_text().replace("RUNBOOKS_URL", RUNBOOKS).replace("DASHBOARDS_URL", DASHBOARDS)
    rules = yaml.safe_load(text)
    for group in rules["groups"]:
        if "interval" in group:
            group["interval"] = _shorter(group["interval"], factor)
        for rule in group["rules"]:
            rule["expr"] = _hurried(rule["expr"], factor)
            if "for" in rule:
                rule["for"] = _shorter(rule["for"], factor)
    return str(yaml.safe_dump(rules, allow_unicode=True, width=1000))


def _hurried(expression: str, factor: float) -> str:
    ranges = _RANGE.sub(lambda found: _shorter(found[0], factor), expression)
    return _PRODUCT.sub(lambda found: f"({found[0]} / {factor})", ranges)


def _shorter(duration: str, factor: float) -> str:
    return f"{max(1, round(int(duration[:-1]) * _UNITS[duration[-1]] / factor))}ms"


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with ``health`` and ``lastEvaluation``."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def firing(self) -> list[dict[str, Any]]:
        """The labels of every alert that fires."""
        return [alert["labels"] for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"]

    def active(self) -> list[dict[str, Any]]:
        """Every alert that fires, or will if its condition lasts."""
        found: list[dict[str, Any]] = self._get("alerts")["alerts"]
        return found

    def _get(self, path: str, **query: str) -> Any:
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(folder: Path, *, targets: Sequence[str], factor: float, alertmanager: str) -> Iterator[Prometheus]:
    """Scrapes the targets every second and sends firing alerts to Alertmanager."""
    (folder / "rules.yaml").write_text(hurried_rules(factor))
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": [{"job_name": "aftersend", "static_configs": [{"targets": list(targets)}]}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}]},
    }
    file, port = folder / "prometheus.yaml", free_port()
    file.write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{port}"
    arguments = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={url[7:]}"]
    with running("prometheus", arguments, ready=f"{url}/-/ready", log=folder / "prometheus.log"):
        yield Prometheus(url)
