"""Four thousand events from twenty producers, while consumers are killed and Redis restarts: each has one effect.

Consumers are processes of their own; what they do to the shop is read, compared and written, as the writer does it. The
shop counts writes. Redis syncs every command, so what Redis confirmed to a producer is there after each restart; what
it did not confirm is added again, as Sendcloud does.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from aftersend.errors import Transient
from tests.support.consumer_process import EffectStore
from tests.support.servers import RedisServer
from tests.support.stream_kit import NamedParcel, client, is_empty, keyring_in, opened, until

ROOT = Path(__file__).resolve().parents[2]
PRODUCERS, EACH = 20, 200
CONSUMERS, KILLS, RESTARTS = 5, 8, 3
PATIENCE = 240.0
NAMES = {f"{producer}-{number}" for producer in range(PRODUCERS) for number in range(EACH)}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    """Redis, which restarts, and the shop, which does not."""
    started = []
    for name in ("redis", "shop"):
        (tmp_path / name).mkdir()
        durable = ("--appendfsync", "always") if name == "redis" else ()
        started.append(RedisServer("valkey", tmp_path / name, *durable).start())
    yield started[0], started[1]
    for server in started:
        server.stop()


class ConsumerProcesses:
    """The consumer processes; a killed one is replaced."""

    def __init__(self, redis: RedisServer, shop: RedisServer, folder: Path) -> None:
        self._words = [sys.executable, "-m", "tests.support.consumer_process", redis.url, shop.url, str(folder)]
        self.log = folder / "consumers.log"
        self.processes = [self._start() for _ in range(CONSUMERS)]

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(self._words, cwd=ROOT, stdout=log, stderr=log)

    def kill(self, place: int) -> None:
        self.processes[place].kill()
        self.processes[place].wait()
        self.processes[place] = self._start()

    def end(self) -> list[int]:
        """Exit codes after SIGTERM; who does not end is killed."""
        for process in self.processes:
            process.terminate()
        try:
            return [process.wait(timeout=30) for process in self.processes]
        finally:
            for process in self.processes:
                process.kill()
                process.wait()


@pytest.mark.timeout(900)
async def test_four_thousand_events_have_four_thousand_effects(
    servers: tuple[RedisServer, RedisServer], tmp_path: Path
) -> None:
    redis, market = servers
    keyring_in(tmp_path)
    async with consumer_processes(redis, market, tmp_path) as consumers, client(market.url, tmp_path) as connection:
        shop = EffectStore(connection)
        async with asyncio.TaskGroup() as group:
            for producer in range(PRODUCERS):
                group.create_task(produce(redis.url, tmp_path, producer))
            group.create_task(strike(shop, redis, consumers, Random(4000)))
        async with opened(redis.url, tmp_path) as stream:
            await until(lambda: is_empty(stream), within=PATIENCE)
            assert (await stream.pending(), await stream.dead()) == (0, 0)
        writes = await shop.writes()
    assert NAMES - writes.keys() == set()
    assert {name: count for name, count in writes.items() if count != 1} == {}
    assert "events_lost" not in consumers.log.read_text()


@asynccontextmanager
async def consumer_processes(redis: RedisServer, shop: RedisServer, folder: Path) -> AsyncIterator[ConsumerProcesses]:
    consumers = ConsumerProcesses(redis, shop, folder)
    try:
        yield consumers
    finally:
        codes = consumers.end()
    assert codes == [0] * CONSUMERS


async def produce(url: str, folder: Path, producer: int) -> None:
    """Add each event until Redis has confirmed it."""
    async with opened(url, folder) as stream:
        for number in range(EACH):
            while not await stored(stream.add("parcel.changed", "webhook", NamedParcel(f"{producer}-{number}"))):
                await asyncio.sleep(0.05)


async def stored(adding: "asyncio.Future[str]") -> bool:
    try:
        await adding
    except Transient:
        return False
    return True


async def strike(shop: EffectStore, redis: RedisServer, consumers: ConsumerProcesses, random: Random) -> None:
    """Kill and restart at seeded points of the work, counted in effects."""
    points = random.sample(range(100, len(NAMES) - 200), KILLS + RESTARTS)
    restarts = set(points[:RESTARTS])
    for point in sorted(points):

        async def reached(point: int = point) -> bool:
            return int(await shop.redis.hlen("shop")) >= point

        await until(reached, within=PATIENCE)
        if point in restarts:
            redis.kill()
            await asyncio.to_thread(redis.start)
        else:
            consumers.kill(random.randrange(CONSUMERS))
