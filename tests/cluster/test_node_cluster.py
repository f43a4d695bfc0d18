"""The node of the test cluster: what the tests of the operator take for granted is true here."""

import http.server
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.cluster.pods import SERVER, a_pod, fetch_from, run_in, start
from tests.support.cluster.waiting import eventually
from tools.test_cluster import images
from tools.test_cluster.cluster import Cluster, CommandError

SLEEP = ("python3", "-c", "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(0)); signal.pause()")

LOADED_FROM_SOURCE = """
import os, sched, sys
import aftersend.cli.main, aftersend_exporter.main, aftersend_webhook.main, aftersend_writer.main
compiled = {name: getattr(module, "__cached__", None) for name, module in sys.modules.items()}
print(*(name for name, path in compiled.items() if path and not os.path.exists(path)))
"""


@pytest.fixture(scope="module")
def image(node_cluster: Cluster) -> str:
    made = images.service_image()
    if node_cluster.folder:
        node_cluster.load_image(made.archive)
    return made.name


@pytest.fixture
def namespace(node_cluster: Cluster) -> Iterator[str]:
    name = node_cluster.make_namespace("node")
    yield name
    node_cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def web(node_cluster: Cluster, namespace: str, image: str) -> str:
    """A server ``web`` with its Service and a client ``ask``; the address of the Service."""
    server = a_pod("web", image, "python3", "-c", SERVER, port=8080)
    start(node_cluster, namespace, server, a_pod("ask", image, *SLEEP))
    run_in(node_cluster, namespace, "web", "python3", "-c", "open('/tmp/greeting', 'w').write('Moin')")
    node_cluster.kubectl("expose", "pod", "web", "--port=80", "--target-port=8080", f"--namespace={namespace}")
    address = str(node_cluster.get("service", "web", f"--namespace={namespace}")["spec"]["clusterIP"])
    eventually(lambda: answers(node_cluster, namespace, address), "the service to answer")
    return address


def test_pods_find_each_other_by_the_name_of_a_service(node_cluster: Cluster, namespace: str, web: str) -> None:
    assert fetch_from(node_cluster, namespace, "ask", "http://web/greeting") == "Moin"
    assert fetch_from(node_cluster, namespace, "ask", f"http://web.{namespace}.svc.cluster.local/greeting") == "Moin"
    assert fetch_from(node_cluster, namespace, "ask", f"http://{web}/greeting") == "Moin"


def test_pods_and_this_machine_reach_each_other(node_cluster: Cluster, namespace: str, web: str) -> None:
    if node_cluster.host is None:
        pytest.skip("only our own cluster can answer this")
    with greeter(node_cluster.host) as port:
        assert fetch_from(node_cluster, namespace, "ask", f"http://{node_cluster.host}:{port}/") == "from outside"
    pod = node_cluster.get("pod", "web", f"--namespace={namespace}")["status"]["podIP"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for address in (web, f"{pod}:8080"):
        with opener.open(f"http://{address}/greeting", timeout=10) as answer:
            assert answer.read() == b"Moin"


def test_a_network_policy_is_enforced_until_it_is_gone(node_cluster: Cluster, namespace: str, web: str) -> None:
    beyond = [{"ipBlock": {"cidr": "192.0.2.0/24"}}, {"ipBlock": {"cidr": "2001:db8::/32"}}]
    deny = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": [{"from": beyond}]}
    node_cluster.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "deny", "namespace": namespace},
            "spec": deny,
        }
    )
    eventually(lambda: not answers(node_cluster, namespace, web), "the policy to be in force")
    node_cluster.kubectl("delete", "networkpolicy", "deny", f"--namespace={namespace}")
    eventually(lambda: answers(node_cluster, namespace, web), "the policy to be gone")


def answers(cluster: Cluster, namespace: str, address: str) -> bool:
    """False if nothing can be reached there; anything else that goes wrong is an error."""
    try:
        return fetch_from(cluster, namespace, "ask", f"http://{address}/greeting") == "Moin"
    except CommandError as error:
        if re.search("Connection refused|Network is unreachable|timed out", str(error)):
            return False
        raise


def test_a_volume_outlives_its_pod(node_cluster: Cluster, namespace: str, image: str) -> None:
    node_cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": namespace},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    )
    pod = a_pod("keeper", image, *SLEEP, claim="data")
    start(node_cluster, namespace, pod)
    run_in(node_cluster, namespace, "keeper", "python3", "-c", "open('/tmp/kept', 'w').write('still here')")
    node_cluster.kubectl("delete", "pod", "keeper", f"--namespace={namespace}")
    start(node_cluster, namespace, pod)
    found = run_in(node_cluster, namespace, "keeper", "python3", "-c", "print(open('/tmp/kept').read())")
    assert found.strip() == "still here"


def test_the_image_is_small_and_carries_neither_kopf_nor_tools(
    node_cluster: Cluster, namespace: str, image: str
) -> None:
    assert images.size(images.service_image()) < 150e6
    assert images.size(images.operator_image()) < 150e6
    start(node_cluster, namespace, a_pod("look", image, *SLEEP))
    for module in ("kopf", "pip", "hatchling"):
        with pytest.raises(CommandError, match="No module named"):
            run_in(node_cluster, namespace, "look", "/opt/aftersend/bin/python", "-c", f"import {module}")
    with pytest.raises(CommandError, match="executable file not found"):
        run_in(node_cluster, namespace, "look", "sh", "-c", "true")
    assert run_in(node_cluster, namespace, "look", "aftersend", "--version").startswith("aftersend ")
    with pytest.raises(CommandError, match="AFTERSEND_TENANT_FILE is missing"):
        run_in(node_cluster, namespace, "look", "aftersend", "trigger", "export")


def test_no_start_compiles_what_every_start_needs(node_cluster: Cluster, namespace: str, image: str) -> None:
    start(node_cluster, namespace, a_pod("look", image, *SLEEP))
    loaded = run_in(node_cluster, namespace, "look", "/opt/aftersend/bin/python", "-c", LOADED_FROM_SOURCE)
    assert loaded.split() == ["sched"]  # which none of them needs: it shows that the question is a good one


@contextmanager
def greeter(host: str) -> Iterator[int]:
    """A web server of this machine."""
    server = http.server.ThreadingHTTPServer((host, 0), Greeting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from outside")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's as well
        """Say nothing."""
