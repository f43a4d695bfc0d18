"""An upgrade from an earlier commit and a rollback, with tenants at work: nothing is lost and nothing is doubled.

``make upgrade`` builds the images of that commit and of this checkout, moves a fleet there, back, and there again on
the node of the test cluster, and writes ``docs/upgrade.json``. No session collects it: the images alone take minutes.
"""

import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster.fleet import REQUESTS, SCHEDULES, FleetShop, Traffic, make_fleet, travelling, wait_for
from tests.support.cluster.waiting import eventually
from tools.test_cluster import images
from tools.test_cluster.cluster import Cluster

pytestmark = pytest.mark.timeout(3600)
ROOT = Path(__file__).resolve().parents[2]
BEFORE = "914cc7d32e4236c479179f62ae009da90acea5ba"
"""The commit from which tenants come: of before the plugin, the tables of notices by code and the JSON module."""
OLD, NEW = "before", images.TAG
TENANTS = int(os.environ.get("TENANTS", "3"))
MEASURED = ROOT / "docs" / "upgrade.json"
PATIENCE = 900


@dataclass
class Fleet:
    """Tenants at work, and what was measured."""

    cluster: Cluster
    operators: str
    charts: dict[str, str]
    shops: Sequence[FleetShop]
    traffic: Traffic
    moves: list[dict[str, Any]] = field(default_factory=list)

    def is_on(self, tag: str) -> bool:
        """Whether all services of all tenants run this version, and are well."""
        wanted = {f"localhost/aftersend-service:{tag}"}
        for shop in self.shops:
            pods = [pod for part in shop.parts for pod in shop.pods(part).values()]
            if {pod["spec"]["containers"][0]["image"] for pod in pods} != wanted:
                return False
        wanted_truth = {"Ready": "True", "Progressing": "False", "Degraded": "False"}
        return all(shop.condition(kind) == truth for shop in self.shops for kind, truth in wanted_truth.items())

    def move(self, what: str, tag: str, *helm: str) -> None:
        """Upgrade or roll back, wait until all is well, and see numbers travel there and then."""
        before, orders, begun = self.webhooks(), self.traffic.orders, time.monotonic()
        self.cluster.helm(*helm, f"--namespace={self.operators}", "--wait", "--timeout=5m")
        eventually(lambda: self.is_on(tag), f"all tenants to be on {tag}", seconds=PATIENCE)
        seconds = round(time.monotonic() - begun)
        self.travels_on()
        calls = {name: count - before.get(name, 0) for name, count in self.webhooks().items()}
        answered = {name: count for name, count in sorted(calls.items()) if count}
        sent = self.traffic.orders - orders
        self.moves.append({"what": what, "seconds": seconds, "orders": sent, "webhooks": answered})

    def travels_on(self) -> None:
        """Wait until each merchant has got another number in Afterbuy."""
        before = self.traffic.arrived()
        eventually(lambda: all(self.has_another(shop, before) for shop in self.shops), "numbers", seconds=PATIENCE)

    def has_another(self, shop: FleetShop, before: dict[str, tuple[int, int]]) -> bool:
        """Whether Afterbuy has got a number since."""
        return self.traffic.arrived().get(shop.namespace, (0, 0))[1] > before.get(shop.namespace, (0, 0))[1]

    def webhooks(self) -> dict[str, int]:
        """How the calls of all sandboxes were answered so far."""
        found: dict[str, int] = {}
        for shop in self.shops:
            for name, count in shop.ask("state")["webhooks"].items():
                found[name] = found.get(name, 0) + count
        return found


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the earlier commit."""
    done = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"commit {BEFORE[:7]} is not in this clone: git fetch --unshallow")
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def fleet(node_cluster: Cluster, earlier: Path) -> Iterator[Fleet]:
    if node_cluster.folder is None:
        pytest.skip("only our own cluster takes images without a registry")
    made = (images.service_image(), images.operator_image(), images.redis_image())
    for image in (*made, images.service_image(earlier, OLD), images.operator_image(earlier, OLD)):
        node_cluster.load_image(image.archive)
    shops = make_fleet(node_cluster, TENANTS, images.service_image().name)
    charts = {OLD: str(earlier / "charts/aftersend"), NEW: str(ROOT / "charts/aftersend")}
    operators = node_cluster.make_namespace("operators")
    with travelling(Traffic(shops)) as traffic:
        yield Fleet(node_cluster, operators, charts, shops, traffic)


def values(tag: str, shops: Sequence[FleetShop]) -> list[str]:
    """Images of one version, sandboxes within the cluster, one tenant at a time."""
    hosts = ",".join(f"sandbox.{shop.namespace}.svc" for shop in shops)
    own = {"operator": "aftersend-operator", "service": "aftersend-service", "redis": "redis"}
    chosen = {f"images.{name}.repository": f"localhost/{image}" for name, image in own.items()}
    chosen |= {"images.operator.tag": tag, "images.service.tag": tag, "images.redis.tag": images.TAG}
    chosen |= {"tenants.allowHttp": "true", "tenants.upstreamHosts": f"{{{hosts}}}", "tenants.rolloutAtOnce": "1"}
    return [f"--set={name}={value}" for name, value in chosen.items()]


def test_orders_travel_with_the_earlier_version(fleet: Fleet) -> None:
    fleet.cluster.helm(
        "install", "aftersend", fleet.charts[OLD], f"--namespace={fleet.operators}", "--wait", "--timeout=5m",
        *values(OLD, fleet.shops),
    )  # fmt: skip
    for shop in fleet.shops:
        fleet.cluster.apply(shop.tenant(pods=REQUESTS, **SCHEDULES), manager="kubectl")
    wait_for(fleet.shops, "Ready")
    fleet.travels_on()


def test_tenants_are_upgraded_while_they_work(fleet: Fleet) -> None:
    known = {shop.namespace: set(shop.orders()) for shop in fleet.shops}
    fleet.move("upgrade", NEW, "upgrade", "aftersend", fleet.charts[NEW], *values(NEW, fleet.shops))
    assert all(known[shop.namespace] <= set(shop.orders()) for shop in fleet.shops), "the ledger is read on"


def test_tenants_are_rolled_back_while_they_work(fleet: Fleet) -> None:
    known = {shop.namespace: set(shop.orders()) for shop in fleet.shops}
    fleet.move("rollback", OLD, "rollback", "aftersend")
    assert all(known[shop.namespace] <= set(shop.orders()) for shop in fleet.shops), "what the newer one wrote is read"


def test_the_way_is_open_again(fleet: Fleet) -> None:
    fleet.move("upgrade once more", NEW, "upgrade", "aftersend", fleet.charts[NEW], *values(NEW, fleet.shops))


def test_nothing_is_lost_and_nothing_is_doubled(fleet: Fleet) -> None:
    fleet.traffic.stop()
    for shop in fleet.shops:
        eventually(partial(keeps_all_rules, shop), "all rules to be kept", seconds=PATIENCE)
    dead = sum(len(json.loads(shop.aftersend("dead", "list", "--json"))) for shop in fleet.shops)
    found = {
        "from": BEFORE[:7],
        "tenants": TENANTS,
        "orders": fleet.traffic.orders,
        "numbers": fleet.traffic.numbers,
        "dead": dead,
        "moves": fleet.moves,
    }
    MEASURED.write_text(json.dumps(found, indent=1) + "\n")
    assert dead == 0


def keeps_all_rules(shop: FleetShop) -> bool:
    return shop.ask("state")["pending"] == 0 and not shop.violations()
