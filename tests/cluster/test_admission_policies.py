"""The policies of the hardening guide on a real API server: each admits our tenant and refuses the breach."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster.kube_client import KubeClient
from tests.support.cluster.operator_scene import eventually
from tests.support.operator_kit import wanted
from tests.support.tenant_kit import LEAST, with_field
from tools.test_cluster.cluster import Cluster, CommandError

FOLDER = Path(__file__).resolve().parents[2] / "docs/security/examples"
POLICIES = {path.name: list(yaml.safe_load_all(path.read_text())) for path in sorted(FOLDER.glob("*.yaml"))}
DIGEST = "sha256:" + "ab" * 32
OURS = {"example.com/aftersend": "tenants", "example.com/environment": "production"}
ACCOUNT = "aftersend-mueller-writer"
Thing = dict[str, Any]


@pytest.fixture(scope="module")
def open_namespace(api_cluster: Cluster, kube: KubeClient) -> Iterator[str]:  # noqa: ARG001 - it knows tenants
    """Apply all policies, and take them away again; gives a namespace that is open for tenants, in production."""
    if api_cluster.folder is None:
        pytest.skip("policies are for all namespaces: they are tried on a cluster of our own only")
    name = a_namespace(api_cluster)
    api_cluster.kubectl("label", "namespace", name, *(f"{key}={value}" for key, value in OURS.items()))
    api_cluster.apply(*(each for documents in POLICIES.values() for each in documents))
    for what, (_, breach) in BREACHES.items():
        eventually(lambda made=breach: refused(api_cluster, made(name)), what=f"the policy against {what}")
    yield name
    kinds = ("validatingadmissionpolicybinding", "validatingadmissionpolicy")
    for kind, position in zip(kinds, (1, 0), strict=True):
        names = [documents[position]["metadata"]["name"] for documents in POLICIES.values()]
        api_cluster.kubectl("delete", "--wait", kind, *names)
    elsewhere = a_namespace(api_cluster)
    eventually(lambda: not refused(api_cluster, tenant(elsewhere)), what="the policies to go")


def a_namespace(cluster: Cluster) -> str:
    """A namespace in which pods could be made at once: their service account is there."""
    name = cluster.make_namespace("policies")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": name}}
    cluster.apply(account)
    return name


def tenant(namespace: str, **fields: Any) -> Thing:
    document: Thing = yaml.safe_load(LEAST)
    for path, value in fields.items():
        document = with_field(f"spec.{path}", value)
    document["metadata"] = {"name": "mueller", "namespace": namespace}
    return document


def secret(namespace: str, **texts: str) -> Thing:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x", "namespace": namespace},
        "stringData": texts,
    }


def pod(namespace: str, image: str = f"registry.example.com/aftersend@{DIGEST}", **more: Any) -> Thing:
    """A pod as the operator's deployments make it."""
    (template,) = (each["spec"]["template"] for name, each in wanted().items() if name == "Deployment/writer")
    spec = {**template["spec"], **more}
    spec["containers"] = [{**each, "image": image} for each in spec["containers"]]
    metadata = {"name": "x", "namespace": namespace, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def sidecar(image: str) -> list[Thing]:
    restricted = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}
    return [{"name": "miner", "image": image, "securityContext": restricted}]


GOOD: dict[str, Callable[[str], Thing]] = {
    "a tenant": tenant,
    "a tenant that retains": lambda where: tenant(where, deletionPolicy="Retain"),
    "an address with TLS": lambda where: secret(where, url="rediss://:word@redis.example.com:6380/0"),
    "other secrets": lambda where: secret(where, partnerToken="redirect", secretKey="redis://", empty=""),
    "no secret values": lambda where: {**secret(where), "stringData": None},
    "a pod of ours": pod,
    "a pod of Redis": lambda where: pod(where, f"registry.example.com/valkey@{DIGEST}"),
}
BREACHES: dict[str, tuple[str, Callable[[str], Thing]]] = {
    "data that goes with the tenant": ("must be Retain", lambda where: tenant(where, deletionPolicy="Delete")),
    "an address without TLS": ("must begin with rediss", lambda where: secret(where, url="redis://redis.example.com")),
    "the same in capitals": ("must begin with rediss", lambda where: secret(where, url="REDIS://redis.example.com")),
    "the same behind a blank": ("must begin with rediss", lambda where: secret(where, url=" redis://x:6379")),
    "another registry": ("only the images of", lambda where: pod(where, f"evil.example.com/aftersend@{DIGEST}")),
    "a tag": ("only the images of", lambda where: pod(where, "registry.example.com/aftersend:latest")),
    "a longer name": ("only the images of", lambda where: pod(where, f"registry.example.com/aftersend-x@{DIGEST}")),
    "a container before": (
        "only the images of",
        lambda where: pod(where, initContainers=sidecar(f"evil.example.com/x@{DIGEST}")),
    ),
}


