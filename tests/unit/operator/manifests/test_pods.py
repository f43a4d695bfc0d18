"""The pods in detail: which part gets which secret, probes, the way pods end, roll and are placed."""

from typing import Any

import pytest

from aftersend.tenant.document import Tenant
from aftersend.tenant.quantities import memory_bytes, millicores
from aftersend_operator.manifests.desired import ClusterFacts
from aftersend_operator.settings import OperatorSettings
from tests.support.operator_kit import SETTINGS, tenant, wanted

COMPACT = tenant(topology="compact")
EXTERNAL = tenant(redis={"mode": "external", "urlSecretName": "redis-url"})
AB, SC, OWN = "mueller-afterbuy", "mueller-sendcloud", "aftersend-mueller"


def pod(key: str, of: Tenant | None = None, settings: OperatorSettings = SETTINGS) -> dict[str, Any]:
    """The pod of one child."""
    spec = wanted(of, settings=settings, facts=ClusterFacts(redis_secrets="mark"))[key]["spec"]
    template: dict[str, Any] = (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]
    return template


def files(key: str, of: Tenant | None = None) -> dict[str, str]:
    """Path below the secrets' folder -> secret and key (? = optional, * = all keys)."""
    spec = pod(key, of)["spec"]
    paths = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    found: dict[str, str] = {}
    for volume in spec["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            secret = source["secret"]
            folder = paths[volume["name"]].removeprefix("/etc/aftersend/secrets/")
            mark = "?" if secret.get("optional") else ""
            for item in secret.get("items", [{"path": "*", "key": "*"}]):
                found[f"{folder}/{item['path']}"] = f"{secret['name']}:{item['key']}{mark}"
    return found


def redis_files(user: str) -> dict[str, str]:
    return {
        "redis/username": f"{OWN}-redis-users:{user}.username",
        "redis/password": f"{OWN}-redis-users:{user}.password",
        "redis/ca.crt": f"{OWN}-redis-tls:ca.crt",
    }


AFTERBUY = {
    "afterbuy/partnerToken": f"{AB}:partnerToken?",
    "afterbuy/accountToken": f"{AB}:accountToken?",
    "afterbuy/partnerId": f"{AB}:partnerId?",
}
SENDCLOUD = {"sendcloud/publicKey": f"{SC}:publicKey?", "sendcloud/secretKey": f"{SC}:secretKey?"}
SIGNATURE = {"sendcloud/webhookSignatureKey": f"{SC}:webhookSignatureKey?"}
KEYS = {"data-key/*": f"{OWN}-data-key:*"}
SEAL_KEYS = {"seal-key/*": f"{OWN}-seal-key:*"}
FINGERPRINT = {"data-key/fingerprint": f"{OWN}-fingerprint:fingerprint"}


@pytest.mark.parametrize(
    ("key", "of", "expected"),
    [
        ("Deployment/exporter", None, {**AFTERBUY, **SENDCLOUD, **redis_files("exporter"), **KEYS, **FINGERPRINT}),
        (
            "Deployment/webhook",
            None,
            {"sendcloud/secretKey": f"{SC}:secretKey?", **SIGNATURE, **redis_files("webhook"), **SEAL_KEYS},
        ),
        ("Deployment/writer", None, {**AFTERBUY, **redis_files("writer"), **KEYS, **FINGERPRINT}),
        ("CronJob/export", None, {**redis_files("trigger"), **KEYS}),
        ("CronJob/backup", None, {**redis_files("backup"), **KEYS, **FINGERPRINT}),
        (
            "Deployment/all",
            COMPACT,
            {**AFTERBUY, **SENDCLOUD, **SIGNATURE, **redis_files("up"), **KEYS, **FINGERPRINT},
        ),
        (
            "CronJob/export",
            EXTERNAL,
            {**{f"redis/{name}": f"redis-url:{name}?" for name in ("username", "password", "ca.crt")}, **KEYS},
        ),
        ("StatefulSet/redis", None, {}),
    ],
)
def test_each_part_gets_the_secrets_of_its_work_and_no_other(
    key: str, of: Tenant | None, expected: dict[str, str]
) -> None:
    assert files(key, of) == expected


def test_the_webhook_gets_the_certificate_of_its_host_without_the_key() -> None:
    of = {"webhook": {"host": "h.example", "tlsSecretName": "tls"}}
    paths = {
        key: files(key, tenant(**of)) for key in ("Deployment/webhook", "Deployment/exporter", "Deployment/writer")
    }
    paths["compact"] = files("Deployment/all", tenant(topology="compact", **of))
    found = {key: {n: v for n, v in each.items() if n.startswith("webhook-tls/")} for key, each in paths.items()}
    certificate = {"webhook-tls/tls.crt": "tls:tls.crt?"}
    assert [found["Deployment/webhook"], found["compact"]] == [certificate] * 2
    assert not found["Deployment/exporter"]
    assert not found["Deployment/writer"]


def test_an_s3_storage_has_credentials_only_if_the_document_names_them() -> None:
    named = tenant(backup={"target": "s3://bucket/x", "credentialsSecretName": "store"})
    mounted = {path: of for path, of in files("CronJob/backup", named).items() if path.startswith("backup/")}
    keys = ("accessKeyId", "secretAccessKey", "region", "endpoint")
    assert mounted == {f"backup/{key}": f"store:{key}?" for key in keys}, "whatever else the secret holds stays out"
    assert not [path for path in files("CronJob/export", named) if path.startswith("backup/")]
    unnamed = tenant(backup={"target": "s3://bucket/x"})
    assert not [path for path in files("CronJob/backup", unnamed) if path.startswith("backup/")]


def test_redis_gets_neither_passwords_nor_the_authoritys_key() -> None:
    volumes = {volume["name"]: volume for volume in pod("StatefulSet/redis")["spec"]["volumes"]}
    keys = {name: [item["key"] for item in volumes[name]["secret"]["items"]] for name in ("users", "tls")}
    assert keys == {"users": ["users.acl", "users-json.acl"], "tls": ["ca.crt", "tls.crt", "tls.key"]}


def environment(key: str, of: Tenant | None = None, settings: OperatorSettings = SETTINGS) -> dict[str, Any]:
    (container,) = pod(key, of, settings)["spec"]["containers"]
    return {it["name"]: it.get("value", it.get("valueFrom")) for it in container["env"]}


def test_the_environment_is_the_contract_of_the_services() -> None:
    assert environment("Deployment/exporter") == {
        "AFTERSEND_TENANT_FILE": "/etc/aftersend/config/tenant.yaml",
        "AFTERSEND_SECRETS_DIR": "/etc/aftersend/secrets",
        "AFTERSEND_LOG_FORMAT": "json",
        "HOME": "/tmp",
        "AFTERSEND_REDIS_URL": "rediss://aftersend-mueller-redis.tenant-mueller.svc:6379/0",
    }
    assert environment("Deployment/writer", EXTERNAL)["AFTERSEND_REDIS_URL"] == {
        "secretKeyRef": {"name": "redis-url", "key": "url"}
    }
    assert (
        environment("Deployment/all", COMPACT).items()
        >= {
            "AFTERSEND_SCHEDULER": "all",
            "AFTERSEND_ADMIN_LISTEN": "0.0.0.0:9090",
            "AFTERSEND_BACKUP_TARGET": "/backups",
        }.items()
    )


@pytest.mark.parametrize(("target", "expected"), [("volume", "/backups"), ("s3://bucket/x", "s3://bucket/x")])
def test_backups_know_their_target(target: str, expected: str) -> None:
    of = tenant(backup={"target": target})
    assert environment("CronJob/backup", of)["AFTERSEND_BACKUP_TARGET"] == expected
    mounts = pod("CronJob/backup", of)["spec"]["containers"][0]["volumeMounts"]
    assert ("/backups" in [mount["mountPath"] for mount in mounts]) is (target == "volume")
    assert "AFTERSEND_BACKUP_TARGET" not in environment("CronJob/export", of)


def test_http_is_allowed_to_services_only_if_the_operator_allows_it() -> None:
    allowed = OperatorSettings(service_image="a", redis_image="b", allow_http=True)
    assert environment("Deployment/writer", settings=allowed)["AFTERSEND_ALLOW_HTTP"] == "1"
    assert "AFTERSEND_ALLOW_HTTP" not in environment("Deployment/writer")


@pytest.mark.parametrize("key", ["Deployment/writer", "Deployment/webhook", "CronJob/export"])
def test_other_hosts_of_upstreams_are_handed_on(key: str) -> None:
    other = OperatorSettings(service_image="a", redis_image="b", upstream_hosts=frozenset({"b.svc", "a.svc"}))
    assert environment(key, settings=other)["AFTERSEND_UPSTREAM_HOSTS"] == "a.svc,b.svc"
    assert "AFTERSEND_UPSTREAM_HOSTS" not in environment(key)


@pytest.mark.parametrize("key", ["Deployment/writer", "Deployment/webhook", "CronJob/export"])
def test_settings_of_traces_are_handed_on(key: str) -> None:
    name, value = "OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.watch:4318"
    traced = OperatorSettings(service_image="a", redis_image="b", traces=((name, value),))
    assert environment(key, settings=traced)[name] == value
    assert name not in environment(key)


def test_probes_ask_for_life_and_readiness_apart() -> None:
    (container,) = pod("Deployment/writer")["spec"]["containers"]
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert container["readinessProbe"]["timeoutSeconds"] > 3, "each check of /readyz may take three seconds"


@pytest.mark.parametrize(
    ("key", "of", "drain"),
    [
        ("Deployment/webhook", None, 10),
        ("Deployment/all", COMPACT, 10),
        ("Deployment/exporter", None, 0),
        ("Deployment/writer", None, 0),
        ("CronJob/export", None, 0),
    ],
)
def test_a_pod_has_time_to_end_and_the_webhook_to_leave_the_endpoints_before(
    key: str, of: Tenant | None, drain: int
) -> None:
    spec = pod(key, of)["spec"]
    assert spec["shareProcessNamespace"] is True, "as the first process it would not hear SIGTERM while Python starts"
    assert spec["terminationGracePeriodSeconds"] >= 25 + drain
    hook = spec["containers"][0].get("lifecycle")
    assert hook == ({"preStop": {"sleep": {"seconds": drain}}} if drain else None)


@pytest.mark.parametrize(
    ("of", "key", "strategy"),
    [
        (None, "Deployment/webhook", {"maxUnavailable": 0, "maxSurge": 1}),
        (None, "Deployment/exporter", {"maxUnavailable": 0, "maxSurge": 1}),
        (
            tenant(topology="compact", backup={"target": "s3://bucket"}),
            "Deployment/all",
            {"maxUnavailable": 0, "maxSurge": 1},
        ),
        (COMPACT, "Deployment/all", None),
    ],
)
def test_the_new_pod_comes_first_unless_both_would_need_one_volume(
    of: Tenant | None, key: str, strategy: dict[str, int] | None
) -> None:
    found = wanted(of)[key]["spec"]["strategy"]
    assert found == ({"type": "RollingUpdate", "rollingUpdate": strategy} if strategy else {"type": "Recreate"})


def test_a_changed_document_rolls_the_services_and_not_redis() -> None:
    one, other = wanted(), wanted(tenant(suspend=True))
    for key in ("Deployment/exporter", "Deployment/webhook", "Deployment/writer"):
        assert one[key] != other[key]
    assert one["StatefulSet/redis"] == other["StatefulSet/redis"]


def test_changed_secrets_of_redis_or_its_memory_roll_redis_and_not_the_services() -> None:
    one, other = wanted(facts=ClusterFacts(redis_secrets="a")), wanted(facts=ClusterFacts(redis_secrets="b"))
    assert {key for key in one if one[key] != other[key]} == {"StatefulSet/redis"}
    larger = tenant(pods={"resourcesOf": {"redis": {"limits": {"memory": "512Mi"}}}})
    changed = {key for key, it in wanted(larger).items() if key.startswith("StatefulSet") and it != wanted()[key]}
    assert changed == {"StatefulSet/redis"}


def test_merchants_secrets_are_only_named() -> None:
    other = tenant(afterbuy={"credentials": {"secretName": "new"}})
    assert files("Deployment/writer", other)["afterbuy/partnerToken"] == "new:partnerToken?"


PLACED = tenant(
    pods={
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
        "imagePullSecrets": [{"name": "pull"}],
        "labels": {"team": "shops"},
        "annotations": {"example.com/note": "x"},
        "storageClass": "fast",
    }
)


@pytest.mark.parametrize("key", ["Deployment/exporter", "CronJob/backup", "StatefulSet/redis"])
def test_the_platform_team_places_every_pod(key: str) -> None:
    template = pod(key, PLACED)
    assert template["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert template["spec"]["tolerations"] == [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}]
    assert template["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert template["metadata"]["labels"]["team"] == "shops"
    assert template["metadata"]["annotations"]["example.com/note"] == "x"


def test_volumes_take_the_storage_class_or_leave_it_to_the_cluster() -> None:
    for key in ("PersistentVolumeClaim/redis", "PersistentVolumeClaim/backup"):
        assert wanted(PLACED)[key]["spec"]["storageClassName"] == "fast"
        assert "storageClassName" not in wanted()[key]["spec"]
        assert wanted(tenant(redis={"storage": "5Gi"}))[key]["spec"]["resources"]["requests"] == {"storage": "5Gi"}


@pytest.mark.parametrize(
    ("pods", "requests", "limits"),
    [
        ({}, {"cpu": "25m", "memory": "80Mi"}, {"cpu": "500m", "memory": "192Mi"}),
        (
            {"resources": {"limits": {"memory": "1Gi"}}},
            {"cpu": "25m", "memory": "80Mi"},
            {"cpu": "500m", "memory": "1Gi"},
        ),
        (
            {"resources": {"limits": {"memory": "64Mi", "cpu": "20m"}}},
            {"cpu": "20m", "memory": "64Mi"},
            {"cpu": "20m", "memory": "64Mi"},
        ),
        (
            {
                "resources": {"requests": {"memory": "100Mi"}, "limits": {"cpu": 2}},
                "resourcesOf": {"writer": {"requests": {"memory": "120Mi"}}, "webhook": {"limits": {"cpu": "9"}}},
            },
            {"cpu": "25m", "memory": "120Mi"},
            {"cpu": "2", "memory": "192Mi"},
        ),
    ],
)
def test_resources_are_laid_over_the_defaults(
    pods: dict[str, Any], requests: dict[str, str], limits: dict[str, str]
) -> None:
    (container,) = pod("Deployment/writer", tenant(pods=pods))["spec"]["containers"]
    assert container["resources"] == {"requests": requests, "limits": limits}


def test_the_compact_process_has_resources_of_its_own() -> None:
    of = tenant(topology="compact", pods={"resourcesOf": {"compact": {"limits": {"memory": "777Mi"}}}})
    (container,) = pod("Deployment/all", of)["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == "777Mi"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1Ki", 1024), ("2Mi", 2**21), ("3Gi", 3 * 2**30), ("1k", 1000), ("1M", 10**6), ("2G", 2 * 10**9)],
)
def test_memory_is_read(text: str, amount: int) -> None:
    assert memory_bytes(text) == amount


@pytest.mark.parametrize(("text", "amount"), [("250m", 250), ("1", 1000), ("0.5", 500)])
def test_processor_time_is_read(text: str, amount: float) -> None:
    assert millicores(text) == amount
