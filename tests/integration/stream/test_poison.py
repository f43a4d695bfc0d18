"""An event that kills every process that handles it: real processes die of it, its neighbours come through."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

from aftersend.stream.redelivery import GROUP_DELIVERIES, MAX_LONELY_DELIVERIES, SHARED_DELIVERIES
from tests.support.mortal_consumer import DIED, POISON
from tests.support.stream_kit import NamedParcel, opened

DEATHS = [DIED] * (SHARED_DELIVERIES + GROUP_DELIVERIES + MAX_LONELY_DELIVERIES)
NEIGHBOURS = [f"neighbour {number}" for number in range(12)]


async def test_it_kills_seven_processes_and_spares_its_neighbours(redis_url: str, tmp_path: Path) -> None:
    """A death beside others, one in a group, five alone; the eighth process makes it a dead letter."""
    journal = tmp_path / "journal"
    async with opened(redis_url, tmp_path) as stream:
        for name in [*NEIGHBOURS[:6], POISON, *NEIGHBOURS[6:]]:
            await stream.add("parcel.changed", "webhook", NamedParcel(name))
        ends = [await consume(redis_url, tmp_path, journal)]
        while ends[-1] == DIED and len(ends) < 2 * len(DEATHS):
            ends.append(await consume(redis_url, tmp_path, journal))
        assert ends == [*DEATHS, 0]
        assert (await stream.length(), await stream.pending(), await stream.dead()) == (0, 0, 1)
        ((_, letter),) = await stream.redis.xrange(stream.dead_key)
    assert letter[b"reason"] == b"poison"
    assert Counter(journal.read_text().splitlines()) == Counter(NEIGHBOURS)


async def consume(url: str, folder: Path, journal: Path) -> int:
    """One life of a consumer; returns its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.mortal_consumer", url, str(folder), str(journal)),
        cwd=Path(__file__).parents[3],
    )
    return await process.wait()
