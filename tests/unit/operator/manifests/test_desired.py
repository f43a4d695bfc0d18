"""What holds for everything that a tenant wants, whatever its document says."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.tenant.document import Tenant
from aftersend.tenant.quantities import memory_bytes, millicores
from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.model.naming import Manifest
from aftersend_operator.settings import OperatorSettings, PodDefaults, PodMonitorWishes
from tests.support.operator_kit import UID, tenant, wanted
from tests.support.pod_security import violations

FACTS = ClusterFacts(redis_secrets="a1b2", kinds=frozenset({"HTTPRoute", "PodMonitor"}))
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_DATA = ("PersistentVolumeClaim",)

documents = st.fixed_dictionaries(
    {
        "topology": st.sampled_from(["split", "compact"]),
        "suspend": st.booleans(),
        "deletionPolicy": st.sampled_from(["Retain", "Delete"]),
        "redis": st.sampled_from([{}, {"storage": "5Gi"}, {"mode": "external", "urlSecretName": "redis-url"}]),
        "backup": st.sampled_from([{}, {"target": "s3://bucket/x", "credentialsSecretName": "s3"}, {"keepHours": 1}]),
        "webhook": st.sampled_from(
            [
                {},
                {"host": "hooks.example.com"},
                {"host": "hooks.example.com", "ingressClassName": "nginx", "tlsSecretName": "tls"},
                {"host": "hooks.example.com", "gateway": "edge/public"},
            ]
        ),
        "pods": st.sampled_from(
            [
                {},
                {"labels": {"team": "shop"}, "annotations": {"note": "x"}, "nodeSelector": {"disk": "ssd"}},
                {"resources": {"limits": {"memory": "48Mi", "cpu": 1}}, "storageClass": "fast"},
                {"resourcesOf": {"redis": {"requests": {"memory": "1Gi"}}, "compact": {"limits": {"cpu": "2"}}}},
                {"tolerations": [{"key": "spot", "operator": "Exists"}], "imagePullSecrets": [{"name": "pull"}]},
            ]
        ),
    }
)
names = st.from_regex(r"[a-z]([-a-z0-9]{0,28}[a-z0-9])?", fullmatch=True)
settings = st.builds(
    OperatorSettings,
    service_image=st.just("services:1"),
    redis_image=st.just("redis:8"),
    namespace=st.sampled_from(["", "aftersend-system"]),
    pod_monitors=st.sampled_from(["skip", "fail", "always"]),
    ingress_namespaces=st.sampled_from([(), (("edge", "yes"),)]),
    scrape_namespaces=st.sampled_from([(), (("watch", "yes"),)]),
    allow_http=st.booleans(),
)
drafts = st.builds(
    lambda name, spec, operator: (tenant(name, **spec), operator), name=names, spec=documents, operator=settings
)
Draft = tuple[Tenant, OperatorSettings]
for_some = hypothesis.settings(max_examples=40)


def manifests_of(draft: Draft) -> list[Manifest]:
    return desired(draft[0], uid=UID, settings=draft[1], facts=FACTS)


def pods_of(manifests: list[Manifest]) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    """Every workload with its pod template."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet"):
            yield manifest, manifest["spec"]["template"]
        elif manifest["kind"] == "CronJob":
            yield manifest, manifest["spec"]["jobTemplate"]["spec"]["template"]


@for_some
@given(drafts)
def test_the_same_document_gives_the_same_manifests_and_plain_json(draft: Draft) -> None:
    first = manifests_of(draft)
    assert json.loads(json.dumps(first)) == first == manifests_of(draft)


@for_some
@given(drafts)
def test_names_fit_and_say_whose_they_are(draft: Draft) -> None:
    found = [(it["apiVersion"], it["kind"], it["metadata"]["name"]) for it in manifests_of(draft)]
    assert len(found) == len(set(found))
    for _, kind, name in found:
        assert name.startswith(f"aftersend-{draft[0].metadata.name}-")
        assert len(name) <= (52 if kind == "CronJob" else 63)
        assert _LABEL.fullmatch(name)


