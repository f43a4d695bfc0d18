"""``spec.pods``: what a platform team may say about a tenant's pods, and nothing that could weaken them.

Image, user, security context, ports and probes are the operator's. What stands here is laid over the operator's own
defaults: amount by amount, first ``resources``, then ``resourcesOf`` of the part.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftersend.tenant.fields import Bytes, Cores, DnsName, LabelKey, LabelValue, Section

Labels = Annotated[dict[LabelKey, LabelValue], Meta(max_length=30)]
Annotations = Annotated[dict[LabelKey, Annotated[str, Meta(max_length=4096)]], Meta(max_length=30)]


class Amounts(Section, frozen=True):
    """Processor time and memory of one container."""

    cpu: Cores | None = None
    """Processor time: 250m is a quarter of a core; null keeps the default of the part."""
    memory: Bytes | None = None
    """Memory with its unit, such as 128Mi; null keeps the default of the part."""


class Resources(Section, frozen=True):
    """What a container is promised and what it may not exceed."""

    requests: Amounts = Amounts()
    """What the scheduler sets aside."""
    limits: Amounts = Amounts()
    """What the container may not exceed."""


class PartResources(Section, frozen=True):
    """Resources of single parts, over those of all."""

    exporter: Resources = Resources()
    """The service that carries orders to Sendcloud."""
    webhook: Resources = Resources()
    """The service that Sendcloud calls."""
    writer: Resources = Resources()
    """The service that writes parcel numbers back to Afterbuy."""
    compact: Resources = Resources()
    """The one process of the compact topology."""
    redis: Resources = Resources()
    """The managed Redis."""
    export: Resources = Resources()
    """The job that asks for an export and waits for it."""
    backup: Resources = Resources()
    """The job that makes a backup."""


class Toleration(Section, frozen=True):
    """A taint of nodes that the pods put up with, as in a pod's spec."""

    key: LabelKey | None = None
    """Key of the taint; null with operator Exists means every taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Equal compares the value, Exists looks at the key only."""
    value: LabelValue | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; null means every effect."""
    toleration_seconds: Annotated[int, Meta(ge=0, le=86400 * 30)] | None = None
    """With effect NoExecute: how long a pod stays; null means for ever."""


class SecretReference(Section, frozen=True):
    """A Secret of the tenant's namespace, as in a pod's spec."""

    name: DnsName
    """Name of the Secret."""


class Pods(Section, frozen=True):
    """Where and with which resources the tenant's pods run."""

    resources: Resources = Resources()
    """Requests and limits of every part, over the operator's defaults."""
    resources_of: PartResources = PartResources()
    node_selector: Labels = msgspec.field(default_factory=dict)
    """Labels that a node must have."""
    tolerations: Annotated[list[Toleration], Meta(max_length=20)] = msgspec.field(default_factory=list)
    """Taints of nodes that the pods put up with, by their keys; not those of the control plane."""
    image_pull_secrets: Annotated[list[SecretReference], Meta(max_length=10)] = msgspec.field(default_factory=list)
    """Secrets with the credentials of the image registry."""
    storage_class: DnsName | None = None
    """Storage class of the volumes of Redis and of backups; null = the cluster's default. For new volumes only."""
    labels: Labels = msgspec.field(default_factory=dict)
    """More labels of the pods, as far as the operator's setting tenants.podLabels allows them."""
    annotations: Annotations = msgspec.field(default_factory=dict)
    """More annotations of the pods, as far as the operator's setting tenants.podAnnotations allows them."""