def refused(cluster: Cluster, thing: Thing) -> str:
    """What the server says against it; empty if it would create it."""
    try:
        cluster.kubectl("create", "--dry-run=server", "--filename=-", text=json.dumps(thing))
    except CommandError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", GOOD)
def test_what_we_make_is_admitted(name: str, api_cluster: Cluster, open_namespace: str) -> None:
    assert refused(api_cluster, GOOD[name](open_namespace)) == ""


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_refused_with_its_cure(name: str, api_cluster: Cluster, open_namespace: str) -> None:
    words, breach = BREACHES[name]
    said = refused(api_cluster, breach(open_namespace))
    assert "ValidatingAdmissionPolicy" in said
    assert words in said


def test_a_tenant_elsewhere_is_refused(api_cluster: Cluster, open_namespace: str) -> None:  # noqa: ARG001 - the policies
    elsewhere = a_namespace(api_cluster)
    assert "need a namespace with the label" in refused(api_cluster, tenant(elsewhere))
    api_cluster.kubectl("label", "namespace", elsewhere, "example.com/aftersend=others")
    assert "need a namespace with the label" in refused(api_cluster, tenant(elsewhere))


def test_beyond_production_and_tenants_the_others_ask_for_nothing(api_cluster: Cluster, open_namespace: str) -> None:  # noqa: ARG001
    elsewhere = a_namespace(api_cluster)
    assert refused(api_cluster, secret(elsewhere, url="redis://redis.example.com")) == ""
    assert refused(api_cluster, pod(elsewhere, "busybox:latest")) == ""
    api_cluster.kubectl("label", "namespace", elsewhere, "example.com/aftersend=tenants")
    eventually(lambda: not refused(api_cluster, tenant(elsewhere, deletionPolicy="Delete")), what="the label")


def test_a_change_is_checked_like_a_new_one_and_an_end_never(api_cluster: Cluster, open_namespace: str) -> None:
    api_cluster.apply(tenant(open_namespace) | {"metadata": {"name": "end", "namespace": open_namespace}})
    change = ("patch", "ast", "end", f"--namespace={open_namespace}", "--type=merge")
    with pytest.raises(CommandError, match="must be Retain"):
        api_cluster.kubectl(*change, '--patch={"spec":{"deletionPolicy":"Delete"}}')
    api_cluster.kubectl(*change, '--patch={"metadata":{"finalizers":["example.com/held"]}}')
    api_cluster.kubectl("delete", "ast", "end", f"--namespace={open_namespace}", "--wait=false")
    api_cluster.kubectl("label", "namespace", open_namespace, "example.com/aftersend=closed", "--overwrite")
    try:
        api_cluster.kubectl(*change, '--patch={"metadata":{"finalizers":null}}')
    finally:
        api_cluster.kubectl("label", "namespace", open_namespace, "example.com/aftersend=tenants", "--overwrite")
    eventually(
        lambda: not api_cluster.kubectl("get", "ast", "--output=name", f"--namespace={open_namespace}"), what="its end"
    )


def test_the_server_finds_no_fault_in_their_expressions(api_cluster: Cluster, open_namespace: str) -> None:  # noqa: ARG001
    def checked() -> bool:
        found = api_cluster.get("validatingadmissionpolicy")["items"]
        return all(each.get("status", {}).get("observedGeneration") for each in found)

    eventually(checked, what="the check of types")
    found = api_cluster.get("validatingadmissionpolicy")["items"]
    warnings = {each["metadata"]["name"]: each["status"].get("typeChecking", {}) for each in found}
    assert {name: each for name, each in warnings.items() if each.get("expressionWarnings")} == {}
