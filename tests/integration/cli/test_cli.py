"""The commands as processes: what they print, what they leave in Redis, how they exit. No traceback, ever."""

import asyncio
import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from aftersend.cli import tenant_context
from aftersend.cli.jitter import SPREAD_SECONDS, start_delay
from aftersend.ledger.entry import Entry, Held, Notice, ParcelState, Problem
from aftersend.ledger.store import Ledger
from aftersend.redis.keys import Keys
from aftersend.runs import OrderDecision, RunHealth, RunRequest, RunSummary, store_result
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import ParcelClass
from aftersend.stream.stream import Stream
from aftersend.tenant.loading import load_tenant
from tests.support.part_kit import call_main, environment
from tests.support.servers import RedisServer
from tests.support.stream_kit import until

TENANT = "shops.mueller"
MAIN = [sys.executable, "-c", "from aftersend.cli.main import main; main()"]


class Shop:
    """A tenant in Redis, as the services leave it, and its environment."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        passed = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "COV_"))}
        self.environ = {**environment(folder, AFTERSEND_REDIS_URL=redis_url), **passed, "COLUMNS": "200"}
        self.folder = folder
        self.redis = redis.asyncio.Redis.from_url(redis_url)
        self.keyring = Keyring(SecretFiles(folder / "secrets" / "data-key"))
        self.ledger = Ledger(self.redis, tenant=TENANT, keyring=self.keyring, clock=lambda: 1_795_000_000)
        self.runs = Stream(self.redis, tenant=TENANT, name="runs", keyring=self.keyring)

    async def order(self, name: str, **changes: Any) -> None:
        await self.ledger.change(name, lambda _: Entry(order=name, **changes))

    async def dead_letter(self, stream: str, name: str, died: str) -> None:
        fields = {"v": "1", "id": name, "type": "parcel.changed", "source": "webhook", "data": "sealed"}
        verdict = {"reason": "rejected", "error": "Rejected(x)", "attempts": "3", "died": died}
        await self.redis.xadd(
            Keys(TENANT).key(stream, "dead"), {**fields, **verdict, "first": "2026-11-24T01:00:00.000Z", "attempt": "3"}
        )

    async def call(self, *words: str, **environ: str) -> tuple[int, str, str]:
        """Run one command to its end: exit code, standard output, standard error."""
        passed = {name: value for name, value in {**self.environ, **environ}.items() if value}
        code, out, err = await asyncio.to_thread(call_main, words, passed)
        assert "Traceback" not in err
        return code, out, err

    async def start(self, *words: str, **environ: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *MAIN,
            *words,
            env={name: value for name, value in {**self.environ, **environ}.items() if value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


@pytest.fixture
async def shop(tmp_path: Path, redis_url: str) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path, redis_url)
    yield shop
    await shop.redis.aclose()


async def _answered(shop: Shop, summary: RunSummary) -> RunRequest:
    """Play the exporter: take the one request from the stream and answer it."""
    await until(shop.runs.length)
    ((_, fields),) = await shop.redis.xrange(shop.runs.key)
    event = shop.runs.open(fields)
    assert event.source == "cli"
    await store_result(shop.redis, tenant=TENANT, run=event.id, summary=summary)
    return event.read(RunRequest)


def _summary(outcome: str, **changes: Any) -> RunSummary:
    return RunSummary(
        **{"run": "r-1", "kind": "export", "outcome": outcome, "read": 5, "sent": 3, "skipped": {"unpaid": 2}} | changes
    )


async def test_trigger_asks_and_leaves(shop: Shop) -> None:
    code, out, _ = await shop.call("trigger", "sweep", "--json")
    assert code == 0
    asked = json.loads(out)
    ((_, fields),) = await shop.redis.xrange(shop.runs.key)
    assert asked == {"run": fields[b"id"].decode(), "kind": "sweep"}
    assert shop.runs.open(fields).read(RunRequest) == RunRequest(kind="sweep")


@pytest.mark.parametrize(("outcome", "code"), [("done", 0), ("partial", 0), ("failed", 1)])
async def test_trigger_waits_for_the_outcome(outcome: str, code: int, shop: Shop) -> None:
    process = await shop.start("trigger", "export", "--wait", "--json")
    await _answered(shop, _summary(outcome))
    out, _ = await process.communicate()
    assert process.returncode == code
    assert json.loads(out) == {
        "run": "r-1",
        "kind": "export",
        "outcome": outcome,
        "from": None,
        "to": None,
        "read": 5,
        "sent": 3,
        "unchanged": 0,
        "skipped": {"unpaid": 2},
        "rejected": 0,
        "watched": 0,
        "seconds": 0.0,
        "health": {
            "afterbuy": "unknown",
            "sendcloud": "unknown",
            "message": "",
            "problems": {},
            "notices": {},
            "lastWriteBack": "",
            "lastBackup": "",
            "lastSweep": "",
        },
    }


@pytest.mark.parametrize("order", ["abc", "47 11", "afterbuy-4711", "0", "٤٧", "9" * 40])
async def test_what_is_no_order_id_is_wrong_usage_and_asks_for_nothing(order: str, shop: Shop) -> None:
    code, out, err = await shop.call("trigger", "export", "--order", "4711", "--order", order)
    assert (code, out) == (2, "")
    assert "an OrderID is digits" in " ".join(err.split())
    assert await shop.runs.length() == 0


async def test_trigger_for_people(shop: Shop) -> None:
    process = await shop.start("trigger", "export", "--dry-run", "--order", "4711", "--order", "4712")
    lines = (OrderDecision("4711", "transfer"), OrderDecision("4712", "skip", "unpaid"))
    window = {"from_": "2026-11-23T00:00:00.000Z", "to": "2026-11-24T00:00:00.000Z"}
    health = RunHealth(afterbuy="refused", message="renew the tokens")
    request = await _answered(shop, _summary("done", orders=lines, health=health, **window))
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert request == RunRequest(kind="export", orders=("4711", "4712"), dry_run=True)
    text = out.decode()
    assert "export done" in text
    assert "2026-11-23T00:00:00.000Z … 2026-11-24T00:00:00.000Z" in text
    assert "skipped  2, 2 unpaid" in text
    assert "note     afterbuy refuses the credentials or the settings: see `aftersend check`" in text
    assert "note     renew the tokens" in text
    assert "4712   skip      unpaid" in text


async def test_trigger_gives_up_without_an_answer(shop: Shop) -> None:
    code, out, err = await shop.call("trigger", "export", "--wait", "--timeout", "0.1", "--json")
    assert (code, out) == (3, "")
    assert "does an exporter run for shops.mueller?" in err
    assert await shop.runs.length() == 1


async def test_trigger_waits_for_a_redis_that_is_away(tmp_path: Path, own_server: RedisServer) -> None:
    """What is asked for during an outage is served after it."""
    shop = Shop(tmp_path, own_server.url)
    own_server.stop()
    process = await shop.start("trigger", "sweep", "--wait", "--timeout", "60", "--json")
    assert process.stderr
    assert b"redis_unavailable; trying again for " in await process.stderr.readline()
    own_server.start()
    await _answered(shop, _summary("done"))
    await process.communicate()
    await shop.redis.aclose()
    assert process.returncode == 0


async def test_a_report_names_the_outcome_a_timeout_and_a_failure(shop: Shop) -> None:
    file = shop.folder / "report"
    process = await shop.start("trigger", "export", "--wait", "--json", "--report", str(file))
    await _answered(shop, _summary("failed"))
    out, _ = await process.communicate()
    assert process.returncode == 1
    assert file.read_bytes() + b"\n" == out
    assert (await shop.call("trigger", "export", "--wait", "--timeout", "0.1", "--report", str(file)))[0] == 3
    timed_out = json.loads(file.read_text())
    assert timed_out["outcome"] == "failed"
    assert "does an exporter run for shops.mueller?" in timed_out["error"]
    words = ("trigger", "export", "--wait", "--report", str(file))
    assert (await shop.call(*words, "--timeout", "0", AFTERSEND_REDIS_URL="redis://127.0.0.1:9/0"))[0] == 1
    assert "redis_unavailable" in json.loads(file.read_text())["error"]
    assert (await shop.call(*words, AFTERSEND_TENANT_FILE="/nowhere"))[0] == 2
    assert "/nowhere" in json.loads(file.read_text())["error"]


async def test_jitter_waits_before_anything_is_asked(shop: Shop) -> None:
    tenant = Path(shop.environ["AFTERSEND_TENANT_FILE"])
    late = next(name for name in _names() if start_delay(f"shops.{name}", "export") == SPREAD_SECONDS - 1)
    tenant.write_text(tenant.read_text().replace("mueller,", f"{late},"))
    process = await shop.start("trigger", "export", "--jitter")
    assert process.stderr is not None
    assert await process.stderr.readline() == f"aftersend: export of shops.{late} starts in 59 s\n".encode()
    assert not await shop.redis.exists(Keys(f"shops.{late}").key("runs"))
    process.terminate()
    await process.communicate()
    early = next(name for name in _names() if start_delay(f"shops.{name}", "export") == 0)
    tenant.write_text(tenant.read_text().replace(f"{late},", f"{early},"))
    assert (await shop.call("trigger", "export", "--jitter", "--json"))[0] == 0
    ((_, fields),) = await shop.redis.xrange(Keys(f"shops.{early}").key("runs"))
    assert fields[b"source"] == b"cron"


def _names() -> Iterator[str]:
    return (f"shop-{number}" for number in range(10_000))


async def test_orders_in_json(shop: Shop) -> None:
    parcels = {"77": ParcelState(klass=ParcelClass.TRANSIT, time=1_795_000_000_000, mark="m")}
    await shop.order("4711", state="labelled", since=1_794_000_000_000, parcels=parcels)
    problem = Problem(code="rejected", since=1_795_000_000_000, path="shipping_address.city")
    await shop.order("4712", state="problem", since=1_795_000_000_000, problem=problem)
    code, out, _ = await shop.call("orders", "--json")
    assert code == 0
    fine = {
        "order": "4711",
        "state": "labelled",
        "since": "2026-11-06T21:20:00.000Z",
        "parcels": [{"id": "77", "class": "transit", "time": "2026-11-18T11:06:40.000Z", "return": False}],
        "held": None,
        "problem": None,
        "notices": [],
    }
    bad = {
        "order": "4712",
        "state": "problem",
        "since": "2026-11-18T11:06:40.000Z",
        "parcels": [],
        "held": None,
        "problem": {
            "code": "rejected",
            "level": "problem",
            "path": "shipping_address.city",
            "since": "2026-11-18T11:06:40.000Z",
        },
        "notices": [],
    }
    assert json.loads(out) == [fine, bad]
    assert json.loads((await shop.call("orders", "--problems", "--json"))[1]) == [bad]
    assert json.loads((await shop.call("orders", "4711", "--json"))[1]) == [fine]


async def test_notices_stand_beside_problems(shop: Shop) -> None:
    """One of the level notice where there is no problem; an order is listed once, however many it has."""
    since, time = 1_795_000_000_000, "2026-11-18T11:06:40.000Z"
    customs, state = Notice("customs_incomplete", since, "a/0/hs_code"), Notice("state_missing", since, "b")
    await shop.order("4711", state="accepted", notices=(customs, state))
    await shop.order("4712", state="problem", problem=Problem("rejected", since, "c"), notices=(state,))
    await shop.order("4713", state="accepted")
    noticed, bad = json.loads((await shop.call("orders", "--problems", "--json"))[1])
    assert (noticed["order"], bad["order"]) == ("4711", "4712")
    plain = [{"code": notice.code, "path": notice.path, "since": time} for notice in (customs, state)]
    assert noticed["problem"] == {"code": "customs_incomplete", "level": "notice", "path": "a/0/hs_code", "since": time}
    assert (noticed["notices"], bad["notices"]) == (plain, plain[1:])
    assert (bad["problem"]["code"], bad["problem"]["level"]) == ("rejected", "problem")
    _, out, _ = await shop.call("orders", "--problems")
    assert out.splitlines()[1].split("  ")[-1].strip() == "customs_incomplete a/0/hs_code, state_missing b"


async def test_orders_for_people_and_unknown_ones(shop: Shop) -> None:
    assert (await shop.call("orders"))[:2] == (0, "no orders\n")
    assert (await shop.call("orders", "--problems"))[:2] == (0, "no problems\n")
    await shop.order("4711", state="accepted")
    code, out, _ = await shop.call("orders")
    assert code == 0
    assert out.splitlines()[0].split() == ["ORDER", "STATE", "SINCE", "PARCELS", "HELD", "PROBLEM", "NOTICES"]
    assert out.splitlines()[1].split() == ["4711", "accepted", "–", "–", "–", "–", "–"]
    await shop.order("4712", watched=1_795_000_000_000)
    assert json.loads((await shop.call("orders", "4712", "--json"))[1])[0]["since"] == "2026-11-18T11:06:40.000Z"


async def test_why_an_order_is_held(shop: Shop) -> None:
    await shop.order("4711", watched=1_795_000_000_000, held=Held(reason="unpaid", since=1_795_000_000_000))
    (line,) = json.loads((await shop.call("orders", "4711", "--json"))[1])
    assert line["held"] == {"reason": "unpaid", "since": "2026-11-18T11:06:40.000Z"}
    assert "unpaid since 2026-11-18T11:06:40.000Z" in (await shop.call("orders", "4711"))[1]
    assert (await shop.call("orders", "4711", "--problems", "--json"))[:2] == (0, "[]\n"), "held is no problem"


async def test_an_order_without_entry_names_the_command_that_says_why(shop: Shop) -> None:
    hint = "unknown to the ledger; `aftersend trigger export --order 9 --dry-run` says what would happen"
    code, out, err = await shop.call("orders", "9")
    assert (code, out) == (1, "")
    assert hint in err
    code, out, err = await shop.call("orders", "9", "--json")
    assert (code, out) == (1, "[]\n")
    assert hint in err


async def test_more_orders_than_a_page(shop: Shop) -> None:
    for number in range(201):
        await shop.order(str(number), state="accepted")
    assert len(json.loads((await shop.call("orders", "--json"))[1])) == 201


def test_a_terminal_gets_a_table_with_lines(tmp_path: Path, redis_url: str) -> None:
    shop = Shop(tmp_path, redis_url)
    ours, theirs = pty.openpty()

    async def prepare() -> None:
        await shop.order("4711", state="accepted", since=1_795_000_000_000)
        await shop.redis.aclose()

    asyncio.run(prepare())
    done = subprocess.run([*MAIN, "orders"], env=shop.environ | {"TERM": "xterm"}, stdout=theirs, check=False)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 4096):
            text += chunk
    os.close(ours)
    assert done.returncode == 0
    assert "─" in text.decode()
    assert "4711" in text.decode()


async def test_dead_letters_from_list_to_drop(shop: Shop) -> None:
    await shop.dead_letter("parcels", "id-2", "2026-11-24T03:00:00.000Z")
    await shop.dead_letter("runs", "id-1", "2026-11-24T02:00:00.000Z")
    code, out, _ = await shop.call("dead", "list", "--json")
    assert code == 0
    letters = json.loads(out)
    assert [letter["id"] for letter in letters] == ["id-1", "id-2"]
    assert set(letters[0]) == {"id", "type", "reason", "error", "attempts", "first", "time"}
    assert json.loads((await shop.call("dead", "show", "id-2", "--json"))[1])["source"] == "webhook"
    assert (await shop.call("dead", "redrive", "id-2", "--json"))[:2] == (0, '{"redriven":1}\n')
    assert await shop.redis.xlen(Keys(TENANT).key("parcels")) == 1
    assert (await shop.call("dead", "drop", "id-1"))[:2] == (0, "1 dropped\n")
    assert (await shop.call("dead", "list"))[:2] == (0, "no dead letters\n")


async def test_dead_letters_for_people_and_unknown_ones(shop: Shop) -> None:
    await shop.dead_letter("parcels", "id-2", "2026-11-24T03:00:00.000Z")
    assert "Rejected(x)" in (await shop.call("dead", "list"))[1]
    assert "sealed" not in (await shop.call("dead", "show", "id-2"))[1]
    assert (await shop.call("dead", "show", "id-9"))[0] == 1
    code, out, err = await shop.call("dead", "drop", "id-2", "id-9")
    assert (code, out) == (1, "1 dropped\n")
    assert "1 of them not found" in err
    assert (await shop.call("dead", "redrive", "--all"))[:2] == (0, "0 redriven\n")


async def test_redis_gone_is_one_line_and_a_failure(shop: Shop) -> None:
    for words in (("orders",), ("dead", "list"), ("trigger", "export")):
        code, _, err = await shop.call(*words, AFTERSEND_REDIS_URL="redis://127.0.0.1:9/0")
        assert code == 1
        assert err == "aftersend: redis: redis_unavailable – does `aftersend up`, or the Redis of the services, run?\n"


async def test_nothing_to_go_by_is_wrong_usage(shop: Shop) -> None:
    code, _, err = await shop.call(
        "orders", "--data-dir", str(shop.folder), AFTERSEND_TENANT_FILE="", AFTERSEND_REDIS_URL=""
    )
    assert code == 2
    assert "AFTERSEND_TENANT_FILE is missing" in err
    assert "AFTERSEND_REDIS_URL is missing" in err
    assert f"or start `aftersend up` (looked for in {shop.folder}) and name the document with -f FILE" in err


async def test_a_file_whose_up_does_not_run_says_what_to_do(shop: Shop) -> None:
    file = shop.environ["AFTERSEND_TENANT_FILE"]
    data = str(shop.folder / "data")
    code, _, err = await shop.call("orders", "-f", file, "--data-dir", data, AFTERSEND_REDIS_URL="")
    assert code == 2
    assert f"no `aftersend up` serves shops.mueller from {data}" in err


async def test_a_file_with_the_environment_of_a_service(shop: Shop) -> None:
    file = shop.environ["AFTERSEND_TENANT_FILE"]
    words = ("orders", "-f", file, "--data-dir", str(shop.folder / "data"), "--json")
    assert (await shop.call(*words, AFTERSEND_TENANT_FILE=""))[:2] == (0, "[]\n")


async def test_what_up_keeps_is_found(shop: Shop, redis_url: str) -> None:
    await shop.order("4711", state="accepted")
    data = shop.folder / "data"
    data.mkdir()
    file = Path(shop.environ["AFTERSEND_TENANT_FILE"])
    secrets = shop.folder / "secrets"
    found = tenant_context.TenantLocation(
        tenant=load_tenant(file), redis_url=redis_url, secrets_dir=secrets, redis_secrets=shop.folder / "none"
    )
    assert tenant_context.save(data, [(file, found)]).stat().st_mode & 0o777 == 0o600
    bare = {"AFTERSEND_TENANT_FILE": "", "AFTERSEND_REDIS_URL": "", "AFTERSEND_SECRETS_DIR": ""}
    for words in (("-f", str(file)), ()):
        code, out, _ = await shop.call("orders", *words, "--data-dir", str(data), "--json", **bare)
        assert code == 0
        assert [order["order"] for order in json.loads(out)] == ["4711"]
    (data / "up.json").write_text("{")
    code, _, err = await shop.call("orders", "--data-dir", str(data), **bare)
    assert code == 2
    assert "start `aftersend up` again" in err


async def test_a_reader_that_leaves_is_no_failure(shop: Shop) -> None:
    for number in range(400):
        await shop.order(str(number), state="accepted")
    command = " ".join(f"'{word}'" for word in [*MAIN, "orders", "--json"])
    process = await asyncio.create_subprocess_shell(
        f"{{ {command}; echo $? >&2; }} | true", env=shop.environ, stderr=subprocess.PIPE
    )
    _, err = await process.communicate()
    assert err == b"0\n"


async def test_an_unexpected_error_is_one_line_without_texts(shop: Shop) -> None:
    code = (
        "import sys; sys.argv = ['aftersend', 'orders']\n"
        "from aftersend.ledger import store\n"
        "def broken(self): raise ValueError('Käthe')\n"
        "store.Ledger.orders = broken\n"
        "from aftersend.cli.main import main; main()"
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], env=shop.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("aftersend: unexpected ValueError at aftersend.cli.orders:")
    assert "Käthe" not in done.stderr
