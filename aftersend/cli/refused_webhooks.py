"""What the running webhook service refused, for ``aftersend check``: asked at the admin address of this machine or pod.

Only the process that receives webhooks knows it; its user of Redis may not write it there. Where that process is
another pod the finding is null and names the command that shows it.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout

from aftersend.settings import ListenAddress
from aftersend.tenant.document import Tenant
from aftersend.undecodable import UNDECODABLE

_TIMEOUT: Final = ClientTimeout(total=3)
_MANY: Final = 5
"""One refused in so many: with fewer, others call the address, as they call every address."""
_CURE: Final = (
    "copy the signature key of the integration at Sendcloud into webhookSignatureKey of the secret, as a second line, "
    "then `aftersend trigger sweep --wait`; if Sendcloud's webhooks are stored all the same, the others are forged"
)


class RefusedWebhooks(msgspec.Struct, frozen=True, rename="camel"):
    """The facts ``webhooks`` and ``webhooksRefusedSince`` of one tenant; counts of the last hour."""

    refused: int = 0
    stored: int = 0
    last_refused: str = ""
    since: str = ""

    @property
    def are_many(self) -> bool:
        """Whether a person should look: the key differs, or many are forged."""
        return self.refused * _MANY > self.refused + self.stored

    def __str__(self) -> str:
        """Say what was refused, since when, and what was stored meanwhile."""
        if not self.refused:
            return f"none refused within the last hour, {self.stored} stored"
        return (
            f"{self.refused} webhooks with a wrong signature within the last hour, {self.stored} stored; "
            f"since {self.since or 'then'}, the last one {self.last_refused}"
        )


async def refused_webhooks(tenant: Tenant, admin: ListenAddress) -> RefusedWebhooks | None:
    """Ask the process that serves here; None if there is none, or it receives no webhooks of the tenant."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(admin.host, admin.host)  # noqa: S104 - where it listens
    url = f"http://{f'[{host}]' if ':' in host else host}:{admin.port}/readyz?verbose"
    with suppress(ClientError, OSError, TimeoutError, asyncio.TimeoutError, *UNDECODABLE):
        async with ClientSession(timeout=_TIMEOUT) as session, session.get(url, allow_redirects=False) as response:
            return _parsed(await response.read(), tenant.identity)
    return None


def _parsed(body: bytes, identity: str) -> RefusedWebhooks | None:
    reported = msgspec.json.decode(body, type=dict[str, dict[str, Any]])
    for name in (identity, f"{identity} webhook"):
        facts = reported.get(name, {})
        if "webhooks" in facts:
            found = msgspec.convert(facts["webhooks"], RefusedWebhooks)
            return msgspec.structs.replace(found, since=str(facts.get("webhooksRefusedSince", "")))
    return None


def cure_for(tenant: Tenant, found: RefusedWebhooks | None) -> str:
    """Say what to do about refused webhooks, or where they are shown."""
    if found is not None:
        return _CURE if found.are_many else ""
    namespace, name = tenant.metadata.namespace, tenant.metadata.name
    if not namespace:
        return "check again on the machine of the webhook service, with its AFTERSEND_ADMIN_LISTEN"
    return f"kubectl -n {namespace} get aftersendtenant {name} -o jsonpath='{{.status.webhooks}}'"
