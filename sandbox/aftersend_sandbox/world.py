"""The simulated world: one merchant's Afterbuy account, his Sendcloud account, and what happened in both.

``World`` holds all of it; servers, control API, page and seeds work on the same object. Times everywhere are aware UTC
times of ``World.clock``; no other clock is asked.
"""

from dataclasses import dataclass, field
from typing import Final

from aftersend_sandbox.afterbuy.state import (
    Address,
    AfterbuyOrder,
    AfterbuyWorld,
    OrderBook,
    ParcelLabel,
    Payment,
    Product,
    Shipping,
    SoldItem,
)
from aftersend_sandbox.clock import Clock
from aftersend_sandbox.faults import Faults
from aftersend_sandbox.journal import Entry, Journal
from aftersend_sandbox.sendcloud.state import (
    STATUS_MESSAGES,
    FailedWebhook,
    Integration,
    Limits,
    Parcel,
    ParcelBook,
    PendingSave,
    Recipient,
    SendcloudOrder,
    SendcloudWorld,
)
from aftersend_sandbox.switches import Switches

__all__ = [
    "INTEGRATION_ID",
    "STATUS_MESSAGES",
    "Address",
    "AfterbuyOrder",
    "AfterbuyWorld",
    "Clock",
    "Credentials",
    "Entry",
    "FailedWebhook",
    "Faults",
    "Integration",
    "Journal",
    "Limits",
    "OrderBook",
    "Parcel",
    "ParcelBook",
    "ParcelLabel",
    "Payment",
    "PendingSave",
    "Product",
    "Recipient",
    "SendcloudOrder",
    "SendcloudWorld",
    "Shipping",
    "SoldItem",
    "Switches",
    "World",
]

INTEGRATION_ID: Final = 4711
"""The integration "J&J Aftersend" that the bridge belongs to."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys that the sandbox knows; fixed and public, since everything behind them is invented."""

    partner_token: str = "sandbox-partner"  # noqa: S105 - invented
    account_token: str = "sandbox-account"  # noqa: S105 - invented
    partner_id: str = "1001"
    public_key: str = "sandbox-public"
    secret_key: str = "sandbox-secret"  # noqa: S105 - invented
    signature_key: str = "sandbox-signature-key"


def _integrations() -> dict[int, Integration]:
    """The account's integrations: ours between two others of nearly the same name."""
    ours = Integration(INTEGRATION_ID, "J&J Aftersend", signature_key=Credentials().signature_key)
    shop = Integration(4700, "J&J Shop", system="shopware", shop_url="https://shop.example.org")
    old = Integration(4699, "J&J Aftersend alt")
    return {each.id: each for each in (old, shop, ours)}


@dataclass(slots=True)
class World:
    """Everything there is."""

    clock: Clock = field(default_factory=Clock)
    credentials: Credentials = field(default_factory=Credentials)
    afterbuy: AfterbuyWorld = field(default_factory=AfterbuyWorld)
    sendcloud: SendcloudWorld = field(default_factory=lambda: SendcloudWorld(integrations=_integrations()))
    journal: Journal = field(default_factory=Journal)
    switches: Switches = field(default_factory=Switches)
    faults: Faults = field(default_factory=Faults)
