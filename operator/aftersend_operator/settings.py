"""The operator's settings from environment variables, which the chart sets.

All errors are reported together. There are no secrets among them: the token comes from the service account's files.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from aftersend.errors import Misconfigured
from aftersend.observe.otel_settings import setting_errors
from aftersend.settings import (
    UPSTREAM_HOSTS,
    EnvironmentReader,
    ListenAddress,
    LogFormat,
    default_log_format,
    parse_listen_address,
)
from aftersend_operator.networks import parse_network

PullPolicy = Literal["IfNotPresent", "Always", "Never"]
RenderMode = Literal["skip", "fail", "always"]
_LISTEN = ListenAddress("0.0.0.0", 8080)  # noqa: S104 - probes and Prometheus come from outside the pod
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
_POD_KEY = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_./]*\*?|\*")
_INTERVAL = re.compile(r"([0-9]+(ms|s|m|h))?")
_FILES = ("_CERTIFICATE", "_CLIENT_KEY", "_CLIENT_CERTIFICATE")
"""Suffixes of variables that name files, which exist in the tenants' pods and not here."""

POD_ANNOTATIONS = ("prometheus.io/*", "cluster-autoscaler.kubernetes.io/safe-to-evict", "karpenter.sh/do-not-disrupt")
POD_LABELS = ("team", "owner", "environment", "cost-center")
MONITORING = "monitoring"
"""The namespace from which metrics are scraped unless a setting says otherwise."""
Labels = dict[str, str]
Port = Annotated[int, Meta(ge=1, le=65535)]


class Dns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The cluster's DNS."""

    namespace_selector: Labels = {}
    """Labels of its namespace; empty = kube-system."""
    pod_selector: Labels = {}
    """Labels of its pods; empty = k8s-app: kube-dns."""
    addresses: tuple[str, ...] = ()
    """Addresses beside its pods', such as that of a node-local DNS."""
    port: Port = 53


class ExternalRedis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a Redis of ``mode: external`` may be: its URL is in a Secret that the operator does not read."""

    networks: tuple[str, ...] = ()
    """CIDRs; empty = all addresses but link-local ones and NAT64."""
    ports: tuple[Port, ...] = (6379, 6380)


class TenantNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What the NetworkPolicies of tenants open."""

    dns: Dns = Dns()
    external_redis: ExternalRedis = ExternalRedis()
    scrape_pod_selector: Labels = {}
    """Labels of the pods that scrape; empty = all pods of ``scrape_namespaces``."""


class PodDefaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What the cluster expects of every tenant's pods."""

    fixed_user: bool = True
    """Run as a user of our own; False where the cluster gives each namespace its users, as OpenShift does."""
    priority_class_name: str = ""
    runtime_class_name: str = ""
    affinity: dict[str, Any] = {}
    """As in a pod; the API server judges it."""


