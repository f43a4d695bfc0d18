"""A bad day of a fleet on a real node, with a sampler that compares each tenant's status with what is, once a second.

``make walk`` walks with twenty tenants, with ``TENANTS=4`` with fewer, and writes ``docs/walk.json``. The tests are one
story, in order, and too long for the checks of every change: no session collects them.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aftersend.tenant.quantities import millicores
from tests.support.cluster.fleet import REQUESTS, SCHEDULES, FleetShop, Traffic, make_fleet, travelling
from tests.support.cluster.kube_client import KubeClient, kube_client
from tests.support.cluster.spells import Spell
from tests.support.cluster.status_sampler import StatusSampler, sampling
from tests.support.cluster.waiting import eventually
from tools.test_cluster import images
from tools.test_cluster.cluster import Cluster

pytestmark = pytest.mark.timeout(3600)
ROOT = Path(__file__).resolve().parents[2]
CHART = str(ROOT / "charts/aftersend")
TENANTS = int(os.environ.get("TENANTS", "20"))
MEASURED = ROOT / "docs" / "walk.json"
PATIENCE = 1500
FILLER_MILLICORES = 20
SERVICES = ("all", "exporter", "webhook", "writer")


@dataclass
class Step:
    """What was done to the fleet, and how long the status took."""

    what: str
    noticed: float = 0.0
    """Seconds until every tenant concerned said so."""
    healed: float = 0.0
    """Seconds from the cure until every tenant was Ready and up to date."""
    concerned: int = 0
    """Tenants that said so."""
    _since: float = field(default_factory=time.monotonic)

    def cure(self) -> None:
        """Begin to count the time until all is well."""
        self._since = time.monotonic()

    def passed(self) -> float:
        """Seconds since the beginning, or since the cure."""
        return round(time.monotonic() - self._since, 1)

    def as_json(self) -> dict[str, Any]:
        """What is kept."""
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


@dataclass
class Walk:
    """The fleet, its operator, and what was measured."""

    cluster: Cluster
    kube: KubeClient
    operators: str
    shops: Sequence[FleetShop]
    sampler: StatusSampler
    traffic: Traffic
    begun: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)

    def upgrade(self, **values: str) -> None:
        """``helm upgrade`` with other values."""
        self.cluster.helm(
            "upgrade", "aftersend", CHART, f"--namespace={self.operators}", "--wait", "--timeout=5m",
            "--reset-then-reuse-values", *(f"--set={name}={value}" for name, value in values.items()),
        )  # fmt: skip

    def said(self, kind: str) -> dict[str, tuple[str, str, str]]:
        """Status, reason and message of a condition of each tenant, by namespace."""
        return {
            tenant["metadata"]["namespace"]: (each["status"], each["reason"], each["message"])
            for tenant in self.kube.list("ast")
            for each in tenant.get("status", {}).get("conditions", ())
            if each["type"] == kind
        }

    def count(self, kind: str, *, reason: str = "", words: str = "") -> int:
        """How many tenants say this."""
        return sum(reason in said[1] and words in said[2] for said in self.said(kind).values())

    def is_well(self) -> bool:
        """Whether every tenant is ready, up to date and without a fault."""
        wanted = {"Ready": "True", "Progressing": "False", "Degraded": "False"}
        return all(
            [each[0] for each in self.said(kind).values()] == [truth] * len(self.shops)
            for kind, truth in wanted.items()
        )

    def pods(self) -> dict[str, dict[str, str]]:
        """Images of all services' pods by uid, by namespace."""
        found: dict[str, dict[str, str]] = {shop.namespace: {} for shop in self.shops}
        for pod in self.kube.list("pod", labels=f"app.kubernetes.io/component in ({','.join(SERVICES)})"):
            if "deletionTimestamp" not in pod["metadata"]:
                image = pod["spec"]["containers"][0]["image"]
                found[pod["metadata"]["namespace"]][pod["metadata"]["uid"]] = image
        return found

    def notice(self, step: Step, condition: Callable[[], object]) -> None:
        """Wait until the status says so."""
        eventually(condition, f"the status to say: {step.what}", seconds=PATIENCE)
        step.noticed = step.passed()

    def travels_on(self, shops: Sequence[FleetShop]) -> None:
        """Wait until each of these merchants has got another number."""
        before = self.traffic.arrived()
        eventually(
            lambda: all(self.traffic.arrived()[shop.namespace][1] > before[shop.namespace][1] for shop in shops),
            "numbers to travel", seconds=PATIENCE,
        )  # fmt: skip

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Do something to the fleet, and cure it; all must be well afterwards, and numbers must travel."""
        step = Step(what)
        self.steps.append(step)
        yield step
        eventually(self.is_well, f"all to be well after: {what}", seconds=PATIENCE)
        step.healed = step.passed()
        self.travels_on(self.shops)


@pytest.fixture(scope="module")
def walk(node_cluster: Cluster) -> Iterator[Walk]:
    if node_cluster.folder is None:
        pytest.skip("only our own cluster can be restarted")
    for image in (images.service_image(), images.operator_image(), images.redis_image()):
        node_cluster.load_image(image.archive)
    node_cluster.tag_image(images.service_image().name, "localhost/aftersend-service:next")
    shops = make_fleet(node_cluster, TENANTS, images.service_image().name)
    operators = node_cluster.make_namespace("operators")
    node_cluster.helm(
        "install", "aftersend", CHART, f"--namespace={operators}", "--wait", "--timeout=5m", *values(shops)
    )
    with (
        kube_client(node_cluster) as kube,
        sampling(StatusSampler(kube, operators)) as sampler,
        travelling(Traffic(shops, sampler)) as traffic,
    ):
        put_ahead_of_pods(node_cluster)
        walked = Walk(node_cluster, kube, operators, shops, sampler, traffic)
        yield walked
        sys.stdout.write(as_text(walked, measured(walked)))


def put_ahead_of_pods(cluster: Cluster) -> None:
    """Let this process and the control plane go first: elsewhere they do not share two cores with a fleet of pods."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or this machine has no such groups
            program = (process / "cmdline").read_text().partition("\0")[0]
            if process.name == str(os.getpid()) or program == str((cluster.programs or ROOT) / "kube-apiserver"):
                (process / "autogroup").write_text("-10")


