"""Redis loses everything in the middle of the day: one export and one sweep later all is as it should be.

With the ledger the bridge forgets which orders it sent, which parcels it saw and what it wrote. It must neither send
labelled orders again nor lose one, and above all: a webhook from before, sent again by Sendcloud or by anyone who
recorded it, must not put an old number over a new one.
"""

import asyncio
import hashlib
import hmac
import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aftersend_demo.environment import SECRETS
from tests.chaos.conftest import Calm
from tests.chaos.day import Day
from tests.chaos.misfortune import Point, striking
from tests.chaos.picture import assert_as_calm, assert_nothing_lost
from tests.chaos.scene import Scene, scene

KEYS = SECRETS["sendcloud"]
LOST_AFTER = 120
"""Webhooks of the second half of the afternoon."""


@pytest.mark.timeout(900)
async def test_a_redis_that_lost_everything_is_filled_again(tmp_path: Path, calm: Calm) -> None:
    wanted = await calm.picture()
    async with scene(tmp_path) as running:
        day = Day(running)
        await day.morning()
        await day.noon()
        await day.print_first_half()
        old = await _recorded(day)
        await day.replace_labels()
        await running.quiet()
        before = await _writes(day)
        async with striking(running, [Point("webhook", LOST_AFTER)], {"webhook": partial(_lose, running, old)}):
            await day.print_second_half()
        await running.complete_run("export")
        await day.written_back()
        assert not await running.state.recovering()
        await _replay(running, old)
        await running.quiet()
        assert await _writes(day) == before, f"an old webhook changed a number; logs: {running.demo.logs}"
        await day.evening()
        await day.written_back()
        await assert_as_calm(running, wanted)
        await assert_nothing_lost(running)


async def _lose(running: Scene, old: list[bytes]) -> None:
    """Everything is gone, and the first thing that comes in is old."""
    await running.kill_redis(lose=True)
    await _replay(running, old)
    assert await running.state.recovering()


async def _recorded(day: Day) -> list[bytes]:
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


async def _replay(running: Scene, bodies: list[bytes]) -> None:
    """Sendcloud comes again until it is answered with 200."""
    await asyncio.gather(*(running.until(partial(_accepted, running, body), "a replay is stored") for body in bodies))
    running.note(f"{len(bodies)} old webhooks replayed")


async def _accepted(running: Scene, body: bytes) -> bool:
    signature = hmac.new(KEYS["webhookSignatureKey"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"Sendcloud-Signature": signature, "Content-Type": "application/json"}
    async with running.http.post(running.demo.webhook_url, data=body, headers=headers) as answer:
        assert answer.status in (200, 503)
        return answer.status == 200


async def _writes(day: Day) -> dict[str, list[list[str]]]:
    """By relabelled order: every change of its number field, old and new text."""
    writes = (await day.scene.control.counted())["writes"]
    return {
        order: [change["AdditionalInfo"] for change in writes[order] if "AdditionalInfo" in change]
        for order in day.relabelled
    }
