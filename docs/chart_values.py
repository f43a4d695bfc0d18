"""The chart's values: one model, from which ``chart_files`` makes ``values.yaml``, its schema and the README's table.

The text below a field is its comment in ``values.yaml``, its description in the schema and its line in the table.
Unknown values are refused, except within what is Kubernetes' own (tolerations, affinity). Two names belong to parent
charts and are accepted without effect: ``global`` and ``enabled``.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

Object = dict[str, Any]
Texts = dict[str, str]
RenderMode = Literal["skip", "fail", "always"]
Namespace = Annotated[str, Meta(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]
PodKey = Annotated[str, Meta(pattern=r"^([A-Za-z0-9][-A-Za-z0-9_./]*\*?|\*)$", max_length=317)]
Quantity = str | int | float


class Part(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A group of values."""


class Crds(Part, frozen=True):
    """The custom resource definition."""

    enabled: bool = True
    """Install and upgrade the CustomResourceDefinition with the chart."""
    keep: bool = True
    """Leave it (and so every tenant) in place when the release is uninstalled."""


class Rbac(Part, frozen=True):
    """Rights."""

    create: bool = True
    """Make the operator's roles and bindings."""
    aggregate: bool = True
    """Let the cluster's roles view, edit and admin include AftersendTenant."""


class ServiceAccount(Part, frozen=True):
    """The operator's identity."""

    create: bool = True
    """Make the ServiceAccount."""
    name: Annotated[str, Meta(max_length=253)] = ""
    """Its name; empty = the name of the release's objects (or "default" if it is not made here)."""
    annotations: Texts = field(default_factory=dict)
    """Annotations of the ServiceAccount."""


