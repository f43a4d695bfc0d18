"""The chart in a real API server: what its rights allow, and what its pods are admitted as.

No pod runs here; what pods do is the business of the node's tests.
"""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.chart_kit import CHART, of_kind, render
from tools.test_cluster.cluster import Cluster, CommandError


@pytest.fixture(scope="module")
def namespace(api_cluster: Cluster) -> Iterator[str]:
    """A namespace of the restricted standard with the release in it; the custom resource may be there already."""
    name = api_cluster.make_namespace("chart")
    options = (f"--namespace={name}", "--set=fullnameOverride=aftersend-chart", "--take-ownership")
    api_cluster.helm("install", "aftersend", str(CHART), *options)
    yield name
    api_cluster.helm("uninstall", "aftersend", f"--namespace={name}")


def may(cluster: Cluster, who: str, verb: str, what: str, namespace: str) -> bool:
    kind, _, within = what.partition("/")
    options = (f"--as={who}", f"--namespace={namespace}", f"--subresource={within}", "--quiet")
    try:
        cluster.kubectl("auth", "can-i", verb, kind, *options)
    except CommandError:
        return False
    return True


def test_the_pods_are_admitted_by_the_restricted_standard(api_cluster: Cluster, namespace: str) -> None:
    (made,) = of_kind(render(), "Deployment")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "namespace": namespace},
        "spec": {**made["spec"]["template"]["spec"], "serviceAccountName": "aftersend-chart"},
    }
    api_cluster.kubectl("create", "--dry-run=server", "--filename=-", text=json.dumps(pod))


def test_the_operator_may_serve_tenants_everywhere_and_nothing_else(api_cluster: Cluster, namespace: str) -> None:
    operator = f"system:serviceaccount:{namespace}:aftersend-chart"
    assert may(api_cluster, operator, "patch", "deployments.apps", "default")
    assert may(api_cluster, operator, "patch", "aftersendtenants.aftersend.jj-ideenschmiede.de/status", "default")
    assert not may(api_cluster, operator, "patch", "aftersendtenants.aftersend.jj-ideenschmiede.de", "default")
    assert not may(api_cluster, operator, "create", "pods/exec", "default")
    assert not may(api_cluster, operator, "list", "nodes", "default")


def test_people_who_may_edit_may_edit_tenants(api_cluster: Cluster, namespace: str) -> None:
    for role, verb, allowed in (("view", "get", True), ("view", "create", False), ("edit", "create", True)):
        api_cluster.kubectl(
            "create",
            "rolebinding",
            f"{role}-{verb}",
            f"--clusterrole={role}",
            f"--user={role}-{verb}",
            f"--namespace={namespace}",
        )
        what = "aftersendtenants.aftersend.jj-ideenschmiede.de"
        assert may(api_cluster, f"{role}-{verb}", verb, what, namespace) == allowed, (role, verb)


@pytest.mark.parametrize(
    ("facts", "code", "oks"),
    [
        ({"podMonitors": False, "unscraped": ["shops.mueller"]}, 0, 3),
        ({"podMonitors": True, "unscraped": []}, 0, 4),
        ({"podMonitors": True, "unscraped": ["shops.mueller"]}, 1, 3),
    ],
)
def test_the_release_test_passes_with_its_own_rights(
    api_cluster: Cluster, namespace: str, tmp_path: Path, facts: dict[str, Any], code: int, oks: int
) -> None:
    """The script of ``helm test`` as a process: the API is real, only the operator's answer is played."""
    hooks = [
        each for each in render({"fullnameOverride": "aftersend-chart"}) if each["metadata"]["name"].endswith("-test")
    ]
    for each in hooks:
        each["metadata"]["namespace"] = namespace
        for subject in each.get("subjects", []):
            subject["namespace"] = namespace
    api_cluster.apply(*(each for each in hooks if each["kind"] != "Pod"))
    token = api_cluster.kubectl("create", "token", "aftersend-chart-test", f"--namespace={namespace}")
    assert api_cluster.authority
    (tmp_path / "token").write_text(token.strip())
    (tmp_path / "ca.crt").write_bytes(api_cluster.authority.read_bytes())
    server = urlsplit(api_cluster.url)
    with _ready_operator(facts) as operator:
        environment = {
            **os.environ,
            "ACCOUNT_DIR": str(tmp_path),
            "NAMESPACE": namespace,
            "OPERATOR": operator,
            "SCRAPERS": "kubernetes.io/metadata.name=monitoring",
            "KUBERNETES_SERVICE_HOST": server.hostname or "",
            "KUBERNETES_SERVICE_PORT": str(server.port),
            "NO_PROXY": "*",
        }
        done = subprocess.run(
            [sys.executable, str(CHART / "files" / "check.py")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.count("ok ") == oks
    assert ("shops.mueller" in done.stdout) is ("tenants.podMonitorLabels" in done.stdout) is bool(code)


class _ready_operator:  # noqa: N801 - a context manager
    """An HTTP server that says yes."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def __enter__(self) -> str:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Yes)
        self._server.facts = self._facts  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Yes(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"operator": self.server.facts}).encode())  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Silence."""


def test_a_list_of_namespaces_is_all_the_operator_sees(api_cluster: Cluster) -> None:
    own, served, other = (api_cluster.make_namespace(prefix) for prefix in ("own", "served", "other"))
    options = ("--set=crds.enabled=false", "--set=rbac.aggregate=false", f"--set=watchNamespaces={{{served}}}")
    api_cluster.helm("install", "scoped", str(CHART), f"--namespace={own}", *options)
    operator = f"system:serviceaccount:{own}:scoped-aftersend"
    seen = [may(api_cluster, operator, "list", "secrets", where) for where in (served, other, own)]
    api_cluster.helm("uninstall", "scoped", f"--namespace={own}")
    assert seen == [True, False, False]
