"""Erasing one order: nothing of it is left in Redis, whatever happens meanwhile, and nothing comes back."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Connection

from aftersend import erasure
from aftersend.erasure import Erasure
from aftersend.errors import Later
from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from aftersend.ledger.store import ENTRY_LIFE_MS
from aftersend.runs import OrderCheck, RunRequest
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.retry import DeadLetter, Delay
from aftersend.stream.stream import Stream
from tests.support.backup_kit import BackedUpTenant, shop
from tests.support.ledger_kit import mac, parcel
from tests.support.stream_kit import defer, move_to_dead_letters

MINE, OTHER = "4711", "4712"
_NUMBER = "JJD000390007882"


@pytest.fixture
async def mueller(redis_url: str, tmp_path: Path) -> AsyncIterator[BackedUpTenant]:
    async with shop(redis_url, tmp_path) as found:
        yield found


def of(at: BackedUpTenant) -> Erasure:
    return Erasure.of(at.redis, tenant=at.tenant, keyring=at.keyring)


def seen(order: str, name: str, **fields: Any) -> Any:
    return parcel(name, number=_NUMBER + name, external_order_id=f"afterbuy-{order}", **fields)


async def fill(at: BackedUpTenant) -> None:
    """Two orders with a label, and events of both in every place, known by each of the three ways."""
    for order, name in ((MINE, "11"), (OTHER, "12")):
        await at.ledger.change(order, partial(_merged, seen(order, name)))
    parcels, runs = at.stream("parcels"), at.stream("runs")
    pending = PendingEntries(parcels, "a")
    await pending.ensure_group()
    for _ in range(2):
        for each in (parcel("11"), parcel("12"), seen(MINE, "21"), seen(OTHER, "22")):
            await parcels.add("parcel.changed", "webhook", each)
        await parcels.add_many("parcel.changed", "sweep", [parcel("99", order_number=MINE), parcel("98")])
        await parcels.add_many("order.check", "system", [OrderCheck(MINE), OrderCheck(OTHER), OrderCheck("")])
    entries = await pending.read(8, block_ms=10)
    for entry in entries[:2]:
        await defer(parcels, "a", entry, Delay(seconds=0, counted=True))
    for entry in entries[2:4]:
        await move_to_dead_letters(parcels, "a", entry, DeadLetter(reason="rejected", error="Rejected(x)"))
    for orders in ((MINE,), (OTHER,), (MINE, OTHER), ()):
        await runs.add("export.requested", "cli", RunRequest(kind="export", orders=orders))
    await at.redis.set(at.ledger._keys.key("checked", MINE), b"1", ex=60)


def _merged(event: Any, entry: Entry) -> Entry:
    return merge(entry, event, mac)


async def kept(at: BackedUpTenant) -> list[str]:
    """Subjects of all events, wherever they are."""
    found = []
    for stream in (at.stream("parcels"), at.stream("runs")):
        async for _, events in _places(stream):
            found += [_subject(event) for event in events]
    return sorted(found)


async def _places(stream: Stream) -> AsyncIterator[tuple[str, list[Any]]]:
    for place in erasure.PLACES:
        yield place, [stream.open(each.fields) async for each in erasure.stored_events(stream, place)]


def _subject(event: Any) -> str:
    data = msgspec.json.decode(event.data)
    return str(data.get("parcel") or data.get("orders") or f"check {data.get('order')}")


LEFT = sorted([*["12"] * 2, *["22"] * 2, *["98"] * 2, *["check 4712"] * 2, *["check "] * 2])
LEFT_RUNS = sorted(["['4712']", "['4711', '4712']", "check None"])


async def everything(at: BackedUpTenant) -> bytes:
    return b"\n".join([name + (await at.redis.dump(name) or b"") for name in sorted(await at.redis.keys())])


async def test_all_that_is_held_of_it_goes_and_its_neighbours_stay(mueller: BackedUpTenant) -> None:
    await fill(mueller)
    other = await mueller.ledger.get(OTHER)
    known, erased = await of(mueller).erase(MINE) or pytest.fail("it is there")
    assert known.parcels.keys() == {"11"}
    assert (erased.alive, erased.counts["dead"], erased.unreadable) == (8, 1, set())
    assert await kept(mueller) == sorted([*LEFT, *LEFT_RUNS])
    left = await mueller.ledger.get(MINE)
    assert left is not None
    assert (left.state, set(left.parcels), left.details) == ("forgotten", {"11", "21", "99"}, {})
    assert abs(left.since - time.time() * 1000) < 60_000
    assert await mueller.ledger.orders_of(["11", "12", "21", "99"]) == {"11": MINE, "12": OTHER, "21": MINE, "99": MINE}
    assert await mueller.ledger.get(OTHER) == other
    key = mueller.ledger._keys.key
    assert not await mueller.redis.exists(
        key("order", MINE, "sealed"), key("checked", MINE), key("lease", "order", MINE)
    )
    assert await mueller.redis.exists(key("order", OTHER, "sealed"))
    assert 0 < await mueller.redis.pttl(key("order", MINE)) <= ENTRY_LIFE_MS
    assert mac(_NUMBER + "11").encode() not in await everything(mueller), "nor its marks"
    assert [order async for order in mueller.ledger.lagging(-86_400_000)] == [OTHER]


async def test_nothing_of_its_pending_entries_counts_as_lost(mueller: BackedUpTenant) -> None:
    await fill(mueller)
    parcels = mueller.stream("parcels")
    pending = PendingEntries(parcels, "b")
    before = await parcels.pending()
    await of(mueller).erase(MINE)
    assert await parcels.pending() < before
    claimed = await pending.claim(await pending.idle(0), 0)
    assert [entry.id for entry in await pending.idle(0)] == [entry.id for entry in claimed.entries]
    assert claimed.vanished == []


async def test_erasing_twice_changes_nothing(mueller: BackedUpTenant) -> None:
    await fill(mueller)
    await of(mueller).erase(MINE)
    before = await everything(mueller)
    known, erased = await of(mueller).erase(MINE) or pytest.fail("its tombstone is there")
    assert (known.is_forgotten, erased.counts.total()) == (True, 0)
    assert await everything(mueller) == before


async def test_of_an_unknown_order_nothing_is_left_behind(mueller: BackedUpTenant) -> None:
    await fill(mueller)
    before = await everything(mueller)
    assert await of(mueller).erase("4713") is None
    assert await everything(mueller) == before


async def test_an_order_that_only_an_event_names_gets_its_tombstone(mueller: BackedUpTenant) -> None:
    await mueller.stream("parcels").add("parcel.changed", "webhook", seen(MINE, "11"))
    assert await of(mueller).erase(MINE) is not None
    assert await mueller.ledger.forgotten([MINE, OTHER]) == {MINE}
    assert await mueller.ledger.order_of("11") == MINE


async def test_without_its_key_the_sealed_part_goes_and_events_are_counted(
    mueller: BackedUpTenant, tmp_path: Path
) -> None:
    await fill(mueller)
    for file in (tmp_path / "data-key").glob("2*"):
        file.rename(file.with_name("19990101"))
    mueller.keyring = Keyring(SecretFiles(tmp_path / "data-key"))
    found = await of(mueller).erase(MINE)
    assert found is not None
    assert not await mueller.redis.exists(mueller.ledger._keys.key("order", MINE, "sealed"))
    assert len(found[1].unreadable) == 22


async def test_a_writer_that_works_on_it_is_waited_for(
    mueller: BackedUpTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(mueller)
    monkeypatch.setattr(erasure, "_LEASE_WAIT", 1)
    async with mueller.ledger.lease(MINE):
        with pytest.raises(Later):
            await of(mueller).erase(MINE)
    assert await mueller.ledger.forgotten([MINE]) == set()


async def test_changes_at_the_same_moment_never_undo_it(mueller: BackedUpTenant) -> None:
    """Runs and writers that have read the order before go on with what they know."""
    await fill(mueller)
    known = {MINE: await mueller.ledger.get(MINE)}

    def pushed(entry: Entry) -> Entry:
        return msgspec.structs.replace(entry, state="pushing", pushes=entry.pushes + 1, fingerprint="f")

    changes = [mueller.ledger.change_many({MINE: pushed}, known=known) for _ in range(5)]
    changes += [mueller.ledger.change_many({MINE: lambda entry: merge(entry, seen(MINE, "31"), mac)}) for _ in range(5)]
    await asyncio.gather(of(mueller).erase(MINE), *changes)
    left = await mueller.ledger.get(MINE)
    assert left is not None
    assert left.is_forgotten
    await mueller.ledger.change_many({MINE: pushed}, known=known)
    assert await mueller.ledger.get(MINE) == left
    assert not await mueller.redis.exists(mueller.ledger._keys.key("order", MINE, "sealed"))


class _DiedError(BaseException):
    """Ends a process between two commands."""


async def test_a_process_may_die_between_any_two_commands(
    mueller: BackedUpTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, sent = Connection.send_packed_command, 0
    limit = 0

    async def counted(self: Any, *words: Any, **options: Any) -> None:
        nonlocal sent
        sent += 1
        if limit and sent >= limit:
            raise _DiedError
        await send(self, *words, **options)

    monkeypatch.setattr(Connection, "send_packed_command", counted)
    await fill(mueller)
    sent = 0
    await of(mueller).erase(MINE)
    commands, clean = sent, await kept(mueller)
    for died_at in range(1, commands + 1):
        limit = 0
        await mueller.redis.flushall()
        await fill(mueller)
        limit, sent = died_at, 0
        with pytest.raises(_DiedError):
            await of(mueller).erase(MINE)
        limit = 0
        await mueller.redis.connection_pool.disconnect()
        await mueller.redis.delete(mueller.ledger._keys.key("lease", "order", MINE))  # ends after 60 s
        assert await of(mueller).erase(MINE) is not None
        left = await mueller.ledger.get(MINE)
        assert left is not None
        assert left.is_forgotten
        assert await kept(mueller) == clean, f"died at command {died_at} of {commands}"


# Backups


async def test_a_restore_on_a_living_tenant_brings_nothing_back(mueller: BackedUpTenant) -> None:
    await fill(mueller)
    backup = await mueller.create()
    await of(mueller).erase(MINE)
    before = await mueller.ledger.get(MINE)
    restored = await mueller.restore(backup)
    assert await mueller.ledger.get(MINE) == before
    assert restored.events == 0
    assert MINE not in str([subject for subject in await kept(mueller) if "," not in subject])
    assert not await mueller.redis.exists(mueller.ledger._keys.key("order", MINE, "sealed"))


async def test_a_later_backup_holds_the_tombstone_and_a_restore_applies_it(mueller: BackedUpTenant) -> None:
    """Also where an earlier backup has brought the order back meanwhile."""
    await fill(mueller)
    earlier = await mueller.create()
    await of(mueller).erase(MINE)
    later = await mueller.create()
    left = await mueller.ledger.get(MINE)
    await mueller.redis.flushall()
    await mueller.restore(earlier)
    assert await mueller.ledger.forgotten([MINE]) == set(), "no tombstone is known there"
    await mueller.restore(later)
    after = await mueller.ledger.get(MINE)
    assert left is not None
    assert after is not None
    assert msgspec.structs.replace(after, revision=left.revision) == left
    assert await mueller.ledger.order_of("99") == MINE
    assert not await mueller.redis.exists(mueller.ledger._keys.key("order", MINE, "sealed"))
    assert all(subject != "11" for subject in await kept(mueller))
    life = await mueller.redis.pttl(mueller.ledger._keys.key("order", MINE))
    assert abs(life - (left.touched + ENTRY_LIFE_MS - time.time() * 1000)) < 60_000, "its 90 days do not begin anew"
