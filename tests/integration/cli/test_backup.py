"""``aftersend backup`` as commands: what they print, when they refuse, and what a crash or a full disk leaves."""

import asyncio
import json
import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from aftersend.cli.exit_codes import print_error
from aftersend.ledger.entry import Entry
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.service.heartbeat import Heartbeat
from tests.support.part_kit import call_main, environment
from tests.support.servers import RedisServer

TENANT = "shops.mueller"
MAIN = [sys.executable, "-c", "from aftersend.cli.main import main; main()"]


class Shop:
    """A tenant in Redis, its environment and its folder of backups."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder / "backups"
        passed = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "COV_"))}
        self.environ = {
            **environment(folder, AFTERSEND_REDIS_URL=redis_url, AFTERSEND_BACKUP_TARGET=str(self.folder)),
            **passed,
        }
        self.redis = redis.asyncio.Redis.from_url(redis_url)
        keyring = Keyring(SecretFiles(folder / "secrets" / "data-key"))
        self.ledger = Ledger(self.redis, tenant=TENANT, keyring=keyring)
        self.state = TenantState(self.redis, tenant=TENANT)

    async def orders(self, count: int) -> None:
        for number in range(count):
            await self.ledger.change(str(number), lambda entry: Entry(order=entry.order, state="accepted"))

    async def call(self, *words: str, **environ: str) -> tuple[int, str, str]:
        passed = {name: value for name, value in {**self.environ, **environ}.items() if value}
        code, out, err = await asyncio.to_thread(call_main, ("backup", *words), passed)
        assert "Traceback" not in err
        return code, out, err

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / TENANT).glob("*"))


@pytest.fixture
async def shop(tmp_path: Path, redis_url: str) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path, redis_url)
    yield shop
    await shop.redis.aclose()


async def test_from_create_to_restore(shop: Shop) -> None:
    await shop.orders(3)
    report = shop.folder.parent / "report"
    code, out, _ = await shop.call("create", "--json", "--report", str(report))
    assert code == 0
    made = json.loads(out)
    assert set(made) == {"id", "time", "keys", "bytes", "verified"}
    assert (made["keys"], made["verified"]) == (4, True)
    assert json.loads(report.read_text()) == made
    assert json.loads((await shop.call("list", "--json"))[1]) == [made]
    assert json.loads((await shop.call("verify", made["id"], "--json"))[1]) == made
    assert int(await shop.state.get("success.backup") or 0) > 0
    await shop.redis.flushall()
    code, out, _ = await shop.call("restore", "latest", "--yes", "--json")
    assert (code, json.loads(out)) == (0, {"id": made["id"], "orders": 3, "events": 0, "unchanged": 0})
    assert len([order async for order in shop.ledger.orders()]) == 3
    assert await shop.state.recovering()


async def test_words_for_people(shop: Shop) -> None:
    assert (await shop.call("list"))[:2] == (0, "no backups\n")
    code, _, err = await shop.call("verify")
    assert (code, "no backup yet" in err) == (1, True)
    await shop.orders(1)
    assert "2 records" in (await shop.call("create"))[1]
    assert (await shop.call("list"))[1].split()[:5] == ["ID", "TIME", "KEYS", "BYTES", "VERIFIED"]
    assert "is good" in (await shop.call("verify"))[1]
    assert "recovering" in (await shop.call("restore", "--yes"))[1]
    assert (await shop.call("restore", "20200101T000000Z-0000", "--yes"))[0] == 1


async def test_without_a_person_it_needs_yes(shop: Shop) -> None:
    await shop.orders(1)
    await shop.call("create")
    done = await asyncio.to_thread(
        subprocess.run,
        [*MAIN, "backup", "restore"],
        env=shop.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"give --yes" in done.stderr


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
async def test_a_person_is_asked(shop: Shop, answer: bytes, code: int) -> None:
    await shop.orders(1)
    await shop.call("create")
    await shop.redis.flushall()
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    done = await asyncio.to_thread(
        subprocess.run, [*MAIN, "backup", "restore"], env=shop.environ, stdin=theirs, capture_output=True, check=False
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == code
    assert b"into shops.mueller?" in done.stderr
    assert bool(await shop.redis.exists(shop.ledger._keys.key("order", "0"))) == (code == 0)


async def test_it_refuses_while_services_run_unless_live(shop: Shop) -> None:
    await shop.orders(1)
    await shop.call("create")
    await Heartbeat(shop.redis, tenant=TENANT).beat("writer host-1")
    code, _, err = await shop.call("restore", "--yes")
    assert code == 1
    assert "writer host-1" in err
    assert "--live" in err
    assert await shop.state.get("restored") is None
    assert (await shop.call("restore", "--yes", "--live"))[0] == 0
    await shop.redis.zadd(shop.ledger._keys.key("alive"), {"writer host-1": 5})
    assert (await shop.call("restore", "--yes"))[0] == 0, "a killed service is forgotten"


async def test_a_job_in_a_new_pod_waits_for_its_redis(tmp_path: Path, own_server: RedisServer) -> None:
    shop = Shop(tmp_path, own_server.url)
    own_server.stop()
    command = [*MAIN, "backup", "create"]
    process = await asyncio.create_subprocess_exec(
        *command, env=shop.environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr
    assert b"redis_unavailable; trying again for " in await process.stderr.readline()
    own_server.start()
    await process.communicate()
    await shop.redis.aclose()
    assert process.returncode == 0


async def test_a_redis_that_starts_again_while_the_job_waits_for_its_turn_is_waited_for(
    tmp_path: Path, own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an upgrade, which replaces its pod."""

    async def turn(*_: str) -> None:
        own_server.stop()

    def said(text: str) -> None:
        print_error(text)
        own_server.start()

    shop = Shop(tmp_path, own_server.url)
    monkeypatch.setattr("aftersend.cli.backup.wait_for_start", turn)
    monkeypatch.setattr("aftersend.cli.redis_wait.print_error", said)
    monkeypatch.setattr("aftersend.cli.backup.REDIS_WAIT_SECONDS", 300.0)
    code, _, err = await shop.call("create", "--jitter")
    await shop.redis.aclose()
    assert (code, "trying again for" in err) == (0, True)


