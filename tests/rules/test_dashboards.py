"""The dashboards ask a real Prometheus that scraped a real day: every query has an answer, and it is the right one."""

import asyncio
import json
import math
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry, start_http_server

from aftersend.observe.metrics import Metrics
from aftersend.tenant.status import Condition
from aftersend_demo.display import SilentDisplay
from aftersend_demo.environment import PARTS, DemoEnvironment
from aftersend_demo.main import live_through
from aftersend_operator.metrics import OperatorMetrics
from tests.support.programs import running
from tests.support.servers import free_port

FILES = Path(__file__).resolve().parents[2] / "charts/aftersend/files"
TEXTS = {path.stem: path.read_text() for path in sorted((FILES / "dashboards").glob("*.json"))}
PATIENCE = 60.0
_SETTLED = 15.0
"""Seconds after which services have shown once more what they read from Redis now and then."""


def panels(name: str) -> Iterator[dict[str, Any]]:
    """All panels of a dashboard, rows left out."""
    for panel in json.loads(TEXTS[name])["panels"]:
        yield from panel.get("panels", []) if panel["type"] == "row" else [panel]


QUERIES = [
    (name, panel["title"], target["expr"]) for name in TEXTS for panel in panels(name) for target in panel["targets"]
]


@dataclass(frozen=True)
class Series:
    """One line of an answer."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    def ask(self, expression: str, tenant: str = "demo") -> list[Series]:
        """What it answers."""
        for name, value in {"$tenant": tenant, "$cluster": ".*", "$__rate_interval": "10m"}.items():
            expression = expression.replace(name, value)
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=30) as answer:
            found = json.load(answer)
        return [Series(each["metric"], float(each["value"][1])) for each in found["data"]["result"]]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("day")
    ports = (free_port(), free_port())
    beside = [
        start_http_server(port, "127.0.0.1", metrics.registry)
        for port, metrics in zip(ports, (_operator(), _compact()), strict=True)
    ]
    with _Sweeping(folder / "stage", orders=300) as demo:
        targets = [f"127.0.0.1:{number}" for number in (*demo.admin_ports.values(), *ports)]
        with _scraping(targets, folder) as found:
            _until(lambda: len(found.ask("count by (job) (aftersend_orders_total)")) == 1)
            asyncio.run(live_through(demo, SilentDisplay()))
            over = time.time()
            _until(lambda: len(found.ask(f"timestamp(up == 1) > {over + _SETTLED}")) == len(targets))
            yield found
    for server, thread in beside:
        server.shutdown()
        server.server_close()
        thread.join()


class _Sweeping(DemoEnvironment):
    """With the exporter's own schedule of sweeps, as in production."""

    def variables(self, part: str) -> dict[str, str]:
        return {**super().variables(part), "AFTERSEND_SCHEDULER": "sweep"}


def _operator() -> OperatorMetrics:
    """The operator's registry as it is beside one healthy tenant."""
    metrics = OperatorMetrics()
    metrics.set_conditions("demo", [_condition("Ready", "True"), _condition("Degraded", "False")])
    metrics.record_tenant("demo", generation=1, certificate_end=time.time() + 60 * 86400)
    metrics.tenants.set(1)
    metrics.reconciles.labels("done").inc()
    metrics.seconds.observe(0.1)
    metrics.record_call("get", "ok")
    return metrics


def _compact() -> Metrics:
    """A tenant whose parts are one process."""
    metrics = Metrics()
    for part in PARTS:
        metrics.part.labels("compact", part).set(1)
    return metrics


def _condition(kind: str, status: Literal["True", "False"]) -> Condition:
    return Condition(
        type=kind, status=status, observed_generation=1, last_transition_time="", reason="AllWell", message=""
    )


