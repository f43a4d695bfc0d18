"""Both topologies at work: real processes with exactly the files, users and settings that their pods get.

    simulated Afterbuy and Sendcloud ── three services (or one) ── Redis with TLS and ACL, all from the manifests

Orders travel out by the very command of the CronJob, labels come back by webhooks. In the end the server must not have
refused anything to anybody, or each calm day would look like a break-in; and what all this says to Prometheus must be
little: fewer than 400 series a tenant, less than 64 KB a scrape.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.part_kit import get
from tests.support.tenant_pods import RunningPods, running_pods, until


@pytest.fixture(params=["split", "compact"])
def tenant_pods(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningPods]:
    with running_pods(tmp_path, request.param) as tenant_pods:
        yield tenant_pods


@pytest.mark.timeout(600)
def test_orders_go_out_and_numbers_come_back(tenant_pods: RunningPods) -> None:
    until(lambda: tenant_pods.control("state")["orders"] > 0, "the sandbox has orders")
    until(tenant_pods.is_ready, "all services are ready")
    requester = "CronJob/export" if "CronJob/export" in tenant_pods.pods else "Deployment/all"
    summary = tenant_pods.run(requester, "aftersend", "trigger", "sweep", "--wait", "--json")
    assert summary["outcome"] == "done"
    if requester == "CronJob/export":
        command = [word for word in tenant_pods.pods[requester].command if word != "--jitter"]
        summary = tenant_pods.run(requester, *command)
        assert json.loads(tenant_pods.pods[requester].report.read_text())["run"] == summary["run"]
    else:
        summary = tenant_pods.run(requester, "aftersend", "trigger", "export", "--wait", "--json")
    assert summary["outcome"] == "done"
    assert summary["sent"] == tenant_pods.control("state")["incoming"] > 0
    held = tenant_pods.control("state")["with_number"]
    tenant_pods.control("incoming/labels", {"all": True})
    until(lambda: tenant_pods.control("state")["with_number"] == held + summary["sent"], "numbers are in Afterbuy")
    looking = "Deployment/exporter" if "Deployment/exporter" in tenant_pods.pods else "Deployment/all"
    orders = tenant_pods.run(looking, "aftersend", "orders", "--json")
    assert [order["state"] for order in orders].count("labelled") == summary["sent"]
    assert tenant_pods.run(looking, "aftersend", "dead", "list", "--json") == []
    assert tenant_pods.redis.refused() == set()
    _says_little(tenant_pods)


def _says_little(tenant_pods: RunningPods) -> None:
    scrapes = [get(port, "/metrics")[1] for port in tenant_pods.admin.values()]
    series = [line for scrape in scrapes for line in scrape.splitlines() if not line.startswith("#")]
    assert len(series) < 400, "\n".join(sorted(series))
    assert max(len(scrape.encode()) for scrape in scrapes) < 64 * 1024
    assert {part for part in ("exporter", "webhook", "writer") if any(f'part="{part}"' in line for line in series)} == {
        "exporter",
        "webhook",
        "writer",
    }
