"""The webhook service within the test's process, a sender that signs, and a reader of what is in Redis."""

import asyncio
import hashlib
import hmac
import io
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import redis.asyncio

from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import ParcelEvent
from aftersend.service.runtime import Runtime, Shared, http_session, runtime_for
from aftersend.settings import read_settings
from aftersend.stream.event import Event
from aftersend.stream.stream import Stream
from aftersend.tenant.loading import load_tenant
from aftersend_webhook.main import serve
from tests.support.part_kit import environment
from tests.support.stream_kit import until

TENANT = "shops.mueller"
KEY = "a-signature-key-of-some-length"
PATH = "/webhooks/sendcloud"
CANARY = "Kanarienvogel"
NUMBER = "00340434161094042557"
SENT = int(time.time() * 1000) - 5000
"""ms; fresh, because webhooks over 90 days old are dropped."""


def body(action: str = "parcel_status_changed", *, timestamp: int = SENT, **parcel: Any) -> bytes:
    """A webhook as Sendcloud sends it, full of invented people."""
    fields = {
        "id": 412345678,
        "name": f"Erika {CANARY}",
        "address": f"{CANARY}straße 12",
        "city": CANARY,
        "postal_code": "50667",
        "email": f"erika@{CANARY}.example",
        "order_number": "334455",
        "external_order_id": "afterbuy-334455",
        "status": {"id": 1000, "message": "Ready to send"},
        "tracking_number": NUMBER,
        "tracking_url": f"https://track.example/{CANARY}?code={NUMBER}",
        "carrier": {"code": "dhl_de"},
        "parcel_items": [{"description": f"{CANARY} aus Holz"}],
        "is_return": False,
        **parcel,
    }
    return json.dumps({"action": action, "timestamp": timestamp, "parcel": fields}).encode()


def signed(raw: bytes, key: str = KEY) -> dict[str, str]:
    """The header that Sendcloud adds."""
    return {"Sendcloud-Signature": hmac.new(key.encode(), raw, hashlib.sha256).hexdigest()}


@dataclass
class Response:
    """The response of the service."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class WebhookService:
    """A running webhook service."""

    runtime: Runtime
    session: aiohttp.ClientSession
    secrets: Path

    @property
    def port(self) -> int:
        return self.runtime.public.port

    async def send(self, raw: Any, *, method: str = "POST", path: str = PATH, **headers: str) -> Response:
        """Send exactly this; header names with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.port}{path}"
        data = io.BytesIO(raw) if isinstance(raw, bytes) else raw
        async with self.session.request(method, url, data=data, headers=named) as response:
            return Response(response.status, response.headers, await response.text())

    async def post(self, raw: bytes, key: str = KEY) -> Response:
        """Send it signed."""
        return await self.send(raw, **signed(raw, key))

    def counted(self) -> dict[str, int]:
        """``aftersend_webhooks_total`` by outcome."""
        return {
            sample.labels["outcome"]: int(sample.value)
            for metric in self.runtime.metrics.webhooks.collect()
            for sample in metric.samples
            if sample.name == "aftersend_webhooks_total" and sample.value
        }


@asynccontextmanager
async def hooks(folder: Path, redis_url: str, *, key: str = KEY) -> AsyncIterator[WebhookService]:
    """Run the real service, listening on the loopback interface."""
    settings = read_settings(environment(folder, AFTERSEND_REDIS_URL=redis_url))
    secrets = settings.secrets_dir
    (secrets / "sendcloud").mkdir(exist_ok=True)
    (secrets / "sendcloud" / "webhookSignatureKey").write_text(key)
    async with http_session() as http:
        shared = Shared(http=http)
        tenant = load_tenant(settings.tenant_file)
        async with (
            runtime_for(tenant=tenant, settings=settings, shared=shared, part="webhook") as runtime,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(runtime.public.serve(settings.listen, runtime.stop))
            group.create_task(serve(runtime))
            await until(lambda: runtime.public.port)
            async with aiohttp.ClientSession(auto_decompress=False) as session:
                yield WebhookService(runtime, session, secrets)
            runtime.stop.set()


async def stored(folder: Path, redis_url: str) -> list[tuple[Event, ParcelEvent]]:
    """Everything on the stream, opened with the tenant's key."""
    keyring = Keyring(SecretFiles(folder / "secrets" / "data-key"))
    async with redis.asyncio.Redis.from_url(redis_url, protocol=2) as client:
        stream = Stream(client, tenant=TENANT, name="parcels", keyring=keyring)
        entries: Any = await client.xrange(stream.key)
        events = [stream.open(fields) for _, fields in entries]
    return [(event, event.read(ParcelEvent)) for event in events]


async def raw_values(redis_url: str) -> bytes:
    """All keys and values of the server, as bytes one after the other."""
    found = bytearray()
    async with redis.asyncio.Redis.from_url(redis_url, protocol=2) as client:
        async for key in client.scan_iter():
            found += key + b"\n"
            assert await client.type(key) == b"stream"
            entries: Any = await client.xrange(key)
            for name, fields in entries:
                found += name + b"".join(part for pair in fields.items() for part in pair) + b"\n"
    return bytes(found)
