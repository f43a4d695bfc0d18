"""The release as a whole: custom resource, names, values, monitors, network, and what Kubernetes says to it."""

import json
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from aftersend.crd.definition import definition
from tests.support.chart_kit import CHART, VERSION, RefusedError, call, of_kind, one, render

CRD = "aftersendtenants.aftersend.jj-ideenschmiede.de"
EVERYTHING: dict[str, Any] = {
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccount": {"annotations": {"a": "b"}},
    "operator": {
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "podLabels": {"a": "b"},
        "podAnnotations": {"a": "b"},
    },
    "networkPolicy": {"enabled": True, "scrapeNamespaceSelector": {"a": "b"}},
}
SETS = {
    "defaults": {},
    "everything": EVERYTHING,
    "scoped": {"watchNamespaces": ["a"], "networkPolicy": {"enabled": True}},
}


def monitoring(**wishes: str) -> dict[str, Any]:
    return {"monitoring": {"kind": "PodMonitor", **wishes}}


def test_helm_finds_nothing_to_blame() -> None:
    assert "0 chart(s) failed" in call("lint", "--strict", str(CHART))


def test_the_custom_resource_comes_with_the_chart_and_stays() -> None:
    crd = one(render(), "CustomResourceDefinition", CRD)
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert crd["spec"] == definition()["spec"]


def test_it_can_go_with_the_release() -> None:
    assert "annotations" not in one(render({"crds": {"keep": False}}), "CustomResourceDefinition", CRD)["metadata"]


def test_it_can_be_left_out() -> None:
    assert not of_kind(render({"crds": {"enabled": False}}), "CustomResourceDefinition")


@pytest.mark.parametrize("version", ["1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"])
def test_kubernetes_knows_every_field(version: str) -> None:
    different = {json.dumps(manifest, sort_keys=True) for values in SETS.values() for manifest in render(values)}
    for manifest in sorted(different):
        kubernetes_validate.validate(json.loads(manifest), version, strict=True)


def test_the_validator_refuses_what_kubernetes_does_not_know() -> None:
    deployment = json.loads(json.dumps(one(render(), "Deployment")))
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePolicy"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.37", strict=True)


def test_older_clusters_are_refused() -> None:
    with pytest.raises(RefusedError, match=r"1\.30"):
        call("template", "x", str(CHART), "--kube-version", "1.30.0")


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("aftersend", {}, "aftersend"),
        ("my-aftersend", {}, "my-aftersend"),
        ("prod", {}, "prod-aftersend"),
        ("prod", {"fullnameOverride": "op"}, "op"),
        ("x" * 53, {}, "x" * 40),
    ],
)
def test_names(release: str, values: dict[str, Any], name: str) -> None:
    manifests = render(values, release=release)
    one(manifests, "Deployment", name)
    assert all(len(each["metadata"]["name"]) <= 63 for each in manifests)
    assert all(
        each["metadata"]["name"].startswith(name) for each in manifests if each["kind"] != "CustomResourceDefinition"
    )


def test_two_releases_share_nothing_but_the_custom_resource() -> None:
    def keys(release: str) -> set[tuple[str, str]]:
        return {(each["kind"], each["metadata"]["name"]) for each in render(release=release)}

    assert keys("first") & keys("second") == {("CustomResourceDefinition", CRD)}


def test_everything_lies_in_the_namespace_of_the_release_or_in_none() -> None:
    outside = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
    for each in render():
        assert each["metadata"].get("namespace") == (None if each["kind"] in outside else "operators"), each["kind"]


def test_everything_says_whose_it_is() -> None:
    for each in render():
        labels = each["metadata"]["labels"]
        assert (labels["app.kubernetes.io/instance"], labels["app.kubernetes.io/part-of"]) == ("aftersend", "aftersend")
        assert labels["app.kubernetes.io/version"] == VERSION


@pytest.mark.parametrize("values", SETS.values(), ids=list(SETS))
def test_no_field_is_empty_or_the_clusters_own(values: dict[str, Any]) -> None:
    """A null would be a claim on a field under server-side apply, and a status a lie."""

    def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
        if isinstance(value, dict):
            return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}")]
        return [leaf for item in value for leaf in leaves(item, path)] if isinstance(value, list) else [(path, value)]

    for each in render(values):
        assert not {"status", "creationTimestamp"} & ({*each} | {*each["metadata"]})
        nulls = [path for path, value in leaves(each) if value is None]
        assert nulls == [], each["metadata"]["name"]


