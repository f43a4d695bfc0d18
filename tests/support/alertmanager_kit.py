"""A real Alertmanager with the chart's own configuration, whose notifications go to a sink."""

import json
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.support.notice_sink import Sink
from tests.support.programs import PATIENCE, running
from tests.support.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "charts" / "aftersend" / "files" / "alertmanager"
CONFIG = FILES / "alertmanager.yaml"
PAGER_KEY = "the-pager's-key"
_SEVERITIES = ("warning", "critical")
Config = dict[str, Any]
Labels = dict[str, str]


def configuration() -> Config:
    """The chart's configuration as it lies there."""
    found: Config = yaml.safe_load(CONFIG.read_text())
    return found


def hurried(config: Config, factor: float) -> Config:
    """The same with every waiting time of the routes divided by ``factor``; ``repeat_interval`` stays."""
    route = config["route"]
    for each in (route, *route["routes"]):
        each |= {name: _shorter(each[name], factor) for name in ("group_wait", "group_interval") if name in each}
    return config


def _shorter(duration: str, factor: float) -> str:
    unit = {"s": 1000, "m": 60_000, "h": 3_600_000}[duration[-1]]
    return f"{max(1, round(int(duration[:-1]) * unit / factor))}ms"


def addressed(config: Config, sink: Sink, folder: Path, language: str) -> Config:
    """The same with the sink as pager, chat and mail server, and its secrets as files in ``folder``."""
    (folder / "pager-key").write_text(PAGER_KEY)
    (folder / "chat-url").write_text(f"{sink.url}/chat")
    config["templates"] = [str(FILES / "layout.tmpl"), str(FILES / f"{language}.tmpl")]
    pager, office = config["receivers"]
    pager["pagerduty_configs"][0] |= {"url": f"{sink.url}/pagerduty", "routing_key_file": str(folder / "pager-key")}
    pager["webhook_configs"][0]["url"] = f"{sink.url}/webhook"
    pager["webhook_configs"][0]["http_config"]["authorization"]["credentials_file"] = str(folder / "pager-key")
    office["slack_configs"][0]["api_url_file"] = str(folder / "chat-url")
    mail = office["email_configs"][0]
    mail |= {"smarthost": sink.smarthost, "require_tls": False}
    del mail["auth_username"], mail["auth_password_file"]
    return config


class Alert(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An alert as Prometheus sends it."""

    labels: Labels
    annotations: Labels = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Alertmanager:
    """A running one."""

    url: str

    def send(self, alerts: Sequence[Alert]) -> None:
        """As Prometheus does."""
        request = urllib.request.Request(
            f"{self.url}/api/v2/alerts", msgspec.json.encode(alerts), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=30).close()

    def weigh(self, alerts: Sequence[Alert]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """Send these; returns names and tenants of the alerts that are silenced by others, and of those that are not.

        Causes are noted one by one after the answer. So one more pair is sent last, and awaited.
        """
        self.send([*alerts, *(Alert(labels={"alertname": "Last", "severity": each}) for each in _SEVERITIES)])
        deadline = time.monotonic() + PATIENCE
        while ("Last", "") not in (silent := self._notified(inhibited=True)):
            assert time.monotonic() < deadline, "the last pair is not weighed"
        return silent - {("Last", "")}, self._notified(inhibited=False) - {("Last", "")}

    def _notified(self, *, inhibited: bool) -> set[tuple[str, str]]:
        return {_who(alert) for alert in self._alerts() if bool(alert["status"]["inhibitedBy"]) == inhibited}

    def _alerts(self) -> Iterable[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found


def _who(alert: dict[str, Any]) -> tuple[str, str]:
    return alert["labels"]["alertname"], alert["labels"].get("tenant", "")


@contextmanager
def alertmanager(config: Config, folder: Path) -> Iterator[Alertmanager]:
    """Started with this configuration; its times are in UTC."""
    file, port = folder / "alertmanager.yaml", free_port()
    file.write_text(yaml.safe_dump(config, allow_unicode=True))
    url = f"http://127.0.0.1:{port}"
    arguments = [f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="]
    arguments.append(f"--web.listen-address=127.0.0.1:{port}")
    with running("prometheus-alertmanager", arguments, ready=f"{url}/-/ready", log=folder / "alertmanager.log"):
        yield Alertmanager(url)
