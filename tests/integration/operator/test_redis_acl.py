"""The ACL file of a managed Redis on real servers: each part can do all its work, and nothing else.

What a part does is done here through the very classes that it uses. Afterwards the server's ACL log must be empty; then
each user tries what it has no permission for.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from aftersend import runs
from aftersend.audit import AuditTrail
from aftersend.erasure import Erasure
from aftersend.ledger.entry import Entry
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.redis import durability
from aftersend.redis.connection import connect
from aftersend.redis.keys import Keys
from aftersend.sealing import Keyring
from aftersend.stream.dead_letters import DeadLetters
from aftersend.stream.delayed import promote
from aftersend.stream.guard import StreamGuard
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.retry import DeadLetter, Delay
from aftersend.stream.stream import Stream, StreamName
from aftersend.stream.upstream_outage import UpstreamOutage
from aftersend_exporter.requests.coalescing import RequestCoalescer
from aftersend_operator.manifests.generated_secrets import JSON_ACL, PLAIN_ACL
from aftersend_operator.manifests.redis_acl import PROBE, USERS
from tests.support.managed_redis import ManagedRedis
from tests.support.operator_kit import tenant
from tests.support.stream_kit import NamedParcel, claim_first, defer, keyring_in, move_to_dead_letters

TENANT = tenant()
KEYS = Keys(TENANT.identity)
EXPORT = runs.RunRequest(kind="export")
ANONYMOUS = ""
"""A client without credentials."""
WRITERS = ("writer", "exporter", "backup", "up")
"""Users that consume streams and change the ledger; a restore does both."""


@pytest.fixture(scope="module")
def server(flavour: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedRedis]:
    with ManagedRedis(flavour, tmp_path_factory.mktemp("managed") / flavour, TENANT) as managed:
        yield managed


@pytest.fixture
def calm(server: ManagedRedis) -> Iterator[ManagedRedis]:
    """An empty server; whatever happens in the test, nothing may have been refused."""
    with server.inspector() as client:
        client.flushall()
        client.script_flush()
        client.execute_command("ACL", "LOG", "RESET")
    yield server
    assert server.refused() == set()


@contextlib.asynccontextmanager
async def as_user(server: ManagedRedis, user: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a context
    client = connect(server.url, server.files(user), part=user)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    return keyring_in(tmp_path)


def stream(client: "redis.asyncio.Redis", keys: Keyring, name: StreamName) -> Stream:
    return Stream(client, tenant=TENANT.identity, name=name, keyring=keys)


@pytest.mark.parametrize("user", WRITERS)
@pytest.mark.parametrize("name", ["parcels", "runs"])
async def test_a_consumer_can_walk_every_way_of_an_entry(
    calm: ManagedRedis, keys: Keyring, user: str, name: StreamName
) -> None:
    async with as_user(calm, user) as client:
        own = stream(client, keys, name)
        pending = PendingEntries(own, user)
        assert await pending.ensure_group()
        assert not await pending.ensure_group()
        await own.add("parcel.changed", "sweep", NamedParcel("one"))
        await own.add_many("parcel.changed", "sweep", [NamedParcel("two"), NamedParcel("three"), NamedParcel("four")])
        one, two, three, four = await pending.read(10, block_ms=10)
        assert (await own.length(), await own.pending(), await own.delayed(), await own.dead()) == (4, 4, 0, 0)
        assert await own.oldest_age() >= 0
        assert await pending.renew([one.id]) == 0
        assert await pending.release([one.id]) == 1
        assert [overdue.id for overdue in await pending.idle(1_000_000)] == [one.id]
        assert await claim_first(pending, 1_000_000) is not None
        await pending.done([one.id])
        assert await defer(own, user, two, Delay(seconds=0, counted=True))
        assert await promote(own) == 1
        assert await move_to_dead_letters(own, user, three, DeadLetter(reason="rejected", error="Rejected: x"))
        letters = DeadLetters(own)
        (letter,) = await letters.list()
        assert await letters.show(letter.id)
        assert await letters.redrive() == 1
        assert await move_to_dead_letters(own, user, four, DeadLetter(reason="rejected", error="Rejected: x"))
        assert await letters.drop([(await letters.list())[0].id]) == 1
        assert await pending.delete_idle_consumers(0) >= 0
        await UpstreamOutage(own).record()
        assert await UpstreamOutage(own).last()
        assert await StreamGuard(own).inspect() == (False, 0)
        await client.xadd(own.key, {"v": "x"}, id="18446744073709551615-18446744073709551615")
        assert await StreamGuard(own).inspect() == (True, 0)


@pytest.mark.parametrize("user", WRITERS)
async def test_who_works_on_orders_can_keep_the_ledger_and_the_state(
    calm: ManagedRedis, keys: Keyring, user: str
) -> None:
    async with as_user(calm, user) as client:
        ledger = Ledger(client, tenant=TENANT.identity, keyring=keys)
        await ledger.change("1", lambda entry: _touched(entry, "pushing"))
        await ledger.change("1", lambda entry: _touched(entry, "accepted"))
        assert list(await ledger.get_many(["1", "2"])) == ["1"]
        assert [order async for order in ledger.orders()] == ["1"]
        assert not any((await ledger.counts()).values())
        assert await ledger.order_of("11") is None
        async with ledger.lease("1") as lease:
            await lease.check()
        state = TenantState(client, tenant=TENANT.identity)
        await state.set("sweep.cursor", "x")
        assert await state.get("sweep.cursor") == "x"
        assert await state.recovering()
        await state.delete("sweep.cursor")
        async with state.lease("export"):
            pass
    with calm.inspector() as inspector:
        kind = inspector.type(KEYS.key("order", "1"))
        has_json = any(module[b"name"] in (b"ReJSON", b"json") for module in inspector.module_list())
    assert kind == (b"ReJSON-RL" if has_json else b"string")


@pytest.mark.parametrize("user", ["exporter", "backup", "up"])
async def test_where_persons_call_commands_an_order_can_be_shown_and_erased(
    calm: ManagedRedis, keys: Keyring, user: str
) -> None:
    async with as_user(calm, user) as client:
        erasure = Erasure.of(client, tenant=TENANT.identity, keyring=keys)
        await erasure.ledger.change("1", lambda entry: _touched(entry, "accepted"))
        parcels = stream(client, keys, "parcels")
        pending = PendingEntries(parcels, user)
        await pending.ensure_group()
        await parcels.add_many("order.check", "sweep", [runs.OrderCheck("1") for _ in range(3)])
        delayed, dead, _ = await pending.read(10, block_ms=10)
        assert await defer(parcels, user, delayed, Delay(seconds=60, counted=True))
        assert await move_to_dead_letters(parcels, user, dead, DeadLetter(reason="rejected", error="Rejected: x"))
        (saved,) = [each async for each in erasure.ledger.saved(erasure.ledger.orders())]
        assert saved.entry.order == "1"
        assert (await erasure.events("1")).counts == {"stream": 1, "delayed": 1, "dead": 1}
        trail = AuditTrail(client, tenant=TENANT.identity)
        await trail.record("forget.order")
        _, erased = await erasure.erase("1") or pytest.fail("it is there")
        assert erased.counts.total() == 3
        assert [each.action for each in await trail.records()] == ["forget.order"]


@pytest.mark.parametrize("user", ["exporter", "up"])
async def test_the_exporter_can_coalesce_requests_and_leave_results(
    calm: ManagedRedis, keys: Keyring, user: str
) -> None:
    async with as_user(calm, user) as client:
        requests = stream(client, keys, "runs")
        name = await runs.publish(requests, EXPORT, source="cron")
        coalescer = RequestCoalescer(client, runs=requests)
        await coalescer.defer(EXPORT, run="earlier")
        assert await coalescer.equal_to(EXPORT, run=name) == sorted([name, "earlier"])
        await coalescer.served(EXPORT, runs=["earlier"])
        summary = runs.RunSummary(run=name, kind="export", outcome="done")
        await runs.store_result(client, tenant=TENANT.identity, run=name, summary=summary)


@pytest.mark.parametrize("user", ["trigger", "exporter", "up"])
async def test_who_asks_for_a_run_can_wait_for_its_result(calm: ManagedRedis, keys: Keyring, user: str) -> None:
    async with as_user(calm, user) as client, as_user(calm, "exporter") as exporter:
        name = await runs.publish(stream(client, keys, "runs"), EXPORT, source="cron")
        summary = runs.RunSummary(run=name, kind="export", outcome="done")
        await runs.store_result(exporter, tenant=TENANT.identity, run=name, summary=summary)
        found = await runs.wait_for(client, tenant=TENANT.identity, run=name, timeout=60)
    assert found == summary


@pytest.mark.parametrize("user", ["webhook", "up"])
async def test_the_webhook_can_store_an_event(calm: ManagedRedis, keys: Keyring, user: str) -> None:
    async with as_user(calm, user) as client:
        await stream(client, keys, "parcels").add("parcel.changed", "webhook", NamedParcel("one"))
        assert (await durability.inspect(client, ask_config=False)).faults == ()
    with calm.inspector() as inspector:
        assert inspector.xlen(KEYS.key("parcels")) == 1


@pytest.mark.parametrize("user", USERS)
async def test_everybody_sees_that_the_server_keeps_what_it_confirms(calm: ManagedRedis, user: str) -> None:
    async with as_user(calm, user) as client:
        assert (await durability.inspect(client, ask_config=False)).faults == ()


OTHERS = Keys("tenant-schmidt.schmidt")
DENIED_TO_ALL = [
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("DUMP", KEYS.key("order", "1")),
    ("RESTORE", KEYS.key("order", "1"), "0", "x"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "appendonly", "no"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "webhook", "+@all"),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "no", "one"),
    ("CLIENT", "LIST"),
    ("MONITOR",),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "LIST"),
    ("PUBLISH", "anything", "x"),
    ("SORT", KEYS.key("order", "1")),
    ("XTRIM", KEYS.key("parcels"), "MAXLEN", "0"),
    ("GET", OTHERS.key("order", "1")),
    ("XADD", OTHERS.key("parcels"), "*", "v", "1"),
    ("EVAL", "return redis.call('GET', KEYS[1])", "1", OTHERS.key("order", "1")),
]
REFUSED = [
    *((user, words) for user in (*USERS, PROBE, ANONYMOUS) for words in DENIED_TO_ALL),
    *(
        (user, words)
        for user in ("webhook", "trigger")
        for words in (
            ("GET", KEYS.key("order", "1")),
            ("HGETALL", KEYS.key("state")),
            ("XRANGE", KEYS.key("parcels"), "-", "+"),
            ("XRANGE", KEYS.key("runs"), "-", "+"),
            ("XREADGROUP", "GROUP", "writer", "me", "STREAMS", KEYS.key("parcels"), ">"),
            ("XDEL", KEYS.key("parcels"), "1-1"),
            ("DEL", KEYS.key("parcels")),
            ("SET", KEYS.key("result", "x"), "forged"),
            ("EVAL", "return redis.call('GET', KEYS[1])", "1", KEYS.key("order", "1")),
        )
    ),
    ("webhook", ("XADD", KEYS.key("runs"), "*", "v", "1")),
    ("webhook", ("XADD", KEYS.key("parcels", "dead"), "*", "v", "1")),
    ("webhook", ("GET", KEYS.key("result", "x"))),
    ("trigger", ("XADD", KEYS.key("parcels"), "*", "v", "1")),
    *(
        (user, words)
        for user in (PROBE, ANONYMOUS)
        for words in (
            ("INFO",),
            ("GET", KEYS.key("order", "1")),
            ("XADD", KEYS.key("parcels"), "*", "v", "1"),
        )
    ),
    (ANONYMOUS, ("PING",)),
    (ANONYMOUS, ("AUTH", "default", "")),
]


@pytest.mark.parametrize("user", [*USERS, PROBE, ANONYMOUS])
def test_each_user_is_refused_what_is_not_its_business(server: ManagedRedis, user: str) -> None:
    tried = [words for who, words in REFUSED if who == user]
    with server.client(*_login(server, user)) as client:
        assert [words for words in tried if not _is_refused(client, words)] == []


def _login(server: ManagedRedis, user: str) -> tuple[str, str]:
    if user in USERS:
        return user, server.value("redis-users", f"{user}.password")
    return ("", "") if user == ANONYMOUS else (user, user)


def _is_refused(client: "redis.Redis", words: tuple[str, ...]) -> bool:
    try:
        client.execute_command(*words)
    except (redis.exceptions.NoPermissionError, redis.exceptions.AuthenticationError):
        return True
    except redis.exceptions.ResponseError as error:
        return "ACL failure in script" in str(error)
    return False


@pytest.mark.parametrize("file", [PLAIN_ACL, JSON_ACL])
def test_no_dangerous_command_but_info_and_the_rewrite_is_granted(server: ManagedRedis, file: str) -> None:
    with server.inspector() as client:
        dangerous = {word.decode() for word in client.execute_command("ACL", "CAT", "dangerous")}
    known = [line for line in server.value("redis-users", file).splitlines() if line.split()[1] != "default"]
    granted = {word[1:] for line in known for word in line.split() if word.startswith("+")}
    assert granted & dangerous == {"info", "bgrewriteaof"}
    assert {line.split()[1] for line in known if "+bgrewriteaof" in line} == {"backup", "up"}
    assert not any(word.startswith("@") for word in granted)


@pytest.mark.parametrize("user", USERS)
def test_a_user_needs_his_password(server: ManagedRedis, user: str) -> None:
    wrong = server.value("redis-users", f"{USERS[USERS.index(user) - 1]}.password")
    with server.client(user, wrong) as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.info("server")


def test_the_servers_own_files_hold_no_password(server: ManagedRedis) -> None:
    passwords = [server.value("redis-users", f"{user}.password") for user in USERS]
    for path in (server.folder / "users").iterdir():
        text = path.read_text()
        assert not any(password in text for password in passwords), path


def _touched(entry: Entry, state: str) -> Entry:
    return msgspec.structs.replace(entry, state=state, watched=1, revision=entry.revision)


@pytest.mark.parametrize("user", ["writer", "up"])
async def test_a_restart_keeps_what_was_written_in_transactions_and_scripts(
    flavour: str, tmp_path: Path, keys: Keyring, user: str
) -> None:
    """A server replays both as ``default``, and leaves out what that user may not do."""
    with ManagedRedis(flavour, tmp_path / "managed", TENANT) as managed:
        before = await _written(managed, keys, user)
        managed.stop()
        managed.start()
        async with as_user(managed, user) as client:
            ledger, parcels = Ledger(client, tenant=TENANT.identity, keyring=keys), stream(client, keys, "parcels")
            assert await ledger.get_many(["1", "2"]) == before
            assert (await parcels.length(), await parcels.delayed()) == (0, 1)


async def _written(managed: ManagedRedis, keys: Keyring, user: str) -> object:
    """Two orders by script, an event taken off the stream in a transaction, another one put off."""
    async with as_user(managed, user) as client:
        ledger, parcels = Ledger(client, tenant=TENANT.identity, keyring=keys), stream(client, keys, "parcels")
        for order in ("1", "2"):
            await ledger.change(order, lambda entry: _touched(entry, "accepted"))
        pending = PendingEntries(parcels, user)
        await pending.ensure_group()
        await parcels.add_many("parcel.changed", "sweep", [NamedParcel("one"), NamedParcel("two")])
        one, two = await pending.read(10, block_ms=10)
        await pending.done([one.id])
        assert await defer(parcels, user, two, Delay(seconds=60, counted=True))
        return await ledger.get_many(["1", "2"])
