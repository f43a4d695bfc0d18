"""``aftersend setup`` against the simulated Sendcloud and Afterbuy: what it changes, what it says, where it stops."""

import asyncio
import json
import os
import pty
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aftersend.cli.setup import setup
from aftersend.cli.setup_looks import webhook_address
from aftersend.cli.setup_plan import changes_of, find_integration, wanted_parts
from aftersend.cli.signed_webhook import send_test_webhook
from aftersend.sendcloud.model import Integration
from aftersend.service.runtime import http_session
from aftersend.settings import ListenAddress
from aftersend.tenant.loading import parse_tenant
from aftersend_operator.model.certificates import new_authority, new_server
from aftersend_sandbox.faults import ArmedFault
from aftersend_sandbox.world.sendcloud_account import SendcloudIntegration
from aftersend_sandbox.world.world import INTEGRATION_ID, World
from tests.support.sandbox_kit import Door, a_sandbox
from tests.support.servers import free_port

SECRETS = {
    "afterbuy/partnerToken": "sandbox-partner",
    "afterbuy/accountToken": "sandbox-account",
    "sendcloud/publicKey": "sandbox-public",
    "sendcloud/secretKey": "sandbox-secret",
    "sendcloud/webhookSignatureKey": "sandbox-signature-key",
}
TENANT = """
apiVersion: aftersend.jj-ideenschmiede.de/v1
kind: AftersendTenant
metadata: {{name: mueller}}
spec:
  afterbuy: {{url: "{url}/afterbuy/ABInterface.aspx", credentials: {{secretName: a}}}}
  sendcloud: {{url: "{url}/api", credentials: {{secretName: s}}, integration: {integration}}}
  webhook: {webhook}
"""
PROGRAM = [sys.executable, "-c", "from aftersend.cli.entry import main; main()"]
PATH = "/webhooks/sendcloud"


def files(folder: Path, door: Door, *, integration: object = "J&J Aftersend", webhook: str = "{}") -> Path:
    for name, value in SECRETS.items():
        (folder / "secrets" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "secrets" / name).write_text(value)
    file = folder / "tenant.yaml"
    file.write_text(TENANT.format(url=door.sandbox.url, integration=integration, webhook=webhook))
    return file


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[bytes]]:
    """What answers at the address of the webhook service as it does; the bodies that it got."""
    bodies: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(headers={"Cache-Control": "no-store"})

    async with serving(answer) as url:
        monkeypatch.setenv("AFTERSEND_LISTEN", f"0.0.0.0:{url.rpartition(':')[2].partition('/')[0]}")
        yield bodies


