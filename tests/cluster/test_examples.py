"""Every example on a real API server that knows the kinds of Argo CD, Flux, External Secrets and Sealed Secrets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster.kube_client import KubeClient
from tests.support.cluster.waiting import eventually
from tools.test_cluster.add_ons import GITOPS, NotToBeHadError, definitions
from tools.test_cluster.cluster import Cluster, CommandError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOT_APPLIED = ("kustomize", "operator-values.yaml", ".sops.yaml")
FILES = [file for file in sorted(EXAMPLES.rglob("*.yaml")) if not set(NOT_APPLIED) & {*file.parts}]
NAMESPACES = ("argocd", "flux-system", "tenant-mueller", "tenant-schmidt")


@pytest.fixture(scope="module")
def gitops(api_cluster: Cluster, kube: KubeClient) -> Iterator[Cluster]:  # noqa: ARG001 - the tenants' kind must be known
    """The kinds and namespaces of the examples; a registry may not hand out each module, then only this is skipped."""
    if api_cluster.folder is None:
        pytest.skip("kinds are added to, and taken from, a cluster of our own only")
    try:
        found = definitions(GITOPS)
    except NotToBeHadError as error:
        pytest.skip(str(error))
    api_cluster.apply(*found, *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in NAMESPACES))
    names = [f"crd/{each['metadata']['name']}" for each in found]
    eventually(lambda: all(is_established(api_cluster, name) for name in names), "the kinds")
    yield api_cluster
    api_cluster.kubectl("delete", "--wait=false", *names, *(f"namespace/{name}" for name in NAMESPACES))


def is_established(cluster: Cluster, name: str) -> bool:
    conditions = cluster.get(name).get("status", {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_the_api_server_takes_it(gitops: Cluster, file: Path) -> None:
    gitops.apply(*(each for each in yaml.safe_load_all(file.read_text()) if each))


@pytest.mark.parametrize("merchant", ["mueller", "schmidt"])
def test_the_api_server_takes_what_kustomize_builds(gitops: Cluster, merchant: str) -> None:
    gitops.kubectl(
        "apply", "--server-side", "--force-conflicts", f"--kustomize={EXAMPLES}/kustomize/merchants/{merchant}"
    )
    found = gitops.get(f"ast/{merchant}", f"--namespace=tenant-{merchant}")
    assert found["spec"]["webhook"]["host"] == f"{merchant}.hooks.example.com"


def test_what_a_kind_does_not_know_is_refused(gitops: Cluster) -> None:
    (application,) = yaml.safe_load_all((EXAMPLES / "argocd/operator.yaml").read_text())
    wrong: dict[str, Any] = json.loads(json.dumps(application))
    wrong["spec"]["destinations"] = {}
    with pytest.raises(CommandError, match="destinations"):
        gitops.apply(wrong)
