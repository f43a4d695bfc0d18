"""The operator's pod: how it is configured, probed, bounded and replaced."""

from typing import Any

import pytest

from aftersend.settings import UPSTREAM_HOSTS, ListenAddress
from aftersend_operator.settings import (
    POD_ANNOTATIONS,
    POD_LABELS,
    Dns,
    ExternalRedis,
    PodMonitorWishes,
    TenantNetwork,
    read_operator_settings,
)
from tests.support.chart_kit import (
    VERSION,
    RefusedError,
    environment,
    of_kind,
    one,
    operator_container,
    pods,
    render,
)
from tests.support.pod_security import violations

DIGEST = f"sha256:{'0' * 64}"


def test_one_replica_that_is_replaced_without_a_conflict() -> None:
    spec = one(render(), "Deployment")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert "replicas" not in spec


def test_the_operator_understands_its_environment() -> None:
    settings = read_operator_settings(environment(render()) | {"AFTERSEND_OPERATOR_NAMESPACE": "operators"})
    assert settings.service_image == f"aftersend:{VERSION}"
    assert settings.redis_image == "docker.io/valkey/valkey-bundle:9.1"
    assert settings.watch_namespaces == ()
    assert (settings.rollout_at_once, settings.pod_monitors, settings.allow_http) == (10, "skip", False)
    assert settings.upstream_hosts == UPSTREAM_HOSTS
    assert (settings.network, settings.pod_annotations) == (TenantNetwork(), POD_ANNOTATIONS)
    assert settings.pod_labels == POD_LABELS
    assert settings.listen == ListenAddress("0.0.0.0", 8080)
    assert (settings.log_format, settings.log_level) == ("json", "info")


def test_every_value_reaches_the_operator() -> None:
    values = {
        "watchNamespaces": ["a", "b"],
        "images": {"pullPolicy": "Always", "service": {"tag": "next"}, "redis": {"repository": "my/redis", "tag": "8"}},
        "operator": {"logFormat": "console", "logLevel": "debug"},
        "tenants": {
            "rolloutAtOnce": 3,
            "waveFailures": 4,
            "podMonitors": "always",
            "podMonitorLabels": {"release": "kps"},
            "podMonitorAnnotations": {"a": "b"},
            "podMonitorInterval": "15s",
            "podMonitorRelabelings": [{"action": "labeldrop", "regex": "x"}],
            "ingressNamespaceSelector": {"kubernetes.io/metadata.name": "ingress", "a": "b"},
            "scrapeNamespaceSelector": {"team": "sight"},
            "scrapePodSelector": {"app": "prometheus"},
            "dns": {"podSelector": {"c": "d"}, "addresses": ["169.254.20.10"], "port": 5353},
            "externalRedis": {"networks": ["10.0.0.0/8"], "ports": [7000]},
            "podAnnotations": ["a/*"],
            "podLabels": [],
            "allowHttp": True,
            "upstreamHosts": ["sandbox.demo.svc"],
            "traces": {"OTEL_TRACES_SAMPLER_ARG": "0.1"},
        },
    }
    settings = read_operator_settings(environment(render(values)) | {"AFTERSEND_OPERATOR_NAMESPACE": "operators"})
    assert (settings.service_image, settings.redis_image) == ("aftersend:next", "my/redis:8")
    assert (settings.image_pull_policy, settings.watch_namespaces) == ("Always", ("a", "b"))
    assert (settings.log_format, settings.log_level) == ("console", "debug")
    assert (settings.rollout_at_once, settings.pod_monitors, settings.allow_http) == (3, "always", True)
    assert settings.pod_monitor == PodMonitorWishes(
        {"release": "kps"}, {"a": "b"}, "15s", [{"action": "labeldrop", "regex": "x"}]
    )
    assert settings.identity.startswith("operators/")
    assert settings.wave_failures == 4
    assert settings.ingress_namespaces == (("a", "b"), ("kubernetes.io/metadata.name", "ingress"))
    assert settings.scrape_namespaces == (("team", "sight"),)
    assert settings.network == TenantNetwork(
        Dns(pod_selector={"c": "d"}, addresses=("169.254.20.10",), port=5353),
        ExternalRedis(("10.0.0.0/8",), (7000,)),
        {"app": "prometheus"},
    )
    assert (settings.pod_annotations, settings.pod_labels) == (("a/*",), ())
    assert settings.upstream_hosts == {"sandbox.demo.svc"}
    assert settings.traces == (("OTEL_TRACES_SAMPLER_ARG", "0.1"),)


def test_tenants_are_found_by_the_labels_by_which_the_operator_is_found() -> None:
    given = environment(render({"monitoring": {"labels": {"release": "kps"}}}))
    settings = read_operator_settings(given | {"AFTERSEND_OPERATOR_NAMESPACE": "operators"})
    assert settings.pod_monitor == PodMonitorWishes({"release": "kps"})


def test_the_chart_sets_every_setting_of_the_operator_and_its_namespace_by_the_cluster() -> None:
    given = environment(render())
    assert given["AFTERSEND_OPERATOR_NAMESPACE"] == "<metadata.namespace>"
    assert all(name.startswith("AFTERSEND_") for name in given)


