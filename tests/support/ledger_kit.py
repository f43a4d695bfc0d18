"""What tests of the ledger and the writer share: keys, events, a ledger on a real server."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from aftersend.key_files import make_data_keys
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.redis.connection import connect
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import ParcelEvent

TENANT = "shop.mueller"
NOW = 1_795_500_000_000
"""ms; a morning in November 2026."""
LABEL, PICKED_UP, DELIVERED, CANCELLED, CANCELLATION_FAILED, UNKNOWN = 1000, 22, 11, 2000, 94, 1337


def keyring(folder: Path) -> Keyring:
    make_data_keys(folder)
    return Keyring(SecretFiles(folder))


def client(url: str) -> Redis:
    return connect(url, SecretFiles(Path("/nowhere/redis")), part="writer")


async def recovered(redis: Redis) -> None:
    """The tenant is not recovering: what the ledger holds may be written."""
    state = TenantState(redis, tenant=TENANT)
    await state.set("sweep.cursor", "2026-11-24T08:00:00Z")
    await state.set("recovered", "1")


class ManualClock:
    """Seconds since 1970, turned by hand."""

    def __init__(self, ms: int = NOW) -> None:
        self.ms = ms

    def __call__(self) -> float:
        return self.ms / 1000


def mac(text: str) -> str:
    """A mark that shows what it marks; good enough for pure tests."""
    return f"mac({text})"


def parcel(parcel: str = "11", status: int = LABEL, *, time: int | None = NOW, **fields: Any) -> ParcelEvent:
    defaults: dict[str, Any] = {
        "received": NOW + 1000,
        "number": f"0034043446418152406{parcel}",
        "url": f"https://track.example/?n={parcel}",
        "carrier": "dhl",
    }
    return ParcelEvent(parcel=parcel, status=status, time=time, **{**defaults, **fields})


def ledger(redis: Redis, keys: Keyring, clock: ManualClock) -> Ledger:
    return Ledger(redis, tenant=TENANT, keyring=keys, clock=clock, zone=ZoneInfo("Europe/Berlin"))