@contextmanager
def _scraping(targets: list[str], folder: Path) -> Iterator[Prometheus]:
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "aftersend", "static_configs": [{"targets": targets}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with running("prometheus", arguments, ready=f"http://{address}/-/ready", log=folder / "prometheus.log"):
        yield Prometheus(f"http://{address}")


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "not in Prometheus"
        time.sleep(0.2)


def test_every_query_has_an_answer(prometheus: Prometheus) -> None:
    wrong = {}
    for dashboard, panel, expression in QUERIES:
        found = prometheus.ask(expression)
        if not found or any(not math.isfinite(series.value) for series in found):
            wrong[f"{dashboard} / {panel}"] = (expression, found)
    assert wrong == {}


@pytest.mark.parametrize(
    ("dashboard", "panel", "expected"),
    [
        ("aftersend-fleet", "Tenants", {"": (2, 2)}),
        ("aftersend-fleet", "Exports late", {"": (0, 0)}),
        ("aftersend-fleet", "Write-backs late", {"": (0, 0)}),
        ("aftersend-fleet", "Parts missing", {"": (0, 0)}),
        ("aftersend-fleet", "Error budget of the exports, 30 days", {"": (1, 1)}),
        ("aftersend-fleet", "Error budget of the write-back, 30 days", {"": (-99, 1)}),
        ("aftersend-tenant", "Error budget of the webhook answers, 30 days", {"": (-999, 1)}),
        ("aftersend-tenant", "Parts", {"exporter": (1, 1), "webhook": (1, 1), "writer": (1, 1)}),
        ("aftersend-tenant", "Decisions of exports", {"sent": (100, 1000), "skipped": (1, 1000)}),
        ("aftersend-tenant", "Webhooks, by answer", {"stored": (50, 5000)}),
        ("aftersend-tenant", "Age of the oldest event", {"parcels": (0, 60), "runs": (0, 60)}),
        ("aftersend-tenant", "Calls left", {"afterbuy": (0.5, 1), "sendcloud": (0, 1)}),
        ("aftersend-tenant", "Keeps what it confirms", {"": (0, 1)}),
    ],
)
def test_the_answers_are_those_of_the_day(
    dashboard: str, panel: str, expected: dict[str, tuple[float, float]], prometheus: Prometheus
) -> None:
    (found,) = (query for name, title, query in QUERIES if (name, title) == (dashboard, panel))
    values = {"".join(series.labels.values()): series.value for series in prometheus.ask(found)}
    for label, (least, most) in expected.items():
        assert least <= values[label] <= most, values


@pytest.mark.parametrize("panel", ["Memory of the parts", "Processor"])
@pytest.mark.parametrize(("tenant", "processes"), [("demo", 3), ("compact", 1)])
def test_a_process_is_shown_once_whatever_parts_it_has(
    panel: str, tenant: str, processes: int, prometheus: Prometheus
) -> None:
    (found,) = (query for _, title, query in QUERIES if title == panel)
    assert len(prometheus.ask(found, tenant)) == processes


def test_every_name_in_a_query_is_a_metric_of_ours() -> None:
    known = _names(Metrics().registry) | _names(OperatorMetrics().registry)
    asked = {name for _, _, query in QUERIES for name in re.findall(r"\b(?:aftersend|process|python)_[a-z_]+\b", query)}
    assert asked <= known


def _names(registry: CollectorRegistry) -> set[str]:
    shown = {sample.name for family in registry.collect() for sample in family.samples}
    return shown | set(registry._names_to_collectors)


BUILT_IN = {"__rate_interval", "__url_time_range", "__data.fields.tenant", "__field.labels.tenant"}
"""Variables of Grafana itself."""
PANELS = {"row", "stat", "timeseries", "bargauge", "table"}


@pytest.mark.parametrize("name", TEXTS)
def test_every_variable_is_defined_and_every_source_of_data_is_one(name: str) -> None:
    board = json.loads(TEXTS[name])
    defined = {variable["name"] for variable in board["templating"]["list"]}
    used = re.findall(r"\$\{([\w.]+)(?::\w+)?\}|\$(\w+)", TEXTS[name])
    assert {braced or bare for braced, bare in used} - {"__all"} <= defined | BUILT_IN
    assert set(re.findall(r'"uid": "([^"]*)"', TEXTS[name])) == {"${datasource}", name}
    for target in (target for panel in panels(name) for target in panel["targets"]):
        assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("name", TEXTS)
def test_panels_are_of_known_types_and_ids_are_unique(name: str) -> None:
    everything = json.loads(TEXTS[name])["panels"]
    everything += [inner for panel in everything for inner in panel.get("panels", [])]
    assert {panel["type"] for panel in everything} <= PANELS
    assert len({panel["id"] for panel in everything}) == len(everything)


@pytest.mark.parametrize(("dashboard", "panel", "expression"), QUERIES)
def test_every_metric_of_a_query_is_one_of_the_chosen_cluster(dashboard: str, panel: str, expression: str) -> None:
    """Each has a matcher of its own, also those that join others."""
    metrics = re.findall(r"\b(?:aftersend|process)_\w+|\bup\b", expression)
    assert expression.count('cluster=~"$cluster"') == len(metrics), f"{dashboard}: {panel}"
    assert not re.search(r"\b(by|on) \((?:job|tenant)", expression)


@pytest.mark.parametrize("name", TEXTS)
def test_grafanas_own_types_read_and_write_it_alike(name: str) -> None:
    read = Dashboard.from_json(json.loads(TEXTS[name]))
    assert json.dumps(read, cls=JSONEncoder, indent=2, sort_keys=True) + "\n" == TEXTS[name]
    assert read.uid == name


@pytest.mark.parametrize("name", TEXTS)
def test_every_panel_says_what_is_normal_and_has_a_place_of_its_own(name: str) -> None:
    found = list(panels(name))
    assert len({panel["title"] for panel in found}) == len(found)
    everything = [panel["id"] for panel in json.loads(TEXTS[name])["panels"]]
    assert len(set(everything)) == len(everything)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in found}) == len(found)
    assert all(panel["description"] and panel["datasource"]["uid"] == "${datasource}" for panel in found)


def test_the_alerts_that_panels_name_exist() -> None:
    groups = yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    named = set(re.findall(r"RUNBOOKS_URL/(\w+)\.md", "".join(TEXTS.values())))
    assert named
    assert named <= alerts
