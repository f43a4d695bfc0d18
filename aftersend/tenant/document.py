"""The tenant document: one model, three uses.

The same YAML is the custom resource ``AftersendTenant``, the file of ``aftersend up -f`` and the source of the CRD
schema. Unknown fields are errors that name their path. Secrets never stand in it, only references to them. The version
stays ``v1``: the document grows by optional fields only.

Field docstrings are the reference: the table in the docs and the descriptions in the CRD are made from them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from aftersend.tenant.fields import (
    BackupLocation,
    CountryCode,
    Cron,
    Day,
    DnsName,
    GatewayName,
    HsCode,
    Line,
    MaybeEmpty,
    MethodName,
    Name,
    Namespace,
    Section,
    ShortLine,
    TagName,
    TimeZone,
    Url,
    VolumeSize,
    WebhookPath,
)
from aftersend.tenant.pods import Pods
from aftersend.tenant.tax_numbers import OwnTaxNumber

API_VERSION = "aftersend.jj-ideenschmiede.de/v1"
KIND = "AftersendTenant"

DateField = Literal["AuctionEndDate", "FeedbackDate", "PayDate", "InvoiceDate", "ModDate", "XmlDate"]
Integration = Line | Annotated[int, Meta(ge=1, le=2**53 - 1)]
CarrierCode = Annotated[str, Meta(min_length=1, max_length=50)]
TagNames = Annotated[list[TagName], Meta(max_length=50)]
MethodNames = Annotated[list[MethodName], Meta(max_length=50)]
ProblemTags = Annotated[dict[Annotated[str, Meta(min_length=1, max_length=50)], MaybeEmpty], Meta(max_length=20)]
Carriers = Annotated[dict[CarrierCode, Line], Meta(max_length=100)]


class Credentials(Section, frozen=True):
    """A reference to a Kubernetes Secret (or a folder of files) that holds the keys of one side."""

    secret_name: DnsName
    """Name of the Secret in the tenant's namespace."""


class Afterbuy(Section, frozen=True):
    """The merchant's Afterbuy account."""

    credentials: Credentials
    """Keys partnerToken, accountToken, partnerId (optional), partnerPassword (accepted, unused)."""
    url: Url = "https://api.afterbuy.de/afterbuy/ABInterface.aspx"
    """Address of the XML interface."""


class Sendcloud(Section, frozen=True):
    """The merchant's Sendcloud account."""

    credentials: Credentials
    """Keys publicKey, secretKey, webhookSignatureKey (optional)."""
    integration: Integration
    """Name of the integration (looked up once, then pinned) or its numeric id."""
    url: Url = "https://panel.sendcloud.sc/api"
    """Address of the API; /v2 and /v3 are added."""


class Window(Section, frozen=True):
    """Which orders an export reads."""

    lookback_days: Annotated[int, Meta(ge=0, le=30)] = 1
    """Whole days before today: 1 means today and yesterday."""
    catch_up_days: Annotated[int, Meta(ge=1, le=90)] = 14
    """How far back a run reaches after an outage, how late an order may appear, how long held orders are watched."""
    date_field: DateField = "AuctionEndDate"
    """The date in Afterbuy that decides which day an order belongs to."""
    not_before: Day | None = None
    """Orders dated before this day (YYYY-MM-DD, in the tenant's time zone) are never transferred."""


class Only(Section, frozen=True):
    """Restrictions on what goes; marketplace-fulfilled items are always left out."""

    paid: bool = False
    """Transfer paid orders only."""
    platforms: Annotated[list[Line], Meta(max_length=50)] = msgspec.field(default_factory=list)
    """Transfer orders of these platforms only (ItemPlatformName, any letter case); empty = all."""
    tags: TagNames = msgspec.field(default_factory=list)
    """Transfer orders with one of these tags only (any letter case); empty = all."""
    not_tags: TagNames = msgspec.field(default_factory=list)
    """Hold orders with any of these tags (any letter case)."""
    shipping_methods: MethodNames = msgspec.field(default_factory=list)
    """Transfer orders of these shipping methods only (whole name, any letter case); empty = all."""
    not_shipping_methods: MethodNames = msgspec.field(default_factory=list)
    """Hold orders of these shipping methods (whole name, any letter case)."""
    min_age_minutes: Annotated[int, Meta(ge=0, le=10080)] = 0
    """Transfer an order only so long after its OrderDate: time for the buyer to cancel or to combine orders."""


