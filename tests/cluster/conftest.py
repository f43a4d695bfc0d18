"""The clusters of the session: started when the first test asks, skipped with a reason where none can be had.

In CI nothing is skipped: there the same reason is a failure.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from aftersend.crd.definition import definition
from tests.support.cluster.kube_client import KubeClient, kube_client
from tests.support.cluster.operator_scene import OperatorScene, ending, eventually, rights_of
from tools.test_cluster.cluster import Cluster, UnavailableError, foreign_cluster, own_cluster
from tools.test_cluster.proxy_server import fault_proxy

PATIENCE = 600
"""Seconds for a test, the start of its cluster and the making of its images included."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time than those that need no cluster."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="session")
def api_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane without a node: objects live, pods do not."""
    yield from _cluster("api", tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def node_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A whole cluster with one node."""
    yield from _cluster("node", tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="session")
def kube(api_cluster: Cluster) -> Iterator[KubeClient]:
    """A control plane that knows tenants, within easy reach."""
    api_cluster.apply(definition())
    with kube_client(api_cluster) as it:
        eventually(lambda: it.serves("ast"), what="the custom resource")
        yield it


@pytest.fixture
def scene(api_cluster: Cluster, kube: KubeClient, tmp_path: Path) -> Iterator[OperatorScene]:
    """An operator's namespace with tenants to come; the operator has the rights that the chart gives, and no others."""
    namespace = api_cluster.make_namespace("shops")
    token = rights_of(kube, namespace)
    with (
        fault_proxy(api_cluster, token, tmp_path) as proxy,
        ending(OperatorScene(api_cluster, kube, namespace, proxy, tmp_path)) as it,
    ):
        yield it


def _cluster(level: str, scratch: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        try:
            if config := os.environ.get("KUBECONFIG"):
                cluster = foreign_cluster(Path(config).resolve(), scratch)
            else:
                cluster = stack.enter_context(own_cluster(level, scratch))
        except UnavailableError as error:
            if os.environ.get("CI"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield cluster