class Image(Part, frozen=True):
    """One image."""

    repository: Annotated[str, Meta(min_length=1)]
    """Repository without registry and tag."""
    tag: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$")] = ""
    """Tag; empty = the version of the chart's application (not for Redis, which needs a tag or a digest)."""
    digest: Annotated[str, Meta(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Digest such as sha256:…; it decides, whatever the tag says."""


class Images(Part, frozen=True):
    """Where images come from."""

    registry: str = ""
    """Registry in front of operator and service, such as registry.example.com/team."""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """Pull policy of the operator and of all tenants' pods."""
    operator: Image = Image("aftersend-operator")
    """Image of the operator."""
    service: Image = Image("aftersend")
    """Image of the tenants' services and jobs."""
    redis: Image = Image("docker.io/valkey/valkey-bundle", tag="9.1")
    """Image of managed Redis; of the bundle's modules only JSON is loaded. Its repository names the registry itself."""


class PullSecret(Part, frozen=True):
    """A reference to a Secret."""

    name: str
    """Name of the Secret."""


class Amounts(Part, frozen=True):
    """Processor time and memory."""

    cpu: Quantity
    """Processor time."""
    memory: Quantity
    """Memory."""


class Resources(Part, frozen=True):
    """Requests and limits."""

    requests: Amounts
    """What is set aside for the operator."""
    limits: Amounts
    """What it may not exceed."""


class PodDisruptionBudget(Part, frozen=True):
    """Of the operator's one pod; tenants work on without it, so a drain need not wait."""

    enabled: bool = False
    """Make one."""
    max_unavailable: Annotated[int, Meta(ge=0, le=1)] = 1
    """0 = no drain evicts the operator, until a person deletes its pod."""


class Operator(Part, frozen=True):
    """The operator's pod."""

    log_format: Literal["json", "console"] = "json"
    """Form of the log."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    resources: Resources = Resources(requests=Amounts("50m", "128Mi"), limits=Amounts("1", "512Mi"))
    """Requests and limits; 512Mi is meant for about 1,000 tenants."""
    node_selector: Texts = field(default_factory=dict)
    """Labels that the node must have."""
    tolerations: list[Object] = field(default_factory=list)
    """Taints that the pod puts up with."""
    affinity: Object = field(default_factory=dict)
    """Affinity of the pod."""
    priority_class_name: str = ""
    """Priority class of the pod."""
    pod_labels: Texts = field(default_factory=dict)
    """More labels of the pod."""
    pod_annotations: Texts = field(default_factory=dict)
    """More annotations of the pod."""
    topology_spread_constraints: list[Object] = field(default_factory=list)
    """Spread over nodes or zones; without a labelSelector it selects the operator's pod."""
    runtime_class_name: str = ""
    """Runtime class of the pod."""
    extra_env: list[Object] = field(default_factory=list)
    """More environment variables, such as HTTPS_PROXY; the last one of a name counts."""
    extra_volumes: list[Object] = field(default_factory=list)
    """More volumes of the pod."""
    extra_volume_mounts: list[Object] = field(default_factory=list)
    """Where its container has them."""
    pod_security_context: Object = field(default_factory=dict)
    """Laid over the pod's security context, also that of helm test."""
    security_context: Object = field(default_factory=dict)
    """Laid over the container's security context, also that of helm test."""
    pod_disruption_budget: PodDisruptionBudget = PodDisruptionBudget()


class Dns(Part, frozen=True):
    """The cluster's DNS, the only one that tenants and operator reach."""

    namespace_selector: Texts = field(default_factory=dict)
    """Labels of its namespace; empty = that of kube-system."""
    pod_selector: Texts = field(default_factory=dict)
    """Labels of its pods; empty = k8s-app: kube-dns."""
    addresses: list[Annotated[str, Meta(pattern="^[0-9a-fA-F:.]+$")]] = field(default_factory=list)
    """Addresses of a node-local DNS, such as 169.254.20.10."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 53
    """Port on which its pods listen; 5353 on OpenShift."""


class ExternalRedis(Part, frozen=True):
    """Where a Redis of your own may be; its URL is in a Secret of the tenant, which the operator does not read."""

    networks: list[Annotated[str, Meta(pattern="^[0-9a-fA-F:.]+/[0-9]+$")]] = field(default_factory=list)
    """CIDRs; empty = every address. Link-local addresses and NAT64 are never opened."""
    ports: list[Annotated[int, Meta(ge=1, le=65535)]] = field(default_factory=lambda: [6379, 6380])
    """Its ports."""


class Tenants(Part, frozen=True):
    """What holds for every tenant."""

    rollout_at_once: Annotated[int, Meta(ge=1, le=1000)] = 10
    """How many tenants may restart at the same time after an upgrade."""
    wave_failures: Annotated[int, Meta(ge=1, le=1000)] = 2
    """After how many tenants that were ready and did not come up again an upgrade restarts no more."""
    pod_monitors: RenderMode = "skip"
    """A PodMonitor per tenant: skip where the cluster does not know the kind, fail there, or always."""
    pod_monitor_labels: Texts = field(default_factory=dict)
    """Labels by which Prometheus selects these PodMonitors; empty = those of monitoring.labels."""
    pod_monitor_annotations: Texts = field(default_factory=dict)
    """Annotations of these PodMonitors."""
    pod_monitor_interval: Annotated[str, Meta(pattern=r"^([0-9]+(ms|s|m))?$")] = ""
    """How often tenants are scraped; empty = as Prometheus does by default."""
    pod_monitor_relabelings: list[Object] = field(default_factory=list)
    """Relabelings of the scraped pods, as in a PodMonitor."""
    ingress_annotations: Texts = field(default_factory=dict)
    """Annotations of the tenants' Ingresses and HTTPRoutes, such as cert-manager.io/cluster-issuer: letsencrypt."""
    ingress_namespace_selector: Texts = field(default_factory=dict)
    """Labels of the namespaces from which webhooks may come (the ingress controller's); empty = anywhere."""
    scrape_namespace_selector: Texts = field(default_factory=dict)
    """Labels of the namespaces from which Prometheus may scrape tenants; empty = the namespace called monitoring."""
    scrape_pod_selector: Texts = field(default_factory=dict)
    """Labels of the pods that may scrape there; empty = all."""
    pod_annotations: list[PodKey] = field(
        default_factory=lambda: [
            "prometheus.io/*",
            "cluster-autoscaler.kubernetes.io/safe-to-evict",
            "karpenter.sh/do-not-disrupt",
        ]
    )
    """Keys that spec.pods.annotations of tenants may hold; * at the end = all that begin so."""
    pod_labels: list[PodKey] = field(default_factory=lambda: ["team", "owner", "environment", "cost-center"])
    """Keys that spec.pods.labels of tenants may hold; add none by which policies or services select pods."""
    dns: Dns = Dns()
    external_redis: ExternalRedis = ExternalRedis()
    allow_http: bool = False
    """Tenants may name http addresses of Afterbuy and Sendcloud, also within the cluster: for sandboxes only."""
    upstream_hosts: list[Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]+$")]] = field(
        default_factory=lambda: ["api.afterbuy.de", "panel.sendcloud.sc"]
    )
    """All hosts of Afterbuy and Sendcloud that tenants may name; a sandbox needs its own, and allowHttp."""
    priority_class_name: str = ""
    """Priority class of all tenants' pods."""
    runtime_class_name: str = ""
    """Runtime class of all tenants' pods."""
    affinity: Object = field(default_factory=dict)
    """Affinity of all tenants' pods, Redis and jobs included."""
    traces: dict[Annotated[str, Meta(pattern="^OTEL_[A-Z0-9_]+$")], str] = field(default_factory=dict)
    """OTEL_… variables of all tenants' pods, such as OTEL_EXPORTER_OTLP_ENDPOINT; empty = no traces."""


class OwnRule(Part, frozen=True, omit_defaults=True):
    """What one alert is given; all but thresholds holds for its critical and its warning rule alike."""

    severity: Annotated[str, Meta(pattern="^[a-z]*$")] = ""
    """Severity instead of its own; routes of Alertmanager go by it."""
    for_: Annotated[str, Meta(pattern=r"^([0-9]+(ms|s|m|h|d|w))*$")] = field(default="", name="for")
    """How long its expression must hold before it fires."""
    thresholds: dict[str, Annotated[float, Meta(ge=0)]] = field(default_factory=dict)
    """By severity of its rules, the number with which it compares; docs/guides/alerts.md lists defaults and units."""
    labels: Texts = field(default_factory=dict)
    """More labels."""
    annotations: Texts = field(default_factory=dict)
    """More annotations."""


class Alerts(Part, frozen=True):
    """Alert rules for all tenants and the operator, each with a runbook."""

    enabled: bool = False
    """Make them."""
    kind: Literal["PrometheusRule", "ConfigMap"] = "PrometheusRule"
    """PrometheusRule (monitoring.renderMode holds), or a ConfigMap with a rule file for a plain Prometheus."""
    labels: Texts = field(default_factory=dict)
    """Labels by which Prometheus selects its rules."""
    runbook_url: str = ""
    """Where docs/runbooks can be read, such as https://git.example.com/aftersend/docs/runbooks; empty = no link."""
    dashboard_url: str = ""
    """Address of Grafana; empty = no link."""
    exclude: list[str] = field(default_factory=list)
    """Names of alerts that are left out."""
    exclude_groups: list[str] = field(default_factory=list)
    """Names of groups whose alerts are left out, such as aftersend-redis; what they record stays."""
    rule_labels: Texts = field(default_factory=dict)
    """More labels of every alert, such as cluster: prod-1 where one Alertmanager serves many clusters."""
    rule_annotations: Texts = field(default_factory=dict)
    """More annotations of every alert."""
    rules: dict[str, OwnRule] = field(default_factory=dict)
    """By name of an alert: its severity, its for, its thresholds, its labels and annotations."""


class Pager(Part, frozen=True):
    """Where critical alerts go; without a pager they go where warnings go, only sooner and more often."""

    kind: Literal["none", "pagerduty", "webhook"] = "none"
    """pagerduty = events API 2, webhook = Alertmanager's JSON with a bearer token; the key is in the file pager-key."""
    url: Annotated[str, Meta(pattern=r"^(https?://.+)?$")] = ""
    """Address; empty = PagerDuty's own, for others required. It is not secret: the key is in the file."""


class Chat(Part, frozen=True):
    """Where warnings go: an incoming webhook that understands Slack's messages (Mattermost, Rocket.Chat, Zulip, …)."""

    enabled: bool = False
    """Send to the address that stands in the file chat-url."""


class Mail(Part, frozen=True):
    """Where warnings go, too."""

    to: str = ""
    """Recipients, separated by commas; empty = no e-mail."""
    sender: str = ""
    """Address of the sender."""
    smarthost: Annotated[str, Meta(pattern=r"^(.+:[0-9]+)?$")] = ""
    """Mail server and port, such as mail.example.com:587."""
    username: str = ""
    """Name for the mail server, whose password stands in the file mail-password; empty = no login."""
    require_tls: bool = True
    """Refuse a mail server without TLS."""


class Notifications(Part, frozen=True):
    """A Secret with a complete configuration of Alertmanager: routes, receivers and texts."""

    enabled: bool = False
    """Make the Secret <full name>-alertmanager: an Alertmanager's configSecret, or its configuration folder."""
    language: Literal["en", "de"] = "en"
    """Language of the messages."""
    config_directory: Annotated[str, Meta(pattern="^/")] = "/etc/alertmanager/config"
    """Where Alertmanager has this Secret; the default is the Prometheus operator's place."""
    secrets_directory: Annotated[str, Meta(pattern="^/")] = "/etc/alertmanager/secrets/aftersend"
    """Where Alertmanager has your Secret with the files pager-key, chat-url and mail-password (of used channels)."""
    pager: Pager = Pager()
    chat: Chat = Chat()
    mail: Mail = Mail()


class Dashboards(Part, frozen=True):
    """Grafana's dashboards, fleet and tenant."""

    enabled: bool = False
    """Make a ConfigMap for each, which the sidecar of Grafana's chart finds by its label."""
    labels: Texts = field(default_factory=lambda: {"grafana_dashboard": "1"})
    """Labels by which the sidecar finds them."""
    annotations: Texts = field(default_factory=dict)
    """Annotations, such as the folder (grafana_folder: Aftersend)."""


class Monitoring(Part, frozen=True):
    """Metrics of the operator, and what is made of all metrics."""

    kind: Literal["none", "PodMonitor", "ServiceMonitor"] = "none"
    """How Prometheus finds the operator."""
    render_mode: RenderMode = "skip"
    """What to do where the cluster does not know the kind: skip it, fail, or always render it."""
    interval: Annotated[str, Meta(pattern=r"^[0-9]+(ms|s|m)$")] = "30s"
    """How often it is scraped."""
    labels: Texts = field(default_factory=dict)
    """Labels by which Prometheus selects its monitors."""
    alerts: Alerts = Alerts()
    dashboards: Dashboards = Dashboards()
    notifications: Notifications = Notifications()


class NetworkPolicy(Part, frozen=True):
    """Network policy of the operator; those of the tenants are always made."""

    enabled: bool = True
    """Let the operator reach only DNS, the API server and tenants' probes, and be reached only for metrics."""
    scrape_namespace_selector: Texts = field(default_factory=dict)
    """Labels of the namespaces from which the operator is scraped; empty = as tenants.scrapeNamespaceSelector."""
    api_server_ports: list[Annotated[int, Meta(ge=1, le=65535)]] = field(
        default_factory=lambda: [443, 6443, 8443, 16443]
    )
    """Ports on which the API server is reached."""


class Values(Part, frozen=True):
    """All values."""

    full_name_override: Annotated[str, Meta(max_length=40)] = field(default="", name="fullnameOverride")
    """Name of all objects of the release; empty = made from release and chart."""
    watch_namespaces: list[Namespace] = field(default_factory=list)
    """Namespaces whose tenants are served, with a Role in each; empty = all namespaces, with a ClusterRole."""
    common_labels: Texts = field(default_factory=dict)
    """More labels of all objects of the release, as far as the chart does not set them itself."""
    common_annotations: Texts = field(default_factory=dict)
    """More annotations of all objects of the release."""
    adapt_security_context: Literal["auto", "always", "never"] = "auto"
    """Leave the choice of users to the cluster, in the operator's and the tenants' pods: auto = on OpenShift."""
    extra_objects: list[Object | str] = field(default_factory=list)
    """More objects of the release, as maps or as texts; templates in them are rendered."""
    crds: Crds = Crds()
    rbac: Rbac = Rbac()
    service_account: ServiceAccount = ServiceAccount()
    images: Images = Images()
    image_pull_secrets: list[PullSecret] = field(default_factory=list)
    """Secrets with the registry's credentials, for the operator; tenants name theirs in spec.pods."""
    operator: Operator = Operator()
    tenants: Tenants = Tenants()
    monitoring: Monitoring = Monitoring()
    network_policy: NetworkPolicy = NetworkPolicy()
