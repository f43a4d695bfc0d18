"""Daily counters on real servers: they move with the entry, in the same step, and only then."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from aftersend.ledger.day_counters import DAY_LIFE_MS
from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from aftersend.ledger.store import Ledger
from tests.support.ledger_kit import NOW, TENANT, ManualClock, client, keyring, mac, parcel
from tests.support.ledger_kit import ledger as open_ledger
from tests.support.round_trips import round_trips

replace = msgspec.structs.replace
TODAY = datetime.fromtimestamp(NOW / 1000, UTC).date()
KEY = f"aftersend:{{{TENANT}}}:day:{TODAY}"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client(redis_url) as connection:
        yield connection


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(redis: Redis, tmp_path: Path, clock: ManualClock) -> Ledger:
    return open_ledger(redis, keyring(tmp_path / "data-key"), clock)


def accepted(entry: Entry) -> Entry:
    return replace(entry, state="accepted", fingerprint="f", pushed=entry.pushed or NOW)


def labelled(entry: Entry) -> Entry:
    return merge(entry, parcel(), mac)


def written(entry: Entry) -> Entry:
    return replace(entry, applied=entry.observed, written={"AdditionalInfo": "m"})


async def counts(ledger: Ledger, day: date = TODAY) -> dict[str, int]:
    return (await ledger.days.read([day])).get(day, {})


async def test_a_replay_of_every_step_counts_nothing_twice(ledger: Ledger) -> None:
    orders = [str(number) for number in range(700, 710)]
    for change in (accepted, labelled, labelled, written, written, labelled):
        await ledger.change_many(dict.fromkeys(orders, change))
    assert await counts(ledger) == {"sent": 10, "labelled": 10, "written": 10, "took:1": 10}


async def test_a_change_that_is_refused_and_repeated_counts_once(ledger: Ledger) -> None:
    entry = await ledger.change("700", accepted)
    await ledger.change("700", lambda known: replace(known, trace="moved"))
    await ledger.change_many({"700": labelled}, known={"700": entry})
    assert await counts(ledger) == {"sent": 1, "labelled": 1}


async def test_counting_costs_no_round_trip(ledger: Ledger) -> None:
    known = await ledger.change("700", accepted)
    with round_trips() as trips:
        await ledger.change_many({"700": labelled}, known={"700": known})
    assert trips.count == 1


async def test_a_day_is_one_of_the_tenants_zone(ledger: Ledger, clock: ManualClock) -> None:
    clock.ms = int(datetime(2026, 11, 30, 23, 30, tzinfo=UTC).timestamp() * 1000)  # half past midnight in Berlin
    await ledger.change("700", accepted)
    assert await counts(ledger, date(2026, 11, 30)) == {}
    assert await counts(ledger, date(2026, 12, 1)) == {"sent": 1}


async def test_a_day_ends_after_35_days(ledger: Ledger, redis: Redis) -> None:
    await ledger.change("700", accepted)
    assert DAY_LIFE_MS - 60_000 < await redis.pttl(KEY) <= DAY_LIFE_MS
    await redis.persist(KEY)
    await ledger.days.add({"export.done": 1})
    assert DAY_LIFE_MS - 60_000 < await redis.pttl(KEY) <= DAY_LIFE_MS


async def test_counters_that_refuse_keep_no_order_back(ledger: Ledger, redis: Redis) -> None:
    await redis.set(KEY, "no hash")
    assert (await ledger.change("700", accepted)).state == "accepted"
    assert (await ledger.get_many(["700"]))["700"].state == "accepted"


async def test_a_ledger_without_zone_counts_nothing(redis: Redis, tmp_path: Path) -> None:
    ledger = Ledger(redis, tenant=TENANT, keyring=keyring(tmp_path / "data-key"), clock=ManualClock())
    await ledger.change("700", accepted)
    assert await counts(ledger) == {}


async def test_of_a_restored_day_the_greater_count_stays(ledger: Ledger, redis: Redis) -> None:
    await ledger.days.add({"sent": 3, "labelled": 1})
    old, expired = "2026-10-25", "2026-10-20"
    saved: dict[str, Any] = {str(TODAY): {"sent": 2, "labelled": 4}, old: {"sent": 7}, expired: {"sent": 9}}
    for _ in range(2):
        await ledger.days.restore(saved)
        assert await counts(ledger) == {"sent": 3, "labelled": 4}
        assert await ledger.days.saved() == {str(TODAY): {"sent": 3, "labelled": 4}, old: {"sent": 7}}
    life = await redis.pttl(KEY.replace(str(TODAY), old))
    assert life <= DAY_LIFE_MS - 29 * 86_400_000