def values(shops: Sequence[FleetShop]) -> list[str]:
    """Our images, sandboxes within the cluster, two tenants at once."""
    hosts = ",".join(f"sandbox.{shop.namespace}.svc" for shop in shops)
    own = {"operator": "aftersend-operator", "service": "aftersend-service", "redis": "redis"}
    chosen = {f"images.{name}.repository": f"localhost/{image}" for name, image in own.items()}
    chosen |= {f"images.{name}.tag": images.TAG for name in own}
    chosen |= {"tenants.allowHttp": "true", "tenants.upstreamHosts": f"{{{hosts}}}", "tenants.rolloutAtOnce": "2"}
    chosen["operator.priorityClassName"] = "system-cluster-critical"  # else a full node has no room for it either
    return [f"--set={name}={value}" for name, value in chosen.items()]


def test_a_fleet_becomes_ready_and_orders_travel(walk: Walk) -> None:
    with walk.step("applied") as step:
        for shop in walk.shops:
            walk.cluster.apply(shop.tenant(pods=REQUESTS, **SCHEDULES), manager="kubectl")
        walk.notice(step, lambda: walk.count("Ready") == TENANTS)
    step.concerned = TENANTS


def test_a_value_that_no_service_accepts_rolls_nothing(walk: Walk) -> None:
    before = walk.pods()
    with walk.step("`helm upgrade` with a value that every service refuses") as step:
        walk.upgrade(**{"tenants.allowHttp": "false"})
        walk.notice(step, lambda: walk.count("Ready", reason="InvalidSpec") == TENANTS)
        step.concerned = walk.count("Ready", words="tenants.allowHttp")
        walk.travels_on(walk.shops)
        step.cure()
        walk.cluster.helm("rollback", "aftersend", f"--namespace={walk.operators}", "--wait", "--timeout=5m")
    assert step.concerned == TENANTS, "the message names the value"
    assert walk.pods() == before


