"""Backups of real servers: what comes back is what was there, on any server, and nothing broken is taken for good."""

import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from aftersend.backup.create import Backups
from aftersend.backup.errors import BadBackup
from aftersend.backup.records import SavedEvent
from aftersend.backup.restore import _put as put_back
from aftersend.backup.target import BackupTarget
from aftersend.key_files import make_next_key
from aftersend.ledger.entry import Entry, ParcelDetails, ParcelState, TimedValue
from aftersend.ledger.store import ENTRY_LIFE_MS, SEALED_LIFE_DONE_MS
from aftersend.runs import OrderCheck, RunRequest
from aftersend.sendcloud.model import ParcelEvent
from aftersend.stream.event import rfc3339
from aftersend.stream.stream import Stream
from aftersend.tenant.loading import parse_tenant
from aftersend_operator.manifests.redis_acl import USERS, acl_file
from tests.support.backup_kit import TENANT, BackedUpTenant, entries_at, shop
from tests.support.ledger_kit import parcel as parcel_event
from tests.support.part_kit import TENANT as TENANT_DOCUMENT
from tests.support.servers import RedisServer
from tests.support.stream_kit import seals_in

NOW = int(time.time() * 1000)
DAY = 86_400_000


@pytest.fixture
async def mueller(redis_url: str, tmp_path: Path) -> AsyncIterator[BackedUpTenant]:
    async with shop(redis_url, tmp_path) as found:
        yield found


async def _filled(at: BackedUpTenant, orders: int = 3) -> None:
    """A tenant in the middle of its day."""
    await at.state.set("sweep.cursor", "2026-11-26T10:00:00.000Z")
    await at.state.set("export.start", "1795000000000")
    await at.state.set("recovered", "1")
    for number in range(orders):
        details = {f"7{number}": ParcelDetails(number=TimedValue(f"number-{number}", NOW))}
        await at.order(
            Entry(
                order=str(4711 + number),
                state="labelled",
                revision=3,
                touched=NOW - DAY,
                observed=1,
                parcels={f"7{number}": ParcelState(mark="m", time=NOW)},
                details=details,
            )
        )
    await at.stream("parcels").add("parcel.changed", "webhook", parcel_event("70"))


_labels = some.text(alphabet="abcdefghij", min_size=1, max_size=8)
_events = some.lists(
    some.tuples(
        some.sampled_from(["parcels", "runs"]),
        some.sampled_from(["stream", "delayed", "dead"]),
        _labels,
        some.binary(max_size=300),
        some.integers(0, 2**45),
    ),
    max_size=8,
)


@pytest.mark.timeout(400)
@given(data=some.data(), events=_events, cursor=some.sampled_from(["", "2026-11-26T10:00:00.000Z"]))
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking on a server takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_what_comes_back_is_what_was_there(
    mueller: BackedUpTenant, data: some.DataObject, events: Any, cursor: str
) -> None:
    await mueller.redis.flushall()
    if cursor:
        await mueller.state.set("sweep.cursor", cursor)
    for entry in _each_parcel_in_one_order(data.draw(some.lists(entries_at(NOW), max_size=6, unique_by=_order_of))):
        await mueller.order(entry)
    for name, place, kind, raw, due in events:
        await _put(mueller, name, place, kind, raw, due)
    await mueller.ledger.days.add({"sent": 3, "export.done": 1})
    before, lives = await mueller.contents(), await mueller.lives()
    backup = await mueller.create()
    await mueller.redis.flushall()
    await mueller.restore(backup)
    requested = await _without_the_request(mueller)
    assert requested == RunRequest(kind="sweep", recovery=True)
    assert await mueller.contents() == before
    after = await mueller.lives()
    assert after.keys() == lives.keys()
    assert all(abs(after[key] - lives[key]) < 5000 for key in lives), "everything expires when it would have"


def _order_of(entry: Entry) -> str:
    return entry.order


def _each_parcel_in_one_order(drawn: list[Entry]) -> list[Entry]:
    """As the ledger has it: a parcel that is known stays with its order (see ``ledger.match``)."""
    taken: set[str] = set()
    kept = []
    for entry in drawn:
        if not taken & entry.parcels.keys():
            taken |= entry.parcels.keys()
            kept.append(entry)
    return kept


