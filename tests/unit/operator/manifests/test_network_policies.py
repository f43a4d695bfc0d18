"""NetworkPolicies: closed both ways, then exactly the ways that the work takes."""

import ipaddress
from typing import Any

import pytest

from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.ports import port_of_url
from aftersend_operator.settings import Dns, ExternalRedis, OperatorSettings, TenantNetwork
from tests.support.operator_kit import SETTINGS, tenant, wanted

NAME = "kubernetes.io/metadata.name"
DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {NAME: "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}
EXTERNAL = {"redis": {"mode": "external", "urlSecretName": "u"}}
HTTP = {"url": "http://sandbox.shop.svc/api"}


def settings(**changes: Any) -> OperatorSettings:
    return OperatorSettings(service_image="a", redis_image="b", **changes)


def spec(what: str, settings: OperatorSettings = SETTINGS, **of: Any) -> dict[str, Any]:
    found: dict[str, Any] = wanted(tenant(**of), settings=settings)[f"NetworkPolicy/{what}"]["spec"]
    return found


def peer(part: str) -> Manifest:
    labels = {"app.kubernetes.io/name": "aftersend", "app.kubernetes.io/instance": "mueller"}
    return {"podSelector": {"matchLabels": {**labels, "app.kubernetes.io/component": part}}}


REDIS = {"to": [peer("redis")], "ports": [{"protocol": "TCP", "port": 6379}]}


def beyond(rules: list[Manifest]) -> list[list[int]]:
    """Ports of the rules that lead out of the cluster."""
    return [[port["port"] for port in rule["ports"]] for rule in rules if "ipBlock" in rule.get("to", [{}])[0]]


def test_everything_of_the_tenant_is_closed_but_for_dns() -> None:
    found = spec("default")
    assert found["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "aftersend",
        "app.kubernetes.io/instance": "mueller",
    }
    assert found["policyTypes"] == ["Ingress", "Egress"]
    assert found["ingress"] == []
    assert found["egress"] == [DNS]


def test_redis_accepts_the_tenants_own_parts_and_has_no_egress() -> None:
    found = spec("redis")
    (rule,) = found["ingress"]
    assert rule["from"] == [peer(part) for part in ("exporter", "webhook", "writer", "export", "backup")]
    assert rule["ports"] == [{"protocol": "TCP", "port": 6379}]
    assert found["egress"] == []
    (rule,) = spec("redis", topology="compact")["ingress"]
    assert rule["from"] == [peer("all")]


@pytest.mark.parametrize(
    ("part", "of", "ports"),
    [
        ("exporter", {}, [[443]]),
        ("writer", {}, [[443]]),
        ("webhook", {}, []),
        ("export", {}, []),
        ("backup", {}, []),
        ("backup", {"backup": {"target": "s3://bucket"}}, [[443]]),
        ("all", {"topology": "compact"}, [[443]]),
    ],
)
def test_who_gets_out_of_the_cluster(part: str, of: dict[str, Any], ports: list[list[int]]) -> None:
    rules = spec(part, **of)["egress"]
    assert rules[0] == REDIS
    assert beyond(rules) == ports
    assert len(rules) == 1 + len(ports)


def test_dns_is_the_clusters_own_wherever_that_is() -> None:
    dns = Dns({NAME: "openshift-dns"}, {"dns": "default"}, ("169.254.20.10", "fd00::a"), 5353)
    (rule,) = spec("default", settings(network=TenantNetwork(dns=dns)))["egress"]
    assert rule["ports"] == [{"protocol": "UDP", "port": 5353}, {"protocol": "TCP", "port": 5353}]
    assert rule["to"] == [
        {
            "namespaceSelector": {"matchLabels": {NAME: "openshift-dns"}},
            "podSelector": {"matchLabels": {"dns": "default"}},
        },
        {"ipBlock": {"cidr": "169.254.20.10/32"}},
        {"ipBlock": {"cidr": "fd00::a/128"}},
    ]


@pytest.mark.parametrize(
    ("url", "allow_http", "port"),
    [
        ("https://panel.sendcloud.sc:22/api", False, 443),
        ("https://PANEL.sendcloud.sc:22/api", False, 443),
        ("https://127.0.0.1:22/api", False, 443),
        ("https://panel.sendcloud.sc:8443/api", True, 8443),
        ("https://proxy.example:8443/api", False, 8443),
    ],
)
def test_another_port_than_443_takes_the_charts_consent(url: str, port: int, *, allow_http: bool) -> None:
    sendcloud = {"credentials": {"secretName": "s"}, "integration": 1, "url": url}
    found = beyond(spec("exporter", settings(allow_http=allow_http), sendcloud=sendcloud)["egress"])
    assert found == [sorted({443, port})]


def test_ports_are_those_of_the_addresses() -> None:
    sendcloud = {"credentials": {"secretName": "s"}, "integration": 1, "url": "https://proxy.example:8443/api"}
    assert beyond(spec("exporter", sendcloud=sendcloud)["egress"]) == [[443, 8443]]
    assert beyond(spec("writer", sendcloud=sendcloud)["egress"]) == [[443]]


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("8.8.8.8", True),
        ("2a00:1450::1", True),
        ("64:ff9b::8.8.8.8", True),
        *((f"64:ff9b::{inside}", False) for inside in ("10.1.2.3", "169.254.169.254", "192.168.1.1", "100.64.0.1")),
        *((inside, False) for inside in ("64:ff9b:1::a9fe:a9fe", "64:ff9b:1:fffe::1", "2002:a9fe:a9fe::1")),
        *((inside, False) for inside in ("10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1")),
        *((inside, False) for inside in ("127.0.0.1", "169.254.169.254", "0.0.0.0", "fd00::1", "fe80::1", "::1")),
        *((inside, False) for inside in ("224.0.0.1", "255.255.255.255", "ff02::1")),
    ],
)
def test_upstreams_lie_beyond_private_ranges(address: str, reached: bool) -> None:  # noqa: FBT001 - a column
    (rule,) = [rule for rule in spec("exporter")["egress"] if "ipBlock" in rule["to"][0]]
    assert is_open(rule, address) is reached


