"""``aftersend forget``, ``orders ID --all`` and ``audit`` as commands: what they print, refuse, and leave behind."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aftersend.audit import LIFE_MS, AuditTrail
from aftersend.backup.names import backup_name, new_id
from aftersend.ledger.merge import merge
from aftersend.service.heartbeat import Heartbeat
from aftersend.stream.event import seconds_of
from tests.support.backup_kit import BackedUpTenant
from tests.support.backup_kit import shop as open_shop
from tests.support.ledger_kit import mac, parcel
from tests.support.part_kit import call_main, environment
from tests.support.servers import RedisServer

TENANT = "shops.mueller"
NUMBER = "JJD000390007882"
MAIN = [sys.executable, "-c", "from aftersend.cli.main import main; main()"]
KEEP_HOURS = 120


class Shop:
    """A tenant with one order that has a label, an event of it, and a dead letter; and the commands."""

    def __init__(self, at: BackedUpTenant, folder: Path, redis_url: str) -> None:
        self.at = at
        self.folder = folder
        self.backups = folder / "backups"
        self.environ = environment(folder, AFTERSEND_REDIS_URL=redis_url, AFTERSEND_BACKUP_TARGET=str(self.backups))

    async def fill(self) -> None:
        named = parcel("11", number=NUMBER, external_order_id="afterbuy-4711")
        await self.at.ledger.change("4711", lambda entry: merge(entry, named, mac))
        parcels = self.at.stream("parcels")
        await parcels.add("parcel.changed", "webhook", named)
        event = parcels.new_event("parcel.changed", "webhook", named)
        fields: dict[Any, Any] = {"v": "1", "id": event.id, "type": event.type, "source": "webhook", "data": event.data}
        await self.at.redis.xadd(parcels.dead_key, fields)

    async def call(self, *words: str, **environ: str) -> tuple[int, str, str]:
        passed = {name: value for name, value in {**self.environ, **environ}.items() if value}
        code, out, err = await asyncio.to_thread(call_main, words, passed)
        assert "Traceback" not in err
        assert NUMBER not in out + err
        return code, out, err

    def later_backup(self, content: bytes) -> None:
        """A backup of an hour later, with such a content."""
        name = backup_name(new_id(datetime.now(UTC) + timedelta(hours=1)), key="20260101", records=3)
        (self.backups / TENANT / name).write_bytes(content)

    async def json(self, *words: str, code: int = 0, **environ: str) -> Any:
        done, out, err = await self.call(*words, "--json", **environ)
        assert done == code, err
        return json.loads(out)

    async def actions(self) -> list[tuple[str, str]]:
        return [(each["action"], each["backup"]) for each in await self.json("audit")]


@pytest.fixture
async def shop(tmp_path: Path, redis_url: str) -> AsyncIterator[Shop]:
    environment(tmp_path)
    async with open_shop(redis_url, tmp_path / "secrets") as at:
        yield Shop(at, tmp_path, redis_url)


async def test_an_order_goes_and_the_answer_says_until_when_backups_hold_it(shop: Shop) -> None:
    await shop.fill()
    for _ in range(2):
        await shop.call("backup", "create")
    before = datetime.now(UTC)
    found = await shop.json("forget", "--order", "4711")
    end = datetime.fromisoformat(found.pop("backups_end"))
    assert found == {"order": "4711", "ledger": 1, "events": 1, "dead": 1, "backups": 2}
    assert abs(end - before - timedelta(hours=KEEP_HOURS)) < timedelta(minutes=1)
    shop.later_backup(b"made after the erasure")
    again = await shop.json("forget", "--order", "4711")
    assert datetime.fromisoformat(again.pop("backups_end")) == end
    assert again == {"order": "4711", "ledger": 0, "events": 0, "dead": 0, "backups": 2}
    (line,) = await shop.json("orders", "4711")
    assert (line["state"], line["parcels"][0]["id"]) == ("forgotten", "11")


async def test_words_for_people(shop: Shop) -> None:
    await shop.fill()
    await shop.call("backup", "create")
    code, out, err = await shop.call("forget", "--order", "4711")
    assert code == 0
    assert "order 4711 forgotten: 1 entries, 1 events and 1 dead letters erased" in out
    assert "Afterbuy and Sendcloud keep what they have" in out
    assert "1 backups may hold it; the last of them ends with the first backup after 20" in out
    assert json.loads(err)["event"] == "audited"
    assert "was forgotten before" in (await shop.call("forget", "--order", "4711"))[1]
    assert "backups made elsewhere" in (await shop.call("forget", "--order", "4711", AFTERSEND_BACKUP_TARGET=""))[1]


async def test_a_place_of_backups_that_does_not_answer_is_no_failure_of_the_erasure(shop: Shop) -> None:
    await shop.fill()
    code, out, err = await shop.call("forget", "--order", "4711", "--json", AFTERSEND_BACKUP_TARGET="/proc/none")
    assert (code, json.loads(out)["ledger"], json.loads(out)["backups"]) == (0, 1, None)
    assert json.loads(out)["backups_end"] is not None
    assert "backups were not counted: " in err


async def test_an_unknown_order_is_a_failure_that_says_so(shop: Shop) -> None:
    found = await shop.json("forget", "--order", "4712", code=1)
    assert found == {"order": "4712", "ledger": 0, "events": 0, "dead": 0, "backups": 0, "backups_end": None}
    code, out, err = await shop.call("forget", "--order", "4712")
    assert (code, out) == (1, "")
    assert "order 4712 is unknown" in err
    assert await shop.at.ledger.get("4712") is None


@pytest.mark.parametrize(
    "words",
    [
        *(("forget",), ("forget", "--order", "1", "--tenant"), ("forget", "--order", "x"), ("forget", "--order", "")),
        *(("orders", "--all"), ("orders", "x", "--all"), ("orders", "1", "--all", "--problems")),
    ],
)
async def test_wrong_usage_erases_nothing(words: tuple[str, ...], shop: Shop) -> None:
    await shop.fill()
    assert (await shop.call(*words))[0] == 2
    assert await shop.at.ledger.forgotten(["4711"]) == set()


async def test_a_restore_into_an_empty_redis_takes_the_tombstone_from_a_newer_backup(shop: Shop) -> None:
    """A newest one that is damaged is no reason to bring the order back, nor to refuse."""
    await shop.fill()
    old = await shop.json("backup", "create")
    await shop.call("forget", "--order", "4711")
    await shop.call("backup", "create")
    shop.later_backup(b"no backup")
    await shop.at.redis.flushall()
    assert (await shop.call("backup", "restore", old["id"], "--yes"))[0] == 0
    assert await shop.at.ledger.forgotten(["4711"]) == {"4711"}
    assert (await shop.at.stream("parcels").length(), await shop.at.stream("parcels").dead()) == (0, 0)
    assert not await shop.at.redis.exists(shop.at.ledger._keys.key("order", "4711", "sealed"))


async def test_without_a_newer_backup_a_restore_brings_it_back_and_it_is_forgotten_again(shop: Shop) -> None:
    await shop.fill()
    await shop.call("backup", "create")
    await shop.call("forget", "--order", "4711")
    await shop.at.redis.flushall()
    await shop.call("backup", "restore", "--yes")
    assert await shop.at.ledger.forgotten(["4711"]) == set()
    assert (await shop.json("forget", "--order", "4711"))["ledger"] == 1
    assert await shop.at.ledger.forgotten(["4711"]) == {"4711"}


# The whole tenant


async def test_a_tenant_goes_and_others_stay(shop: Shop) -> None:
    await shop.fill()
    await shop.call("backup", "create")
    await shop.at.redis.set("aftersend:{shops.schmidt}:order:1", "other")
    await shop.at.redis.set("aftersend:{shops.mueller}:result:x", "{}")
    found = await shop.json("forget", "--tenant", "--yes")
    expected = {"order": None, "ledger": 1, "events": 1, "dead": 1, "backups": 1, "backups_end": None}
    assert found == expected
    assert await shop.at.redis.keys() == [b"aftersend:{shops.schmidt}:order:1"]
    assert "delete them, or the data keys" in (await shop.call("forget", "--tenant", "--yes"))[1]


async def test_it_refuses_while_services_run_and_asks_for_yes(shop: Shop) -> None:
    await shop.fill()
    alive = Heartbeat(shop.at.redis, tenant=TENANT)
    await alive.beat("exporter host-1")
    code, _, err = await shop.call("forget", "--tenant", "--yes")
    assert (code, "exporter host-1" in err) == (1, True)
    await shop.at.redis.delete(shop.at.ledger._keys.key("alive"))
    words = [*MAIN, "forget", "--tenant"]
    done = await asyncio.to_thread(
        subprocess.run, words, env=shop.environ, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert (done.returncode, b"give --yes" in done.stderr) == (2, True)
    assert await shop.at.ledger.get("4711") is not None


async def test_a_user_who_may_not_list_keys_is_sent_to_the_policy(tmp_path: Path, own_server: RedisServer) -> None:
    environment(tmp_path)
    async with open_shop(own_server.url, tmp_path / "secrets") as at:
        shop = Shop(at, tmp_path, own_server.url)
        await shop.fill()
        await at.redis.execute_command("ACL", "SETUSER", "default", "-scan")
        code, _, err = await shop.call("forget", "--tenant", "--yes")
        assert (code, "spec.deletionPolicy: Delete" in err) == (2, True)
        assert await at.ledger.get("4711") is not None


# What is held of an order


async def test_all_that_is_held_of_an_order_is_named_by_kind_and_date(shop: Shop) -> None:
    await shop.fill()
    await shop.call("backup", "create")
    (found,) = await shop.json("orders", "4711", "--all")
    entry = await shop.at.ledger.get("4711")
    assert entry is not None
    assert (found["order"], found["state"], found["fingerprint"]) == ("4711", "labelled", False)
    assert found["marks"] == {"parcels": 1, "fields": []}
    until, kept = (seconds_of(text) or 0 for text in (found["sealed"].pop("until"), found["kept_until"]))
    assert found["sealed"] == {"fields": ["number", "url", "carrier"], "readable": True}
    assert abs(until - kept) < 5, "it is not done yet"
    assert abs(kept - entry.touched / 1000 - 90 * 86_400) < 1
    assert found["events"] == {"waiting": 1, "delayed": 0, "dead": 1, "unreadable": 0}
    assert (found["backups"], found["backups_end"], found["forgotten"]) == (1, None, None)
    shown = (await shop.call("orders", "4711", "--all"))[1]
    assert "fields: number; url; carrier, readable: yes" in shown


async def test_of_a_forgotten_order_the_tombstone_and_the_end_of_its_backups(shop: Shop) -> None:
    await shop.fill()
    await shop.call("backup", "create")
    answer = await shop.json("forget", "--order", "4711")
    (found,) = await shop.json("orders", "4711", "--all")
    assert (found["state"], found["sealed"], found["fingerprint"]) == ("forgotten", None, False)
    assert found["events"] == {"waiting": 0, "delayed": 0, "dead": 0, "unreadable": 0}
    assert found["marks"] == {"parcels": 0, "fields": []}
    assert (found["backups"], found["backups_end"]) == (1, answer["backups_end"])
    assert found["forgotten"] == found["since"]


async def test_of_an_order_without_entry_events_are_shown_and_of_an_unknown_one_nothing(shop: Shop) -> None:
    await shop.fill()
    await shop.at.redis.delete(*shop.at.ledger._documents.keys_of("4711"))
    (found,) = await shop.json("orders", "4711", "--all")
    assert (found["state"], found["kept_until"], found["events"]["waiting"]) == (None, None, 1)
    assert await shop.json("orders", "4712", "--all", code=1) == []


# The audit trail


async def test_what_persons_did_is_listed_and_names_no_order(shop: Shop) -> None:
    await shop.fill()
    made = await shop.json("backup", "create")
    assert await shop.actions() == []
    assert (await shop.call("audit"))[:2] == (0, "nothing yet\n")
    await shop.call("dead", "redrive", "--all")
    await shop.call("dead", "drop", "x")
    await shop.call("keys", "export", "--yes")
    await shop.call("forget", "--order", "4711")
    await shop.call("backup", "restore", "--yes")
    acts = ["dead.redrive", "dead.drop", "keys.export", "forget.order"]
    assert await shop.actions() == [*((act, "") for act in acts), ("backup.restore", made["id"])]
    for each in await shop.json("audit"):
        assert set(each) == {"id", "time", "action", "way", "backup"}
        assert each["way"] == "cli"
    stored = b"\n".join(await shop.at.redis.zrange(shop.at.ledger._keys.key("audit"), 0, -1))
    assert b"4711" not in stored
    assert 0 < await shop.at.redis.pttl(shop.at.ledger._keys.key("audit")) <= LIFE_MS


async def test_looking_is_not_recorded_and_the_log_has_what_is(shop: Shop) -> None:
    await shop.fill()
    for words in (("orders", "4711", "--all"), ("dead", "list"), ("backup", "list"), ("audit",)):
        assert (await shop.call(*words))[2] == ""
    line = json.loads((await shop.call("forget", "--order", "4711"))[2])
    (record,) = await shop.json("audit")
    assert {name: line[name] for name in ("event", "level", "tenant")} == {
        "event": "audited",
        "level": "info",
        "tenant": TENANT,
    }
    assert {name: line[name] for name in ("id", "time", "action", "way")} == {
        name: record[name] for name in ("id", "time", "action", "way")
    }
    assert "4711" not in json.dumps(line)


async def test_keys_are_exported_without_redis_and_only_the_log_says_so(shop: Shop) -> None:
    code, out, err = await shop.call("keys", "export", "--yes", AFTERSEND_REDIS_URL="redis://127.0.0.1:9/0")
    assert (code, "fingerprint" in out) == (0, True)
    assert "not in `aftersend audit`: " in err
    assert '"audited"' in err


async def test_it_travels_with_backups_and_ends_after_ninety_days(shop: Shop) -> None:
    now = datetime.now(UTC).timestamp()
    for days in (100, 91, 89):
        trail = AuditTrail(shop.at.redis, tenant=TENANT, clock=lambda days=days: now - days * 86_400)  # type: ignore[misc]
        await trail.record("keys.export")
    await shop.call("keys", "export", "--yes")
    assert len(await shop.actions()) == 2
    await shop.call("backup", "create")
    await shop.at.redis.flushall()
    await shop.call("dead", "drop", "x")
    await shop.call("backup", "restore", "--yes")
    acts = [action for action, _ in await shop.actions()]
    assert acts == ["keys.export", "keys.export", "dead.drop", "backup.restore"]
    await shop.at.redis.zadd(shop.at.ledger._keys.key("audit"), {"of a later release": now * 1000})
    assert len(await shop.actions()) == 4


async def test_who_has_the_redis_user_of_jobs_is_a_job(tmp_path: Path, own_server: RedisServer) -> None:
    environment(tmp_path)
    async with open_shop(own_server.url, tmp_path / "secrets") as at:
        shop = Shop(at, tmp_path, own_server.url)
        await at.redis.execute_command("ACL", "SETUSER", "backup", "on", ">secret", "~*", "+@all")
        (tmp_path / "secrets" / "redis").mkdir()
        for name, value in (("username", "backup"), ("password", "secret")):
            (tmp_path / "secrets" / "redis" / name).write_text(value)
        await shop.call("keys", "export", "--yes")
        assert [each["way"] for each in await shop.json("audit")] == ["job"]