async def _put(at: BackedUpTenant, name: Any, place: str, kind: str, raw: bytes, due: int) -> None:
    """An event, or something that cannot be opened, wherever events are stored."""
    stream, event_id = at.stream(name), str(uuid.uuid4())
    sealed = at.keyring.seal(raw, bound=stream.bound(kind, event_id)) if len(raw) % 2 else raw
    fields: dict[Any, Any] = {b"v": b"1", b"id": event_id.encode(), b"type": kind.encode(), b"data": sealed}
    if place == "delayed":
        await put_back(stream, SavedEvent(stream.name, "delayed", fields, due), fields)
    else:
        await at.redis.xadd(stream.dead_key if place == "dead" else stream.key, fields)


async def _without_the_request(at: BackedUpTenant) -> RunRequest:
    """Take the request for the recovery sweep off its stream."""
    runs = at.stream("runs")
    ((entry, fields),) = await at.redis.xrevrange(runs.key, count=1)
    await at.redis.xdel(runs.key, entry)
    return runs.open(fields).read(RunRequest)


async def test_restoring_twice_or_over_what_is_there_changes_nothing(mueller: BackedUpTenant) -> None:
    await _filled(mueller)
    before = await mueller.contents()
    backup = await mueller.create()
    result = await mueller.restore(backup)
    assert (result.orders, result.events, result.unchanged) == (0, 0, 4)
    await _without_the_request(mueller)
    assert await mueller.contents() == before
    assert await mueller.state.recovering()


async def test_what_is_newer_stays_and_what_is_missing_comes_back(mueller: BackedUpTenant) -> None:
    await _filled(mueller)
    backup = await mueller.create()
    await mueller.ledger.change("4711", lambda entry: msgspec.structs.replace(entry, ticks=frozenset({"tag"})))
    await mueller.redis.delete(*[mueller.ledger._keys.key("order", "4712")])
    await mueller.state.set("sweep.cursor", "2026-11-26T11:00:00.000Z")
    newer = await mueller.ledger.get("4711")
    result = await mueller.restore(backup)
    assert (result.orders, result.events) == (1, 0)
    assert await mueller.ledger.get("4711") == newer
    assert await mueller.ledger.get("4712") is not None
    assert await mueller.state.get("sweep.cursor") == "2026-11-26T10:00:00.000Z"


async def test_pending_events_come_back_and_checks_and_markers_do_not(mueller: BackedUpTenant) -> None:
    """A marker of before the restore would end the recovery too soon."""
    parcels = mueller.stream("parcels")
    await parcels.redis.xgroup_create(parcels.key, parcels.group, id="0", mkstream=True)
    name = await parcels.add("parcel.changed", "webhook", parcel_event("70"))
    await parcels.redis.xreadgroup(parcels.group, "dead consumer", {parcels.key: ">"})
    await parcels.add("order.check", "sweep", OrderCheck(""))
    backup = await mueller.create()
    await mueller.redis.flushall()
    await mueller.restore(backup)
    ((_, fields),) = await mueller.redis.xrange(parcels.key)
    assert fields[b"id"].decode() == name
    assert parcels.open(fields).read(ParcelEvent) == parcel_event("70")


