"""The configuration in the docs for a Prometheus without its operator: it is one, and finds operator and tenants."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.chart_kit import ROOT, of_kind, render
from tests.support.operator_kit import tenant, wanted
from tests.support.rule_kit import promtool

PAGE = (ROOT / "docs/guides/metrics.md").read_text()
(TEXT,) = re.findall(r"```yaml\n(scrape_configs:\n.*?)```", PAGE, re.DOTALL)
(JOB,) = yaml.safe_load(TEXT)["scrape_configs"]
(CHOICE,) = (rule for rule in JOB["relabel_configs"] if rule.get("action") == "keep")
WITH_METRICS = {"operator", "all", "exporter", "webhook", "writer"}


def chosen(workload: dict[str, Any]) -> Iterator[str]:
    """Names of the containers of a workload whose pods the configuration reads."""
    template = workload["spec"]["template"]
    labels = {re.sub(r"\W", "_", key): value for key, value in template["metadata"]["labels"].items()}
    for container in template["spec"]["containers"]:
        for port in container.get("ports", ()):
            known = {f"__meta_kubernetes_pod_label_{key}": value for key, value in labels.items()}
            known["__meta_kubernetes_pod_container_port_name"] = port["name"]
            if re.fullmatch(CHOICE["regex"], ";".join(known.get(label, "") for label in CHOICE["source_labels"])):
                yield container["name"]


def test_prometheus_takes_it(tmp_path: Path) -> None:
    """But for the search itself: Debian's Prometheus is built without Kubernetes."""
    search = next(line for line in TEXT.splitlines() if "kubernetes_sd_configs" in line)
    (tmp_path / "prometheus.yml").write_text(TEXT.replace(search, "    static_configs: []"))
    checked = promtool("check", "config", str(tmp_path / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr
    assert JOB["kubernetes_sd_configs"] == [{"role": "pod"}]


def test_it_reads_the_operator_and_every_part_once_and_nothing_else() -> None:
    workloads = [*of_kind(render(), "Deployment")]
    for topology in ("split", "compact"):
        children = wanted(tenant(topology=topology)).values()
        workloads += [it for it in children if it["kind"] in ("Deployment", "StatefulSet")]
    found = [name for workload in workloads for name in chosen(workload)]
    assert sorted(found) == sorted(WITH_METRICS)
