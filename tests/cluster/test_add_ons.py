"""Kinds of the Prometheus operator and of the Gateway API: what we render is what their own definitions allow."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.support.chart_kit import Manifest, render
from tests.support.cluster.kube_client import KubeClient
from tests.support.cluster.operator_scene import OperatorScene, eventually
from tools.test_cluster.add_ons import NotToBeHadError, definitions
from tools.test_cluster.cluster import Cluster, CommandError

pytestmark = pytest.mark.timeout(900)
MONITORING = "monitoring.coreos.com/v1"
ALERTS = {"enabled": True, "labels": {"prometheus": "main"}, "runbookUrl": "https://git.example.com/docs/runbooks"}


@pytest.fixture(scope="module")
def add_ons(api_cluster: Cluster, kube: KubeClient) -> Iterator[None]:
    """Teach the cluster the kinds, and let it forget them: other tests count what an operator does without them."""
    if api_cluster.folder is None:
        pytest.skip("kinds are added to, and taken from, a cluster of our own only")
    try:
        found = definitions()
    except NotToBeHadError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    api_cluster.apply(*found)
    names = [each["metadata"]["name"] for each in found]
    api_cluster.wait_until_established(*names)
    eventually(lambda: kube.serves("podmonitor") and kube.serves("httproute"), what="the kinds")
    yield
    api_cluster.kubectl("delete", "--wait", "crd", *names)
    eventually(lambda: not kube.serves("podmonitor") and not kube.serves("httproute"), what="the kinds to go")


def monitoring(namespace: str, **values: Any) -> list[Manifest]:
    """What the chart renders of the Prometheus operator's kinds."""
    manifests = render({"monitoring": {"renderMode": "always", "alerts": ALERTS, **values}})
    found = [each for each in manifests if each["apiVersion"] == MONITORING]
    return [{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in found]


@pytest.mark.usefixtures("add_ons")
@pytest.mark.parametrize("kind", ["PodMonitor", "ServiceMonitor"])
def test_the_charts_monitor_and_rules_are_what_their_definitions_allow(api_cluster: Cluster, kind: str) -> None:
    found = monitoring(api_cluster.make_namespace("monitored"), kind=kind, labels={"prometheus": "main"})
    assert sorted(each["kind"] for each in found) == sorted([kind, "PrometheusRule"])
    api_cluster.apply(*found)


@pytest.mark.usefixtures("add_ons")
def test_what_the_definitions_do_not_know_is_refused(api_cluster: Cluster) -> None:
    monitor = next(iter(monitoring(api_cluster.make_namespace("monitored"), kind="PodMonitor")))
    monitor["spec"]["podMetricsEndpoints"][0]["scheme_"] = "http"
    with pytest.raises(CommandError, match="scheme_"):
        api_cluster.apply(monitor)


def report_gateway(scene: OperatorScene, route: Any, accepted: str, message: str) -> None:
    """What a gateway's controller writes into the status of a route."""
    condition = {
        "type": "Accepted",
        "status": accepted,
        "reason": "Accepted" if accepted == "True" else "NoMatchingListenerHostname",
        "message": message,
        "observedGeneration": route["metadata"]["generation"],
        "lastTransitionTime": route["metadata"]["creationTimestamp"],
    }
    parent = {
        "controllerName": "example.com/gateway",
        "parentRef": route["spec"]["parentRefs"][0],
        "conditions": [condition],
    }
    scene.patch(f"httproute/{route['metadata']['name']}", {"status": {"parents": [parent]}}, subresource="status")


def degraded(scene: OperatorScene) -> str:
    return str(scene.conditions()["Degraded"]["message"])


@pytest.mark.usefixtures("add_ons")
def test_a_tenants_monitor_and_route_are_what_their_definitions_allow(scene: OperatorScene) -> None:
    operator = scene.operator()
    operator.shortened = {"aftersend_operator.status.waiting:ACCEPT_SECONDS": 3.0}
    operator.start()
    scene.bring_up(webhook={"host": "hooks.example.com", "gateway": "gateways/public"})
    (monitor,) = scene.kube.list("podmonitor", scene.namespace)
    (route,) = scene.kube.list("httproute", scene.namespace)
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == "admin"
    assert route["spec"]["hostnames"] == ["hooks.example.com"]
    eventually(lambda: "no controller has taken the route" in degraded(scene), what="the missing gateway to be named")
    said = partial(report_gateway, scene, route)
    said("False", "no listener has this host")
    refused = "gateways/public does not serve the route (no listener has this host)"
    eventually(lambda: refused in degraded(scene), what="the refusal")
    assert scene.reason("Degraded") == "AddressNotServed"
    said("True", "")
    eventually(lambda: scene.reason("Degraded") == "Healthy", what="it to heal")
    scene.delete(f"podmonitor/{monitor['metadata']['name']}")
    eventually(lambda: scene.exists(f"podmonitor/{monitor['metadata']['name']}"), what="it to be back")
