"""Seven days later, or after an erasure, nothing is left on the disk that anyone could read with the data key.

Orders are exported, labelled and written back by the real services. Then these end, seven days pass in Redis, and its
files are rewritten as once a day. Whatever was sealed in that day, on the streams or in the ledger, must be gone from
the files, but for orders that a person has to look at: they are not done.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aftersend.backup.create import Backups
from aftersend.backup.records import SavedEvent
from aftersend.backup.target import open_target
from aftersend.ledger.saved_order import SavedOrder
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import ParcelEvent
from aftersend.stream.event import pack
from tests.support.canary import day
from tests.support.canary.at_rest import bound_texts, daily_rewrite, opened, pass_days, redis_files
from tests.support.canary.hooks import marked, signed, webhook
from tests.support.canary.marks import MARKS, PARCELS
from tests.support.canary.scene import TENANT, CanaryScene, command, scene
from tests.support.canary.search import search
from tests.support.canary.shop import PLAIN, SPARES

pytestmark = pytest.mark.timeout(600)


async def test_a_day_is_gone_from_the_disk_after_seven_more(tmp_path: Path) -> None:
    async with scene(tmp_path, log_format="json") as shop:
        await day.ordinary(shop)
        await shop.until(lambda: _is_calm(shop), "everything is handled")
        await shop.stop()
        bounds = await bound_texts(shop)
        before = opened(shop, bounds)
        done, held = await _sealed_parts(shop)
        assert len(done) >= 3, "orders are done"
        assert done <= before
        assert {value[8:9] for value in before} == {b":", b"!"}, "of webhook and of ledger"
        await daily_rewrite(shop.redis)
        assert opened(shop, bounds) == done | held, "on the same day sealed parts are there, events are not"
        await pass_days(shop.redis, 7)
        await daily_rewrite(shop.redis)
        after = opened(shop, bounds)
        files = redis_files(shop)
    assert after == held, "orders that are not done keep theirs for 90 days"
    assert files
    assert search(files, MARKS) == []


async def test_an_erased_order_is_gone_everywhere_but_for_its_tombstone(tmp_path: Path) -> None:
    """In Redis, its files and later backups; late webhooks, a sweep and an export bring nothing of it back."""
    async with scene(tmp_path, log_format="json") as shop:
        await day.ordinary(shop)
        order = str(SPARES[8])  # a person has to look at it: it would be kept for 90 days
        entry = await shop.ledger.get(order)
        assert entry is not None
        sealed = await shop.redis.get(shop.ledger.sealed_place(order)[0])
        dead = shop.parcels.new_event("parcel.changed", "webhook", _observation(order))
        await shop.redis.xadd(shop.parcels.dead_key, pack(dead))
        said = await command(shop, "forget", "--order", order, "--json")
        assert said.startswith(b"exit 0\n")
        assert b'"ledger":1,"events":0,"dead":1,"backups":0' in said
        body = webhook(marked(day.printed(shop, SPARES[8])[0]))
        assert await shop.post(body, signed(body)) == 200
        await shop.run("sweep")
        await shop.run("export", SPARES[8])
        await shop.until(lambda: _is_drained(shop), "everything is handled")
        made = await command(shop, "backup", "create", "--json")
        shown = await command(shop, "orders", order, "--all", "--json")
        await shop.stop()
        await daily_rewrite(shop.redis)
        values = {key.decode(): await shop.redis.dump(key) or b"" for key in await shop.redis.keys()}
        files = redis_files(shop)
        kept = opened(shop, [shop.ledger.sealed_place(order)[1]])
        saved = [record async for record in _records(shop)]
    assert made.startswith(b"exit 0\n")
    assert b'"state":"forgotten"' in shown
    assert kept == set()
    assert entry.fingerprint
    for text in (sealed, entry.fingerprint.encode()):
        assert not [name for name, value in (files | values).items() if text in value]
    assert b"mark" not in values[f"aftersend:{{{TENANT}}}:order:{order}"]
    mine = {name.rpartition("}:")[2] for name, value in values.items() if order in name or order.encode() in value}
    tombstone = {f"order:{order}", "index:orders", *(f"parcel:{name}" for name in entry.parcels)}
    assert f"order:{order}" in mine
    assert {name for name in mine if not name.startswith("result:")} <= tombstone, "results of runs live for a day"
    left = [each for each in saved if isinstance(each, SavedOrder) and each.entry.order == order]
    assert [(each.entry.state, each.entry.details) for each in left] == [("forgotten", {})]
    assert order not in str([each for each in saved if isinstance(each, SavedEvent)])
    assert search(files | {"said": said, "shown": shown, **_logs(shop)}, MARKS) == []


def _observation(order: str) -> ParcelEvent:
    number, link = PARCELS["number"], f"https://{PARCELS['link']}/"
    return ParcelEvent("99", 1000, 1, number=number, url=link, external_order_id=f"afterbuy-{order}")


def _logs(shop: CanaryScene) -> dict[str, bytes]:
    return {f"log of {path.stem}": path.read_bytes() for path in (shop.folder / "logs").glob("*.log")}


async def _records(shop: CanaryScene) -> AsyncIterator[Any]:
    """What the last backup holds."""
    place = open_target(str(shop.folder / "backups"), tenant=TENANT, secrets=SecretFiles(shop.secrets / "backup"))
    backups = Backups(TENANT, place, Keyring(SecretFiles(shop.secrets / "data-key")))
    async for record in backups.records(await backups.find("latest")):
        yield record


async def _is_drained(shop: CanaryScene) -> bool:
    return not await shop.parcels.length() + await shop.requests.length()


async def _sealed_parts(shop: CanaryScene) -> tuple[set[bytes], set[bytes]]:
    """The sealed parts of orders that are done, and of the others."""
    found: dict[bool, set[bytes]] = {True: set(), False: set()}
    async for order in shop.ledger.orders():
        entry, value = await shop.ledger.get(order), await shop.redis.get(shop.ledger.sealed_place(order)[0])
        if entry and value:
            found[entry.is_done].add(value)
    return found[True], found[False]


async def _is_calm(shop: CanaryScene) -> bool:
    if await shop.parcels.length() + await shop.requests.length() + await shop.parcels.delayed():
        return False
    entries = [await shop.ledger.get(str(number)) for number in (PLAIN, *SPARES[:2])]
    return all(entry and entry.is_done for entry in entries)
