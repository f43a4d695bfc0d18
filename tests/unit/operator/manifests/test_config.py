"""The files of a tenant: the document, Redis' configuration, the way to the webhook."""

from typing import Any

import pytest

from aftersend.tenant.document import Tenant
from aftersend.tenant.loading import parse_tenant
from aftersend_operator.manifests.config_map import tenant_yaml
from aftersend_operator.manifests.desired import ClusterFacts
from aftersend_operator.manifests.redis import JSON_MODULES, redis_conf, start_script
from aftersend_operator.model.naming import child_name, namespace_of
from tests.support.operator_kit import tenant, wanted

FULL: dict[str, Any] = {
    "suspend": True,
    "deletionPolicy": "Delete",
    "export": {"window": {"notBefore": "2026-01-01", "lookbackDays": 2}, "only": {"platforms": ["eBay", "Ä & Ö"]}},
    "writeBack": {"tag": "", "carriers": {"dhl": "DHL: Paket"}, "linkField": "VorgangsInfo1"},
    "webhook": {"host": "hooks.example.com", "gateway": "edge/public"},
    "backup": {"target": "s3://bucket/yes", "credentialsSecretName": "s3"},
    "pods": {"labels": {"on": "yes", "off": "1"}, "resources": {"limits": {"cpu": 1}}},
}


@pytest.mark.parametrize("spec", [{}, FULL, {"topology": "compact"}])
def test_the_services_read_the_very_document(spec: dict[str, Any]) -> None:
    of = tenant(**spec)
    text = wanted(of)["ConfigMap/tenant"]["data"]["tenant.yaml"]
    read = parse_tenant(text.encode())
    assert (read, read.identity) == (of, "tenant-mueller.mueller")


def test_what_only_the_cluster_knows_stays_out() -> None:
    text = tenant_yaml(tenant())
    assert not any(word in text for word in ("status", "uid", "generation"))


@pytest.mark.parametrize(
    "spelled_out",
    [
        {"suspend": False},
        {"export": {"schedule": "0 * * * *"}},
        {"export": {"weight": {"default": 3.0}}},
        {"pods": {"resources": {"requests": {}}, "labels": {}}},
        {"webhook": {"host": None}},
    ],
)
def test_a_default_that_is_spelled_out_changes_nothing(spelled_out: dict[str, Any]) -> None:
    assert tenant_yaml(tenant(**spelled_out)) == tenant_yaml(tenant())


@pytest.mark.parametrize("changed", [{"suspend": True}, {"writeBack": {"tag": ""}}, {"sweep": {"overlapMinutes": 16}}])
def test_whatever_means_something_else_changes_the_text(changed: dict[str, Any]) -> None:
    assert tenant_yaml(tenant(**changed)) != tenant_yaml(tenant())


def settings_of(conf: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition(" ") for line in conf.splitlines())}


def test_redis_keeps_what_it_confirms_and_speaks_tls_only() -> None:
    found = settings_of(wanted()["ConfigMap/redis"]["data"]["redis.conf"])
    assert (
        found.items()
        >= {
            "port": "0",
            "tls-port": "6379",
            "tls-auth-clients": "no",
            "appendonly": "yes",
            "appendfsync": "always",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "dir": "/data",
        }.items()
    )


@pytest.mark.parametrize(("limit", "share"), [("256Mi", 161061273), ("1Gi", 644245094)])
def test_redis_uses_a_share_of_its_memory_limit(limit: str, share: int) -> None:
    of = tenant(pods={"resourcesOf": {"redis": {"limits": {"memory": limit}}}})
    assert settings_of(wanted(of)["ConfigMap/redis"]["data"]["redis.conf"])["maxmemory"] == str(share)