async def test_what_has_expired_since_stays_away(mueller: BackedUpTenant) -> None:
    old = Entry(order="1", touched=NOW - ENTRY_LIFE_MS + DAY // 2, revision=1)
    done = ParcelDetails(number=TimedValue("number", NOW - SEALED_LIFE_DONE_MS))
    await mueller.order(Entry(order="2", touched=NOW, revision=1, details={"7": done}))
    await mueller.order(old)
    backup = await mueller.create()
    await mueller.redis.flushall()
    later = (NOW + 91 * DAY) / 1000
    mueller.ledger = type(mueller.ledger)(
        mueller.redis, tenant=mueller.tenant, keyring=mueller.keyring, clock=lambda: later - 2 * DAY / 1000
    )
    async for record in mueller.backups.records(backup):
        if hasattr(record, "entry"):
            await mueller.ledger.restore(record, pickup_matters=False)
    assert await mueller.redis.exists(mueller.ledger._keys.key("order", "1")) == 0
    assert await mueller.redis.exists(mueller.ledger._keys.key("order", "2")) == 1


async def test_events_that_would_have_ended_since_stay_away(mueller: BackedUpTenant) -> None:
    """Or a dead letter of an old backup would begin another ninety days."""
    for days in (89, 91):
        moment = rfc3339(time.time() - days * 86_400).encode()
        fields: dict[Any, Any] = {b"v": b"1", b"id": b"%d" % days, b"type": b"parcel.changed", b"died": moment}
        await mueller.redis.xadd(mueller.stream("parcels").dead_key, fields)
        await mueller.redis.xadd(mueller.stream("runs").key, {**fields, b"died": b"", b"first": moment})
    backup = await mueller.create()
    await mueller.redis.flushall()
    result = await mueller.restore(backup)
    assert (result.events, result.unchanged) == (2, 2)
    ((_, kept),) = await mueller.redis.xrange(mueller.stream("parcels").dead_key)
    assert kept[b"id"] == b"89"


async def test_a_backup_needs_one_key_and_survives_rotation(mueller: BackedUpTenant, tmp_path: Path) -> None:
    await _filled(mueller)
    before = await mueller.contents()
    folder = tmp_path / "data-key"
    old = mueller.keyring.ids()[0]
    newer = make_next_key(folder)
    mueller.keyring.check()
    assert mueller.keyring.ids() == [newer, old]
    backup = await mueller.create()
    await mueller.redis.flushall()
    (folder / old).unlink()
    mueller.keyring.check()
    await mueller.restore(backup)
    await _without_the_request(mueller)
    assert await mueller.contents() == before


async def test_what_the_webhook_sealed_needs_no_key_of_its_own(mueller: BackedUpTenant, tmp_path: Path) -> None:
    """On the stream, delayed, dead: it is opened for the backup, and comes back under the data key."""
    parcels = Stream(
        mueller.redis, tenant=mueller.tenant, name="parcels", keyring=mueller.keyring, seals=seals_in(tmp_path)
    )
    for _ in range(3):
        await parcels.add("parcel.changed", "webhook", parcel_event())
    *_, (_, dead), (_, delayed) = await mueller.redis.xrange(parcels.key)
    await mueller.redis.xadd(parcels.dead_key, dead)
    await put_back(parcels, SavedEvent("parcels", "delayed", delayed, NOW), delayed)
    before = await mueller.contents()
    old, newer = mueller.keyring.ids()[0], make_next_key(tmp_path / "data-key")
    mueller.keyring.check()
    backup = await mueller.create()
    await mueller.redis.flushall()
    (tmp_path / "data-key" / old).unlink()
    mueller.keyring.check()
    await mueller.restore(backup)
    await _without_the_request(mueller)
    assert _events(await mueller.contents()) == _events(before)
    assert newer


def _events(contents: dict[str, Any]) -> list[bytes]:
    """The data of all parcels; which of the copies on the stream came back is another test's matter."""
    return sorted({dict(fields)[b"data"] for place in contents["events"].values() for _, fields in place})


async def test_an_unreadable_sealed_part_is_left_out_and_the_rest_is_saved(mueller: BackedUpTenant) -> None:
    await _filled(mueller, orders=2)
    await mueller.redis.set(mueller.ledger._keys.key("order", "4711", "sealed"), b"20200101:no key has this key")
    backup = await mueller.create()
    await mueller.redis.flushall()
    await mueller.restore(backup)
    first, second = [await mueller.ledger.get(order) for order in ("4711", "4712")]
    assert first is not None
    assert second is not None
    assert (bool(first.parcels), bool(first.details), bool(second.details)) == (True, False, True)


async def test_a_broken_backup_restores_nothing(mueller: BackedUpTenant, tmp_path: Path) -> None:
    await _filled(mueller)
    backup = await mueller.create()
    (file,) = (tmp_path / "backups" / TENANT).iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BadBackup, match="truncated at chunk 0"):
        await mueller.backups.verify(backup)
    file.rename(file.with_name(file.name.replace(".5.", ".6.")))
    (renamed,) = await mueller.backups.list()
    file.with_name(file.name.replace(".5.", ".6.")).write_bytes(b"")
    with pytest.raises(BadBackup, match="not a backup of a version"):
        await mueller.backups.verify(renamed)


