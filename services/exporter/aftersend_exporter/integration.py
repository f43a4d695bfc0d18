"""The integration that orders are pushed to: looked up by name, and pinned to the id of the first look-up.

The integration's id is one half of the key under which Sendcloud keeps our orders. Another id would make every open
order appear a second time. So a numeric id is used as it is; a name is looked up in every run, but its id is pinned
at the first time, and if the look-up ever finds another one, the run fails and a person decides.
"""

from aftersend.errors import Misconfigured
from aftersend.ledger.tenant_state import TenantState
from aftersend.sendcloud.client import SendcloudClient
from aftersend.sendcloud.model import SENDCLOUD

_PATH = "spec.sendcloud.integration"


async def integration_id(wanted: str | int, *, sendcloud: SendcloudClient, state: TenantState, pin: bool = True) -> int:
    """Return the id to push under; ``Misconfigured`` if the name is unknown, ambiguous, or has another id now."""
    if isinstance(wanted, int):
        return wanted
    if wanted.strip().isdecimal():
        return int(wanted)
    found = await _lookup(wanted.strip(), sendcloud)
    pinned = await _pinned(wanted.strip(), state)
    if pinned is not None and pinned != found:
        raise Misconfigured(
            f"the integration's name means id {found} now, it was {pinned}",
            upstream=SENDCLOUD,
            path=_PATH,
            cure="name the right one by its numeric id: another id sends every open order a second time",
        )
    if pin and pinned is None:
        await state.set("integration", f"{wanted.strip()}={found}")
    return found


async def _lookup(name: str, sendcloud: SendcloudClient) -> int:
    ids = sorted({one.id for one in await sendcloud.integrations() if one.shop_name.strip() == name})
    if not ids:
        raise Misconfigured(
            "there is no integration of that name",
            upstream=SENDCLOUD,
            path=_PATH,
            cure="create it in Sendcloud, or correct the name",
        )
    if len(ids) > 1:
        raise Misconfigured(
            "several integrations have that name", upstream=SENDCLOUD, path=_PATH, cure=f"use one of the ids {ids}"
        )
    return ids[0]


async def _pinned(name: str, state: TenantState) -> int | None:
    """Return the id that was found for this very name; another name in the document starts anew."""
    known, _, number = (await state.get("integration") or "").rpartition("=")
    return int(number) if known == name and number.isdecimal() else None
