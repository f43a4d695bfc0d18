"""The Sendcloud side of the simulated world: integrations, incoming orders, parcels, webhooks under way.

Plain mutable data; all times aware and UTC. An incoming order is kept as the JSON object that was pushed, because the
real API gives it back that way. Saving is asynchronous: a pushed body waits in ``pending`` until it is due.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

STATUS_MESSAGES = {
    999: "No label",
    1001: "Being announced",
    1002: "Announcement failed",
    1000: "Ready to send",
    1: "Announced",
    13: "Announced: not collected",
    15: "Error collecting",
    22: "Shipment picked up by driver",
    3: "En route to sorting center",
    5: "Sorted",
    6: "Not sorted",
    7: "Being sorted",
    62990: "At sorting centre",
    91: "Parcel en route",
    92: "Driver en route",
    62989: "At Customs",
    4: "Delivery delayed",
    8: "Delivery attempt failed",
    62993: "Delivery method changed",
    62994: "Delivery date changed",
    62995: "Delivery address changed",
    12: "Awaiting customer pickup",
    11: "Delivered",
    93: "Shipment collected by customer",
    80: "Unable to deliver",
    62991: "Refused by recipient",
    62992: "Returned to sender",
    62996: "Exception",
    62997: "Address invalid",
    1999: "Cancellation requested",
    2001: "Submitting cancellation request",
    1998: "Cancelled upstream",
    2000: "Cancelled",
    94: "Parcel cancellation failed.",
    1337: "Unknown status - check carrier track & trace page for more insights",
}
"""The numeric v2 list as it is live in 2026."""


@dataclass(slots=True)
class FailedWebhook:
    """A line of an integration's log of failed webhook calls."""

    at: datetime
    attempt: int
    status: int
    """HTTP status, 0 if there was no answer."""
    action: str


@dataclass(slots=True)
class SendcloudIntegration:
    """One integration of the account; ``signature_key`` empty = the secret key signs."""

    id: int
    shop_name: str
    system: str = "api"
    shop_url: str = ""
    webhook_active: bool = False
    webhook_url: str = ""
    signature_key: str = ""
    feedback_type: str = "eager"
    service_point_enabled: bool = False
    service_point_carriers: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    failing_since: datetime | None = None
    last_fetch: datetime | None = None
    failed: list[FailedWebhook] = field(default_factory=list)


@dataclass(slots=True)
class SendcloudOrder:
    """An incoming order as saved; ``body`` is the pushed JSON object, ``labelled`` stops later changes."""

    id: int
    order_id: str
    integration: int
    body: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    shipment_uuid: str = ""
    labelled: bool = False

    @property
    def order_number(self) -> str:
        """The number that people see and search."""
        return str(self.body["order_number"])


@dataclass(slots=True)
class PendingSave:
    """A pushed body between the 201 and its saving; ``due`` None waits for a person to advance it."""

    id: int
    body: dict[str, Any]
    due: datetime | None


@dataclass(slots=True)
class Recipient:
    """Name and address as in a v2 parcel."""

    name: str = ""
    company_name: str = ""
    address: str = ""
    """Street and house number together."""
    address_2: str = ""
    street: str = ""
    house_number: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = "DE"
    state: str | None = None
    telephone: str = ""
    email: str = ""


@dataclass(slots=True)
class SendcloudParcel:
    """One parcel, labelled or not; texts are empty, not None, where Sendcloud answers an empty text."""

    id: int
    integration: int
    recipient: Recipient
    created_at: datetime
    updated_at: datetime
    order_number: str = ""
    external_order_id: str = ""
    external_shipment_id: str | None = ""
    external_reference: str | None = None
    shipment_uuid: str | None = None
    status: int = 999
    tracking_number: str = ""
    tracking_url: str | None = None
    carrier: str = "dhl_de"
    method_id: int = 8
    method_name: str = "DHL Paket 0-5kg"
    weight: Decimal = Decimal("1.000")
    colli_uuid: str | None = None
    collo_nr: int = 0
    collo_count: int = 1
    is_return: bool = False
    announced_at: datetime | None = None
    shipped_at: datetime | None = None
    note: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)
    order_total: str | None = None
    currency: str | None = None

    @property
    def message(self) -> str:
        """The text of the status."""
        return STATUS_MESSAGES.get(self.status, "Unknown")

    @property
    def cancelled(self) -> bool:
        """True once the carrier or Sendcloud has cancelled the label."""
        return self.status in {1998, 2000}


class ParcelBook:
    """All parcels by id (ascending, ids only grow), with a look-up by order number."""

    def __init__(self) -> None:
        self._by_id: dict[int, SendcloudParcel] = {}
        self._ids: list[int] = []
        self._by_number: dict[str, list[SendcloudParcel]] = defaultdict(list)

    def add(self, parcel: SendcloudParcel) -> None:
        """Add a parcel; its order number changes by ``rename`` only."""
        self._by_id[parcel.id] = parcel
        self._ids.append(parcel.id)
        self._by_number[parcel.order_number].append(parcel)

    def rename(self, parcel: SendcloudParcel, order_number: str) -> None:
        """Give a parcel another order number."""
        self._by_number[parcel.order_number].remove(parcel)
        parcel.order_number = order_number
        self._by_number[order_number].append(parcel)

    def get(self, parcel_id: int) -> SendcloudParcel | None:
        """Return the parcel, or None."""
        return self._by_id.get(parcel_id)

    def __getitem__(self, parcel_id: int) -> SendcloudParcel:
        return self._by_id[parcel_id]

    def of_number(self, order_number: str) -> list[SendcloudParcel]:
        """List all parcels of an order number, of any integration, oldest first."""
        return list(self._by_number.get(order_number, ()))

    def newest_first(self, below: int | None = None) -> Iterator[SendcloudParcel]:
        """Yield all parcels (with ids below the given one), the youngest id first."""
        end = len(self._ids) if below is None else bisect_left(self._ids, below)
        return (self._by_id[self._ids[index]] for index in range(end - 1, -1, -1))

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[SendcloudParcel]:
        return iter(self._by_id.values())


@dataclass(slots=True)
class Limits:
    """How much one account may call; a benchmark may raise them."""

    reads_per_minute: int = 1000
    writes_per_minute: int = 100
    burst: int = 15
    """Writes per second."""


OrderKey = tuple[int, str]
"""(integration id, order_id): the key that POST /orders upserts by."""


@dataclass(slots=True)
class SendcloudAccount:
    """One Sendcloud account."""

    integrations: dict[int, SendcloudIntegration] = field(default_factory=dict)
    orders: dict[OrderKey, SendcloudOrder] = field(default_factory=dict)
    by_id: dict[int, SendcloudOrder] = field(default_factory=dict)
    pending: dict[OrderKey, PendingSave] = field(default_factory=dict)
    parcels: ParcelBook = field(default_factory=ParcelBook)
    limits: Limits = field(default_factory=Limits)
    save_seconds: float | None = 0.2
    """Seconds between the 201 and the saving; None = until the control API says so."""
    next_order: int = 664
    next_parcel: int = 400_000_001