async def test_a_backup_that_fails_leaves_the_older_one_and_no_rest(mueller: BackedUpTenant, tmp_path: Path) -> None:
    await _filled(mueller)
    good = await mueller.create()
    mueller.backups = Backups(mueller.tenant, _Lossy(mueller.backups.target), mueller.keyring)  # type: ignore[arg-type]
    with pytest.raises(BadBackup):
        await mueller.create()
    assert [backup.id for backup in await mueller.backups.list()] == [good.id]
    assert len(list((tmp_path / "backups" / TENANT).iterdir())) == 1
    assert await mueller.backups.verify(good)


class _Lossy:
    """A disk that loses the last bytes without a word."""

    def __init__(self, target: BackupTarget) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        async def fewer() -> AsyncIterator[bytes]:
            async for piece in pieces:
                yield piece[:-1]

        await self._target.write(name, fewer())


async def test_the_backup_user_needs_no_dangerous_command(redis_url: str, tmp_path: Path) -> None:
    """The very rights that a managed Redis gives it are enough for a backup and for a restore."""
    async with shop(redis_url, tmp_path) as admin:
        await _filled(admin)
        json = await admin.redis.type(admin.ledger._keys.key("order", "4711")) != b"string"
        rights = _rights_of_backup(json=json)
        await admin.redis.execute_command("ACL", "SETUSER", "backup", *rights)
        named = redis_url.replace("redis://", "redis://backup:secret@")
        async with shop(named, tmp_path) as narrow:
            backup = await narrow.create()
            before = await admin.contents()
            await admin.redis.delete(*[key async for key in admin.redis.scan_iter(match="aftersend:*")])
            await narrow.restore(backup)
        await _without_the_request(admin)
        assert await admin.contents() == before
        log = await admin.redis.execute_command("ACL", "LOG")
        assert not [line for line in log if b"backup" in line], log
        await admin.redis.execute_command("ACL", "DELUSER", "backup")


def _rights_of_backup(*, json: bool) -> list[str]:
    """The line of the operator's ACL file, as words behind the user's name."""
    tenant = parse_tenant(TENANT_DOCUMENT.encode())
    text = acl_file(tenant, dict.fromkeys(USERS, "secret"), json=json)
    (line,) = [line for line in text.splitlines() if line.startswith("user backup ")]
    return line.split()[2:]


@pytest.mark.parametrize(
    "flavours", [("valkey", "redis7json"), ("redis7json", "redis7"), ("redis8", "valkey")], ids="-".join
)
async def test_from_any_server_to_any_other(
    flavours: tuple[str, str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With RedisJSON or without, newer or older: a backup knows no server."""
    pictures, backup = [], None
    for flavour in flavours:
        try:
            server = RedisServer(flavour, tmp_path_factory.mktemp(flavour))
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        server.start()
        try:
            async with shop(server.url, tmp_path) as found:
                if backup is None:
                    await _filled(found, orders=120)
                    backup = await found.create()
                else:
                    await found.redis.flushall()
                    await found.restore(backup)
                    await _without_the_request(found)
                pictures.append(await found.contents())
        finally:
            server.kill()
    assert pictures[0] == pictures[1]


async def test_personal_data_is_not_readable_in_the_files(mueller: BackedUpTenant, tmp_path: Path) -> None:
    mark = "Erika-Mustermann-0034043446"
    details = {"7": ParcelDetails(number=TimedValue(mark, NOW), url=TimedValue(f"https://track/{mark}", NOW))}
    await mueller.order(Entry(order="4711", touched=NOW, revision=1, parcels={"7": ParcelState()}, details=details))
    for place in ("stream", "delayed", "dead"):
        await _put(mueller, "parcels", place, "parcel.changed", f"{mark}".encode(), 5)
    await mueller.create()
    (file,) = (tmp_path / "backups" / TENANT).iterdir()
    raw = file.read_bytes()
    assert mark.encode() not in raw
    assert b"4711" not in raw.partition(b"\n")[2]
    held = [record async for record in mueller.backups.records((await mueller.backups.list())[0])]
    assert mark in repr(held), "or the search above shows nothing"
    assert file.parent.stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0
