"""The proxy with which the operator is tried does what it says; otherwise those tests would prove nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.support.cluster.waiting import eventually
from tools.test_cluster.cluster import Cluster, CommandError
from tools.test_cluster.proxy import FaultProxy
from tools.test_cluster.proxy_server import fault_proxy


@pytest.fixture
def namespace(api_cluster: Cluster) -> str:
    name = api_cluster.make_namespace("proxy")
    api_cluster.kubectl("create", "serviceaccount", "caller", f"--namespace={name}")
    rights = ["--clusterrole=admin", f"--serviceaccount={name}:caller", f"--namespace={name}"]
    api_cluster.kubectl("create", "rolebinding", "caller", *rights)
    return name


@pytest.fixture
def proxy(api_cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[FaultProxy]:
    token = api_cluster.kubectl("create", "token", "caller", f"--namespace={namespace}").strip()
    with fault_proxy(api_cluster, token, tmp_path) as running:
        yield running


def through(cluster: Cluster, proxy: FaultProxy, *arguments: str) -> str:
    return cluster.kubectl(f"--kubeconfig={proxy.kubeconfig}", *arguments)


def test_calls_reach_the_server_with_the_rights_of_the_token(
    api_cluster: Cluster, proxy: FaultProxy, namespace: str
) -> None:
    through(api_cluster, proxy, "create", "configmap", "x", "--from-literal=a=b", f"--namespace={namespace}")
    assert api_cluster.get("configmap", "x", f"--namespace={namespace}")["data"] == {"a": "b"}
    posts = [(call.path, call.status) for call in proxy.calls if call.method == "POST"]
    assert posts == [(f"/api/v1/namespaces/{namespace}/configmaps", 201)]
    with pytest.raises(CommandError, match="orbidden"):
        through(api_cluster, proxy, "get", "nodes")


@pytest.mark.parametrize("status", [409, 429, 500])
def test_a_chosen_call_fails_as_often_as_wanted(
    api_cluster: Cluster, proxy: FaultProxy, namespace: str, status: int
) -> None:
    proxy.fail(status, method="POST", path="/configmaps", times=2)
    create = ("create", "configmap", "x", f"--namespace={namespace}")
    for _ in range(2):
        with pytest.raises(CommandError, match=f"answers {status}"):
            through(api_cluster, proxy, *create)
    through(api_cluster, proxy, *create)
    assert [call.status for call in proxy.calls if call.method == "POST"] == [status, status, 201]


async def test_retry_after_is_reported(proxy: FaultProxy) -> None:
    proxy.fail(429, retry_after=7)
    async with aiohttp.ClientSession() as session, session.get(f"{url(proxy)}/version", ssl=False) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


async def test_a_watch_learns_in_its_stream_that_it_is_too_old(proxy: FaultProxy, namespace: str) -> None:
    proxy.fail(410, path="watch=1", in_stream=True)
    watch = f"{url(proxy)}/api/v1/namespaces/{namespace}/configmaps?watch=1"
    async with aiohttp.ClientSession() as session, session.get(watch, ssl=False) as answer:
        event = json.loads(await answer.text())
    assert (answer.status, event["type"], event["object"]["code"]) == (200, "ERROR", 410)


async def test_a_silent_watch_stays_open_and_is_cut_in_the_end(
    api_cluster: Cluster, proxy: FaultProxy, namespace: str
) -> None:
    watch = f"{url(proxy)}/api/v1/namespaces/{namespace}/secrets?watch=1"
    headers = {"Authorization": f"Bearer {user(proxy)['token']}"}
    async with aiohttp.ClientSession() as session, session.get(watch, ssl=False, headers=headers) as answer:
        api_cluster.kubectl("create", "secret", "generic", "heard", f"--namespace={namespace}")
        assert "heard" in (await answer.content.readline()).decode()
        proxy.silence_watches()
        api_cluster.kubectl("create", "secret", "generic", "unheard", f"--namespace={namespace}")
        eventually(lambda: proxy.watches == 1, "the watch to be open")
        proxy.end_silence()
        assert await answer.content.read() == b""
    eventually(lambda: proxy.watches == 0, "the watch to be cut")


@pytest.mark.parametrize("obeyed", [False, True])
def test_the_caller_dies_at_the_nth_call(
    api_cluster: Cluster, proxy: FaultProxy, namespace: str, *, obeyed: bool
) -> None:
    caller = subprocess.Popen([sys.executable, "-c", CALLER, url(proxy), namespace, user(proxy)["token"]])
    proxy.kill(caller.pid, at=2, method="POST", obeyed=obeyed)
    assert caller.wait(timeout=30) == -9
    made = {item["metadata"]["name"] for item in api_cluster.get("configmap", f"--namespace={namespace}")["items"]}
    assert made - {"kube-root-ca.crt"} == ({"c0", "c1"} if obeyed else {"c0"})


CALLER = """
import json, ssl, sys, urllib.request
url, namespace, token = sys.argv[1:]
for number in range(5):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{number}"}}
    request = urllib.request.Request(f"{url}/api/v1/namespaces/{namespace}/configmaps", json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    urllib.request.urlopen(request, context=ssl._create_unverified_context()).read()
"""


def url(proxy: FaultProxy) -> str:
    return str(yaml.safe_load(proxy.kubeconfig.read_text())["clusters"][0]["cluster"]["server"])


def user(proxy: FaultProxy) -> dict[str, str]:
    return dict(yaml.safe_load(proxy.kubeconfig.read_text())["users"][0]["user"])