class Weight(Section, frozen=True):
    """How weights are read, and what an order without any weight gets."""

    unit: Literal["kg", "g"] = "kg"
    """Unit of Afterbuy's ItemWeight."""
    default: Annotated[float, Meta(ge=0.001, le=1000)] = 3
    """Total weight in kg of an order without any weight."""
    label: ShortLine = "Kleinpaket"
    """Delivery indicator and order tag of an order without any weight."""
    missing: Literal["default", "hold"] = "default"
    """What happens to an order without any weight: it gets the default weight, or it is held until it has one."""


class DeliveryRules(Section, frozen=True):
    """How the shipping method is chosen in Sendcloud."""

    option_code: Line | None = None
    """A fixed Sendcloud shipping option code; null leaves the choice to Sendcloud's shipping rules."""
    indicator: Literal["shippingMethod", "none"] = "shippingMethod"
    """What the delivery indicator carries: Afterbuy's shipping method, or nothing."""


class Customs(Section, frozen=True):
    """Customs data for destinations outside the EU customs union or its tax area."""

    shipment_type: Literal["gift", "commercial_goods", "commercial_sample", "returned_goods"] = "commercial_goods"
    """Kind of shipment for customs."""
    export_type: Literal["private", "commercial_b2c", "commercial_b2b"] = "commercial_b2c"
    """Kind of export for customs."""
    origin_country: CountryCode = "DE"
    """Country of origin of items whose product names none."""
    hs_code: HsCode | None = None
    """HS code of items whose product names none."""
    tax_numbers: Annotated[list[OwnTaxNumber], Meta(max_length=20)] = msgspec.field(default_factory=list)
    """The merchant's own tax numbers; each goes with the parcels that it is made for."""


class Export(Section, frozen=True):
    """The way from Afterbuy to Sendcloud."""

    schedule: Cron = "0 * * * *"
    """When exports run: five cron fields, in the tenant's time zone."""
    window: Window = Window()
    only: Only = msgspec.field(default_factory=Only)
    weight: Weight = Weight()
    delivery: DeliveryRules = DeliveryRules()
    customs: Customs = msgspec.field(default_factory=Customs)


class WriteBack(Section, frozen=True):
    """What comes back to Afterbuy."""

    tag: MaybeEmpty = "Sendcloud abgeschlossen"
    """Tag that a finished order gets; empty = no tag."""
    tracking: Literal["number", "link"] = "number"
    """What AdditionalInfo gets."""
    link_field: Literal["VorgangsInfo1", "VorgangsInfo2", "VorgangsInfo3"] | None = None
    """A field that gets the tracking link in addition."""
    problem_tag: MaybeEmpty = ""
    """Tag that an order carries while it has a problem (any but unreadable); empty = none."""
    problem_tags: ProblemTags = msgspec.field(default_factory=dict)
    """Problem code -> tag, over problemTag; an empty one sets none for that code."""
    carriers: Carriers = msgspec.field(default_factory=dict)
    """Sendcloud carrier code -> name that the merchant's Afterbuy rules expect, over the built-in names."""
    parcel_labels: bool = False
    """Also write ParcelLabels (all to the first item)."""
    mark_shipped: Literal["never", "onLabel", "onPickup"] = "never"
    """When the order gets a dispatch date."""

    @property
    def tags(self) -> list[str]:
        """Every tag that may be set in Afterbuy, each once."""
        names = (self.tag, self.problem_tag, *self.problem_tags.values())
        return list(dict.fromkeys(name for name in names if name.strip()))


