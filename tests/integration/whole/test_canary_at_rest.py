"""Seven days later: of the marked shop's day nothing is left on the disk that anyone could read with the data key.

Orders are exported, labelled and written back by the real services. Then these end, seven days pass in Redis, and its
files are rewritten as once a day. Whatever was sealed in that day, on the streams or in the ledger, must be gone from
the files, but for orders that a person has to look at: they are not done.
"""

from pathlib import Path

import pytest

from tests.support.canary import day
from tests.support.canary.at_rest import bound_texts, daily_rewrite, opened, pass_days, redis_files
from tests.support.canary.marks import MARKS
from tests.support.canary.scene import CanaryScene, scene
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
