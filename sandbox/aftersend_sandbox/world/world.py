"""The simulated world: one merchant's Afterbuy account, his Sendcloud account, and what happened in both.

``World`` holds all of it; servers, control API, page and seeds work on the same object. Times everywhere are aware UTC
times of ``World.clock``; no other clock is asked.
"""

from dataclasses import dataclass, field
from typing import Final

from aftersend_sandbox.clock import SandboxClock
from aftersend_sandbox.faults import Faults
from aftersend_sandbox.switches import Switches
from aftersend_sandbox.world.afterbuy_account import (
    AfterbuyAccount,
)
from aftersend_sandbox.world.journal import Journal
from aftersend_sandbox.world.sendcloud_account import (
    SendcloudAccount,
    SendcloudIntegration,
)

INTEGRATION_ID: Final = 4711
"""The integration "J&J Aftersend" that the bridge belongs to."""


@dataclass(frozen=True, slots=True)
class SandboxCredentials:
    """The keys that the sandbox knows; fixed and public, since everything behind them is invented."""

    partner_token: str = "sandbox-partner"  # noqa: S105 - invented
    account_token: str = "sandbox-account"  # noqa: S105 - invented
    partner_id: str = "1001"
    public_key: str = "sandbox-public"
    secret_key: str = "sandbox-secret"  # noqa: S105 - invented
    signature_key: str = "sandbox-signature-key"


def _integrations() -> dict[int, SendcloudIntegration]:
    """Make the account's integrations: ours between two others of nearly the same name."""
    ours = SendcloudIntegration(INTEGRATION_ID, "J&J Aftersend", signature_key=SandboxCredentials().signature_key)
    shop = SendcloudIntegration(4700, "J&J Shop", system="shopware", shop_url="https://shop.example.org")
    old = SendcloudIntegration(4699, "J&J Aftersend alt")
    return {each.id: each for each in (old, shop, ours)}


@dataclass(slots=True)
class World:
    """Everything there is."""

    clock: SandboxClock = field(default_factory=SandboxClock)
    credentials: SandboxCredentials = field(default_factory=SandboxCredentials)
    afterbuy: AfterbuyAccount = field(default_factory=AfterbuyAccount)
    sendcloud: SendcloudAccount = field(default_factory=lambda: SendcloudAccount(integrations=_integrations()))
    journal: Journal = field(default_factory=Journal)
    switches: Switches = field(default_factory=Switches)
    faults: Faults = field(default_factory=Faults)