def test_a_drained_node_gives_everything_back(walk: Walk) -> None:
    nodes = [each["metadata"]["name"] for each in walk.cluster.get("nodes")["items"]]
    with walk.step("the node drained and cordoned") as step:
        ours = "--pod-selector=app.kubernetes.io/managed-by=aftersend-operator"
        walk.cluster.kubectl("drain", *nodes, ours, "--delete-emptydir-data", "--timeout=600s")
        walk.notice(step, lambda: walk.count("Ready", words="unschedulable") == TENANTS)
        step.concerned = walk.count("Ready", reason="Starting")
        step.cure()
        walk.cluster.kubectl("uncordon", *nodes)


@pytest.mark.parametrize("component", ["kube-apiserver", "kubelet"])
def test_a_restarted_component_of_kubernetes_changes_nothing(walk: Walk, component: str) -> None:
    before = walk.pods()
    with walk.step(f"{component} killed and started again"):
        walk.cluster.restart(component)
        eventually(partial(answers, walk), "the API server to answer")
        time.sleep(30)  # what follows from it follows within this time; nothing is awaited
    assert walk.pods() == before


def answers(walk: Walk) -> bool:
    try:
        return bool(walk.kube.list("ast"))
    except (AssertionError, OSError, ValueError):
        return False


def test_an_upgrade_on_a_full_node_waits_for_room_and_says_so(walk: Walk) -> None:
    first_compact = next(shop for shop in walk.shops if shop.topology == "compact")
    with walk.step("`helm upgrade` on a full node") as step, filled(walk):
        walk.upgrade(**{"images.service.tag": "next"})
        first_compact.kubectl("delete", "pod", first_compact.pod("all"))
        splits = [shop for shop in walk.shops if shop.topology == "split"]
        walk.notice(step, lambda: walk.count("Degraded", words="Insufficient cpu") > len(splits))
        step.concerned = walk.count("Degraded", words="Insufficient cpu")
        assert walk.said("Ready")[first_compact.namespace][0] == "False"
        assert all(walk.said("Ready")[shop.namespace][0] == "True" for shop in splits), "the old pods serve"
        walk.travels_on(splits)
        step.cure()
    assert {image for pods in walk.pods().values() for image in pods.values()} == {"localhost/aftersend-service:next"}


@contextmanager
def filled(walk: Walk) -> Iterator[None]:
    """Take all of the node's processor that is not requested, and wait for whatever becomes free."""
    namespace = walk.cluster.make_namespace("filler", restricted=False)
    walk.cluster.apply(filler(namespace, "most", free_millicores(walk) - FILLER_MILLICORES, replicas=1))
    walk.cluster.apply(filler(namespace, "rest", FILLER_MILLICORES, replicas=8))
    eventually(lambda: has_waiting(walk, namespace), "the node to be full")
    yield
    walk.cluster.kubectl("delete", "deployment", "--all", f"--namespace={namespace}", "--wait=false")


def free_millicores(walk: Walk) -> int:
    (node,) = walk.cluster.get("nodes")["items"]
    asked = [
        container.get("resources", {}).get("requests", {}).get("cpu", "0")
        for pod in walk.kube.list("pod")
        if pod["status"]["phase"] in ("Running", "Pending")
        for container in pod["spec"]["containers"]
    ]
    return int(millicores(node["status"]["allocatable"]["cpu"]) - sum(map(millicores, asked)))


def filler(namespace: str, name: str, cpu: int, *, replicas: int) -> dict[str, Any]:
    container = {"name": name, "image": "localhost/pause:1", "resources": {"requests": {"cpu": f"{cpu}m"}}}
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def has_waiting(walk: Walk, namespace: str) -> bool:
    pods = walk.kube.list("pod", namespace)
    conditions = [each for pod in pods for each in pod.get("status", {}).get("conditions", ())]
    return any(each.get("reason") == "Unschedulable" for each in conditions)


