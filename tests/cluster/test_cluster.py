"""The test cluster itself: it starts, serves, keeps tests apart, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cluster.waiting import eventually
from tools.test_cluster.cluster import Cluster, CommandError

ROOT = Path(__file__).resolve().parents[2]
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap"}


@pytest.fixture
def _ours() -> None:
    if os.environ.get("KUBECONFIG"):
        pytest.skip("only our own cluster can answer this")


@pytest.mark.usefixtures("_ours")
def test_the_server_is_the_version_the_operator_is_proven_with(api_cluster: Cluster) -> None:
    version = json.loads(api_cluster.kubectl("version", "--output=json"))
    assert version["serverVersion"]["gitVersion"].startswith("v1.37.")


def test_what_an_owner_leaves_behind_is_collected(api_cluster: Cluster) -> None:
    namespace = api_cluster.make_namespace()
    api_cluster.apply({**OBJECT, "metadata": {"name": "owner", "namespace": namespace}})
    uid = api_cluster.get("configmap", "owner", f"--namespace={namespace}")["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    api_cluster.apply({**OBJECT, "metadata": {"name": "child", "namespace": namespace, "ownerReferences": [reference]}})
    api_cluster.kubectl("delete", "configmap", "owner", f"--namespace={namespace}")
    api_cluster.kubectl("wait", "--for=delete", "configmap/child", f"--namespace={namespace}", "--timeout=30s")


def test_a_service_account_has_its_own_rights_and_no_more(api_cluster: Cluster) -> None:
    namespace = api_cluster.make_namespace()
    api_cluster.kubectl("create", "serviceaccount", "powerless", f"--namespace={namespace}")
    config = api_cluster.kubeconfig_of(namespace, "powerless")
    with pytest.raises(CommandError, match="cannot list resource"):
        api_cluster.kubectl(f"--kubeconfig={config}", "get", "secrets", f"--namespace={namespace}")


def test_a_namespace_goes_with_all_it_holds(api_cluster: Cluster) -> None:
    namespace = api_cluster.make_namespace()
    api_cluster.apply({**OBJECT, "metadata": {"name": "thing", "namespace": namespace}})
    api_cluster.kubectl("delete", "namespace", namespace, "--timeout=60s")
    with pytest.raises(CommandError, match="not found"):
        api_cluster.get("namespace", namespace)


@pytest.mark.usefixtures("_ours")
def test_an_api_server_that_is_restarted_keeps_everything(api_cluster: Cluster) -> None:
    namespace = api_cluster.make_namespace()
    before = set(processes_in(api_cluster.folder or Path()))
    api_cluster.restart("kube-apiserver")
    eventually(lambda: answers(api_cluster, namespace), "the API server to answer again")
    assert len(before - set(processes_in(api_cluster.folder or Path()))) == 1, "all others run on"


def answers(cluster: Cluster, namespace: str) -> bool:
    try:
        return bool(cluster.get("namespace", namespace))
    except CommandError:
        return False


@pytest.mark.usefixtures("_ours")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_session_that_is_killed_takes_its_cluster_along(tmp_path: Path, number: signal.Signals) -> None:
    announced = tmp_path / "announced"
    code = (
        "import pathlib, signal, sys; from tools.test_cluster.cluster import own_cluster\n"
        f"with own_cluster('api', pathlib.Path({str(tmp_path)!r})) as cluster:\n"
        f"    pathlib.Path({str(announced)!r}).write_text(str(cluster.folder)); signal.pause()\n"
    )
    session = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    eventually(lambda: announced.exists() and announced.read_text() != "", "the cluster to start", seconds=300)
    folder = Path(announced.read_text())
    assert processes_in(folder)
    session.send_signal(number)
    session.wait()
    eventually(lambda: not folder.exists() and not processes_in(folder), "the cluster to vanish")
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert f" {folder.name.replace('-cluster', '')}@" not in links


def processes_in(folder: Path) -> list[str]:
    """Processes whose command line names the cluster's folder."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() + b"/" in line.read_bytes():
                found.append(line.parent.name)
        except OSError:
            continue
    return found
