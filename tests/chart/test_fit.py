"""The chart fits in: what clusters expect of every object and pod, given as values."""

from typing import Any

import pytest
import yaml

from aftersend_operator.settings import PodDefaults, read_operator_settings
from tests.support.chart_kit import CHART, RefusedError, environment, of_kind, one, pods, render

OPENSHIFT = "security.openshift.io/v1"
EVERYTHING = {
    "monitoring": {
        "kind": "PodMonitor",
        "renderMode": "always",
        "alerts": {"enabled": True},
        "dashboards": {"enabled": True},
        "notifications": {"enabled": True, "chat": {"enabled": True}},
    },
    "operator": {"podDisruptionBudget": {"enabled": True}},
}
USERS = {"runAsUser", "runAsGroup", "fsGroup"}


def spec(**operator: Any) -> dict[str, Any]:
    """The pod of the operator."""
    found: dict[str, Any] = one(render({"operator": operator}), "Deployment")["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("scope", [{}, {"watchNamespaces": ["a"]}])
def test_every_object_carries_the_common_labels_and_annotations(scope: dict[str, Any]) -> None:
    common = {"commonLabels": {"team": "shop"}, "commonAnnotations": {"owner": "x@example.org"}}
    for each in render({**EVERYTHING, **common, **scope}):
        metadata, name = each["metadata"], f"{each['kind']}/{each['metadata']['name']}"
        assert metadata["labels"]["team"] == "shop", name
        if "helm.sh/hook" not in metadata.get("annotations", {}):
            assert metadata["annotations"]["owner"] == "x@example.org", name


def test_common_ones_replace_nothing_of_the_charts_own() -> None:
    stolen = {"app.kubernetes.io/name": "other", "helm.sh/chart": "other"}
    manifests = render(
        {"commonLabels": stolen, "commonAnnotations": {"helm.sh/resource-policy": "delete", "a": "common"}}
    )
    assert not {"other"} & {value for each in manifests for value in each["metadata"]["labels"].values()}
    (definition,) = of_kind(manifests, "CustomResourceDefinition")
    assert definition["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep", "a": "common"}


def test_selectors_hold_no_common_label() -> None:
    manifests = render({**EVERYTHING, "commonLabels": {"team": "shop"}})
    assert "team" not in str(one(manifests, "Deployment")["spec"]["selector"])
    assert "team" not in str(one(manifests, "Service")["spec"]["selector"])


@pytest.mark.parametrize(
    ("values", "knows", "fixed"),
    [
        ({}, "", True),
        ({}, OPENSHIFT, False),
        ({"adaptSecurityContext": "always"}, "", False),
        ({"adaptSecurityContext": "never"}, OPENSHIFT, True),
    ],
)
def test_openshift_chooses_the_users_itself(values: dict[str, Any], knows: str, *, fixed: bool) -> None:
    manifests = render(values, knows=knows)
    for pod in pods(manifests):
        assert (pod["securityContext"].keys() >= USERS, bool(USERS & pod["securityContext"].keys())) == (fixed, fixed)
        assert pod["securityContext"]["runAsNonRoot"] is True
    settings = read_operator_settings(environment(manifests) | {"AFTERSEND_OPERATOR_NAMESPACE": "operators"})
    assert settings.pods == PodDefaults(fixed_user=fixed)


def test_annotations_of_ingresses_reach_the_operator() -> None:
    wishes = {"cert-manager.io/cluster-issuer": "letsencrypt"}
    given = environment(render({"tenants": {"ingressAnnotations": wishes}}))
    settings = read_operator_settings(given | {"AFTERSEND_OPERATOR_NAMESPACE": "operators"})
    assert settings.ingress_annotations == wishes


def test_classes_reach_every_pod_of_every_tenant() -> None:
    given = environment(render({"tenants": {"priorityClassName": "shops", "runtimeClassName": "gvisor"}}))
    settings = read_operator_settings(given | {"AFTERSEND_OPERATOR_NAMESPACE": "operators"})
    assert settings.pods == PodDefaults(priority_class_name="shops", runtime_class_name="gvisor")


def test_an_affinity_reaches_every_pod_of_every_tenant() -> None:
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}
    node = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    given = environment(render({"tenants": {"affinity": {"nodeAffinity": node}}}))
    settings = read_operator_settings(given | {"AFTERSEND_OPERATOR_NAMESPACE": "operators"})
    assert settings.pods == PodDefaults(affinity={"nodeAffinity": node})


def test_security_contexts_can_be_laid_over() -> None:
    operator = {"podSecurityContext": {"runAsUser": 2000}, "securityContext": {"runAsGroup": 3000}}
    for pod in pods(render({"operator": operator})):
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["fsGroup"]) == (2000, 10001)
        (container,) = pod["containers"]
        assert container["securityContext"]["runAsGroup"] == 3000
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_spread_finds_the_operators_pod_unless_it_says_what_else() -> None:
    own = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    other = {**own, "labelSelector": {"matchLabels": {"a": "b"}}}
    manifests = render({"operator": {"topologySpreadConstraints": [own]}})
    deployment = one(manifests, "Deployment")
    (found,) = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert found == {**own, "labelSelector": deployment["spec"]["selector"]}
    (found,) = spec(topologySpreadConstraints=[other])["topologySpreadConstraints"]
    assert found["labelSelector"]["matchLabels"]["a"] == "b"


def test_more_of_the_operators_pod() -> None:
    pod = spec(
        runtimeClassName="gvisor",
        extraEnv=[{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        extraVolumes=[{"name": "trust", "configMap": {"name": "trust"}}],
        extraVolumeMounts=[{"name": "trust", "mountPath": "/etc/ssl/more"}],
    )
    (container,) = pod["containers"]
    assert pod["runtimeClassName"] == "gvisor"
    assert container["env"][-1] == {"name": "HTTPS_PROXY", "value": "http://proxy:3128"}
    assert [each["name"] for each in pod["volumes"]] == ["tmp", "trust"]
    assert container["volumeMounts"][-1] == {"name": "trust", "mountPath": "/etc/ssl/more"}


def test_a_disruption_budget_is_made_on_demand() -> None:
    assert of_kind(render(), "PodDisruptionBudget") == []
    manifests = render({"operator": {"podDisruptionBudget": {"enabled": True, "maxUnavailable": 0}}})
    budget = one(manifests, "PodDisruptionBudget")["spec"]
    assert budget == {"maxUnavailable": 0, "selector": one(manifests, "Deployment")["spec"]["selector"]}


def test_more_objects_travel_with_the_release() -> None:
    shape = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: text\n{{ if false }}broken{{ end }}"
    names = {each["metadata"]["name"] for each in of_kind(render({"extraObjects": [shape, text]}), "ConfigMap")}
    assert names == {"aftersend-more", "text"}
    with pytest.raises(RefusedError):
        render({"extraObjects": [7]})


def test_the_list_of_images_for_air_gapped_clusters_is_what_is_rendered() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    listed = {each["name"]: each["image"] for each in yaml.safe_load(chart["annotations"]["artifacthub.io/images"])}
    manifests = render()
    given = environment(manifests)
    (operator,) = {container["image"] for pod in pods(manifests) for container in pod["containers"]}
    assert listed == {
        "operator": operator,
        "service": given["AFTERSEND_SERVICE_IMAGE"],
        "redis": given["AFTERSEND_REDIS_IMAGE"],
    }