@pytest.mark.parametrize(
    ("images", "operator"),
    [
        ({}, f"aftersend-operator:{VERSION}"),
        ({"registry": "registry.example.com/team/"}, f"registry.example.com/team/aftersend-operator:{VERSION}"),
        ({"operator": {"repository": "mine", "tag": "next"}}, "mine:next"),
        ({"operator": {"digest": DIGEST}}, f"aftersend-operator:{VERSION}@{DIGEST}"),
    ],
)
def test_images_by_tag_or_digest(images: dict[str, Any], operator: str) -> None:
    manifests = render({"images": images})
    assert operator_container(manifests)["image"] == operator
    assert {container["image"] for pod in pods(manifests) for container in pod["containers"]} == {operator}


def test_the_registry_is_also_that_of_the_service_but_not_of_redis() -> None:
    given = environment(render({"images": {"registry": "registry.example.com", "redis": {"digest": DIGEST}}}))
    assert given["AFTERSEND_SERVICE_IMAGE"] == f"registry.example.com/aftersend:{VERSION}"
    assert given["AFTERSEND_REDIS_IMAGE"] == f"docker.io/valkey/valkey-bundle:9.1@{DIGEST}"


def test_a_floating_redis_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"images\.redis needs a tag or a digest"):
        render({"images": {"redis": {"tag": ""}}})


def test_pull_secrets_and_policy_reach_every_pod() -> None:
    for pod in pods(render({"imagePullSecrets": [{"name": "registry"}], "images": {"pullPolicy": "Never"}})):
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        assert all(container["imagePullPolicy"] == "Never" for container in pod["containers"])


def test_probes_ask_the_operator_at_its_named_port() -> None:
    container = operator_container(render())
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    asked = {probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {
        "startupProbe": {"path": "/healthz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    }


@pytest.mark.parametrize("values", [{}, {"watchNamespaces": ["a"], "networkPolicy": {"enabled": True}}])
def test_every_pod_fits_the_restricted_standard(values: dict[str, Any]) -> None:
    found = pods(render(values))
    assert len(found) == 2
    assert [violations(pod) for pod in found] == [[], []]
    assert all(
        container["securityContext"]["readOnlyRootFilesystem"] for pod in found for container in pod["containers"]
    )


def test_every_container_has_requests_and_limits() -> None:
    for pod in pods(render()):
        for container in pod["containers"]:
            assert {"cpu", "memory"} == set(container["resources"]["requests"]) == set(container["resources"]["limits"])


def test_resources_can_be_changed_one_by_one() -> None:
    resources = operator_container(render({"operator": {"resources": {"limits": {"memory": "1Gi"}}}}))["resources"]
    assert resources == {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


def test_where_the_pod_runs() -> None:
    wishes = {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
    }
    spec = one(render({"operator": {**wishes, "priorityClassName": "system"}}), "Deployment")["spec"]["template"][
        "spec"
    ]
    assert {key: spec[key] for key in wishes} == wishes
    assert spec["priorityClassName"] == "system"


def test_labels_of_the_pod_can_be_added_but_not_stolen() -> None:
    labels = {"team": "shop", "app.kubernetes.io/name": "other"}
    deployment = one(render({"operator": {"podLabels": labels, "podAnnotations": {"a": "b"}}}), "Deployment")
    metadata = deployment["spec"]["template"]["metadata"]
    assert metadata["labels"]["team"] == "shop"
    assert metadata["labels"].items() >= deployment["spec"]["selector"]["matchLabels"].items()
    assert metadata["annotations"]["a"] == "b"


def test_the_service_finds_the_operator_and_no_pod_of_a_tenant() -> None:
    manifests = render(release="mueller")
    selector = one(manifests, "Service", "mueller-aftersend")["spec"]["selector"]
    labels = one(manifests, "Deployment", "mueller-aftersend")["spec"]["template"]["metadata"]["labels"]
    assert selector.items() <= labels.items()
    assert (
        not selector.items() <= {"app.kubernetes.io/name": "aftersend", "app.kubernetes.io/instance": "mueller"}.items()
    )
    (port,) = one(manifests, "Service", "mueller-aftersend")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (8080, "http")


def test_the_release_test_is_a_hook_that_goes_when_it_passed() -> None:
    hooks = [each for each in render() if "helm.sh/hook" in each["metadata"].get("annotations", {})]
    assert {each["kind"] for each in hooks} == {"ServiceAccount", "Role", "RoleBinding", "Pod"}
    assert {each["metadata"]["annotations"]["helm.sh/hook"] for each in hooks} == {"test"}
    pod = one(hooks, "Pod", "aftersend-test")
    assert pod["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    (container,) = pod["spec"]["containers"]
    compile(container["command"][-1], "check.py", "exec")
    assert {"name": "OPERATOR", "value": "http://aftersend.operators.svc:8080"} in container["env"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "aftersend-test"


def test_nothing_but_the_test_is_a_hook() -> None:
    rest = [each for each in render() if "test" not in each["metadata"]["name"]]
    assert not [each for each in rest if "helm.sh/hook" in each["metadata"].get("annotations", {})]
    assert len(of_kind(rest, "Deployment")) == 1