def test_the_pod_starts_and_probes_redis_without_a_secret_in_a_command() -> None:
    files, spec = (wanted()[key] for key in ("ConfigMap/redis", "StatefulSet/redis"))
    (container,) = spec["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["sh", "/etc/redis/config/start.sh"]
    assert files["data"].keys() == {"redis.conf", "start.sh"}
    assert files["data"]["start.sh"] == start_script()
    assert all(module in start_script() for module in JSON_MODULES)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["exec"]["command"][:2] == ["sh", "-c"]
        assert " ping)" in container[probe]["exec"]["command"][2]
        assert "--user probe --pass any " in container[probe]["exec"]["command"][2], "a user without a password"
    patience = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
    assert patience >= 300, "a large append-only file takes its time to load"


def test_redis_is_one_server_that_a_broken_pod_cannot_keep_from_its_cure() -> None:
    spec = wanted()["StatefulSet/redis"]["spec"]
    assert (spec["replicas"], spec["podManagementPolicy"]) == (1, "Parallel")


def test_the_configuration_has_no_setting_twice() -> None:
    lines = redis_conf(2**28).splitlines()
    assert len(settings_of(redis_conf(2**28))) == len(lines)


HOST = "hooks.example.com"


def test_no_address_is_made_unless_the_document_asks() -> None:
    found = wanted(tenant(webhook={"host": HOST}))
    assert not [key for key in found if key.startswith(("Ingress", "HTTPRoute"))]


def test_an_ingress_opens_the_exact_path_only() -> None:
    of = tenant(webhook={"host": HOST, "ingressClassName": "nginx", "tlsSecretName": "tls", "path": "/hook"})
    assert wanted(of)["Ingress/webhook"]["spec"] == {
        "ingressClassName": "nginx",
        "tls": [{"hosts": [HOST], "secretName": "tls"}],
        "rules": [
            {
                "host": HOST,
                "http": {
                    "paths": [
                        {
                            "path": "/hook",
                            "pathType": "Exact",
                            "backend": {"service": {"name": "aftersend-mueller-webhook", "port": {"name": "http"}}},
                        }
                    ]
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("gateway", "parent"), [("public", {"name": "public"}), ("edge/public", {"name": "public", "namespace": "edge"})]
)
def test_a_gateway_gets_an_http_route_where_the_cluster_knows_them(gateway: str, parent: dict[str, str]) -> None:
    of = tenant(webhook={"host": HOST, "gateway": gateway})
    assert "HTTPRoute/webhook" not in wanted(of)
    assert wanted(of, facts=ClusterFacts(kinds=frozenset({"HTTPRoute"})))["HTTPRoute/webhook"]["spec"] == {
        "parentRefs": [parent],
        "hostnames": [HOST],
        "rules": [
            {
                "matches": [{"path": {"type": "Exact", "value": "/webhooks/sendcloud"}}],
                "backendRefs": [{"name": "aftersend-mueller-webhook", "port": 80}],
            }
        ],
    }


@pytest.mark.parametrize(("topology", "part"), [("split", "webhook"), ("compact", "all")])
def test_the_webhooks_service_selects_the_part_that_serves_it(topology: str, part: str) -> None:
    spec = wanted(tenant(topology=topology))["Service/webhook"]["spec"]
    assert spec["selector"]["app.kubernetes.io/component"] == part
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]


@pytest.mark.parametrize(("topology", "part"), [("split", "exporter"), ("compact", "all")])
def test_a_service_names_the_pod_that_exports_in_both_topologies(topology: str, part: str) -> None:
    """For ``kubectl exec svc/aftersend-mueller-exporter``; the webhook's pods may start no run."""
    found = wanted(tenant(topology=topology))["Service/exporter"]
    assert found["metadata"]["name"] == "aftersend-mueller-exporter"
    assert found["spec"]["selector"]["app.kubernetes.io/component"] == part
    assert found["spec"]["clusterIP"] == "None"
    assert "ports" not in found["spec"]


def test_the_longest_name_is_as_long_as_a_cron_jobs_may_be() -> None:
    of = tenant("a" * 30)
    longest = max(len(child_name(of, what)) for what in ("fingerprint", "redis-users", "export", "backup"))
    assert longest == 52
    assert namespace_of(of) == "tenant-mueller"


def test_the_document_is_a_tenant_again() -> None:
    assert isinstance(parse_tenant(tenant_yaml(tenant(**FULL)).encode()), Tenant)