async def test_failures_are_reported(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aftersend.cli.backup.REDIS_WAIT_SECONDS", 0.0)
    report = shop.folder.parent / "report"
    for changes, code, text in (
        ({"AFTERSEND_BACKUP_TARGET": ""}, 2, "AFTERSEND_BACKUP_TARGET"),
        ({"AFTERSEND_BACKUP_TARGET": "ftp://x/y"}, 2, "s3://bucket/prefix"),
        ({"AFTERSEND_BACKUP_TARGET": "s3://bucket/prefix"}, 2, "backup/accessKeyId"),
        ({"AFTERSEND_BACKUP_TARGET": "/proc/none"}, 2, "/proc/none"),
        ({"AFTERSEND_REDIS_URL": "redis://127.0.0.1:9/0"}, 1, "redis_unavailable"),
    ):
        assert (await shop.call("create", "--report", str(report), **changes))[0] == code
        written = json.loads(report.read_text())
        assert written["outcome"] == "failed"
        assert text in written["error"]


async def test_a_full_disk_leaves_the_older_backup(shop: Shop) -> None:
    """The limit on file sizes stands in for the disk: the write fails in the middle, with an error of the system."""
    await shop.orders(1)
    await shop.call("create")
    before = shop.files
    await shop.orders(300)

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    unmeasured = {
        name: text for name, text in shop.environ.items() if not name.startswith("COV")
    }  # that has a file, too
    done = await asyncio.to_thread(
        subprocess.run,
        [*MAIN, "backup", "create"],
        env={**unmeasured, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=small,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == b"aftersend: backup target: disk_full\n"
    assert shop.files == before
    assert (await shop.call("verify"))[0] == 0


_HANGS = """
import asyncio, sys
from aftersend.backup.collect import Collector
records = Collector.records
async def slow(self):
    async for record in records(self):
        yield record
    sys.stderr.write("all read\\n"); sys.stderr.flush()
    await asyncio.sleep(600)
Collector.records = slow
from aftersend.cli.main import main; main()
"""


async def test_a_kill_in_the_middle_leaves_the_older_backup(shop: Shop) -> None:
    await shop.orders(1)
    await shop.call("create")
    before = shop.files
    process = subprocess.Popen(
        [sys.executable, "-c", _HANGS, "backup", "create"], env=shop.environ, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    line = await asyncio.to_thread(process.stderr.readline)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert line == b"all read\n"
    found: list[dict[str, Any]] = json.loads((await shop.call("list", "--json"))[1])
    assert [backup["id"] for backup in found] == [before[0].partition(".")[0]]
    assert (await shop.call("verify"))[0] == 0
    assert (await shop.call("create"))[0] == 0
