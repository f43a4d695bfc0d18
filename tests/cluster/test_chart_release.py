"""The life of a release with Helm 4 and with Helm 3, between people who change things by hand. No pod runs here."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.support.chart_kit import CHART
from tests.support.tenant_kit import LEAST
from tools.test_cluster.cluster import Cluster, CommandError, UnavailableError

CRD = "crd/aftersendtenants.aftersend.jj-ideenschmiede.de"
NAME = "aftersend-release"
"""Of the release, and of all it makes."""


@dataclass
class Release:
    """One release in a namespace of its own; the custom resource is shared and may be another's so far."""

    cluster: Cluster
    helm: Callable[..., str]
    namespace: str

    def change(self, command: str, *arguments: str) -> None:
        """Call Helm for this release."""
        self.helm(command, NAME, *arguments, f"--namespace={self.namespace}")

    def upgrade(self, *options: str) -> None:
        """With the values of before and these."""
        self.change("upgrade", str(CHART), "--reuse-values", *options)

    def deployment(self) -> Any:
        """The operator's."""
        return self.cluster.get("deployment", NAME, f"--namespace={self.namespace}")

    def log_level(self) -> str:
        """The log level of the operator."""
        (container,) = self.deployment()["spec"]["template"]["spec"]["containers"]
        return next(str(entry["value"]) for entry in container["env"] if entry["name"] == "AFTERSEND_LOG_LEVEL")

    def change_by_hand(self) -> None:
        """A person pauses the operator and puts a label on it."""
        self.cluster.kubectl("scale", "deployment", NAME, "--replicas=0", f"--namespace={self.namespace}")
        self.cluster.kubectl("label", "deployment", NAME, "team=shop", f"--namespace={self.namespace}")

    def keeps_what_was_changed_by_hand(self) -> bool:
        """Whether both are as the person left them."""
        live = self.deployment()
        return live["spec"]["replicas"] == 0 and live["metadata"]["labels"].get("team") == "shop"

    def add_tenant(self) -> None:
        """Apply a document."""
        self.cluster.apply(yaml.safe_load(LEAST) | {"metadata": {"name": "mueller", "namespace": self.namespace}})

    def left(self) -> list[str]:
        """Which custom resource there is, and which tenant: their uids."""
        tenant = self.cluster.get("ast", "mueller", f"--namespace={self.namespace}")
        return [self.cluster.get(CRD)["metadata"]["uid"], tenant["metadata"]["uid"]]


def made(cluster: Cluster, helm: Callable[..., str]) -> Iterator[Release]:
    release = Release(cluster, helm, cluster.make_namespace("release"))
    try:
        release.change("install", str(CHART), "--take-ownership", f"--set=fullnameOverride={NAME}")
    except UnavailableError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    yield release
    release.change("uninstall", "--ignore-not-found")


@pytest.fixture(params=["helm", "helm3"])
def release(request: pytest.FixtureRequest, api_cluster: Cluster) -> Iterator[Release]:
    """Installed by this Helm, which all else is done with as well."""
    yield from made(api_cluster, getattr(api_cluster, request.param))


@pytest.fixture
def release_of_helm3(api_cluster: Cluster) -> Iterator[Release]:
    """Installed by Helm 3; all else is done with Helm 4."""
    for release in made(api_cluster, api_cluster.helm3):
        release.helm = api_cluster.helm
        yield release


def test_an_upgrade_without_a_change_changes_nothing(release: Release) -> None:
    before = release.deployment()["metadata"]["generation"]
    release.upgrade()
    assert release.deployment()["metadata"]["generation"] == before


def test_forth_and_back_it_takes_its_own_and_leaves_the_rest(release: Release) -> None:
    forth_and_back(release)


def test_a_release_of_helm_3_goes_on_with_helm_4(release_of_helm3: Release) -> None:
    forth_and_back(release_of_helm3)


def forth_and_back(release: Release) -> None:
    release.add_tenant()
    before = release.left()
    release.change_by_hand()
    release.upgrade("--set=operator.logLevel=debug")
    assert release.log_level() == "debug"
    assert release.keeps_what_was_changed_by_hand()
    release.change("rollback", "1")
    assert release.log_level() == "info"
    assert release.keeps_what_was_changed_by_hand()
    assert release.left() == before


def test_uninstalling_leaves_the_tenants(release: Release) -> None:
    release.add_tenant()
    before = release.left()
    release.change("uninstall")
    assert release.left() == before
    with pytest.raises(CommandError, match=r"[Nn]ot ?[Ff]ound"):
        release.deployment()
