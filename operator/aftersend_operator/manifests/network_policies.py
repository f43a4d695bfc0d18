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
from urllib.parse import urlsplit

from aftersend.observe.otel_settings import otlp
from aftersend_operator.manifests.parts import REDIS, Part, jobs, services
from aftersend_operator.manifests.plan import Plan
from aftersend_operator.manifests.pods import ADMIN_PORT, PUBLIC_PORT
from aftersend_operator.manifests.services import REDIS_PORT
from aftersend_operator.model.naming import Manifest, selector

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


def network_policies(plan: Plan) -> list[Manifest]:
    """All policies of the tenant."""
    topology = plan.spec.topology
    parts = (*services(topology), *jobs(topology))
    return [
        _policy(plan, "default", None, ingress=[], egress=[_dns()]),
        *([_redis(plan, parts)] if plan.is_managed else []),
        *(
            _policy(plan, part.name, part.name, ingress=_ways_in(plan, part), egress=_ways_out(plan, part))
            for part in parts
        ),
    ]


def port_of(url: str) -> int:
    """The port of a URL, spelled out or by its scheme."""
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme, REDIS_PORT)


def _policy(plan: Plan, what: str, part: str | None, *, ingress: list[Rule], egress: list[Rule]) -> Manifest:
    return {
        **plan.manifest("networking.k8s.io/v1", "NetworkPolicy", what, part=part or "network"),
        "spec": {
            "podSelector": {"matchLabels": selector(plan.tenant, part)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def _redis(plan: Plan, parts: tuple[Part, ...]) -> Manifest:
    clients = [_pods(plan, part.name) for part in parts]
    return _policy(plan, "redis", REDIS, ingress=[{"from": clients, "ports": [_tcp(REDIS_PORT)]}], egress=[])


def _ways_in(plan: Plan, part: Part) -> list[Rule]:
    if not part.is_service:
        return []
    watchers = [{"namespaceSelector": _labelled(plan.settings.scrape_namespaces)}]
    if plan.settings.namespace:
        watchers.append({"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: plan.settings.namespace}}})
    rules: list[Rule] = [{"from": watchers, "ports": [_tcp(ADMIN_PORT)]}]
    return [*rules, _webhooks(plan)] if part.serves_webhook else rules


def _webhooks(plan: Plan) -> Rule:
    """Without a selector from anywhere: load balancers outside the cluster are no pods, and signatures are checked."""
    rule: Rule = {"ports": [_tcp(PUBLIC_PORT)]}
    senders = plan.settings.ingress_namespaces
    return {"from": [{"namespaceSelector": _labelled(senders)}], **rule} if senders else rule


def _ways_out(plan: Plan, part: Part) -> list[Rule]:
    rules = [_to_redis(plan)]
    urls = {"afterbuy": plan.spec.afterbuy.url, "sendcloud": plan.spec.sendcloud.url}
    called = [urls[name] for name in part.calls]
    if part.makes_backups and plan.spec.backup.target.startswith("s3://"):
        called.append("https://s3")
    if called:
        rules.append({"to": _beyond(), "ports": [_tcp(port) for port in sorted({port_of(url) for url in called})]})
    if plan.settings.allow_http and any(url.startswith("http://") for url in called):
        rules.append({"to": [{"namespaceSelector": {}}]})
    if collector := otlp(dict(plan.settings.traces), "ENDPOINT"):
        rules.append({"to": [{"namespaceSelector": {}}, *_beyond()], "ports": [_tcp(port_of(collector))]})
    return rules


def _to_redis(plan: Plan) -> Rule:
    if plan.is_managed:
        return {"to": [_pods(plan, REDIS)], "ports": [_tcp(REDIS_PORT)]}
    return {"ports": [_tcp(plan.facts.redis_port)]}


def _dns() -> Rule:
    """To any address: the cluster's DNS may be a pod, or an address of the node."""
    return {"ports": [{"protocol": protocol, "port": _DNS_PORT} for protocol in ("UDP", "TCP")]}


def _beyond() -> list[Rule]:
    return [{"ipBlock": {"cidr": cidr, "except": list(closed)}} for cidr, closed in _PUBLIC]


def _pods(plan: Plan, part: str) -> Rule:
    return {"podSelector": {"matchLabels": selector(plan.tenant, part)}}


def _labelled(pairs: tuple[tuple[str, str], ...]) -> Rule:
    return {"matchLabels": dict(pairs)} if pairs else {}


def _tcp(port: int) -> Rule:
    return {"protocol": "TCP", "port": port}
