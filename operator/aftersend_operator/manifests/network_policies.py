"""NetworkPolicies: default deny, and the least that each part needs.

=============================  ==========================================================================
policy                         allows
=============================  ==========================================================================
``…-default``                  DNS only: both directions are denied for every pod of the tenant
``…-redis`` (managed)          ingress from the tenant's parts to Redis
``…-<part>``                   egress (Redis, upstreams) and ingress (webhook, scraping, operator)
=============================  ==========================================================================

Egress to upstreams excludes private ranges and is limited to the ports of their URLs; so no tenant reaches another's
pods or the cluster's own services. With http allowed (a sandbox in a test cluster) they may be pods of this cluster. A
trace collector may be inside the cluster or outside; its port is open if the settings name it. Policies add up: backups
in an S3 storage within the cluster need a policy of the platform team for the label ``app.kubernetes.io/component``.
"""

from typing import Any, Final

from aftersend.observe.otel_settings import exporter_setting
from aftersend_operator.manifests.parts import REDIS, TenantPart, jobs, services
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import Manifest, selector
from aftersend_operator.model.ports import ADMIN_PORT, PUBLIC_PORT, REDIS_PORT, port_of_url

Rule = dict[str, Any]
_DNS_PORT: Final = 53
_PUBLIC: Final = (
    (
        "0.0.0.0/0",
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.168.0.0/16", "224.0.0.0/3"),
        ),
    ),
    ("::/0", ("::1/128", "fc00::/7", "fe80::/10", "ff00::/8")),
)
_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"


def network_policies(context: RenderContext) -> list[Manifest]:
    """Render all policies of the tenant."""
    topology = context.spec.topology
    parts = (*services(topology), *jobs(topology))
    return [
        _policy(context, "default", None, ingress=[], egress=[_dns()]),
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
    scrapers = [{"namespaceSelector": _labelled(context.settings.scrape_namespaces)}]
    if context.settings.namespace:
        scrapers.append({"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: context.settings.namespace}}})
    rules: list[Rule] = [{"from": scrapers, "ports": [_tcp(ADMIN_PORT)]}]
    return [*rules, _webhooks(context)] if part.serves_webhook else rules


def _webhooks(context: RenderContext) -> Rule:
    """Allow any source without a selector: load balancers outside are no pods, and signatures are checked."""
    rule: Rule = {"ports": [_tcp(PUBLIC_PORT)]}
    senders = context.settings.ingress_namespaces
    return {"from": [{"namespaceSelector": _labelled(senders)}], **rule} if senders else rule


def _egress(context: RenderContext, part: TenantPart) -> list[Rule]:
    rules = [_to_redis(context)]
    urls = {"afterbuy": context.spec.afterbuy.url, "sendcloud": context.spec.sendcloud.url}
    called = [urls[name] for name in part.calls]
    if part.makes_backups and context.spec.backup.target.startswith("s3://"):
        called.append("https://s3")
    if called:
        rules.append(
            {"to": _public_networks(), "ports": [_tcp(port) for port in sorted({port_of_url(url) for url in called})]}
        )
    if context.settings.allow_http and any(url.startswith("http://") for url in called):
        rules.append({"to": [{"namespaceSelector": {}}]})
    if collector := exporter_setting(dict(context.settings.traces), "ENDPOINT"):
        rules.append({"to": [{"namespaceSelector": {}}, *_public_networks()], "ports": [_tcp(port_of_url(collector))]})
    return rules


def _to_redis(context: RenderContext) -> Rule:
    if context.is_managed:
        return {"to": [_pods(context, REDIS)], "ports": [_tcp(REDIS_PORT)]}
    return {"ports": [_tcp(context.facts.redis_port)]}


def _dns() -> Rule:
    """Allow DNS to any address: the cluster's server may be a pod, or an address of the node."""
    return {"ports": [{"protocol": protocol, "port": _DNS_PORT} for protocol in ("UDP", "TCP")]}


def _public_networks() -> list[Rule]:
    return [{"ipBlock": {"cidr": cidr, "except": list(closed)}} for cidr, closed in _PUBLIC]


def _pods(context: RenderContext, part: str) -> Rule:
    return {"podSelector": {"matchLabels": selector(context.tenant, part)}}


def _labelled(pairs: tuple[tuple[str, str], ...]) -> Rule:
    return {"matchLabels": dict(pairs)} if pairs else {}


def _tcp(port: int) -> Rule:
    return {"protocol": "TCP", "port": port}
