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
from tests.support.pod_house import House, lived_in, until


@pytest.fixture(params=["split", "compact"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with lived_in(tmp_path, request.param) as house:
        yield house


@pytest.mark.timeout(600)
def test_orders_go_out_and_numbers_come_back(house: House) -> None:
    until(lambda: house.control("state")["orders"] > 0, "the sandbox has orders")
    until(house.is_ready, "all services are ready")
    asking = "CronJob/export" if "CronJob/export" in house.pods else "Deployment/all"
    summary = house.run(asking, "aftersend", "trigger", "sweep", "--wait", "--json")
    assert summary["outcome"] == "done"
    if asking == "CronJob/export":
        command = [word for word in house.pods[asking].command if word != "--jitter"]
        summary = house.run(asking, *command)
        assert json.loads(house.pods[asking].report.read_text())["run"] == summary["run"]
    else:
        summary = house.run(asking, "aftersend", "trigger", "export", "--wait", "--json")
    assert summary["outcome"] == "done"
    assert summary["sent"] == house.control("state")["incoming"] > 0
    held = house.control("state")["with_number"]
    house.control("incoming/labels", {"all": True})
    until(lambda: house.control("state")["with_number"] == held + summary["sent"], "numbers are in Afterbuy")
    looking = "Deployment/exporter" if "Deployment/exporter" in house.pods else "Deployment/all"
    orders = house.run(looking, "aftersend", "orders", "--json")
    assert [order["state"] for order in orders].count("labelled") == summary["sent"]
    assert house.run(looking, "aftersend", "dead", "list", "--json") == []
    assert house.redis.refused() == set()
    _says_little(house)


def _says_little(house: House) -> None:
    scrapes = [get(port, "/metrics")[1] for port in house.admin.values()]
    series = [line for scrape in scrapes for line in scrape.splitlines() if not line.startswith("#")]
    assert len(series) < 400, "\n".join(sorted(series))
    assert max(len(scrape.encode()) for scrape in scrapes) < 64 * 1024
    assert {part for part in ("exporter", "webhook", "writer") if any(f'part="{part}"' in line for line in series)} == {
        "exporter",
        "webhook",
        "writer",
    }