class PodMonitorWishes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a Prometheus needs to find and scrape the PodMonitors of tenants."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    interval: str = ""
    """Such as 30s; empty = Prometheus' own."""
    relabelings: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """The operator's environment variables, parsed."""

    service_image: str
    """``AFTERSEND_SERVICE_IMAGE``: image of the three services and of the jobs."""
    redis_image: str
    """``AFTERSEND_REDIS_IMAGE``: image with redis-server or valkey-server, its command line client and a shell."""
    image_pull_policy: PullPolicy = "IfNotPresent"
    """``AFTERSEND_IMAGE_PULL_POLICY``."""
    watch_namespaces: tuple[str, ...] = ()
    """``AFTERSEND_WATCH_NAMESPACES``: where tenants are served; empty = everywhere."""
    listen: ListenAddress = _LISTEN
    """``AFTERSEND_OPERATOR_LISTEN``: /healthz, /readyz and /metrics of the operator."""
    namespace: str = ""
    """``AFTERSEND_OPERATOR_NAMESPACE``: where the operator runs; empty = outside the cluster."""
    release: str = ""
    """``AFTERSEND_OPERATOR_RELEASE``: name of the Helm release."""
    rollout_at_once: int = 10
    """``AFTERSEND_ROLLOUT_AT_ONCE``: how many tenants may roll at the same time after an upgrade."""
    wave_failures: int = 2
    """``AFTERSEND_WAVE_FAILURES``: after how many tenants that did not come up again an upgrade rolls no more."""
    pod_monitors: RenderMode = "skip"
    """``AFTERSEND_POD_MONITORS``: skip where the kind is unknown, fail there, or always."""
    pod_monitor: PodMonitorWishes = field(default_factory=PodMonitorWishes)
    """``AFTERSEND_POD_MONITOR``: labels, annotations, interval and relabelings of each PodMonitor, as JSON."""
    ingress_annotations: Mapping[str, str] = field(default_factory=dict)
    """``AFTERSEND_INGRESS_ANNOTATIONS``: of each tenant's Ingress or HTTPRoute, as JSON."""
    ingress_namespaces: tuple[tuple[str, str], ...] = ()
    """``AFTERSEND_INGRESS_NAMESPACE_SELECTOR``: labels of the namespaces that webhooks come from; empty = anywhere."""
    scrape_namespaces: tuple[tuple[str, str], ...] = ()
    """``AFTERSEND_SCRAPE_NAMESPACE_SELECTOR``: labels of Prometheus' namespaces; empty = ``MONITORING``."""
    network: TenantNetwork = field(default_factory=TenantNetwork)
    """``AFTERSEND_TENANT_NETWORK``: DNS, external Redis and scraping pods in NetworkPolicies, as JSON."""
    pods: PodDefaults = field(default_factory=PodDefaults)
    """``AFTERSEND_TENANT_PODS``: user, classes and affinity of all tenants' pods, as JSON."""
    pod_annotations: tuple[str, ...] = POD_ANNOTATIONS
    """``AFTERSEND_POD_ANNOTATIONS``: keys that ``spec.pods.annotations`` may hold; ``*`` at the end: all such keys."""
    pod_labels: tuple[str, ...] = POD_LABELS
    """``AFTERSEND_POD_LABELS``: the same for ``spec.pods.labels``."""
    allow_http: bool = False
    """``AFTERSEND_ALLOW_HTTP``: tenants may name http addresses, which may lie within the cluster."""
    upstream_hosts: frozenset[str] = UPSTREAM_HOSTS
    """``AFTERSEND_UPSTREAM_HOSTS``: all hosts of Afterbuy and Sendcloud that tenants may name."""
    traces: tuple[tuple[str, str], ...] = ()
    """``OTEL_…``: passed to the pods of all tenants; the operator itself makes no traces."""
    log_format: LogFormat = "json"
    """``AFTERSEND_LOG_FORMAT``: default console on a terminal, else json."""
    log_level: str = "info"
    """``AFTERSEND_LOG_LEVEL``: debug, info, warning or error."""

    @property
    def identity(self) -> str:
        """Return ``<namespace>/<release>``, the operator that serves a tenant (``status.servedBy``); empty outside."""
        return f"{self.namespace}/{self.release}" if self.namespace and self.release else ""


