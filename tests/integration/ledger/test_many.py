"""Many orders of the ledger at once: each compared and set, none holding up another, in few round trips."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from aftersend.errors import AftersendError, Later, Transient
from aftersend.ledger.changes import Change
from aftersend.ledger.documents import Documents, EntryLook
from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import Recovery
from aftersend.redis import lease
from aftersend.redis.scripts import Script
from aftersend.sealing import Keyring
from tests.support.ledger_kit import TENANT, ManualClock, client, keyring, mac, parcel, recovered
from tests.support.ledger_kit import ledger as open_ledger
from tests.support.round_trips import round_trips

PREFIX = f"aftersend:{{{TENANT}}}:"
ORDERS = [str(number) for number in range(700, 800)]
replace = msgspec.structs.replace


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client(redis_url) as connection:
        yield connection


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    return keyring(tmp_path / "data-key")


@pytest.fixture
async def ledger(redis: Redis, keys: Keyring) -> Ledger:
    opened = open_ledger(redis, keys, ManualClock())
    await opened.change("1", counted)  # the server is asked once what it can, and learns the scripts
    return opened


def counted(entry: Entry) -> Entry:
    return replace(entry, pushes=entry.pushes + 1)


def labelled(entry: Entry) -> Entry:
    return merge(entry, parcel(entry.order), mac)


def each(change: Change) -> dict[str, Change]:
    return dict.fromkeys(ORDERS, change)


async def test_a_hundred_orders_cost_the_round_trips_of_one(ledger: Ledger) -> None:
    with round_trips() as unread:
        changed = await ledger.change_many(each(labelled))
    with round_trips() as known:
        again = await ledger.change_many(each(counted), known={**changed})
    with round_trips() as unchanged:
        assert await ledger.change_many(each(lambda entry: entry)) == again
    assert (unread.count, known.count, unchanged.count) == (2, 1, 1)
    assert await ledger.get_many(ORDERS) == again
    assert {entry.revision for entry in again.values()} == {2}
    assert [order async for order in ledger.lagging(-10_000)] == ORDERS


async def test_it_is_the_same_as_one_after_the_other(ledger: Ledger, redis: Redis) -> None:
    together = await ledger.change_many(each(labelled))
    await redis.flushdb()
    assert together == {order: await ledger.change(order, labelled) for order in ORDERS}


async def test_changes_at_the_same_moment_all_count(ledger: Ledger, redis: Redis, keys: Keyring) -> None:
    orders = dict.fromkeys(ORDERS[:10], counted)
    rivals = [open_ledger(redis, keys, ManualClock()) for _ in range(4)]
    await asyncio.gather(*(rival.change_many(orders) for rival in rivals for _ in range(3)))
    assert {entry.pushes for entry in (await ledger.get_many(list(orders))).values()} == {12}


async def test_what_moved_since_it_was_read_is_changed_as_it_is_now(ledger: Ledger) -> None:
    read = await ledger.change_many(each(counted))
    await ledger.change_many(dict.fromkeys(ORDERS[:50], labelled))
    changed = await ledger.change_many(each(counted), known={**read, ORDERS[-1]: None})
    assert {entry.pushes for entry in changed.values()} == {2}
    assert [order for order in ORDERS if changed[order].live] == ORDERS[:50]


async def test_what_a_change_leaves_as_it_is_known_is_read(ledger: Ledger) -> None:
    """Or the caller would go on with an entry that is no more."""
    read = await ledger.change_many(each(counted))
    await ledger.change("700", labelled)
    same = await ledger.change_many(each(lambda entry: entry), known={**read})
    assert same["700"].live
    assert same == await ledger.get_many(ORDERS)


async def test_an_entry_that_cannot_be_read_or_written_holds_up_no_other(ledger: Ledger, redis: Redis) -> None:
    await redis.set(f"{PREFIX}order:700", "garbage")
    await redis.hset(f"{PREFIX}order:701", "a", "type")
    await redis.hset(f"{PREFIX}order:702:sealed", "a", "type")
    failed = {order for order, entry in (await ledger.change_each(each(labelled))).items() if not _is_entry(entry)}
    assert failed == {"700", "701", "702"}
    assert set(await ledger.get_many(ORDERS[3:])) == set(ORDERS[3:])
    with pytest.raises(AftersendError):
        await ledger.change_many(each(counted))
    assert {entry.pushes for entry in (await ledger.get_many(ORDERS[3:])).values()} == {1}


def _is_entry(entry: Entry | AftersendError) -> bool:
    return isinstance(entry, Entry)


async def test_a_full_redis_refuses_every_change_and_keeps_every_entry(ledger: Ledger, redis: Redis) -> None:
    before = await ledger.change_many(each(counted))
    await redis.config_set("maxmemory", "1mb")
    assert all(isinstance(entry, Transient) for entry in (await ledger.change_each(each(labelled))).values())
    assert await ledger.get_many(ORDERS) == before
    await redis.config_set("maxmemory", "0")
    assert all(entry.live for entry in (await ledger.change_many(each(labelled))).values())


async def test_a_server_that_knows_no_script_gets_it_within_the_batch(ledger: Ledger, redis: Redis) -> None:
    await redis.script_flush()
    with round_trips() as first:
        await ledger.change_many(each(counted))
    assert first.count == 4
    assert len(await ledger.get_many(ORDERS)) == len(ORDERS)


async def test_leases_of_many_orders(ledger: Ledger, redis: Redis) -> None:
    async with ledger.hold(["700"]) as known:  # the server learns the scripts
        await known["700"].lease.check()
    async with ledger.lease("700"):
        with round_trips() as trips:
            async with ledger.hold(ORDERS) as held:
                assert held.keys() == {*ORDERS[1:]}
                await redis.set(f"{PREFIX}lease:order:701", "another holder")
                first, *others = await ledger.check_leases([order.lease for order in held.values()])
                assert isinstance(first, Later)
                assert not any(others)
        assert trips.count == 4  # take, our own set, check, release
        assert set(await redis.keys(f"{PREFIX}lease:*")) == {f"{PREFIX}lease:order:{n}".encode() for n in (700, 701)}
    async with ledger.hold([]) as none:
        assert none == {}


async def test_what_is_held_is_seen_with_its_entry_and_the_recovery(ledger: Ledger, redis: Redis) -> None:
    entry = await ledger.change("700", labelled)
    await redis.set(f"{PREFIX}order:701", "garbage")
    async with ledger.hold(["700", "701", "702"]) as held:
        assert held["700"].look == EntryLook(entry, Recovery(is_running=True, horizon=None))
        assert isinstance(held["701"].look.entry, AftersendError)
        assert held["702"].look.entry is None
    assert await redis.keys(f"{PREFIX}lease:*") == []
    await recovered(redis)
    await redis.hset(f"{PREFIX}state", "horizon", "17")
    assert await ledger.look(["700"]) == {"700": EntryLook(entry, Recovery(is_running=False, horizon=17))}


async def test_a_lease_whose_command_was_sent_twice_is_ours(
    ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a connection that the server closed after it had carried the command out."""
    run_many = Script.run_many

    async def twice(self: Script, *args: Any, **options: Any) -> list[Any]:
        await run_many(self, *args, **options)
        return await run_many(self, *args, **options)

    monkeypatch.setattr(Script, "run_many", twice)
    async with ledger.hold(["700"]) as held, ledger.lease("701"):
        assert held.keys() == {"700"}
        assert await redis.exists(f"{PREFIX}lease:order:700", f"{PREFIX}lease:order:701") == 2


async def test_leases_of_many_orders_are_renewed_together(
    ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_RENEW_SECONDS", 0.01)
    names = [f"{PREFIX}lease:order:{order}" for order in ORDERS[:3]]
    async with ledger.hold(ORDERS[:3]):
        await redis.set(names[0], "another holder", px=5_000)
        await redis.pexpire(names[1], 10_000)
        await redis.pexpire(names[2], 10_000)
        async with asyncio.timeout(30):
            while min(await redis.pttl(names[1]), await redis.pttl(names[2])) <= 10_000:
                await asyncio.sleep(0.01)
        assert await redis.pttl(names[0]) <= 5_000, "a lost lease is left alone"


async def test_cancelled_while_taking_leases_leaves_none(
    ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stops when Redis has carried out the command, and before its answer is read."""
    take, taken = Documents.take, asyncio.Event()

    async def take_and_hang(*args: Any) -> None:
        await take(*args)
        taken.set()
        await asyncio.Event().wait()

    async def hold() -> None:
        async with ledger.hold(ORDERS):
            raise AssertionError

    monkeypatch.setattr(Documents, "take", take_and_hang)
    task = asyncio.create_task(hold())
    await taken.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await redis.keys(f"{PREFIX}lease:*") == []