@for_some
@given(drafts)
def test_everything_is_labelled_owned_and_in_the_tenants_namespace(draft: Draft) -> None:
    for manifest in manifests_of(draft):
        metadata = manifest["metadata"]
        assert metadata["namespace"] == "tenant-mueller"
        labels = metadata["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "aftersend-operator"
        assert labels["aftersend.jj-ideenschmiede.de/tenant"] == draft[0].metadata.name
        assert all(len(value) <= 63 for value in labels.values())
        is_kept = manifest["kind"] in _DATA
        assert ("aftersend.jj-ideenschmiede.de/tenant-uid" in labels) is not is_kept
        owned = not (is_kept and draft[0].spec.deletion_policy == "Retain")
        assert [owner["uid"] for owner in metadata.get("ownerReferences", [])] == ([UID] if owned else [])


@for_some
@given(drafts)
def test_every_pod_passes_the_restricted_standard(draft: Draft) -> None:
    for _, template in pods_of(manifests_of(draft)):
        pod = template["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & pod.keys()
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert {next(iter(v.keys() - {"name"})) for v in pod["volumes"]} <= {
            *("configMap", "secret", "projected", "emptyDir", "persistentVolumeClaim"),
        }
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert not any("hostPort" in port for port in container.get("ports", []))


@for_some
@given(drafts)
def test_every_container_has_requests_within_its_limits(draft: Draft) -> None:
    for _, template in pods_of(manifests_of(draft)):
        for container in template["spec"]["containers"]:
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert 0 < millicores(requests["cpu"]) <= millicores(limits["cpu"])
            assert 0 < memory_bytes(requests["memory"]) <= memory_bytes(limits["memory"])


@for_some
@given(drafts)
def test_every_mount_has_its_volume_and_nothing_is_mounted_by_sub_path(draft: Draft) -> None:
    for _, template in pods_of(manifests_of(draft)):
        volumes = [volume["name"] for volume in template["spec"]["volumes"]]
        for container in template["spec"]["containers"]:
            mounts = container["volumeMounts"]
            assert sorted(mount["name"] for mount in mounts) == sorted(volumes)
            assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
            assert not any("subPath" in mount for mount in mounts)


@for_some
@given(drafts)
def test_whatever_a_pod_needs_is_among_the_manifests_or_generated_or_the_merchants(draft: Draft) -> None:
    found = manifests_of(draft)
    names = {(it["kind"], it["metadata"]["name"]) for it in found}
    for _, template in pods_of(found):
        pod = template["spec"]
        assert ("ServiceAccount", pod["serviceAccountName"]) in names
        for volume in pod["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in names
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in names


@for_some
@given(drafts)
def test_selectors_find_their_pods_and_no_others(draft: Draft) -> None:
    found = manifests_of(draft)
    templates = list(pods_of(found))
    for manifest, template in templates:
        if "selector" in manifest["spec"]:
            selector = manifest["spec"]["selector"]["matchLabels"]
            assert selector.items() <= template["metadata"]["labels"].items()
            matches = [other for _, other in templates if selector.items() <= other["metadata"]["labels"].items()]
            assert matches == [template]
    for service in (it for it in found if it["kind"] == "Service"):
        (pod,) = [t for _, t in templates if service["spec"]["selector"].items() <= t["metadata"]["labels"].items()]
        ports = [port["name"] for container in pod["spec"]["containers"] for port in container["ports"]]
        assert {target["targetPort"] for target in service["spec"].get("ports", [])} <= {*ports}


@for_some
@given(drafts)
def test_there_are_no_secrets_and_no_values_of_any_among_them(draft: Draft) -> None:
    found = manifests_of(draft)
    assert not [it for it in found if it["kind"] == "Secret"]
    for _, template in pods_of(found):
        for container in template["spec"]["containers"]:
            values = {it["name"]: it for it in container.get("env", [])}
            assert not any("PASSWORD" in name or "TOKEN" in name for name in values)
            assert "@" not in values.get("AFTERSEND_REDIS_URL", {}).get("value", "")


@for_some
@given(drafts)
def test_the_operators_labels_win(draft: Draft) -> None:
    for manifest, template in pods_of(manifests_of(draft)):
        own = manifest["metadata"]["labels"]
        assert own.items() <= template["metadata"]["labels"].items()


SPLIT = {
    *("Deployment/exporter", "Deployment/webhook", "Deployment/writer", "CronJob/export", "CronJob/backup"),
    *("ServiceAccount/exporter", "ServiceAccount/webhook", "ServiceAccount/writer", "ServiceAccount/export"),
    *("ServiceAccount/backup", "NetworkPolicy/exporter", "NetworkPolicy/webhook", "NetworkPolicy/writer"),
    *("NetworkPolicy/export", "NetworkPolicy/backup"),
}
COMPACT = {"Deployment/all", "ServiceAccount/all", "NetworkPolicy/all"}
REDIS = {
    *("StatefulSet/redis", "Service/redis", "ConfigMap/redis", "PersistentVolumeClaim/redis"),
    *("ServiceAccount/redis", "NetworkPolicy/redis"),
}
ALWAYS = {
    *("ConfigMap/tenant", "Service/exporter", "Service/webhook", "NetworkPolicy/default"),
    "PersistentVolumeClaim/backup",
}


@pytest.mark.parametrize(
    ("spec", "more"),
    [
        ({}, SPLIT | REDIS),
        ({"topology": "compact"}, COMPACT | REDIS),
        ({"redis": {"mode": "external", "urlSecretName": "u"}}, SPLIT),
        ({"topology": "compact", "redis": {"mode": "external", "urlSecretName": "u"}}, COMPACT),
    ],
)
def test_the_list_of_children(spec: dict[str, Any], more: set[str]) -> None:
    assert wanted(tenant(**spec)).keys() == ALWAYS | more


def test_backups_to_s3_need_no_volume() -> None:
    assert "PersistentVolumeClaim/backup" not in wanted(tenant(backup={"target": "s3://bucket"}))


@pytest.mark.parametrize(
    ("mode", "kinds", "expected"),
    [("skip", set(), 0), ("skip", {"PodMonitor"}, 1), ("fail", set(), 1), ("always", set(), 1)],
)
def test_pod_monitors_as_the_settings_say(mode: Any, kinds: set[str], expected: int) -> None:
    operator = OperatorSettings(service_image="a", redis_image="b", pod_monitors=mode)
    found = wanted(settings=operator, facts=ClusterFacts(kinds=frozenset(kinds)))
    monitors = [it for key, it in found.items() if key.startswith("PodMonitor/")]
    assert len(monitors) == expected
    for monitor in monitors:
        assert monitor["spec"]["podMetricsEndpoints"] == [{"port": "admin", "path": "/metrics"}]


def test_nothing_takes_an_autoscalers_replicas() -> None:
    found = wanted()
    scaled = {key for key, it in found.items() if "replicas" in it.get("spec", {})}
    assert scaled == {"Deployment/exporter", "StatefulSet/redis"}


def test_a_document_of_another_tenant_gives_other_names_and_policies() -> None:
    one, other = wanted(tenant("mueller")), wanted(tenant("schmidt"))
    assert one.keys() == other.keys()
    assert "schmidt" not in json.dumps(list(one.values()))


def test_a_pod_monitor_carries_what_prometheus_looks_for_beside_our_labels() -> None:
    wishes = PodMonitorWishes({"release": "kps", "app.kubernetes.io/name": "x"}, {"a": "b"}, "15s", [{"regex": "y"}])
    operator = OperatorSettings(service_image="a", redis_image="b", pod_monitors="always", pod_monitor=wishes)
    monitor = wanted(settings=operator)["PodMonitor/services"]
    assert monitor["metadata"]["labels"].items() >= {"release": "kps", "app.kubernetes.io/name": "aftersend"}.items()
    assert monitor["metadata"]["annotations"] == {"a": "b"}
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint == {"port": "admin", "path": "/metrics", "interval": "15s", "relabelings": [{"regex": "y"}]}


@pytest.mark.parametrize("way", [{"ingressClassName": "nginx"}, {"gateway": "main"}])
def test_an_address_that_is_another_tenants_gets_no_ingress_and_no_route(way: dict[str, str]) -> None:
    of = tenant(webhook={"host": "hooks.example.com", **way})
    kinds = frozenset({"HTTPRoute"})
    free, taken = (wanted(of, facts=ClusterFacts(kinds=kinds, address_taken=taken)) for taken in (False, True))
    assert {key.partition("/")[0] for key in free.keys() - taken.keys()} <= {"Ingress", "HTTPRoute"}
    assert len(free) == len(taken) + 1


@for_some
@given(drafts)
def test_every_pod_is_what_the_cluster_expects_of_pods(draft: Draft) -> None:
    tenant, settings = draft
    near = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    wishes = PodDefaults(fixed_user=False, priority_class_name="shops", runtime_class_name="gvisor", affinity=near)
    for manifest, template in pods_of(manifests_of((tenant, replace(settings, pods=wishes)))):
        pod = template["spec"]
        placed = (pod["priorityClassName"], pod["runtimeClassName"], pod["affinity"])
        assert placed == ("shops", "gvisor", near), manifest["kind"]
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & pod["securityContext"].keys()
        assert not violations(pod)