def test_a_broken_image_stops_after_two_tenants(walk: Walk) -> None:
    for shop in walk.shops:
        for part in shop.parts:  # the operator leaves this field to others; the usual ten minutes are long here
            walk.kube.patch(
                f"deployment/aftersend-shop-{part}", shop.namespace, {"spec": {"progressDeadlineSeconds": 60}}
            )
    eventually(walk.is_well, "all to be well")
    before = walk.pods()
    with walk.step("`helm upgrade` with an image that does not exist") as step:
        walk.upgrade(**{"images.service.tag": "absent"})
        walk.notice(step, lambda: walk.count("Progressing", reason="WaveStopped") == TENANTS - 2)
        step.concerned = walk.count("Degraded", words="cannot be pulled")
        now = walk.pods()
        assert [before[shop.namespace] == now[shop.namespace] for shop in walk.shops].count(False) == 2
        walk.travels_on([shop for shop in walk.shops if before[shop.namespace] == now[shop.namespace]])
        step.cure()
        walk.cluster.helm("rollback", "aftersend", f"--namespace={walk.operators}", "--wait", "--timeout=5m")
    assert step.concerned == 2


def test_nothing_is_lost_nothing_is_doubled_and_the_status_was_true(walk: Walk) -> None:
    for shop in walk.shops:
        eventually(
            lambda shop=shop: shop.ask("state")["pending"] == 0 and not shop.violations(),
            "all rules to be kept", seconds=PATIENCE,
        )  # fmt: skip
    walk.sampler.stop()
    walk.traffic.stop()
    found = measured(walk)
    MEASURED.write_text(json.dumps(found, indent=1) + "\n")
    assert found["too_long"] == 0, found["untruths"]


def measured(walk: Walk) -> dict[str, Any]:
    """The figures."""
    spells = walk.sampler.log.all()
    return {
        "tenants": TENANTS,
        "cores": os.cpu_count(),
        "minutes": round((time.monotonic() - walk.begun) / 60),
        "orders": walk.traffic.orders,
        "numbers": walk.traffic.numbers,
        "looks": walk.sampler.looks,
        "not_counted": walk.sampler.blind + walk.sampler.away,
        "longest_gap": round(walk.sampler.longest_gap, 1),
        "steps": [step.as_json() for step in walk.steps],
        "untruths": by_claim(spells),
        "too_long": sum(spell.is_too_long for spell in spells),
    }


def by_claim(spells: Sequence[Spell]) -> list[dict[str, Any]]:
    """Of each claim how often it was untrue, how long at most, and how often for too long."""
    rows = []
    for claim in sorted({spell.untruth.claim for spell in spells}):
        of_claim = [spell for spell in spells if spell.untruth.claim == claim]
        rows.append(
            {
                "claim": claim,
                "limit": of_claim[0].untruth.limit,
                "times": len(of_claim),
                "longest": round(max(spell.seconds for spell in of_claim), 1),
                "too_long": sum(spell.is_too_long for spell in of_claim),
            }
        )
    return rows


def as_text(walk: Walk, found: dict[str, Any]) -> str:
    """A table for people, with each spell that was too long."""
    lines = [f"{name}: {found[name]}" for name in found if not isinstance(found[name], list)]
    lines += [
        f"{each.what:60} {each.concerned:3}  noticed {each.noticed:6.1f} s  healed {each.healed:6.1f} s"
        for each in walk.steps
    ]
    lines += [f"{row['claim']:70} {row['times']:4} times, {row['longest']:6.1f} s at most" for row in found["untruths"]]
    lines += [
        f"  {spell.tenant}: {spell.untruth.claim} {spell.untruth.about}: {spell.seconds:.1f} s,"
        f" from minute {(spell.begun - walk.begun) / 60:.1f} on"
        for spell in walk.sampler.log.all() if spell.is_too_long
    ]  # fmt: skip
    return "\n".join(("", *lines, ""))