class Sweep(Section, frozen=True):
    """The safety net below the webhook."""

    schedule: Cron = "*/20 * * * *"
    """When changed parcels are read: five cron fields, in the tenant's time zone."""
    overlap_minutes: Annotated[int, Meta(ge=1, le=1440)] = 15
    """How far each sweep reaches back behind the last one."""
    api: Literal["auto", "v2", "v3"] = "auto"
    """Which API of Sendcloud lists changed parcels; auto = v2, and v3 once Sendcloud has closed v2."""


class Webhook(Section, frozen=True):
    """Where Sendcloud reports changed parcels."""

    host: DnsName | None = None
    """Public host name."""
    path: WebhookPath = "/webhooks/sendcloud"
    """Path of the webhook."""
    ingress_class_name: DnsName | None = None
    """Class of the Ingress to create; exclusive with gateway."""
    gateway: GatewayName | None = None
    """Gateway ("name" or "namespace/name") for an HTTPRoute; exclusive with ingressClassName."""
    tls_secret_name: DnsName | None = None
    """Secret with the certificate of the Ingress."""


class RedisStore(Section, frozen=True):
    """Where the tenant's streams and ledger live."""

    mode: Literal["managed", "external"] = "managed"
    """managed = one Redis per tenant; external = an existing one by URL."""
    url_secret_name: DnsName | None = None
    """Secret with the key url of an external Redis."""
    storage: VolumeSize = "1Gi"
    """Size of the volume of a managed Redis."""


class BackupPolicy(Section, frozen=True):
    """Encrypted copies of the tenant's Redis."""

    schedule: Cron = "10 * * * *"
    """When backups run: five cron fields, in the tenant's time zone."""
    keep_hours: Annotated[int, Meta(ge=1, le=8760)] = 120
    """How long a backup is kept."""
    target: BackupLocation = "volume"
    """A volume, or s3://bucket/prefix."""
    credentials_secret_name: DnsName | None = None
    """Secret for an s3 target with the keys accessKeyId, secretAccessKey, region and endpoint (each optional)."""


class Spec(Section, frozen=True):
    """What a platform team decides for one merchant."""

    afterbuy: Afterbuy
    sendcloud: Sendcloud
    suspend: bool = False
    """Stops export and write-back; the webhook keeps storing events."""
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    """What happens to Redis volume, backups and generated secrets when the tenant is deleted."""
    time_zone: TimeZone = "Europe/Berlin"
    """IANA name; days and schedules are meant in it."""
    export: Export = msgspec.field(default_factory=Export)
    write_back: WriteBack = msgspec.field(default_factory=WriteBack)
    sweep: Sweep = Sweep()
    webhook: Webhook = Webhook()
    redis: RedisStore = RedisStore()
    backup: BackupPolicy = BackupPolicy()
    topology: Literal["split", "compact"] = "split"
    """split = three deployments; compact = one process runs all three."""
    pods: Pods = Pods()


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Kubernetes' own metadata; only name and namespace matter here, the rest is accepted and ignored."""

    name: Name
    namespace: Namespace | None = None


class Tenant(Section, frozen=True):
    """One merchant: the whole document."""

    api_version: Literal["aftersend.jj-ideenschmiede.de/v1"]
    kind: Literal["AftersendTenant"]
    metadata: Metadata
    spec: Spec
    status: dict[str, Any] = msgspec.field(default_factory=dict)
    """Written by the operator; ignored here."""

    @property
    def identity(self) -> str:
        """``<namespace>.<name>``, or ``<name>`` without namespace: stands in keys, metrics and logs."""
        namespace = self.metadata.namespace
        return f"{namespace}.{self.metadata.name}" if namespace else self.metadata.name

    def with_webhook_path(self, path: str) -> "Tenant":
        """Copy the document with another path of the webhook."""
        webhook = msgspec.structs.replace(self.spec.webhook, path=path)
        return msgspec.structs.replace(self, spec=msgspec.structs.replace(self.spec, webhook=webhook))
