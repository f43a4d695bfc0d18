"""Nothing personal, no product and no secret is readable wherever Aftersend leaves anything.

A shop whose every field is marked lives through a day with the real services, at log level DEBUG and with traces on:
orders, labels, webhooks, sweeps, and all kinds of malformed input. Then everything that was written or shown is
searched for every mark in every spelling. Only OrderIDs, parcel ids, times, states and counters may be there.

The second test is the proof of the first: services that leak one word everywhere are caught in every single place.
"""

from pathlib import Path

import pytest

from aftersend.ledger.entry import Problem
from aftersend_demo.environment import PARTS
from tests.support.canary import day
from tests.support.canary.hooks import signed
from tests.support.canary.lives import too_long
from tests.support.canary.marks import MARKS
from tests.support.canary.places import left, live
from tests.support.canary.scene import CanaryScene, scene
from tests.support.canary.search import search
from tests.support.canary.shop import PLAIN

PLANTED = "zwxplantedleak"
UNPLANTABLE = {
    *(f"{part} {path}" for part in PARTS for path in ("/healthz", "/readyz", "/elsewhere")),
    *("command line of valkey", "environment of valkey", "file lock", "file appendonly.aof.1.base.rdb"),
    *(
        "file appendonly.aof.manifest",
        "aftersend check --json",
        "aftersend backup create --json",
        "backups",  # sealed as a whole
        "names of backups",
        "Redis clients",
    ),
}
"""Places that are read, but where the leaky services have nothing to say."""

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_no_mark_is_left_anywhere(log_format: str, tmp_path: Path) -> None:
    async with scene(tmp_path, log_format=log_format) as shop:
        await day.ordinary(shop)
        await day.strange_writes(shop)
        await day.strange_hooks(shop)
        await day.strange_events(shop)
        await day.strange_secrets(shop)
        if log_format == "json":
            await day.strange_answers(shop)
        places = await live(shop)
        overstayed = await too_long(shop.redis)
        await shop.stop()
        places |= left(shop)
    assert overstayed == []
    assert str(PLAIN).encode() in places["aftersend orders --json"]
    assert b"malformed_data" in places["aftersend dead list"]
    assert search(places, MARKS) == []


async def test_a_leak_would_be_found_in_every_place(tmp_path: Path) -> None:
    async with scene(tmp_path, log_format="json", planted=PLANTED) as shop:
        await _plant_the_rest(shop)
        places = await live(shop)
        await shop.stop()
        places |= left(shop)
    found = {leak.place for leak in search(places, {"planted": PLANTED})}
    assert set(places) - found == UNPLANTABLE & set(places)


async def _plant_the_rest(shop: CanaryScene) -> None:
    """What leaky services cannot reach: a problem in the ledger, a dead letter, the log of Valkey."""
    problem = Problem("rejected", 1, PLANTED)
    await shop.ledger.change("9999", lambda entry: type(entry)(order=entry.order, state="problem", problem=problem))
    dead = {b"v": b"1", b"reason": PLANTED, b"error": PLANTED, b"data": b""}
    await shop.redis.xadd(shop.parcels.dead_key, dead)
    await shop.post(b"{}", signed(b"{}"))
    await shop.run("export")
    with (shop.valkey.folder / "valkey.log").open("a") as log:
        log.write(PLANTED)
