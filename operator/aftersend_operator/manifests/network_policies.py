"""NetworkPolicies: default deny, and the least that each part needs.

=============================  ==========================================================================
policy                         allows
=============================  ==========================================================================
``…-default``                  the cluster's DNS only: both directions are denied for every pod of the tenant
``…-redis`` (managed)          ingress from the tenant's parts to Redis
``…-<part>``                   egress (Redis, upstreams) and ingress (webhook, scraping, operator)
=============================  ==========================================================================

Egress to upstreams excludes private ranges and is limited to port 443, or to the ports of their URLs as far as settings
allow others; so no tenant reaches another's pods or the cluster's own services. With http allowed (a sandbox in a test
cluster) they may be pods of this cluster. Nothing but DNS reaches link-local addresses (``networks``). A trace
collector may be inside the cluster or outside; its port is open if the settings name it. Policies add up: backups in an
S3 storage within the cluster need a policy of the platform team for the label ``app.kubernetes.io/component``.
"""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final

from aftersend.observe.otel_settings import exporter_setting
from aftersend.settings import UPSTREAM_HOSTS
from aftersend.tenant.upstream_urls import host_of, is_loopback
from aftersend_operator.manifests.parts import REDIS, TenantPart, jobs, services
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import FIELD_MANAGER, NAME_LABEL, Manifest, selector
from aftersend_operator.model.ports import ADMIN_PORT, HTTPS_PORT, PUBLIC_PORT, REDIS_PORT, port_of_url
from aftersend_operator.networks import Rule, peers, public_networks
from aftersend_operator.settings import MONITORING, OperatorSettings

_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"


def network_policies(context: RenderContext) -> list[Manifest]:
    """Render all policies of the tenant."""
    topology = context.spec.topology
    parts = (*services(topology), *jobs(topology))
    return [
        _policy(context, "default", None, ingress=[], egress=[_dns(context)]),
        *([_redis(context, parts)] if context.is_managed else []),
        *(
            _policy(context, part.name, part.name, ingress=_ingress(context, part), egress=_egress(context, part))
            for part in parts
        ),
    ]


def _policy(
    context: RenderContext, what: str, part: str | None, *, ingress: list[Rule], egress: list[Rule]
) -> Manifest:
    return {
        **context.manifest("networking.k8s.io/v1", "NetworkPolicy", what, part=part or "network"),
        "spec": {
            "podSelector": {"matchLabels": selector(context.tenant, part)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def _redis(context: RenderContext, parts: tuple[TenantPart, ...]) -> Manifest:
    clients = [_pods(context, part.name) for part in parts]
    return _policy(context, "redis", REDIS, ingress=[{"from": clients, "ports": [_tcp(REDIS_PORT)]}], egress=[])


def _ingress(context: RenderContext, part: TenantPart) -> list[Rule]:
    if not part.is_service:
        return []
    settings = context.settings
    namespaces = dict(settings.scrape_namespaces) or {_NAMESPACE_NAME: MONITORING}
    callers = [_peer(namespaces, settings.network.scrape_pod_selector)]
    if settings.namespace:
        callers.append(_peer({_NAMESPACE_NAME: settings.namespace}, {NAME_LABEL: FIELD_MANAGER}))
    rules: list[Rule] = [{"from": callers, "ports": [_tcp(ADMIN_PORT)]}]
    return [*rules, _webhooks(context)] if part.serves_webhook else rules


def _webhooks(context: RenderContext) -> Rule:
    """Allow any source without a selector: load balancers outside are no pods, and signatures are checked."""
    rule: Rule = {"ports": [_tcp(PUBLIC_PORT)]}
    senders = context.settings.ingress_namespaces
    return {"from": [_peer(dict(senders))], **rule} if senders else rule


def _egress(context: RenderContext, part: TenantPart) -> list[Rule]:
    rules = [_to_redis(context)]
    urls = {"afterbuy": context.spec.afterbuy.url, "sendcloud": context.spec.sendcloud.url}
    called = [urls[name] for name in part.calls]
    if part.makes_backups and context.spec.backup.target.startswith("s3://"):
        called.append("https://s3")
    if called:
        ports = sorted({upstream_port(url, context.settings) for url in called})
        rules.append({"to": public_networks(), "ports": [_tcp(port) for port in ports]})
    if context.settings.allow_http and any(url.startswith("http://") for url in called):
        rules.append({"to": [{"namespaceSelector": {}}]})
    if collector := exporter_setting(dict(context.settings.traces), "ENDPOINT"):
        rules.append({"to": [{"namespaceSelector": {}}, *public_networks()], "ports": [_tcp(port_of_url(collector))]})
    return rules


def _to_redis(context: RenderContext) -> Rule:
    if context.is_managed:
        return {"to": [_pods(context, REDIS)], "ports": [_tcp(REDIS_PORT)]}
    redis = context.settings.network.external_redis
    return {"to": peers(redis.networks), "ports": [_tcp(port) for port in redis.ports]}


def upstream_port(url: str, settings: OperatorSettings) -> int:
    """Return the port that is opened for a URL: its own if the chart allows http or lists another host."""
    is_ours = is_loopback(url) or host_of(url) in UPSTREAM_HOSTS
    return HTTPS_PORT if is_ours and not settings.allow_http else port_of_url(url)


def _dns(context: RenderContext) -> Rule:
    """Allow DNS to the cluster's server: pods, or an address of the node (node-local DNS)."""
    dns = context.settings.network.dns
    namespaces = dns.namespace_selector or {_NAMESPACE_NAME: "kube-system"}
    nodes = [{"ipBlock": {"cidr": str(ip_network(address))}} for address in dns.addresses]
    return {
        "to": [_peer(namespaces, dns.pod_selector or {"k8s-app": "kube-dns"}), *nodes],
        "ports": [{"protocol": protocol, "port": dns.port} for protocol in ("UDP", "TCP")],
    }


def _peer(namespaces: Mapping[str, str], pods: Mapping[str, str] | None = None) -> Rule:
    """Return the peer for pods with these labels (empty: all) in namespaces with these."""
    rule = {"namespaceSelector": {"matchLabels": dict(namespaces)}}
    return {**rule, "podSelector": {"matchLabels": dict(pods)}} if pods else rule


def _pods(context: RenderContext, part: str) -> Rule:
    return {"podSelector": {"matchLabels": selector(context.tenant, part)}}


def _tcp(port: int) -> Rule:
    return {"protocol": "TCP", "port": port}