@asynccontextmanager
async def serving(answer: Any, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post(PATH, answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    finally:
        await runner.cleanup()


async def call(
    file: Path, capsys: pytest.CaptureFixture[str], *, dry_run: bool = False, yes: bool = True
) -> tuple[int, dict[str, Any]]:
    """The command to its end: exit code and what it prints for machines."""
    capsys.readouterr()
    code = await setup(file, file.parent / "data", None, dry_run=dry_run, yes=yes and not dry_run, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def checks(result: Mapping[str, Any]) -> dict[str, bool | None]:
    names = [each["check"] for each in result["checks"]]
    assert len(set(names)) == len(names)
    assert all(each["ok"] is True or each["cure"] for each in result["checks"])
    return {each["check"]: each["ok"] for each in result["checks"]}


def patches(door: Door) -> int:
    return sum(entry.what.startswith("PATCH") for entry in door.world.journal.entries)


async def test_the_first_run_connects_and_the_second_has_nothing_to_do(
    tmp_path: Path, service: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_sandbox() as door:
        file, ours = files(tmp_path, door), door.world.sendcloud.integrations[INTEGRATION_ID]
        code, shown = await call(file, capsys, dry_run=True)
        assert (code, patches(door), ours.webhook_active, service) == (0, 0, False, [])
        assert [(each["field"], each["from"], each["done"]) for each in shown["changes"]] == [
            ("webhook_active", False, False),
            ("webhook_url", "", False),
        ]
        code, result = await call(file, capsys)
        assert (code, patches(door), ours.webhook_active) == (0, 1, True)
        assert [each["to"] for each in result["changes"]] == [True, ours.webhook_url]
        assert all(each["done"] is True for each in result["changes"])
        assert set(checks(result).values()) == {True}
        assert (json.loads(service[0])["action"], result["integration"]) == ("test_webhook", INTEGRATION_ID)
        code, again = await call(file, capsys)
        assert (code, again["changes"], patches(door)) == (0, [], 1)
    steps = " ".join(result["steps"])
    assert all(word in steps for word in ("Sendcloud abgeschlossen", "Schnittstelle zu Afterbuy", "API newsletter"))


async def test_people_read_what_was_done(
    tmp_path: Path, service: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_sandbox() as door:
        file = files(tmp_path, door)
        assert await setup(file, tmp_path / "data", None, dry_run=False, yes=True, as_json=False) == 0
        first = capsys.readouterr().out
        assert await setup(file, tmp_path / "data", None, dry_run=False, yes=True, as_json=False) == 0
        second = capsys.readouterr().out
    assert "done  webhook_active: off -> on" in first
    assert "ok    test-webhook  a signed test webhook was accepted" in first
    assert "[ ] Afterbuy" in first
    assert "nothing to do at Sendcloud" in second
    assert not [secret for secret in SECRETS.values() if secret in first + second]
    assert len(service) == 2


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("holds", ["no", "yes"])
async def test_no_feedback_becomes_feedback_at_the_label(
    holds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_sandbox(feedback_holds=holds) as door:
        ours = door.world.sendcloud.integrations[INTEGRATION_ID]
        ours.feedback_type = "none"
        file = files(tmp_path, door)
        code, shown = await call(file, capsys, dry_run=True)
        assert (code, checks(shown)["feedback"]) == (0, None)
        code, result = await call(file, capsys)
        assert (code, ours.feedback_type, checks(result)["feedback"]) == (0, "eager", True)
        ours.feedback_type = "delayed"
        code, result = await call(file, capsys)
        assert (code, ours.feedback_type, checks(result)["feedback"]) == (0, "delayed", None)


@pytest.mark.usefixtures("service")
async def test_the_only_api_integration_gets_the_name_of_the_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_sandbox() as door:
        del door.world.sendcloud.integrations[4699]
        file, ours = files(tmp_path, door, integration="Müller"), door.world.sendcloud.integrations[INTEGRATION_ID]
        code, result = await call(file, capsys)
        assert (code, ours.shop_name, patches(door)) == (0, "Müller", 2)
        assert result["changes"][0] == {"field": "shop_name", "from": "J&J Aftersend", "to": "Müller", "done": True}


@pytest.mark.parametrize(
    ("integration", "types", "found"),
    [
        ("A", {1: "api"}, []),
        ("A", {1: "api", 2: "shopware"}, []),
        ("B", {1: "api", 2: "shopware"}, [1]),
        ("B", {1: "api", 2: "api"}, []),
        (7, {1: "api"}, []),
        (1, {1: "api"}, [1]),
    ],
)
def test_an_integration_is_named_only_if_it_must_be_that_of_the_keys(
    integration: str | int, types: dict[int, str], found: list[int]
) -> None:
    known = [Integration(number, "B?" if number == 1 else "C", kind) for number, kind in types.items()]
    if integration == "A":
        known = [Integration(1, "A", "api"), Integration(2, "A", "api")]
        found = [1, 2]
    assert [each.id for each in find_integration(known, integration)] == found


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("position", "said", "left"),
    [
        ({"integration_patch": "403"}, "these keys may not change webhook_active, webhook_url (http_403)", 2),
        ({"integration_patch": "404"}, "no usable answer about webhook_active, webhook_url", 2),
        ({"integration_patch": "ignored"}, "Sendcloud accepted webhook_active, webhook_url, but does not show it", 2),
        ({"webhook_address": "https"}, "Sendcloud refuses webhook_active, webhook_url (invalid)", 2),
        ({"feedback_type": "refused"}, "Sendcloud refuses feedback_type (invalid)", 1),
    ],
)
async def test_a_part_that_fails_is_named_with_its_cure_and_so_is_what_was_done(
    position: dict[str, str],
    said: str,
    left: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with a_sandbox(**position) as door:
        ours = door.world.sendcloud.integrations[INTEGRATION_ID]
        ours.feedback_type = "none" if "feedback_type" in position else "eager"
        code, result = await call(files(tmp_path, door), capsys)
    (finding,) = [each for each in result["checks"] if each["check"] == "change"]
    assert (code, finding["ok"]) == (1, False)
    assert finding["message"].startswith(said)
    assert "by hand" in finding["cure"]
    assert [each["done"] for each in result["changes"]].count(False) == left
    assert ours.webhook_active is ("feedback_type" in position)


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("kind", ["lost_answer", "http_503"])
async def test_what_sendcloud_shows_counts_not_what_it_answers(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_sandbox() as door:
        calls = ("PATCH v3 /integrations/{id}",)
        door.world.faults.arm("sendcloud", kind, ArmedFault(remaining=1, calls=calls))
        code, result = await call(files(tmp_path, door), capsys)
        lost = kind == "lost_answer"
        assert door.world.faults.struck
        assert (code, {each["done"] for each in result["changes"]}) == (0 if lost else 1, {lost})
        code, result = await call(files(tmp_path, door), capsys)
        assert (code, bool(result["changes"])) == (0, not lost)


async def test_what_cannot_be_read_afterwards_is_said_to_be_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_sandbox() as door:
        patch = door.world.journal.call

        def then_gone(entry: Any) -> None:
            patch(entry)
            if entry.what.startswith("PATCH"):
                door.world.faults.arm("sendcloud", "http_503", ArmedFault())

        monkeypatch.setattr(door.world.journal, "call", then_gone)
        code, result = await call(files(tmp_path, door), capsys)
    assert code == 1
    assert [each["done"] for each in result["changes"]] == [None, None]
    assert result["checks"][-1]["message"].startswith("what was changed cannot be read")


@pytest.mark.parametrize(
    ("break_it", "failing"),
    [
        (lambda world, _: setattr(world, "credentials", type(world.credentials)(partner_token="x")), "afterbuy"),
        (lambda world, _: setattr(world, "credentials", type(world.credentials)(secret_key="x")), "sendcloud"),
        (lambda world, _: world.sendcloud.integrations.pop(INTEGRATION_ID) and twin(world), "integration"),
        (lambda _, folder: (folder / "secrets/sendcloud/webhookSignatureKey").write_text("short"), "signature"),
        (lambda _, folder: (folder / "secrets/afterbuy/accountToken").unlink(), "afterbuy"),
    ],
)
async def test_nothing_is_changed_while_something_is_wrong(
    break_it: Any, failing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_sandbox() as door:
        file = files(tmp_path, door)
        break_it(door.world, tmp_path)
        code, result = await call(file, capsys)
        assert (code, patches(door)) == (1, 0)
    assert [name for name, ok in checks(result).items() if ok is False] == [failing]


def twin(world: World) -> None:
    """Another API integration, so that none is certainly that of the keys."""
    world.sendcloud.integrations[4712] = SendcloudIntegration(4712, "another")


async def test_without_a_host_there_is_no_address_to_enter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftersend.cli.setup_looks.is_loopback", lambda _: False)
    async with a_sandbox() as door:
        file, ours = files(tmp_path, door), door.world.sendcloud.integrations[INTEGRATION_ID]
        code, result = await call(file, capsys)
        assert (code, patches(door), checks(result)["webhook"]) == (1, 0, False)
        assert "spec.webhook.host is missing" in json.dumps(result)
        ours.webhook_active, ours.webhook_url = True, f"https://hooks.example{PATH}"
        code, result = await call(file, capsys)
    assert (code, result["changes"], checks(result)["test-webhook"]) == (0, [], None)


def test_the_address_is_that_of_the_document_or_of_the_sandbox_beside_it() -> None:
    def tenant(url: str, webhook: str) -> Any:
        return parse_tenant(TENANT.format(url=url, integration=1, webhook=webhook).encode())

    listen = ListenAddress("0.0.0.0", 8081)
    assert (
        webhook_address(tenant("https://x.example", "{host: hooks.example}"), listen) == f"https://hooks.example{PATH}"
    )
    assert webhook_address(tenant("http://127.0.0.1:9", "{path: /w}"), listen) == "http://127.0.0.1:8081/w"
    assert webhook_address(tenant("https://panel.sendcloud.sc", "{}"), listen) == ""
    several = tenant("https://x.example", "{host: a.example}").with_webhook_path(f"{PATH}/mueller")
    assert webhook_address(several, listen) == f"https://a.example{PATH}/mueller"


@pytest.mark.parametrize(
    ("former", "shown"),
    [
        ("https://erp.example/hook?token=canary", "https://erp.example/hook?…"),
        ("https://user:canary@erp.example:8443/hook#canary", "https://erp.example:8443/hook"),
        ("https://erp.example/hook", "https://erp.example/hook"),
        ("http://[:::::]/hook?canary", "an unreadable address"),
    ],
)
def test_keys_in_a_former_address_are_not_shown(former: str, shown: str) -> None:
    """Another program may keep them there."""
    text = TENANT.format(url="https://x.example", integration=1, webhook="{host: a.example}")
    before = Integration(1, "x", "api", webhook_active=True, webhook_url=former)
    parts = wanted_parts(before, parse_tenant(text.encode()).spec, f"https://a.example{PATH}", allow_http=False)
    (change,) = changes_of(parts, before, before)
    assert (change.before, change.after) == (shown, f"https://a.example{PATH}")


@pytest.mark.parametrize(
    ("status", "headers", "text", "ok", "said"),
    [
        (200, {"Cache-Control": "no-store"}, "", True, "accepted"),
        (200, {"Cache-Control": "no-store"}, "<html>", False, "another page"),
        (200, {}, "", False, "another page"),
        (401, {}, "", False, "refuses the signature"),
        (404, {}, "", False, "nothing is served at this path"),
        (503, {}, "", False, "not ready"),
        (418, {}, "", False, "something else answers"),
        (301, {"Location": "https://elsewhere.example"}, "", False, "redirects"),
    ],
)
async def test_answers_to_the_test_webhook(
    status: int, headers: dict[str, str], text: str, *, ok: bool, said: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers, text=text)

    async with serving(answer) as url, http_session() as session:
        found = await send_test_webhook(session, url, b"key")
    assert (found.ok, said in found.message, bool(found.cure)) == (ok, True, not ok)


async def test_an_address_that_does_not_answer(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    pair = new_server(new_authority("test", now=now), ["127.0.0.1"], now=now)
    (tmp_path / "pair.pem").write_bytes(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    async with http_session() as session:

        async def unseen(_: web.Request) -> web.Response:
            raise AssertionError

        async with serving(unseen, context) as url:
            certificate = await send_test_webhook(session, url, b"key")
        nothing = await send_test_webhook(session, f"http://127.0.0.1:{free_port()}{PATH}", b"key")
        unknown = await send_test_webhook(session, "https://no-such-host.invalid/x", b"key")
    assert (certificate.ok, "certificate" in certificate.message) == (False, True)
    assert (nothing.ok, "start `aftersend up`" in nothing.cure) == (False, True)
    assert (unknown.ok, "no address" in unknown.message) == (False, True)


@pytest.mark.usefixtures("service")
async def test_without_a_terminal_it_wants_yes_but_only_for_a_change(
    tmp_path: Path,
) -> None:
    async with a_sandbox() as door:
        file = files(tmp_path, door)
        words = ["setup", "-f", str(file), "--data-dir", str(tmp_path / "data")]

        async def run(*more: str) -> tuple[int, str, str]:
            made = await asyncio.to_thread(
                subprocess.run, [*PROGRAM, *words, *more], stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            return made.returncode, made.stdout, made.stderr

        code, out, err = await run()
        assert (code, patches(door), "webhook_active: off -> on" in out) == (2, 0, True)
        assert "give --yes" in err
        assert (await run("--dry-run", "--yes"))[0] == 2
        assert (await run("--yes"))[0] == 0
        assert (await run())[0] == 0
        assert patches(door) == 1


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(("answer", "code", "count"), [("y", 0, 1), ("n", 1, 0)])
async def test_at_a_terminal_it_asks(
    answer: str,
    code: int,
    count: int,
    tmp_path: Path,
) -> None:
    async with a_sandbox() as door:
        file = files(tmp_path, door)
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *("setup", "-f", str(file), "--data-dir", str(tmp_path / "data")),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _, err = await process.communicate()
        os.close(ours)
        os.close(theirs)
        assert (process.returncode, patches(door)) == (code, count)
        assert b"Change integration 4711 at Sendcloud (webhook_active: off -> on" in err
        assert (b"nothing was changed" in err) is (code == 1)
