"""Rotating data keys: everything comes under the newest key, nothing else changes, all services go on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aftersend.backup.reseal import Resealer
from aftersend.key_files import make_next_key, write_seal_keys
from aftersend.ledger.entry import Entry, ParcelDetails, ParcelState, TimedValue
from aftersend.stream.scripts import ADD_DELAYED, flat
from aftersend.stream.stream import Stream
from tests.integration.backup.test_backup import _put
from tests.integration.cli.test_backup import Shop as Place
from tests.support.backup_kit import BackedUpTenant, shop
from tests.support.ledger_kit import parcel
from tests.support.part_kit import call_main
from tests.support.stream_kit import seals_in

NOW = int(time.time() * 1000)


@pytest.fixture
async def mueller(redis_url: str, tmp_path: Path) -> AsyncIterator[BackedUpTenant]:
    async with shop(redis_url, tmp_path) as found:
        details = {"7": ParcelDetails(number=TimedValue("N1", NOW))}
        for order in ("1", "2"):
            await found.order(
                Entry(order=order, touched=NOW, revision=1, parcels={"7": ParcelState()}, details=details)
            )
        for place in ("stream", "delayed", "dead"):
            await _put(found, "parcels", place, "parcel.changed", b"odd", NOW)
        yield found


def _rotated(at: BackedUpTenant, folder: Path) -> tuple[str, str]:
    old, new = at.keyring.ids()[0], make_next_key(folder / "data-key")
    at.keyring.check()
    return old, new


def _resealer(at: BackedUpTenant) -> Resealer:
    return Resealer(at.redis, tenant=at.tenant, keyring=at.keyring)


async def test_all_comes_under_the_newest_key_and_is_as_before(mueller: BackedUpTenant, tmp_path: Path) -> None:
    before, lives = await mueller.contents(), await mueller.lives()
    old, new = _rotated(mueller, tmp_path)
    assert {use.key: (use.ledger, use.events) for use in await _resealer(mueller).uses()} == {new: (0, 0), old: (2, 3)}
    assert await _resealer(mueller).reseal() == 5
    assert {use.key: (use.ledger, use.events) for use in await _resealer(mueller).uses()} == {new: (2, 3), old: (0, 0)}
    assert await _resealer(mueller).reseal() == 0
    (tmp_path / "data-key" / old).unlink()
    mueller.keyring.check()
    assert await mueller.contents() == before
    assert await mueller.lives() == lives


async def test_what_is_being_handled_is_left_alone_and_what_a_dead_process_held_is_not(
    mueller: BackedUpTenant, tmp_path: Path
) -> None:
    parcels = mueller.stream("parcels")
    await parcels.redis.xgroup_create(parcels.key, parcels.group, id="0")
    ((_, ((entry, _),)),) = await parcels.redis.xreadgroup(parcels.group, "one", {parcels.key: ">"})
    await parcels.add("parcel.changed", "webhook", parcel())
    old, _ = _rotated(mueller, tmp_path)
    resealer = _resealer(mueller)
    await resealer.reseal()
    assert [use.events for use in await resealer.uses() if use.key == old] == [1]
    assert await parcels.redis.xack(parcels.key, parcels.group, entry) == 1, "it was still held"
    await parcels.redis.xreadgroup(parcels.group, "two", {parcels.key: ">"})
    await parcels.redis.xclaim(parcels.key, parcels.group, "two", 0, [entry], idle=90_000, force=True)
    assert await resealer.reseal() == 1
    assert [use.events for use in await resealer.uses() if use.key == old] == [0]


async def test_what_the_webhook_sealed_counts_for_its_data_key_and_is_resealed(
    mueller: BackedUpTenant, tmp_path: Path
) -> None:
    webhooks = Stream(
        mueller.redis, tenant=mueller.tenant, name="parcels", keyring=mueller.keyring, seals=seals_in(tmp_path)
    )
    for _ in range(3):
        await webhooks.add("parcel.changed", "webhook", parcel())
    entries = await mueller.redis.xrange(webhooks.key)
    await mueller.redis.xadd(webhooks.dead_key, entries[-2][1])
    await ADD_DELAYED.run(mueller.redis, keys=[webhooks.delayed_key], args=[NOW, *flat(entries[-1][1])])
    before = await mueller.contents()
    old, new = _rotated(mueller, tmp_path)
    resealer = _resealer(mueller)
    assert {use.key: use.events for use in await resealer.uses()} == {new: 0, old: 8}
    assert await resealer.reseal() == 10
    assert {use.key: use.events for use in await resealer.uses()} == {new: 8, old: 0}
    (tmp_path / "data-key" / old).unlink()
    mueller.keyring.check()
    assert await mueller.contents() == before


async def test_a_forged_public_seal_is_not_made_a_genuine_one(mueller: BackedUpTenant, tmp_path: Path) -> None:
    runs = Stream(mueller.redis, tenant=mueller.tenant, name="runs", keyring=mueller.keyring, seals=seals_in(tmp_path))
    name, bound = mueller.ledger.sealed_place("1")
    forged = seals_in(tmp_path).seal(b"\x80", bound=bound)
    await mueller.redis.set(name, forged)
    await runs.add("sweep.requested", "webhook", parcel())
    _rotated(mueller, tmp_path)
    await _resealer(mueller).reseal()
    assert await mueller.redis.get(name) == forged
    (*_, (_, fields)) = await mueller.redis.xrange(runs.key)
    assert b"!" in fields[b"data"][:12]


async def test_what_changed_meanwhile_is_not_overwritten(mueller: BackedUpTenant, tmp_path: Path) -> None:
    name, bound = mueller.ledger.sealed_place("1")
    _, new = _rotated(mueller, tmp_path)
    resealer = _resealer(mueller)
    get = resealer._get

    async def overtaken(key: str) -> bytes:
        value = await get(key)
        if key == name:
            await mueller.redis.set(key, mueller.keyring.seal(b"\x80", bound=bound))
        return value

    resealer._get = overtaken  # type: ignore[method-assign]
    await resealer.reseal()
    found = await mueller.ledger.get("1")
    assert found is not None
    assert found.details == {}
    assert new


def test_the_commands(redis_url: str, tmp_path: Path) -> None:
    place = Place(tmp_path, redis_url)
    keys = tmp_path / "secrets" / "data-key"
    assert call_main(("backup", "create"), place.environ)[0] == 0
    code, out, _ = call_main(("keys", "new", "--json"), place.environ)
    made = json.loads(out)["key"]
    assert (code, (keys / made).stat().st_mode & 0o777) == (0, 0o600)
    assert not (keys.parent / "seal-key").exists()
    write_seal_keys(keys.parent)
    newest = json.loads(call_main(("keys", "new", "--json"), place.environ)[1])["key"]
    assert (keys.parent / "seal-key" / newest).exists()
    (keys / newest).unlink()
    code, out, _ = call_main(("keys", "reseal", "--json"), place.environ)
    assert code == 0
    shown = json.loads(out)
    assert [(use["key"], use["here"], use["backups"]) for use in shown["keys"]] == [
        (made, True, 0),
        ("20260101", True, 1),
    ]
    code, out, err = call_main(("keys", "export", "--yes", "--json"), place.environ)
    assert code == 0
    assert json.loads(out) == {name: (keys / name).read_text().strip() for name in ("20260101", made, "fingerprint")}
    assert "can read all sealed data" in err
    asyncio.run(place.redis.aclose())
