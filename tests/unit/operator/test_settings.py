"""The operator's environment: defaults, every variable, and all errors in one go."""

import json
import subprocess
import sys

import pytest

from aftersend.errors import Misconfigured
from aftersend.settings import ListenAddress
from aftersend_operator.settings import Dns, ExternalRedis, PodMonitorWishes, TenantNetwork, read_operator_settings

REQUIRED = {"AFTERSEND_SERVICE_IMAGE": "services:1", "AFTERSEND_REDIS_IMAGE": "redis:8"}


def test_two_images_are_enough() -> None:
    settings = read_operator_settings(REQUIRED)
    assert (settings.service_image, settings.redis_image) == ("services:1", "redis:8")
    assert settings.listen == ListenAddress("0.0.0.0", 8080)
    assert (settings.image_pull_policy, settings.rollout_at_once, settings.pod_monitors) == ("IfNotPresent", 10, "skip")
    assert not settings.watch_namespaces
    assert not settings.allow_http
    assert settings.identity == ""


def test_every_variable_is_read() -> None:
    settings = read_operator_settings(
        {
            **REQUIRED,
            "AFTERSEND_IMAGE_PULL_POLICY": "Always",
            "AFTERSEND_WATCH_NAMESPACES": "b, a,b",
            "AFTERSEND_OPERATOR_LISTEN": "127.0.0.1:9999",
            "AFTERSEND_OPERATOR_NAMESPACE": "aftersend-system",
            "AFTERSEND_ROLLOUT_AT_ONCE": "3",
            "AFTERSEND_WAVE_FAILURES": "4",
            "AFTERSEND_POD_MONITORS": "always",
            "AFTERSEND_POD_MONITOR": '{"labels": {"release": "kps"}, "annotations": {"a": "b"}, "interval": "15s"}',
            "AFTERSEND_OPERATOR_RELEASE": "aftersend",
            "AFTERSEND_INGRESS_NAMESPACE_SELECTOR": "kubernetes.io/metadata.name=ingress-nginx",
            "AFTERSEND_SCRAPE_NAMESPACE_SELECTOR": "team=watch, monitoring=yes",
            "AFTERSEND_TENANT_NETWORK": '{"dns": {"addresses": ["169.254.20.10"]}, "externalRedis": {"ports": [7000]}}',
            "AFTERSEND_POD_ANNOTATIONS": "a/b, c/*",
            "AFTERSEND_POD_LABELS": "",
            "AFTERSEND_ALLOW_HTTP": "1",
            "AFTERSEND_UPSTREAM_HOSTS": "Sandbox.demo.svc",
            "AFTERSEND_LOG_FORMAT": "console",
            "AFTERSEND_LOG_LEVEL": "DEBUG",
            "OTEL_TRACES_SAMPLER": "always_on",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/in/the/pods/ca.crt",
        }
    )
    assert settings.traces == (
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/in/the/pods/ca.crt"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
    )
    assert settings.image_pull_policy == "Always"
    assert settings.watch_namespaces == ("b", "a")
    assert settings.listen == ListenAddress("127.0.0.1", 9999)
    assert (settings.namespace, settings.rollout_at_once, settings.pod_monitors) == ("aftersend-system", 3, "always")
    assert settings.pod_monitor == PodMonitorWishes({"release": "kps"}, {"a": "b"}, "15s")
    assert settings.identity == "aftersend-system/aftersend"
    assert settings.wave_failures == 4
    assert settings.ingress_namespaces == (("kubernetes.io/metadata.name", "ingress-nginx"),)
    assert settings.scrape_namespaces == (("monitoring", "yes"), ("team", "watch"))
    assert settings.network == TenantNetwork(Dns(addresses=("169.254.20.10",)), ExternalRedis(ports=(7000,)))
    assert (settings.pod_annotations, settings.pod_labels) == (("a/b", "c/*"), ())
    assert settings.upstream_hosts == {"sandbox.demo.svc"}
    assert (settings.allow_http, settings.log_format, settings.log_level) == (True, "console", "debug")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AFTERSEND_SERVICE_IMAGE", " "),
        ("AFTERSEND_REDIS_IMAGE", ""),
        ("AFTERSEND_IMAGE_PULL_POLICY", "sometimes"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("AFTERSEND_WATCH_NAMESPACES", "good,Bad_Name"),
        ("AFTERSEND_OPERATOR_LISTEN", "8080"),
        ("AFTERSEND_OPERATOR_NAMESPACE", "-x"),
        ("AFTERSEND_ROLLOUT_AT_ONCE", "0"),
        ("AFTERSEND_WAVE_FAILURES", "0"),
        ("AFTERSEND_ROLLOUT_AT_ONCE", "1001"),
        ("AFTERSEND_ROLLOUT_AT_ONCE", "ten"),
        ("AFTERSEND_POD_MONITORS", "maybe"),
        ("AFTERSEND_POD_MONITOR", "release=kps"),
        ("AFTERSEND_POD_MONITOR", '{"label": {}}'),
        ("AFTERSEND_POD_MONITOR", '{"labels": {"no key": "x"}}'),
        ("AFTERSEND_POD_MONITOR", '{"interval": "often"}'),
        ("AFTERSEND_OPERATOR_RELEASE", "No/Name"),
        ("AFTERSEND_INGRESS_NAMESPACE_SELECTOR", "just-a-key"),
        ("AFTERSEND_SCRAPE_NAMESPACE_SELECTOR", "key=not a value"),
        ("AFTERSEND_SCRAPE_NAMESPACE_SELECTOR", "=value"),
        ("AFTERSEND_INGRESS_ANNOTATIONS", '{"a": 1}'),
        ("AFTERSEND_TENANT_PODS", "no"),
        ("AFTERSEND_TENANT_PODS", '{"fixedUser": "no"}'),
        ("AFTERSEND_TENANT_PODS", '{"user": 1}'),
        ("AFTERSEND_TENANT_NETWORK", "53"),
        ("AFTERSEND_TENANT_NETWORK", '{"dns": {"port": 0}}'),
        ("AFTERSEND_TENANT_NETWORK", '{"dns": {"addresses": ["dns.example"]}}'),
        ("AFTERSEND_TENANT_NETWORK", '{"dns": {"podSelector": {"no key": "x"}}}'),
        ("AFTERSEND_TENANT_NETWORK", '{"externalRedis": {"ports": [65536]}}'),
        ("AFTERSEND_TENANT_NETWORK", '{"externalRedis": {"networks": ["redis.example"]}}'),
        ("AFTERSEND_TENANT_NETWORK", '{"externalRedis": {"networks": ["10.0.0.1/8"]}}'),
        ("AFTERSEND_TENANT_NETWORK", '{"externalRedis": {"networks": ["169.254.169.254/32"]}}'),
        ("AFTERSEND_TENANT_NETWORK", '{"externalRedis": {"networks": ["64:ff9b::/96"]}}'),
        ("AFTERSEND_POD_ANNOTATIONS", "a b"),
        ("AFTERSEND_POD_ANNOTATIONS", "a,"),
        ("AFTERSEND_POD_LABELS", "[a-z]*"),
        ("AFTERSEND_ALLOW_HTTP", "true"),
        ("AFTERSEND_LOG_FORMAT", "xml"),
        ("AFTERSEND_LOG_LEVEL", "loud"),
    ],
)
def test_an_unusable_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        read_operator_settings({**REQUIRED, name: value})


def test_all_errors_come_together() -> None:
    with pytest.raises(Misconfigured) as caught:
        read_operator_settings({"AFTERSEND_ROLLOUT_AT_ONCE": "many"})
    assert all(name in str(caught.value) for name in (*REQUIRED, "AFTERSEND_ROLLOUT_AT_ONCE"))


def test_grpc_for_traces_is_one_warning_and_no_fault() -> None:
    """The process ends later, because there is no cluster: past its settings."""
    traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}
    ended = subprocess.run(
        [sys.executable, "-c", "from aftersend_operator.main import main; main()"],
        env=REQUIRED | traces | {"AFTERSEND_OPERATOR_LISTEN": "127.0.0.1:0", "KUBECONFIG": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    warning, *_ = [json.loads(line) for line in ended.stderr.splitlines() if "traces_off" in line]
    assert (warning["level"], warning["setting"]) == ("warning", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
    assert ended.stderr.count("traces_off") == 1
    assert "OTEL" not in ended.stderr.splitlines()[-1]
