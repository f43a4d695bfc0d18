"""``kubectl aftersend`` against a real API server: two tenants with problems, other people's rights, no cluster."""

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from aftersend_operator.manifests.desired import ClusterFacts, desired
from tests.support.cluster.kube_client import KubeClient
from tests.support.operator_kit import tenant
from tests.support.operator_objects import SETTINGS, tenant_document
from tools.test_cluster.cluster import Cluster

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/kubectl.md"
CANARY = "canary-9f3c1d"
NUMBER = "DE983726154407123"
GROUP = "rbac.authorization.k8s.io"


def condition(kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    more = {"observedGeneration": 1, "lastTransitionTime": "2026-11-30T09:00:00Z"}
    return {"type": kind, "status": status, "reason": reason, "message": message, **more}


BROKEN = {
    "conditions": [
        condition("Ready", "False", "Starting", "writer has no pod: kubectl scale deploy/x --replicas=1"),
        condition("Degraded", "True", "PartFailing", "the writer is not there"),
    ],
    "problems": {"conflict": 2},
    "queues": {"parcels": {"waiting": 3, "dead": 1, "oldestMinutes": 9}},
    "version": "0.1.0",
}
WELL = {
    "conditions": [condition("Ready", "True", "Running", ""), condition("Degraded", "False", "Healthy", "")],
    "lastExport": {"time": "2026-11-30T10:00:00Z", "outcome": "done", "read": 5, "sent": 5},
}


@dataclass(frozen=True)
class Plugin:
    """The plugin, called by ``kubectl`` as a person does."""

    cluster: Cluster
    namespaces: tuple[str, str]
    folder: Path

    def __call__(self, *words: str, kubeconfig: Path | None = None) -> "subprocess.CompletedProcess[str]":
        programs = [str(self.cluster.programs)] if self.cluster.programs else []
        path = os.pathsep.join([*programs, str(Path(sys.executable).parent), os.environ["PATH"]])
        environ = {
            **os.environ,
            "PATH": path,
            "KUBECONFIG": str(kubeconfig or self.cluster.kubeconfig),
            "NO_PROXY": "*",
        }
        command = ["kubectl", "aftersend", *words]
        return subprocess.run(command, env=environ, cwd=self.folder, capture_output=True, text=True, check=False)

    def ok(self, *words: str, code: int = 0) -> str:
        done = self(*words)
        assert (done.returncode, done.stderr) == (code, ""), done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def plugin(
    api_cluster: Cluster,
    kube: KubeClient,  # noqa: ARG001 - the kind must be known
    tmp_path_factory: pytest.TempPathFactory,
) -> Plugin:
    """A broken tenant and one that is well, each in a namespace of its own, with what an operator makes of them."""
    namespaces = api_cluster.make_namespace("broken"), api_cluster.make_namespace("well")
    numbers = {"export": {"customs": {"taxNumbers": [{"name": "EORI", "number": NUMBER, "country": "DE"}]}}}
    for namespace, status, spec in zip(namespaces, (BROKEN, WELL), (numbers, {}), strict=True):
        document = tenant_document(namespace=namespace, **spec)
        api_cluster.kubectl("apply", "--filename=-", text=json.dumps(document))
        patch = json.dumps({"status": status})
        api_cluster.kubectl(
            "patch", "ast/mueller", f"-n{namespace}", "--subresource=status", "--type=merge", f"--patch={patch}"
        )
        uid = api_cluster.get("ast/mueller", f"-n{namespace}")["metadata"]["uid"]  # what has no owner is collected
        children = desired(tenant(namespace=namespace), uid=uid, settings=SETTINGS, facts=ClusterFacts("a1b2"))
        api_cluster.apply(*(each for each in children if each["kind"] in ("Deployment", "ConfigMap", "CronJob")))
        api_cluster.apply(secret(namespace))
    return Plugin(api_cluster, namespaces, tmp_path_factory.mktemp("plugin"))


def secret(namespace: str) -> dict[str, Any]:
    metadata = {"name": "mueller-afterbuy", "namespace": namespace, "labels": {"app.kubernetes.io/instance": "mueller"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"partnerToken": CANARY}}


def test_the_fleet_shows_first_what_needs_a_person(plugin: Plugin) -> None:
    head, *rows = plugin.ok("status", "-A", code=1).splitlines()
    assert head.split()[:5] == ["NAMESPACE", "TENANT", "READY", "REASON", "DEGRADED"]
    mine = [row.split()[:5] for row in rows if row.split()[0] in plugin.namespaces]
    assert mine == [
        [plugin.namespaces[0], "mueller", "False", "Starting", "PartFailing"],
        [plugin.namespaces[1], "mueller", "True", "Running", "Healthy"],
    ]
    assert "kubectl scale deploy/x" in plugin.ok("status", "-A", "-o", "wide", code=1)


def test_one_tenant_on_one_screen(plugin: Plugin) -> None:
    broken, well = plugin.namespaces
    shown = plugin.ok("status", "mueller", "-n", broken, code=1)
    assert "what to do   writer has no pod: kubectl scale deploy/x --replicas=1" in shown
    assert "parts        exporter 0/1  webhook 0/1  writer 0/1" in shown
    assert "read 5, sent 5" in plugin.ok("status", "mueller", "--namespace", well)


def test_machines_read_json_and_yaml(plugin: Plugin) -> None:
    (found,) = json.loads(plugin.ok("status", "-n", plugin.namespaces[1], "-o", "json"))
    assert (found["metadata"]["name"], found["status"]["lastExport"]["sent"]) == ("mueller", 5)
    assert yaml.safe_load(plugin.ok("status", "-n", plugin.namespaces[1], "-o", "yaml")) == [found]


def test_problems_and_queues_of_the_fleet(plugin: Plugin) -> None:
    broken, well = plugin.namespaces
    rows = json.loads(plugin.ok("problems", "-A", "-o", "json"))
    assert {"namespace": broken, "tenant": "mueller", "code": "conflict", "orders": 2} in rows
    assert plugin.ok("problems", "-n", well) == "no problems\n"
    (row,) = json.loads(plugin.ok("top", "-n", broken, "-o", "json"))
    assert (row["waiting"], row["oldest"], row["dead"], row["memory"]) == (3, "9m", 1, None)
    assert row["late"] is None, "it was made after the last time of its schedule"


def test_suspend_and_resume(plugin: Plugin) -> None:
    well = plugin.namespaces[1]
    for word, suspended in (("suspend", True), ("resume", False)):
        assert "Git" in plugin.ok(word, "-n", well)
        assert plugin.cluster.get("ast/mueller", f"-n{well}")["spec"]["suspend"] is suspended


def test_a_restart_rolls_the_services(plugin: Plugin) -> None:
    plugin.ok("restart", "mueller", "-n", plugin.namespaces[1])
    for deployment in plugin.cluster.get("deployments", f"-n{plugin.namespaces[1]}")["items"]:
        assert "kubectl.kubernetes.io/restartedAt" in deployment["spec"]["template"]["metadata"]["annotations"]


def test_a_restore_wants_a_suspended_tenant(plugin: Plugin) -> None:
    done = plugin("backup", "restore", "-n", plugin.namespaces[1], "--yes")
    assert (done.returncode, "not suspended" in done.stderr) == (2, True)


def test_the_bundle_holds_no_secret(plugin: Plugin) -> None:
    said = plugin.ok("bundle", "-n", plugin.namespaces[0], "-f", "bundle.tar.gz")
    assert "no secrets were read" in said
    file = plugin.folder / "bundle.tar.gz"
    assert file.stat().st_mode & 0o077 == 0
    with tarfile.open(file) as archive:
        texts = {name: (archive.extractfile(name) or sys.exit()).read().decode() for name in archive.getnames()}
    assert {"tenant.yaml", "events.txt", "objects/deployments.yaml", "objects/configmaps.yaml"} <= texts.keys()
    assert "writer has no pod" in texts["tenant.yaml"]
    assert "aftersend-mueller-writer" in texts["objects/deployments.yaml"]
    assert not [name for name, text in texts.items() if CANARY in text or NUMBER in text]
    assert "secretName: mueller-afterbuy" in texts["tenant.yaml"]


@pytest.fixture(scope="module")
def roles(plugin: Plugin) -> Iterator[dict[str, Path]]:
    """Two accounts with the roles of the guide, in the namespace of the broken tenant."""
    cluster, namespace = plugin.cluster, plugin.namespaces[0]
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    given = list(yaml.safe_load_all(text))
    cluster.apply(*given)
    found = {}
    for account, names in {"look": ["aftersend-look"], "operate": ["aftersend-look", "aftersend-operate"]}.items():
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        cluster.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}}
        )
        for name in names:
            metadata = {"name": f"{account}-{name}", "namespace": namespace}
            reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": name}
            head = {"apiVersion": f"{GROUP}/v1", "kind": "RoleBinding", "metadata": metadata}
            cluster.apply({**head, "roleRef": reference, "subjects": [subject]})
        found[account] = cluster.kubeconfig_of(namespace, account)
    yield found
    cluster.kubectl("delete", *(f"clusterrole/{each['metadata']['name']}" for each in given))


