"""What the guide says about volumes, moves and deletion, word for word, for one merchant on a real node."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.test_node_tenants import CHART, NEVER_BY_ITSELF, empty_and_ready, values
from tests.support.cluster.guide import commands, shell
from tests.support.cluster.shop import CREDENTIALS, NAME, ClusterShop, starts_soon
from tests.support.cluster.waiting import eventually
from tests.support.simulated_s3 import simulated_s3
from tools.test_cluster import images
from tools.test_cluster.cluster import Cluster

OTHER = "other"
"""A second storage class."""
REDIS, BACKUP = f"aftersend-{NAME}-redis", f"aftersend-{NAME}-backup"


@pytest.fixture(scope="module")
def shop(node_cluster: Cluster) -> Iterator[ClusterShop]:
    """A merchant of three deployments with orders and a backup, on a node with two storage classes."""
    if node_cluster.folder is None or node_cluster.host is None:
        pytest.skip("only our own node lets us make volumes, and reaches a storage on this machine")
    for image in (images.service_image(), images.operator_image(), images.redis_image()):
        node_cluster.load_image(image.archive)
    namespace = node_cluster.make_namespace("mover", suits=starts_soon)
    shop, operators = ClusterShop(node_cluster, namespace), node_cluster.make_namespace("operators")
    shop.open(f"localhost/aftersend-service:{images.TAG}", orders=60, seed=3)
    make_other_volumes(node_cluster, node_cluster.folder)
    chosen = values((shop, shop))
    node_cluster.helm("install", "aftersend", CHART, f"--namespace={operators}", "--wait", "--timeout=5m", *chosen)
    shop.kubectl("wait", "--for=condition=Ready", "pod/sandbox", "--timeout=120s")
    node_cluster.apply(shop.tenant(export=NEVER_BY_ITSELF), manager="kubectl")
    shop.kubectl("wait", "--for=condition=Ready", f"ast/{NAME}", "--timeout=300s")
    shop.export()
    shop.run_job("backup")  # until then the claim of the backups has no volume
    yield shop
    node_cluster.helm("uninstall", "aftersend", f"--namespace={operators}", "--wait")
    node_cluster.kubectl("delete", "customresourcedefinition", "aftersendtenants.aftersend.jj-ideenschmiede.de")


def make_other_volumes(cluster: Cluster, folder: Path) -> None:
    """Make a second storage class with two volumes, like those of the first."""
    known = cluster.get("storageclass", "local")
    cluster.apply(
        {**{key: known[key] for key in ("apiVersion", "kind", "provisioner", "volumeBindingMode")}, **named()}
    )
    for number in range(2):
        spec = cluster.get("persistentvolume", "local-0")["spec"]
        path = folder / "volumes" / f"{OTHER}-{number}"
        path.mkdir(mode=0o777)
        path.chmod(0o777)
        spec = {**spec, "storageClassName": OTHER, "local": {"path": str(path)}}
        spec.pop("claimRef", None)
        cluster.apply({"apiVersion": "v1", "kind": "PersistentVolume", **named(f"-{number}"), "spec": spec})


def named(suffix: str = "") -> dict[str, dict[str, str]]:
    return {"metadata": {"name": f"{OTHER}{suffix}"}}


def storage_classes(shop: ClusterShop) -> dict[str, str]:
    """Those of the claims that there are, by name."""
    return {each["metadata"]["name"]: each["spec"]["storageClassName"] for each in shop.get("pvc")["items"]}


def suspend(shop: ClusterShop) -> None:
    shop.patch_tenant(suspend=True)
    shop.kubectl("wait", "--for=condition=Suspended", f"ast/{NAME}", "--timeout=60s")


def last_backup(shop: ClusterShop) -> None:
    """The first step of the move."""
    for command in commands("Move to another cluster", shop):
        if "job last-backup" in command or "job/last-backup" in command:
            shell(shop, command)
    shop.kubectl("delete", "job", "last-backup")


def restore(shop: ClusterShop) -> None:
    """The fourth step of the move."""
    shell(shop, commands("One command as a job", shop)[0])
    shop.kubectl("wait", "--for=condition=Complete", "job/restore", "--timeout=60s")
    shop.kubectl("delete", "job", "restore")


def go_on(shop: ClusterShop) -> None:
    """Let every order get a label, and wait until its number has arrived."""
    shop.patch_tenant(suspend=False)
    shop.act("incoming/labels", {"all": True})
    eventually(lambda: shop.ask("state")["pending"] == 0 and not shop.violations(), "numbers to travel again")


def test_another_volume(shop: ClusterShop) -> None:
    known = shop.orders()
    shop.patch_tenant(pods={"storageClass": OTHER})
    suspend(shop)
    eventually(lambda: "VolumeNotChanged" in json.dumps(shop.status("conditions")), "the status to say so")
    last_backup(shop)
    delete, wait = commands("Restore", shop)
    shell(shop, delete)
    eventually(lambda: empty_and_ready(shop), "an empty Redis to serve")
    shell(shop, wait)
    restore(shop)
    assert shop.orders() == known
    go_on(shop)
    shell(shop, commands("Another volume", shop)[0])
    eventually(lambda: storage_classes(shop) == dict.fromkeys((REDIS, BACKUP), OTHER), "two other volumes")
    assert json.loads(shop.run_job("backup").splitlines()[-1])["verified"]
    eventually(lambda: "VolumeNotChanged" not in json.dumps(shop.status("conditions")), "the condition to end")
    assert not shop.violations()


def test_a_move(shop: ClusterShop) -> None:
    """From a cluster to another, which is the same one with nothing left of the tenant."""
    host, known = shop.cluster.host, shop.orders()
    assert host is not None
    with simulated_s3(host) as endpoint:
        shop.write_secret("s3", {"accessKeyId": "key", "secretAccessKey": "secret", "endpoint": endpoint})
        shop.let_backups_out(host, int(endpoint.rpartition(":")[2]))
        spec = {"backup": {"target": "s3://bucket/merchants", "credentialsSecretName": "s3"}, "export": NEVER_BY_ITSELF}
        shop.patch_tenant(**spec)
        suspend(shop)
        last_backup(shop)
        (carry,) = (each for each in commands("Move to another cluster", shop) if "jq" in each)
        out, _, into = carry.rpartition("|")
        secrets = shell(shop, out)
        leave(shop)
        shell(shop, into, text=secrets)
        shop.cluster.apply(shop.tenant(**spec, suspend=True), manager="kubectl")
        eventually(lambda: empty_and_ready(shop), "an empty Redis to serve")
        restore(shop)
        assert shop.orders() == known
        go_on(shop)


def leave(shop: ClusterShop) -> None:
    """Delete the tenant and all that it leaves, as the guide says, and the merchant's own secrets."""
    delete, purge = commands("Delete", shop)
    shell(shop, delete)
    eventually(lambda: not shop.pods(), "the pods to go with their tenant")
    shell(shop, purge)
    shop.kubectl("delete", "secret", "s3", *CREDENTIALS)
    left = {each["metadata"]["name"] for each in shop.get("pvc,secret")["items"]}
    assert not {name for name in left if NAME in name}, "nothing of the tenant"
