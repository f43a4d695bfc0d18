"""The volume of a managed Redis whose image gets, or loses, its JSON module."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from aftersend.ledger.entry import Entry
from aftersend.ledger.store import Ledger
from aftersend.redis.connection import connect
from aftersend.redis.keys import Keys
from tests.support.managed_redis import NO_MODULE, ManagedRedis
from tests.support.operator_kit import tenant
from tests.support.stream_kit import keyring_in

TENANT = tenant()
KEYS = Keys(TENANT.identity)
PLAIN, JSON = b"string", b"ReJSON-RL"


@pytest.fixture
def managed(flavour: str, tmp_path: Path) -> ManagedRedis:
    """Not started; its image has no module yet."""
    server = ManagedRedis(flavour, tmp_path / "managed", TENANT)
    if server.module == NO_MODULE:
        pytest.skip(f"{flavour} has no JSON module")
    server.offer(NO_MODULE)
    return server


@asynccontextmanager
async def ledger_of(managed: ManagedRedis, folder: Path) -> AsyncIterator[Ledger]:
    """The ledger of an exporter that has just connected."""
    client = connect(managed.url, managed.files("exporter"), part="exporter")
    try:
        yield Ledger(client, tenant=TENANT.identity, keyring=keyring_in(folder))
    finally:
        await client.aclose()


def pushed(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, state="accepted", pushes=entry.pushes + 1)


def kinds(managed: ManagedRedis) -> dict[str, bytes]:
    with managed.inspector() as client:
        return {order: client.type(KEYS.key("order", order)) for order in ("1", "2", "3")}


async def test_plain_orders_are_read_and_become_json_at_their_next_change(
    managed: ManagedRedis, tmp_path: Path
) -> None:
    with managed:
        async with ledger_of(managed, tmp_path) as ledger:
            before = {order: await ledger.change(order, pushed) for order in ("1", "2")}
        assert kinds(managed) == {"1": PLAIN, "2": PLAIN, "3": b"none"}
        managed.stop()
        managed.offer(managed.module)
        managed.start()
        async with ledger_of(managed, tmp_path) as ledger:
            assert await ledger.get_many(["1", "2"]) == before
            assert [each.entry async for each in ledger.saved(ledger.orders())] == list(before.values())
            changed = await ledger.change("2", pushed)
            await ledger.change("3", pushed)
            assert (changed.pushes, changed.revision) == (2, 2)
            assert await ledger.get_many(["1", "2"]) == {**before, "2": changed}
            assert await ledger.forget("1")
        assert kinds(managed) == {"1": JSON, "2": JSON, "3": JSON}
        assert managed.refused() == set()
        managed.stop()
        managed.start()
        async with ledger_of(managed, tmp_path) as ledger:
            assert await ledger.get("2") == changed, "the append-only file is read with the module"


async def test_processes_that_outlive_the_server_follow_it(managed: ManagedRedis, tmp_path: Path) -> None:
    """One that wrote before, and one that begins afterwards: both read and change what the other wrote."""
    with managed:
        async with ledger_of(managed, tmp_path) as old, ledger_of(managed, tmp_path) as new:
            await old.change("1", pushed)
            managed.stop()
            managed.offer(managed.module)
            managed.start()
            for order in ("1", "2", "3"):
                await new.change(order, pushed)
            assert kinds(managed) == {"1": JSON, "2": JSON, "3": JSON}
            read = await old.get_many(["1", "2"])
            assert [entry.pushes for entry in read.values()] == [2, 1]
            assert (await old.change("3", pushed)).pushes == 2
            assert await new.get_many(["1", "2"]) == read


async def test_without_its_module_the_server_does_not_begin_with_less(managed: ManagedRedis, tmp_path: Path) -> None:
    """It stops with an error and leaves the file alone; with the module everything is there again."""
    managed.offer(managed.module)
    with managed:
        async with ledger_of(managed, tmp_path) as ledger:
            kept = await ledger.change("1", pushed)
        managed.stop()
        managed.offer(NO_MODULE)
        with pytest.raises(RuntimeError, match=r"JSON\.SET|module"):
            managed.start()
        managed.offer(managed.module)
        managed.start()
        async with ledger_of(managed, tmp_path) as ledger:
            assert await ledger.get("1") == kept