def test_the_roles_of_the_guide_are_enough_and_no_more(plugin: Plugin, roles: dict[str, Path]) -> None:
    here = ("-n", plugin.namespaces[0])
    for words, code in ((("status", *here), 1), (("problems", *here), 0), (("top", *here), 0), (("logs", *here), 0)):
        assert plugin(*words, kubeconfig=roles["look"]).returncode == code, words
    for words in (("suspend", *here), ("restart", "mueller", *here), ("status", "-A")):
        done = plugin(*words, kubeconfig=roles["look"])
        assert (done.returncode, "orbidden" in done.stderr) == (1, True), words
        assert "Traceback" not in done.stderr
    for word in ("suspend", "resume", "restart"):
        assert plugin(word, "mueller", *here, kubeconfig=roles["operate"]).returncode == 0, word
    for account, kubeconfig in roles.items():
        can = ["auth", "can-i", "get", "secrets", *here, f"--kubeconfig={kubeconfig}"]
        command = [str(plugin.cluster.programs / "kubectl") if plugin.cluster.programs else "kubectl", *can]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "no", account


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status", "missing", "-n", "default"), "not found – `kubectl aftersend status -A`"),
        (("check", "-n", "default"), "there is no tenant in this namespace"),
        (("status", "--context", "other"), "`kubectl config get-contexts`"),
        (("status", "--kubeconfig", "/nowhere"), ""),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(plugin: Plugin, words: tuple[str, ...], said: str) -> None:
    done = plugin(*words)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
