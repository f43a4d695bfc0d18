"""The ledger on real servers, with and without RedisJSON."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from aftersend.errors import Bug, Later, Rejected, Transient
from aftersend.ledger.documents import EntryWrite
from aftersend.ledger.entry import Entry, Held, Notice, Problem
from aftersend.ledger.merge import merge
from aftersend.ledger.store import DAY_MS, ENTRY_LIFE_MS, SEALED_LIFE_DONE_MS, Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.sealing import Keyring
from tests.support.ledger_kit import CANCELLED, NOW, TENANT, ManualClock, client, keyring, mac, parcel
from tests.support.ledger_kit import ledger as open_ledger

PREFIX = f"aftersend:{{{TENANT}}}:"
replace = msgspec.structs.replace


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client(redis_url) as connection:
        yield connection


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    return keyring(tmp_path / "data-key")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(redis: Redis, keys: Keyring, clock: ManualClock) -> Ledger:
    return open_ledger(redis, keys, clock)


def labelled(entry: Entry) -> Entry:
    return merge(entry, parcel(), mac)


def done(entry: Entry) -> Entry:
    return replace(entry, applied=entry.observed, lagging=0, ticks=frozenset({"tag"}))


async def everything(redis: Redis) -> bytes:
    return b"\n".join([await redis.dump(key) or b"" for key in await redis.keys()])


async def test_what_was_changed_is_read_back(ledger: Ledger) -> None:
    assert await ledger.get("700") is None
    changed = await ledger.change("700", labelled)
    assert (changed.revision, changed.touched, changed.live) == (1, NOW, ["11"])
    assert await ledger.get("700") == changed
    assert await ledger.get_many(["699", "700"]) == {"700": changed}
    assert await ledger.order_of("11") == "700"
    assert await ledger.order_of("12") is None


async def test_an_entry_that_an_older_version_wrote_is_read(ledger: Ledger, redis: Redis) -> None:
    """As it was stored before orders had a reason why they are held."""
    await ledger.change("700", lambda entry: replace(entry, watched=5))
    stored = b'{"order":"700","revision":1,"touched":%d,"watched":5}' % NOW
    key = f"{PREFIX}order:700"
    if await redis.type(key) == b"string":
        assert await redis.get(key) == stored, "without a reason nothing of it is stored"
        await redis.set(key, stored)
    else:
        await redis.execute_command("JSON.SET", key, "$", stored)
    assert await ledger.get("700") == Entry(order="700", revision=1, touched=NOW, watched=5, held=None)
    held = Held(reason="unpaid", since=5)
    await ledger.change("700", lambda entry: replace(entry, held=held))
    assert (await ledger.get_many(["700"]))["700"].held == held


async def test_an_unchanged_entry_is_not_written(ledger: Ledger, redis: Redis) -> None:
    assert await ledger.change("700", lambda entry: entry) == Entry(order="700")
    assert await redis.dbsize() == 0
    first = await ledger.change("700", labelled)
    assert (await ledger.change("700", labelled)).revision == first.revision


async def test_nothing_personal_is_readable(ledger: Ledger, redis: Redis, keys: Keyring) -> None:
    def mark(text: str) -> str:
        return keys.mac(text.encode(), purpose="parcel")

    await ledger.change("700", lambda entry: merge(entry, parcel(), mark))
    personal = [b"00340434464181524", b"track.example", b"dhl"]
    assert not [word for word in personal if word in await everything(redis)]


async def test_changes_at_the_same_moment_all_count(redis: Redis, keys: Keyring, clock: ManualClock) -> None:
    ledgers = [open_ledger(redis, keys, clock) for _ in range(4)]
    changes = [
        ledger.change("700", lambda entry: replace(entry, pushes=entry.pushes + 1))
        for _ in range(5)
        for ledger in ledgers
    ]
    await asyncio.gather(*changes)
    stored = await ledgers[0].get("700")
    assert stored is not None
    assert stored.pushes == stored.revision == 20


async def test_a_change_that_never_gets_through_is_transient(ledger: Ledger, redis: Redis, keys: Keyring) -> None:
    rival = open_ledger(redis, keys, ManualClock())
    loop = asyncio.get_running_loop()

    class Rivalled(Ledger):
        async def _write(self, writes: Sequence[EntryWrite]) -> list[bool | Transient]:
            await rival.change("700", lambda entry: replace(entry, pushes=entry.pushes + 1))
            return await super()._write(writes)

    with pytest.raises(Transient, match="ledger_busy"):
        await Rivalled(redis, tenant=TENANT, keyring=keys, clock=loop.time).change("700", labelled)
    assert (await ledger.get("700") or Entry(order="")).parcels == {}


STAGES = [
    ("new", lambda e: e, set()),
    ("accepted", lambda e: replace(e, state="accepted", pushed=NOW), {"open"}),
    ("watched", lambda e: replace(e, watched=NOW, pushes=1), {"watched"}),
    ("labelled", labelled, {"lagging"}),
    ("done", lambda e: done(labelled(e)), set()),
    ("problem", lambda e: replace(e, problem=Problem(code="conflict", since=NOW)), {"problems"}),
]


@pytest.mark.parametrize(("name", "change", "expected"), STAGES[1:], ids=[stage[0] for stage in STAGES[1:]])
async def test_indexes_follow_the_entry(ledger: Ledger, name: str, change: object, expected: set[str]) -> None:
    await ledger.change(
        "701", lambda entry: replace(entry, state="confirmed", watched=1, problem=Problem("rejected", 1))
    )
    await ledger.change("700", change)  # type: ignore[arg-type]
    for index in ("open", "watched", "problems"):
        found = [order async for order in getattr(ledger, index)()]
        assert ("700" in found) is (index in expected), (name, index)
        assert "701" in found
    assert ("700" in [order async for order in ledger.lagging(-10_000)]) is ("lagging" in expected)
    assert {order async for order in ledger.orders()} == {"700", "701"}
    await ledger.change("700", lambda entry: Entry(order="700", revision=entry.revision))
    assert [order async for order in ledger.problems()] == ["701"]


async def test_lagging_for_so_long(ledger: Ledger, clock: ManualClock) -> None:
    await ledger.change("700", labelled)
    clock.ms = NOW + 600_000
    assert [order async for order in ledger.lagging(600_000)] == []
    clock.ms += 1000
    assert [order async for order in ledger.lagging(600_000)] == ["700"]


async def test_problems_are_counted_by_code(ledger: Ledger) -> None:
    for order in ("1", "2", "3"):
        code = "conflict" if order != "3" else "withdrawn"
        await ledger.change(order, lambda entry, code=code: replace(entry, problem=Problem(code=code, since=1)))
    counts = await ledger.counts()
    assert counts["conflict"] == 2
    assert counts["withdrawn"] == 1
    assert counts["rejected"] == 0


async def test_notices_are_counted_by_code_and_are_no_problems(ledger: Ledger) -> None:
    def with_notices(*found: Notice) -> Callable[[Entry], Entry]:
        return lambda entry: replace(entry, notices=found)

    tariff, origin = (Notice("customs_incomplete", NOW + step, path) for step, path in ((5, "a"), (1, "b")))
    await ledger.change("1", with_notices(tariff, origin, Notice("state_missing", NOW, "c")))
    await ledger.change("2", with_notices(tariff))
    await ledger.change("3", lambda entry: replace(entry, problem=Problem("rejected", 1)))
    assert await ledger.notice_counts() == {
        "customs_incomplete": 2,
        "state_missing": 1,
        "post_number_missing": 0,
        "field_left_out": 0,
    }
    assert [order async for order in ledger.problems()] == ["3"]
    assert {order async for order in ledger.noticed()} == {"1", "2"}
    await ledger.change("1", labelled)
    await ledger.change("2", with_notices())
    assert not any((await ledger.notice_counts()).values())
    assert [order async for order in ledger.noticed()] == []


async def test_an_entry_of_an_earlier_version_is_read(ledger: Ledger, redis: Redis) -> None:
    """It has no notices; what is not there keeps its default."""
    await redis.set(f"{PREFIX}order:700", b'{"order":"700","state":"confirmed","fingerprint":"f","revision":3}')
    known = await ledger.get("700")
    assert known == Entry(order="700", state="confirmed", fingerprint="f", revision=3)
    changed = await ledger.change("700", lambda entry: replace(entry, notices=(Notice("state_missing", 1, "x"),)))
    assert await ledger.get("700") == changed


async def test_many_orders_are_walked_through(ledger: Ledger) -> None:
    wanted = {str(number) for number in range(700)}
    for chunk in range(0, 700, 50):
        orders = (str(number) for number in range(chunk, chunk + 50))
        await asyncio.gather(*(ledger.change(order, lambda entry: replace(entry, watched=1)) for order in orders))
    found = [order async for order in ledger.watched()]
    assert len(found) == len(wanted)
    assert set(found) == wanted


async def life(redis: Redis, *parts: str) -> int:
    return int(await redis.pttl(PREFIX + ":".join(parts)))


async def test_lives(ledger: Ledger, redis: Redis) -> None:
    await ledger.change("700", labelled)
    for key in (("order", "700"), ("order", "700", "sealed"), ("parcel", "11"), ("index", "orders")):
        assert ENTRY_LIFE_MS - 60_000 < await life(redis, *key) <= ENTRY_LIFE_MS
    await ledger.change("700", done)
    assert 0 < await life(redis, "order", "700", "sealed") <= SEALED_LIFE_DONE_MS
    await redis.pexpire(f"{PREFIX}order:700:sealed", DAY_MS)
    await ledger.change("700", lambda entry: replace(entry, pushes=9))
    assert await life(redis, "order", "700", "sealed") <= DAY_MS, (
        "touching a done order keeps its sealed part no longer"
    )
    await ledger.change("700", lambda entry: merge(entry, parcel(status=CANCELLED, time=NOW + 1), mac))
    assert await life(redis, "order", "700", "sealed") > SEALED_LIFE_DONE_MS, "there is work again"


async def test_after_the_sealed_part_has_gone_the_marks_are_left(ledger: Ledger, redis: Redis) -> None:
    await ledger.change("700", lambda entry: done(labelled(entry)))
    await redis.delete(f"{PREFIX}order:700:sealed")
    entry = await ledger.get("700")
    assert entry is not None
    assert entry.details == {}
    assert entry.live == ["11"]
    second = await ledger.change("700", lambda entry: merge(entry, parcel("12"), mac))
    assert set(second.details) == {"12"}
    assert second.live == ["11", "12"]


async def test_expired_orders_leave_the_indexes(ledger: Ledger, redis: Redis, clock: ManualClock) -> None:
    await ledger.change("700", labelled)
    await redis.delete(f"{PREFIX}order:700")
    clock.ms += ENTRY_LIFE_MS + 1
    await ledger.change("701", labelled)
    assert [order async for order in ledger.orders()] == ["701"]
    assert [order async for order in ledger.lagging(0)] == ["701"]


async def test_a_plain_document_is_read_where_the_module_came_later(ledger: Ledger, redis: Redis) -> None:
    await redis.set(f"{PREFIX}order:700", msgspec.json.encode(Entry(order="700", revision=4, pushes=2)))
    changed = await ledger.change("700", lambda entry: replace(entry, pushes=entry.pushes + 1))
    assert (changed.revision, changed.pushes) == (5, 3)
    assert await ledger.get("700") == changed


async def test_scripts_survive_a_flushed_script_cache(ledger: Ledger, redis: Redis) -> None:
    await ledger.change("700", labelled)
    await redis.script_flush()
    assert await ledger.get_many(["700"])
    await redis.script_flush()
    assert (await ledger.change("700", done)).revision == 2


async def test_an_unreadable_document_is_a_bug_that_quotes_nothing(ledger: Ledger, redis: Redis) -> None:
    await redis.set(f"{PREFIX}order:700", '{"order": "700", "revision": "Mustermann"}')
    with pytest.raises(Bug, match="order:700") as caught:
        await ledger.get("700")
    assert "Mustermann" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_sealed_part_of_another_order_does_not_open(ledger: Ledger, redis: Redis) -> None:
    await ledger.change("700", labelled)
    await ledger.change("701", lambda entry: merge(entry, parcel("12"), mac))
    await redis.copy(f"{PREFIX}order:700:sealed", f"{PREFIX}order:701:sealed", replace=True)
    with pytest.raises(Rejected):
        await ledger.get("701")


async def test_without_redis_everything_is_transient(keys: Keyring) -> None:
    async with client("redis://127.0.0.1:1/0") as unreachable:
        ledger = open_ledger(unreachable, keys, ManualClock())
        for call in (ledger.get("1"), ledger.order_of("1"), ledger.counts(), ledger.change("1", labelled)):
            with pytest.raises(Transient):
                await call
        with pytest.raises(Transient):
            async with ledger.lease("1"):
                pass


async def test_one_holder_at_a_time(ledger: Ledger) -> None:
    async with ledger.lease("700") as lease:
        with pytest.raises(Later):
            async with ledger.lease("700"):
                pass
        async with ledger.lease("701"):
            await lease.check()
    async with ledger.lease("700") as again:
        await again.check()


async def test_a_lost_lease_is_noticed_and_left_alone(ledger: Ledger, redis: Redis) -> None:
    key = f"{PREFIX}lease:order:700"
    async with ledger.lease("700") as lease:
        await redis.set(key, "another holder")
        with pytest.raises(Later, match="lease_lost"):
            await lease.check()
    assert await redis.get(key) == b"another holder"


async def test_a_lease_is_renewed_and_ends_by_itself(
    ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftersend.redis.lease._RENEW_SECONDS", 0.01)
    key = f"{PREFIX}lease:order:700"
    async with ledger.lease("700"):
        assert 0 < await redis.pttl(key) <= 60_000
        await redis.pexpire(key, 10_000)
        async with asyncio.timeout(30):
            while await redis.pttl(key) <= 10_000:
                await asyncio.sleep(0.01)
    assert await redis.exists(key) == 0


async def test_renewal_outlives_a_redis_that_is_away(
    ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftersend.redis.lease._RENEW_SECONDS", 0.01)
    key = f"{PREFIX}lease:order:700"
    async with ledger.lease("700") as lease:
        async with redis.pipeline(transaction=True) as at_once:  # a renewal in between would find the lease lost
            await at_once.delete(key).hset(key, "wrong", "type").execute()
        await asyncio.sleep(0.05)
        async with redis.pipeline(transaction=True) as at_once:
            await at_once.delete(key).set(key, lease._token).execute()
        async with asyncio.timeout(30):
            while await redis.pttl(key) <= 0:
                await asyncio.sleep(0.01)


async def test_the_state_of_the_tenant(redis: Redis) -> None:
    state = TenantState(redis, tenant=TENANT)
    assert await state.recovering()
    await state.set("recovered", "1")
    assert await state.recovering()
    await state.set("sweep.cursor", "2026-11-24T08:00:00Z")
    assert not await state.recovering()
    assert await state.get("sweep.cursor") == "2026-11-24T08:00:00Z"
    await state.delete("sweep.cursor")
    assert await state.get("sweep.cursor") is None
    assert await state.recovering()
    async with state.lease("export"):
        with pytest.raises(Later):
            async with state.lease("export"):
                pass
        async with state.lease("sweep"):
            pass
