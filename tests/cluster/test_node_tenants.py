"""Two merchants on a real node, from ``helm install`` to ``helm uninstall``: one story, in order.

Every test goes on where the one before it stopped, as a platform team's weeks do.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.cluster.shop import CREDENTIALS, NAME, ClusterShop, refuses, starts_soon
from tests.support.cluster.waiting import eventually
from tests.support.simulated_s3 import simulated_s3
from tools.test_cluster import images
from tools.test_cluster.cluster import Cluster, CommandError

NEVER_BY_ITSELF = {"schedule": "0 4 1 1 *"}
"""What the status says of the last export is what a test made it do, also when the hour turns in between."""
CHART = str(Path(__file__).resolve().parents[2] / "charts/aftersend")
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 6379), timeout=5)"
AS_A_STRANGER = """
import redis, sys
client = redis.Redis(host=sys.argv[1], port=6379, ssl=True, ssl_ca_certs="/etc/aftersend/secrets/redis/ca.crt",
                     username=sys.argv[2], password=sys.argv[3])
print(client.execute_command(*sys.argv[4:]))
"""


@pytest.fixture(scope="module")
def merchants(node_cluster: Cluster) -> tuple[ClusterShop, ClusterShop]:
    """Two merchants: one will have three deployments, one all in one process; their sandboxes are starting."""
    if node_cluster.folder:
        for image in (images.service_image(), images.operator_image(), images.redis_image()):
            node_cluster.load_image(image.archive)
    both = tuple(
        ClusterShop(node_cluster, node_cluster.make_namespace(name, suits=starts_soon), topology)
        for name, topology in (("blue", "split"), ("red", "compact"))
    )
    for seed, shop in enumerate(both, start=1):
        shop.open(f"localhost/aftersend-service:{images.TAG}", orders=150, seed=seed)
    return both[0], both[1]


@pytest.fixture(scope="module")
def operators(node_cluster: Cluster, merchants: tuple[ClusterShop, ClusterShop]) -> Iterator[str]:
    """The namespace into which the chart is installed; what it leaves on purpose is removed in the end."""
    name = node_cluster.make_namespace("operators")
    node_cluster.helm(
        "install", "aftersend", CHART, f"--namespace={name}", "--wait", "--timeout=5m", *values(merchants)
    )
    yield name
    node_cluster.kubectl("delete", "customresourcedefinition", "aftersendtenants.aftersend.jj-ideenschmiede.de")


def values(shops: tuple[ClusterShop, ClusterShop], **more: str) -> list[str]:
    """Our images, and sandboxes within the cluster."""
    hosts = ",".join(f"sandbox.{shop.namespace}.svc" for shop in shops)
    chosen = {
        "images.operator.repository": "localhost/aftersend-operator",
        "images.operator.tag": images.TAG,
        "images.service.repository": "localhost/aftersend-service",
        "images.service.tag": images.TAG,
        "images.redis.repository": "localhost/redis",
        "images.redis.tag": images.TAG,
        "tenants.allowHttp": "true",
        "tenants.upstreamHosts": f"{{{hosts}}}",
    }
    return [f"--set={key}={value}" for key, value in (chosen | more).items()]


@pytest.fixture(scope="module")
def shops(
    node_cluster: Cluster,
    merchants: tuple[ClusterShop, ClusterShop],
    operators: str,  # noqa: ARG001
) -> tuple[ClusterShop, ClusterShop]:
    """Both, with tenants applied."""
    for shop in merchants:
        shop.kubectl("wait", "--for=condition=Ready", "pod/sandbox", "--timeout=120s")
        node_cluster.apply(shop.tenant(export=NEVER_BY_ITSELF), manager="kubectl")
    return merchants


@pytest.fixture(scope="module")
def blue(shops: tuple[ClusterShop, ClusterShop]) -> ClusterShop:
    return shops[0]


@pytest.fixture(scope="module")
def red(shops: tuple[ClusterShop, ClusterShop]) -> ClusterShop:
    return shops[1]


def test_the_chart_proves_itself(node_cluster: Cluster, operators: str) -> None:
    assert "Succeeded" in node_cluster.helm("test", "aftersend", f"--namespace={operators}")


def test_two_tenants_become_ready(blue: ClusterShop, red: ClusterShop) -> None:
    for shop in (blue, red):
        shop.kubectl("wait", "--for=condition=Ready", f"aftersendtenant/{NAME}", "--timeout=300s")
        assert {part: len(shop.pods(part)) for part in (*shop.parts, "redis")} == dict.fromkeys(
            (*shop.parts, "redis"), 1
        )


def test_orders_travel_both_ways(blue: ClusterShop, red: ClusterShop) -> None:
    for shop in (blue, red):
        shop.export()
        assert shop.ask("state")["incoming"] > 0
        assert shop.act("incoming/labels", {"all": True})
    for shop in (blue, red):
        eventually(partial(everything_came_back, shop), "all orders to be finished in Afterbuy")
        assert shop.violations() == []


def everything_came_back(shop: ClusterShop) -> bool:
    state = shop.ask("state")
    return bool(state["labelled"]) and state["with_tag"] == state["labelled"]


def test_the_status_shows_the_export(blue: ClusterShop, red: ClusterShop) -> None:
    for shop in (blue, red):
        eventually(partial(shop.status, "lastExport"), "the export to stand in the status")
        assert shop.status("lastExport")["sent"] > 0
    eventually(partial(red.status, "lastWriteBack"), "the write-back to stand in the status")


def test_the_fleets_command_reaches_into_the_pods(blue: ClusterShop, red: ClusterShop) -> None:
    for shop in (blue, red):
        order = shop.ask("incoming", limit="1")["orders"][0]["order_id"].removeprefix("afterbuy-")
        assert order in shop.plugin("orders", order)
        assert "credentials accepted" in shop.plugin("check")
        assert "export done" in shop.plugin("export", "--dry-run", "--order", order)
        assert "run_finished" in shop.plugin("logs", "--since=15m")
        assert "verified" in shop.plugin("backup", "now")
        assert "yes" in shop.plugin("backup", "list")


def test_setup_finds_nothing_to_do_where_all_is_connected(blue: ClusterShop, red: ClusterShop) -> None:
    for shop in (blue, red):
        done = json.loads(shop.aftersend("setup", "--yes", "--json"))
        assert done["integration"] is not None
        assert not [check for check in done["checks"] if check["ok"] is False]


def test_a_killed_pod_loses_nothing(blue: ClusterShop, red: ClusterShop) -> None:
    for shop in (blue, red):
        shop.kubectl("delete", "pod", *(shop.pod(part) for part in shop.parts), "--grace-period=0", "--force")
    for shop in (blue, red):
        make_parcels_return(shop)


def make_parcels_return(shop: ClusterShop) -> None:
    """Relabel an order: its new number must come back, and no rule of the merchant may have been broken so far."""
    order_id = shop.ask("incoming", limit="1")["orders"][0]["order_id"]
    number = shop.act(f"incoming/{order_id}/relabel", {"carrier": "dpd"})["tracking_number"]
    order = f"orders/{order_id.removeprefix('afterbuy-')}"
    eventually(lambda: number in shop.ask(order)["additional_info"], f"{number} to stand in Afterbuy")
    eventually(lambda: shop.violations() == [], "all rules to be kept")


def test_a_drained_node_gives_everything_back(blue: ClusterShop, red: ClusterShop, node_cluster: Cluster) -> None:
    known = {shop: shop.orders() for shop in (blue, red)}
    assert all(known.values())
    nodes = [each["metadata"]["name"] for each in node_cluster.get("nodes")["items"]]
    ours = "--pod-selector=app.kubernetes.io/managed-by=aftersend-operator"
    node_cluster.kubectl("drain", *nodes, ours, "--delete-emptydir-data", "--timeout=180s")
    eventually(lambda: blue.condition("Ready") == red.condition("Ready") == "False", "the operator to notice")
    node_cluster.kubectl("uncordon", *nodes)
    for shop in (blue, red):
        shop.kubectl("wait", "--for=condition=Ready", f"aftersendtenant/{NAME}", "--timeout=300s")
        assert shop.orders() == known[shop]
        make_parcels_return(shop)


def test_a_rotated_secret_reaches_the_processes_without_a_restart(blue: ClusterShop) -> None:
    before = set(blue.pods())
    blue.write_secret("sendcloud", CREDENTIALS["sendcloud"] | {"webhookSignatureKey": "another-signature-key"})
    blue.act("settings", {"signature_key": "another-signature-key"})
    accepted = blue.ask("state")["webhooks"]
    make_parcels_return(blue)
    assert blue.ask("state")["webhooks"] != accepted
    assert set(blue.pods()) == before
    assert all(
        status["restartCount"] == 0 for pod in blue.pods().values() for status in pod["status"]["containerStatuses"]
    )


def test_no_tenant_reaches_the_redis_of_another(blue: ClusterShop, red: ClusterShop) -> None:
    theirs = f"aftersend-{NAME}-redis.{red.namespace}.svc"
    assert blue.run("writer", CONNECT, f"aftersend-{NAME}-redis.{blue.namespace}.svc") == ""
    said = refuses(blue, "writer", CONNECT, theirs)
    assert "Connection refused" in said or "timed out" in said
    mine = blue.run("writer", "print(open('/etc/aftersend/secrets/redis/password').read(), end='')")
    assert "invalid username-password" in refuses(red, "writer", AS_A_STRANGER, theirs, "writer", mine, "PING")


def test_the_webhook_can_read_no_order(blue: ClusterShop) -> None:
    password = blue.run("webhook", "print(open('/etc/aftersend/secrets/redis/password').read(), end='')")
    ours, who = f"aftersend-{NAME}-redis", ("webhook", password)
    ledger = f"aftersend:{{{blue.namespace}.{NAME}}}:order:1"
    assert "no permissions" in refuses(blue, "webhook", AS_A_STRANGER, ours, *who, "GET", ledger)
    assert "no permissions" in refuses(blue, "webhook", AS_A_STRANGER, ours, *who, "XRANGE", "x", "-", "+")


def test_backups_lie_on_a_volume_and_can_be_read_back(blue: ClusterShop, red: ClusterShop) -> None:
    blue.run_job("backup")
    red.aftersend("backup", "create")
    lists = [blue.run_job("backup", "aftersend", "backup", "list", "--json"), red.aftersend("backup", "list", "--json")]
    for listed in lists:
        assert {each["verified"] for each in json.loads(listed)} == {True}
    assert " is good: " in blue.run_job("backup", "aftersend", "backup", "verify")
    assert " is good: " in red.aftersend("backup", "verify")
    eventually(partial(blue.status, "lastBackup"), "the backup to stand in the status")


@pytest.fixture(scope="module")
def bucket(blue: ClusterShop) -> Iterator[dict[str, str]]:
    """``spec.backup`` for an S3 storage on this machine; nothing where pods do not reach it: then the volume stays."""
    host = blue.cluster.host
    if host is None:
        yield {}
        return
    with simulated_s3(host) as endpoint:
        blue.write_secret("s3", {"accessKeyId": "key", "secretAccessKey": "secret", "endpoint": endpoint})
        blue.let_backups_out(host, int(endpoint.rpartition(":")[2]))
        yield {"target": "s3://bucket/merchants", "credentialsSecretName": "s3"}


def test_a_lost_redis_is_restored_by_a_job(blue: ClusterShop, bucket: dict[str, str]) -> None:
    known = blue.orders()
    blue.patch_tenant(suspend=True, backup=bucket)
    blue.kubectl("wait", "--for=condition=Suspended", f"ast/{NAME}", "--timeout=60s")
    assert json.loads(blue.run_job("backup").splitlines()[-1])["verified"], "made in a pod, read back from S3"
    blue.kubectl("delete", "pvc", f"aftersend-{NAME}-redis", "--wait=false")
    blue.kubectl("delete", "pod", f"aftersend-{NAME}-redis-0")
    eventually(lambda: empty_and_ready(blue), "an empty Redis to serve")
    said = blue.run_job("backup", "aftersend", "backup", "restore", "--live", "--yes")
    assert blue.orders() == known, said
    blue.patch_tenant(suspend=False)
    make_parcels_return(blue)


def empty_and_ready(shop: ClusterShop) -> bool:
    if shop.condition("Ready") != "True":
        return False
    try:
        return shop.orders() == {}
    except CommandError:  # Redis is on its way
        return False


def test_an_upgrade_rolls_every_tenant(
    blue: ClusterShop, red: ClusterShop, node_cluster: Cluster, operators: str
) -> None:
    next_tag = {"images.service.tag": "next"}
    if node_cluster.folder:
        node_cluster.tag_image(images.service_image().name, "localhost/aftersend-service:next")
    node_cluster.helm(
        "upgrade",
        "aftersend",
        CHART,
        f"--namespace={operators}",
        "--wait",
        "--timeout=5m",
        *values((blue, red), **next_tag),
    )
    for shop in (blue, red):
        eventually(partial(runs_only, shop, "localhost/aftersend-service:next"), "all parts to be replaced")
        shop.kubectl("wait", "--for=condition=Ready", f"aftersendtenant/{NAME}", "--timeout=300s")
        make_parcels_return(shop)


def runs_only(shop: ClusterShop, image: str) -> bool:
    return {pod["spec"]["containers"][0]["image"] for part in shop.parts for pod in shop.pods(part).values()} == {image}


def test_the_merchants_work_on_when_the_operator_is_uninstalled(
    blue: ClusterShop, red: ClusterShop, node_cluster: Cluster, operators: str
) -> None:
    before = {shop: set(shop.pods()) for shop in (blue, red)}
    node_cluster.helm("uninstall", "aftersend", f"--namespace={operators}", "--wait")
    assert node_cluster.get("customresourcedefinition", "aftersendtenants.aftersend.jj-ideenschmiede.de")
    for shop in (blue, red):
        assert shop.get("aftersendtenant", NAME)["metadata"]["name"] == NAME
        assert set(shop.pods()) == before[shop]
        make_parcels_return(shop)


def test_what_a_tenant_leaves_when_it_is_deleted_without_an_operator(blue: ClusterShop) -> None:
    blue.kubectl("delete", "aftersendtenant", NAME, "--timeout=60s")
    eventually(lambda: not blue.pods(), "the pods to go with their tenant")
    claims = {each["metadata"]["name"] for each in blue.get("persistentvolumeclaims")["items"]}
    secrets = {each["metadata"]["name"] for each in blue.get("secrets")["items"]}
    assert claims == {f"aftersend-{NAME}-redis", f"aftersend-{NAME}-backup"}
    assert {f"aftersend-{NAME}-data-key", "afterbuy", "sendcloud"} <= secrets


def test_a_namespace_goes_with_all_that_is_in_it(red: ClusterShop, node_cluster: Cluster) -> None:
    node_cluster.kubectl("delete", "namespace", red.namespace, "--timeout=120s")