def is_open(rule: Manifest, address: str) -> bool:
    host = ipaddress.ip_address(address)
    blocks = [peer["ipBlock"] for peer in rule["to"]]
    return any(
        host in ipaddress.ip_network(block["cidr"])
        and not any(host in ipaddress.ip_network(closed) for closed in block.get("except", ()))
        for block in blocks
    )


@pytest.mark.parametrize(("allowed", "rules"), [(True, 1), (False, 0)])
def test_http_addresses_may_be_pods_only_if_the_operator_allows_http(allowed: bool, rules: int) -> None:  # noqa: FBT001
    sandbox = {"sendcloud": {"credentials": {"secretName": "s"}, "integration": 1, **HTTP}}
    for part, expected in (("exporter", rules), ("writer", 0), ("webhook", 0)):
        found = spec(part, settings=settings(allow_http=allowed), **sandbox)["egress"]
        assert found.count({"to": [{"namespaceSelector": {}}]}) == expected


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://collector.watch:4317", 4317), ("https://otlp.example", 443)],
)
def test_every_part_reaches_the_collector_of_traces(url: str, port: int) -> None:
    wish = settings(traces=(("OTEL_EXPORTER_OTLP_ENDPOINT", url),))
    for part in ("exporter", "webhook", "writer"):
        added = [rule for rule in spec(part, settings=wish)["egress"] if rule not in spec(part)["egress"]]
        assert [rule["ports"] for rule in added] == [[{"protocol": "TCP", "port": port}]]
        assert added[0]["to"][0] == {"namespaceSelector": {}}


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        *((there, True) for there in ("8.8.8.8", "10.1.2.3", "192.168.1.1", "fd00::1", "2a00:1450::1")),
        *((never, False) for never in ("169.254.169.254", "169.254.0.1", "fe80::1", "febf::1")),
        *((never, False) for never in ("64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff::1")),
    ],
)
def test_an_external_redis_is_anywhere_but_at_link_local_addresses(address: str, reached: bool) -> None:  # noqa: FBT001
    for part in ("exporter", "webhook", "writer", "export", "backup"):
        rule = spec(part, **EXTERNAL)["egress"][0]
        assert rule["ports"] == [{"protocol": "TCP", "port": port} for port in (6379, 6380)]
        assert is_open(rule, address) is reached


def test_the_chart_says_where_an_external_redis_may_be() -> None:
    redis = ExternalRedis(("10.20.0.0/16", "168.0.0.0/6", "2001:db8::7"), (7000,))
    rule = spec("writer", settings(network=TenantNetwork(external_redis=redis)), **EXTERNAL)["egress"][0]
    assert rule == {
        "to": [
            {"ipBlock": {"cidr": "10.20.0.0/16"}},
            {"ipBlock": {"cidr": "168.0.0.0/6", "except": ["169.254.0.0/16"]}},
            {"ipBlock": {"cidr": "2001:db8::7/128"}},
        ],
        "ports": [{"protocol": "TCP", "port": 7000}],
    }


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://a.example", 443),
        ("http://a.example/x", 80),
        ("https://a.example:8443", 8443),
        ("rediss://r.example", 6379),
        ("redis://:secret@r.example:16379/0", 16379),
        ("https://[2001:db8::1]/x", 443),
    ],
)
def test_the_port_of_an_address(url: str, port: int) -> None:
    assert port_of_url(url) == port


def test_who_may_come_in() -> None:
    chosen = settings(
        namespace="aftersend-system",
        ingress_namespaces=(("edge", "yes"),),
        scrape_namespaces=(("watch", "yes"),),
        network=TenantNetwork(scrape_pod_selector={"app": "prometheus"}),
    )
    scraping = {
        "from": [
            {
                "namespaceSelector": {"matchLabels": {"watch": "yes"}},
                "podSelector": {"matchLabels": {"app": "prometheus"}},
            },
            {
                "namespaceSelector": {"matchLabels": {NAME: "aftersend-system"}},
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": "aftersend-operator"}},
            },
        ],
        "ports": [{"protocol": "TCP", "port": 9090}],
    }
    webhooks = {
        "from": [{"namespaceSelector": {"matchLabels": {"edge": "yes"}}}],
        "ports": [{"protocol": "TCP", "port": 8080}],
    }
    assert spec("writer", chosen)["ingress"] == [scraping]
    assert spec("webhook", chosen)["ingress"] == [scraping, webhooks]
    assert spec("all", chosen, topology="compact")["ingress"] == [scraping, webhooks]
    assert spec("export", chosen)["ingress"] == []


def test_without_selectors_webhooks_come_from_anywhere_and_scraping_from_the_namespace_monitoring() -> None:
    scraping, webhooks = spec("webhook")["ingress"]
    assert scraping["from"] == [{"namespaceSelector": {"matchLabels": {NAME: "monitoring"}}}]
    assert webhooks == {"ports": [{"protocol": "TCP", "port": 8080}]}
