"""A cluster that refuses fixed users, as OpenShift does: the API server judges what chart and operator render."""

from collections.abc import Iterator
from typing import Any

import pytest

from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.settings import OperatorSettings, PodDefaults
from tests.support.chart_kit import Manifest, of_kind, render
from tests.support.cluster.kube_client import KubeClient
from tests.support.cluster.waiting import eventually
from tests.support.operator_kit import UID, tenant
from tools.test_cluster.cluster import Cluster, CommandError

POLICY = "no-fixed-users"
USERS = ("runAsUser", "runAsGroup", "fsGroup")
WORKLOADS = ("Deployment", "StatefulSet", "CronJob")
TEMPLATE = "object.kind == 'CronJob' ? object.spec.jobTemplate.spec.template.spec : object.spec.template.spec"


@pytest.fixture(scope="module")
def restricted(api_cluster: Cluster, kube: KubeClient) -> Iterator[str]:  # noqa: ARG001 - the tenants' kind must be known
    """A namespace in which no pod may name its user."""
    namespace = api_cluster.make_namespace("restricted")
    rules = [
        {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": names}
        for group, names in (("apps", ["deployments", "statefulsets"]), ("batch", ["cronjobs"]))
    ]
    refused = " || ".join(f"has(variables.pod.securityContext.{user})" for user in USERS)
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "variables": [{"name": "pod", "expression": TEMPLATE}],
        "validations": [
            {"expression": f"!(has(variables.pod.securityContext) && ({refused}))", "message": "the user is fixed"}
        ],
    }
    binding = {
        "policyName": POLICY,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
    }
    kinds = {"ValidatingAdmissionPolicy": policy, "ValidatingAdmissionPolicyBinding": binding}
    for kind, spec in kinds.items():
        head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": POLICY}}
        api_cluster.apply({**head, "spec": spec})
    eventually(lambda: refuses(api_cluster, workloads(namespace, fixed=True)[0]), "the policy to be in force")
    yield namespace
    api_cluster.kubectl("delete", *(f"{kind}/{POLICY}" for kind in kinds))


def refuses(cluster: Cluster, manifest: Manifest) -> bool:
    try:
        cluster.apply(manifest)
    except CommandError as error:
        return "the user is fixed" in str(error)
    return False


def workloads(namespace: str, *, fixed: bool) -> list[Manifest]:
    """What the operator applies for a tenant of each topology."""
    settings = OperatorSettings(service_image="services:1", redis_image="redis:8", pods=PodDefaults(fixed_user=fixed))
    manifests: list[Manifest] = []
    for topology in ("split", "compact"):
        document: Any = tenant(topology, namespace=namespace, topology=topology)
        manifests += desired(document, uid=UID, settings=settings, facts=ClusterFacts(redis_secrets="a1b2"))
    return [each for each in manifests if each["kind"] in WORKLOADS]


def test_fixed_users_are_refused_there(api_cluster: Cluster, restricted: str) -> None:
    assert all(refuses(api_cluster, each) for each in workloads(restricted, fixed=True))


def test_pods_of_tenants_are_accepted_without(api_cluster: Cluster, restricted: str) -> None:
    found = workloads(restricted, fixed=False)
    assert {each["kind"] for each in found} == set(WORKLOADS)
    api_cluster.apply(*found)


def test_the_operators_pod_is_accepted_where_openshifts_api_is(api_cluster: Cluster, restricted: str) -> None:
    for knows, accepted in (("", False), ("security.openshift.io/v1", True)):
        (deployment,) = of_kind(render(knows=knows), "Deployment")
        deployment["metadata"]["namespace"] = restricted
        assert refuses(api_cluster, deployment) is not accepted
