"""Old webhooks, recorded from Sendcloud and sent again later: none of them may change a number in Afterbuy."""

import asyncio
import hashlib
import hmac
import json
from datetime import datetime
from functools import partial
from typing import Any

import aiohttp

from aftersend_demo.environment import SECRETS
from tests.support.chaos.day import Day
from tests.support.chaos.scene import Scene

KEYS = SECRETS["sendcloud"]


async def recorded_webhooks(day: Day) -> list[bytes]:
    """The webhooks of the labels that will be replaced, as Sendcloud sends them: v2 shows the very same object."""
    bodies = []
    for parcel in await day.scene.control.parcels():
        if parcel["order_number"] in day.relabelled:
            body = await _v2(day.scene, parcel["id"])
            assert body["tracking_number"]
            webhook = {
                "action": "parcel_status_changed",
                "timestamp": int(datetime.fromisoformat(parcel["updated_at"]).timestamp() * 1000),
                "carrier_status_change_timestamp": None,
                "parcel": body,
            }
            bodies.append(json.dumps(webhook).encode())
    assert len(bodies) >= len(day.relabelled)
    return bodies


async def _v2(running: Scene, parcel: int) -> dict[str, Any]:
    keys = {"Authorization": aiohttp.encode_basic_auth(KEYS["publicKey"], KEYS["secretKey"])}
    async with running.http.get(f"{running.demo.sandbox_url}/api/v2/parcels/{parcel}", headers=keys) as answer:
        assert answer.status == 200
        found: dict[str, Any] = (await answer.json())["parcel"]
        return found


async def replay(running: Scene, bodies: list[bytes]) -> None:
    """Sendcloud comes again until it is answered with 200."""
    await asyncio.gather(*(running.until(partial(_accepted, running, body), "a replay is stored") for body in bodies))
    running.note(f"{len(bodies)} old webhooks replayed")


async def _accepted(running: Scene, body: bytes) -> bool:
    signature = hmac.new(KEYS["webhookSignatureKey"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"Sendcloud-Signature": signature, "Content-Type": "application/json"}
    async with running.http.post(running.demo.webhook_url, data=body, headers=headers) as answer:
        assert answer.status in (200, 503)
        return answer.status == 200


async def number_changes(day: Day) -> dict[str, list[list[str]]]:
    """By relabelled order: every change of its number field, old and new text."""
    writes = (await day.scene.control.counted())["writes"]
    return {
        order: [change["AdditionalInfo"] for change in writes[order] if "AdditionalInfo" in change]
        for order in day.relabelled
    }
