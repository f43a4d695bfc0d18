"""Who may talk to whom: nobody, but for what stands here.

=============================  ==========================================================================
policy                         opens
=============================  ==========================================================================
``…-default``                  nothing: both directions are closed for every pod of the tenant; but DNS
``…-redis`` (managed)          our own parts to Redis, and nobody else
``…-<part>``                   each part's way out (Redis, upstreams) and in (webhook, scraping, operator)
=============================  ==========================================================================

Upstreams are reached beyond private ranges only, on the ports of their addresses; so no tenant reaches another's pods,
or the cluster's own services. With http allowed (a sandbox in a test cluster) they may be pods of this cluster.
A collector of traces may lie within the cluster or beyond; its port is open if the settings name it. Policies add up:
whoever keeps backups in an S3 storage within the cluster adds a policy of his own for the label
``app.kubernetes.io/component``.
"""

from typing import Any, Final

from aftersend.observe.otel_settings import otlp
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
    """All policies of the tenant."""
    topology = context.spec.topology
    parts = (*services(topology), *jobs(topology))
    return [
        _policy(context, "default", None, ingress=[], egress=[_dns()]),
        *([_redis(context, parts)] if context.is_managed else []),
        *(
            _policy(context, part.name, part.name, ingress=_ways_in(context, part), egress=_ways_out(context, part))
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


def _ways_in(context: RenderContext, part: TenantPart) -> list[Rule]:
    if not part.is_service:
        return []
    watchers = [{"namespaceSelector": _labelled(context.settings.scrape_namespaces)}]
    if context.settings.namespace:
        watchers.append({"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: context.settings.namespace}}})
    rules: list[Rule] = [{"from": watchers, "ports": [_tcp(ADMIN_PORT)]}]
    return [*rules, _webhooks(context)] if part.serves_webhook else rules


def _webhooks(context: RenderContext) -> Rule:
    """Without a selector from anywhere: load balancers outside the cluster are no pods, and signatures are checked."""
    rule: Rule = {"ports": [_tcp(PUBLIC_PORT)]}
    senders = context.settings.ingress_namespaces
    return {"from": [{"namespaceSelector": _labelled(senders)}], **rule} if senders else rule


def _ways_out(context: RenderContext, part: TenantPart) -> list[Rule]:
    rules = [_to_redis(context)]
    urls = {"afterbuy": context.spec.afterbuy.url, "sendcloud": context.spec.sendcloud.url}
    called = [urls[name] for name in part.calls]
    if part.makes_backups and context.spec.backup.target.startswith("s3://"):
        called.append("https://s3")
    if called:
        rules.append({"to": _beyond(), "ports": [_tcp(port) for port in sorted({port_of_url(url) for url in called})]})
    if context.settings.allow_http and any(url.startswith("http://") for url in called):
        rules.append({"to": [{"namespaceSelector": {}}]})
    if collector := otlp(dict(context.settings.traces), "ENDPOINT"):
        rules.append({"to": [{"namespaceSelector": {}}, *_beyond()], "ports": [_tcp(port_of_url(collector))]})
    return rules


def _to_redis(context: RenderContext) -> Rule:
    if context.is_managed:
        return {"to": [_pods(context, REDIS)], "ports": [_tcp(REDIS_PORT)]}
    return {"ports": [_tcp(context.facts.redis_port)]}


def _dns() -> Rule:
    """To any address: the cluster's DNS may be a pod, or an address of the node."""
    return {"ports": [{"protocol": protocol, "port": _DNS_PORT} for protocol in ("UDP", "TCP")]}


def _beyond() -> list[Rule]:
    return [{"ipBlock": {"cidr": cidr, "except": list(closed)}} for cidr, closed in _PUBLIC]


def _pods(context: RenderContext, part: str) -> Rule:
    return {"podSelector": {"matchLabels": selector(context.tenant, part)}}


def _labelled(pairs: tuple[tuple[str, str], ...]) -> Rule:
    return {"matchLabels": dict(pairs)} if pairs else {}


def _tcp(port: int) -> Rule:
    return {"protocol": "TCP", "port": port}