def test_the_network_policy_of_the_operator_can_be_left_out() -> None:
    assert not of_kind(render({"networkPolicy": {"enabled": False}}), "NetworkPolicy")
    policy = one(render({"networkPolicy": {"apiServerPorts": [9443]}}), "NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"] == one(render(), "Deployment")["spec"]["selector"]["matchLabels"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = [[port["port"] for port in rule["ports"]] for rule in policy["egress"]]
    assert ports == [[53, 53], [9443], [9090]]
    (ingress,) = policy["ingress"]
    assert ingress["from"][0] == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


def test_the_operator_is_scraped_from_where_tenants_are_and_asks_their_dns() -> None:
    dns = {"namespaceSelector": {"a": "b"}, "podSelector": {"c": "d"}, "addresses": ["169.254.20.10", "fd00::a"]}
    values = {"tenants": {"scrapeNamespaceSelector": {"team": "sight"}, "dns": {**dns, "port": 5353}}}
    policy = one(render(values), "NetworkPolicy")["spec"]
    assert policy["ingress"][0]["from"][0] == {"namespaceSelector": {"matchLabels": {"team": "sight"}}}
    assert policy["egress"][0] == {
        "ports": [{"port": 5353, "protocol": protocol} for protocol in ("UDP", "TCP")],
        "to": [
            {"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {"matchLabels": {"c": "d"}}},
            {"ipBlock": {"cidr": "169.254.20.10/32"}},
            {"ipBlock": {"cidr": "fd00::a/128"}},
        ],
    }


def test_metrics_may_be_fetched_from_where_prometheus_runs() -> None:
    policy = one(render(EVERYTHING), "NetworkPolicy")["spec"]
    everyone, test = policy["ingress"][0]["from"]
    assert everyone == {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    assert (
        test["podSelector"]["matchLabels"].items()
        <= one(render(), "Pod", "aftersend-test")["metadata"]["labels"].items()
    )


@pytest.mark.parametrize(
    ("kind", "endpoints"), [("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints")]
)
def test_monitors_are_rendered_where_the_cluster_knows_them(kind: str, endpoints: str) -> None:
    wishes = monitoring(kind=kind, interval="10s") | {}
    wishes["monitoring"]["labels"] = {"release": "prometheus"}
    monitor = one(render(wishes, knows=f"monitoring.coreos.com/v1/{kind}"), kind)
    assert monitor["spec"][endpoints] == [{"port": "http", "path": "/metrics", "interval": "10s"}]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    target = one(render(), "Service")["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= target.items()


def test_monitors_are_skipped_where_it_does_not() -> None:
    assert not of_kind(render(monitoring(renderMode="skip")), "PodMonitor")


def test_or_fail_with_the_cure() -> None:
    with pytest.raises(RefusedError, match=r"does not know the kind PodMonitor.*monitoring\.renderMode"):
        render(monitoring(renderMode="fail"))
    assert of_kind(render(monitoring(renderMode="fail"), knows="monitoring.coreos.com/v1/PodMonitor"), "PodMonitor")


def test_or_are_rendered_always() -> None:
    assert of_kind(render(monitoring(renderMode="always")), "PodMonitor")


def test_no_monitor_unless_asked_for() -> None:
    manifests = render(knows="monitoring.coreos.com/v1/PodMonitor")
    assert not of_kind(manifests, "PodMonitor") + of_kind(manifests, "ServiceMonitor")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replicas": 2}, "replicas"),
        ({"crds": {"install": True}}, "install"),
        ({"images": {"operator": {"name": "x"}}}, "name"),
        ({"images": {"operator": {"digest": "sha256:abc"}}}, "digest"),
        ({"images": {"operator": {"tag": "a b"}}}, "tag"),
        ({"images": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"watchNamespaces": "a"}, "watchNamespaces"),
        ({"watchNamespaces": ["A_b"]}, "watchNamespaces"),
        ({"imagePullSecrets": ["registry"]}, "imagePullSecrets"),
        ({"operator": {"logLevel": "loud"}}, "logLevel"),
        ({"operator": {"resources": {"limits": {"gpu": 1}}}}, "gpu"),
        ({"tenants": {"rolloutAtOnce": 0}}, "rolloutAtOnce"),
        ({"tenants": {"podMonitors": "maybe"}}, "podMonitors"),
        ({"monitoring": {"kind": "Probe"}}, "kind"),
        ({"networkPolicy": {"apiServerPorts": ["https"]}}, "apiServerPorts"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        render(values)


def test_a_parent_charts_values_are_none_of_our_business() -> None:
    assert render({"global": {"anything": 1}, "enabled": True}) == render()


def test_the_defaults_fit_their_own_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(yaml.safe_load((CHART / "values.yaml").read_text()))


def test_the_chart_has_the_version_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def notes(values: dict[str, Any]) -> str:
    return call(
        "install", "aftersend", str(CHART), "--dry-run=client", "--namespace=operators", values=json.dumps(values)
    )


def test_the_notes_say_where_tenants_are_served_and_how_the_first_one_comes() -> None:
    text = notes({})
    assert "in all namespaces" in text
    assert "helm test aftersend --namespace operators" in text
    assert "in a, b" in notes({"watchNamespaces": ["a", "b"]})


def test_the_notes_warn_of_a_custom_resource_that_goes_or_is_missing() -> None:
    assert "deletes the CustomResourceDefinition" in notes({"crds": {"keep": False}})
    assert "aftersend crd | kubectl apply" in notes({"crds": {"enabled": False}})


def test_the_tenant_of_the_notes_is_valid() -> None:
    from aftersend.tenant.loading import parse_tenant  # noqa: PLC0415

    document = notes({}).partition("<<'YAML'")[2].partition("YAML\n")[0]
    assert parse_tenant(document.encode()).identity == "tenant-mueller.mueller"