def read_operator_settings(environ: Mapping[str, str] = os.environ) -> OperatorSettings:
    """Parse the environment; raise one ``Misconfigured`` that lists everything that is wrong."""
    reader = EnvironmentReader(environ)
    labels = "use key=value,… as in a label selector"
    settings = OperatorSettings(
        service_image=reader.required("AFTERSEND_SERVICE_IMAGE", "name the image of the services"),
        redis_image=reader.required("AFTERSEND_REDIS_IMAGE", "name an image with redis-server or valkey-server"),
        image_pull_policy=_pull_policy(reader),
        watch_namespaces=reader.parsed("AFTERSEND_WATCH_NAMESPACES", "", _namespaces, "use names of namespaces: a,b"),
        listen=reader.parsed("AFTERSEND_OPERATOR_LISTEN", "0.0.0.0:8080", parse_listen_address, "use host:port"),
        namespace=reader.parsed("AFTERSEND_OPERATOR_NAMESPACE", "", _namespace, "use the name of a namespace"),
        release=reader.parsed("AFTERSEND_OPERATOR_RELEASE", "", _namespace, "use the name of the Helm release"),
        rollout_at_once=reader.parsed("AFTERSEND_ROLLOUT_AT_ONCE", "10", _count, "use a number from 1 to 1000"),
        wave_failures=reader.parsed("AFTERSEND_WAVE_FAILURES", "2", _count, "use a number from 1 to 1000"),
        pod_monitors=reader.choice("AFTERSEND_POD_MONITORS", "skip", ("skip", "fail", "always")),
        pod_monitor=reader.parsed("AFTERSEND_POD_MONITOR", "{}", _pod_monitor, "use JSON as the chart does"),
        ingress_annotations=reader.parsed("AFTERSEND_INGRESS_ANNOTATIONS", "{}", _texts, "use JSON as the chart does"),
        ingress_namespaces=reader.parsed("AFTERSEND_INGRESS_NAMESPACE_SELECTOR", "", _labels, labels),
        scrape_namespaces=reader.parsed("AFTERSEND_SCRAPE_NAMESPACE_SELECTOR", "", _labels, labels),
        network=reader.parsed("AFTERSEND_TENANT_NETWORK", "{}", _network, "use JSON as the chart does"),
        pods=reader.parsed("AFTERSEND_TENANT_PODS", "{}", _pods, "use JSON as the chart does"),
        pod_annotations=_pod_keys(reader, "AFTERSEND_POD_ANNOTATIONS", POD_ANNOTATIONS),
        pod_labels=_pod_keys(reader, "AFTERSEND_POD_LABELS", POD_LABELS),
        allow_http=reader.allow_http(),
        upstream_hosts=reader.upstream_hosts(),
        traces=_traces(reader),
        log_format=reader.choice("AFTERSEND_LOG_FORMAT", default_log_format(), ("json", "console")),
        log_level=reader.choice("AFTERSEND_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
    )
    if reader.errors:
        raise Misconfigured("; ".join(reader.errors))
    return settings


def _pull_policy(reader: EnvironmentReader) -> PullPolicy:
    """Accept any case: Kubernetes requires CamelCase, people need not type it."""
    spelled: dict[str, PullPolicy] = {"ifnotpresent": "IfNotPresent", "always": "Always", "never": "Never"}
    return spelled[reader.choice("AFTERSEND_IMAGE_PULL_POLICY", "ifnotpresent", tuple(spelled))]


def _namespace(text: str) -> str | None:
    return text if not text or _NAMESPACE.fullmatch(text) else None


def _namespaces(text: str) -> tuple[str, ...] | None:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    return names if all(_NAMESPACE.fullmatch(name) for name in names) else None


def _labels(text: str) -> tuple[tuple[str, str], ...] | None:
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    valid = all(
        separator and _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value) for key, separator, value in pairs
    )
    return tuple(sorted((key, value) for key, _, value in pairs)) if valid else None


def _pod_keys(reader: EnvironmentReader, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Parse a list of keys; a variable that is set and empty allows none."""
    if reader.environ.get(name) == "":
        return ()
    return reader.parsed(name, ",".join(default), _keys, "use keys of labels, * at their end: a,b/*")


def _keys(text: str) -> tuple[str, ...] | None:
    keys = tuple(part.strip() for part in text.split(","))
    return keys if all(map(_POD_KEY.fullmatch, keys)) else None


def _pod_monitor(text: str) -> PodMonitorWishes | None:
    try:
        wishes = msgspec.json.decode(text, type=PodMonitorWishes)
    except msgspec.MsgspecError:
        return None
    return wishes if _are_labels(wishes.labels) and _INTERVAL.fullmatch(wishes.interval) else None


def _texts(text: str) -> dict[str, str] | None:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:
        return None


def _pods(text: str) -> PodDefaults | None:
    try:
        return msgspec.json.decode(text, type=PodDefaults)
    except msgspec.MsgspecError:
        return None


def _network(text: str) -> TenantNetwork | None:
    try:
        network = msgspec.json.decode(text, type=TenantNetwork)
    except msgspec.MsgspecError:
        return None
    dns = network.dns
    labels = all(map(_are_labels, (dns.namespace_selector, dns.pod_selector, network.scrape_pod_selector)))
    redis = all(parse_network(cidr) for cidr in network.external_redis.networks)
    return network if labels and redis and all(map(_is_address, dns.addresses)) else None


def _are_labels(labels: Labels) -> bool:
    return all(_LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value) for key, value in labels.items())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _traces(reader: EnvironmentReader) -> tuple[tuple[str, str], ...]:
    """Validate ``OTEL_…``: a wrong value would end every pod at its start, so it ends the operator first."""
    found = {name: value for name, value in reader.environ.items() if name.startswith("OTEL_") and value.strip()}
    reader.errors += setting_errors({name: value for name, value in found.items() if not name.endswith(_FILES)})
    return tuple(sorted(found.items()))


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9]\d{0,2}|1000", text, re.ASCII) else None
