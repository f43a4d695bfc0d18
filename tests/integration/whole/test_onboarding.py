"""A merchant's onboarding from an empty folder to the first tag, against the simulated Afterbuy and Sendcloud.

keys of the platform -> page -> sealed in a browser -> a mail -> opened -> up (suspended) -> setup -> check -> dry run
-> switched on -> first export -> first label -> number and tag in Afterbuy.
"""

import asyncio
import json
import os
import re
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from aftersend_sandbox.world.world import SandboxCredentials
from tests.integration.cli.test_first_label import answers, running, wait_until
from tests.support.chromium import chromium
from tests.support.part_kit import call_main
from tests.support.servers import free_port

TENANT = """\
apiVersion: aftersend.jj-ideenschmiede.de/v1
kind: AftersendTenant
metadata: {{name: mueller}}
spec:
  suspend: {suspend}
  afterbuy: {{url: "{sandbox}/afterbuy/ABInterface.aspx", credentials: {{secretName: mueller-afterbuy}}}}
  sendcloud:
    url: {sandbox}/api
    credentials: {{secretName: mueller-sendcloud}}
    integration: J&J Aftersend
"""
KEYS = SandboxCredentials()
PAGE = Path(__file__).resolve().parents[3] / "docs/guides/onboarding.md"
COMMANDS = re.findall(r"^ *kubectl .* exec svc/\S+ -- aftersend (.+)$", PAGE.read_text(), re.MULTILINE)
"""Of the guide, without what leads into the pod."""
ENTERED = {
    "partnerToken": KEYS.partner_token,
    "accountToken": KEYS.account_token,
    "publicKey": KEYS.public_key,
    "secretKey": KEYS.secret_key,
}


@dataclass
class Rehearsal:
    """One folder, one simulated pair of accounts, and a person who types."""

    folder: Path
    sandbox: int
    public: int
    admin: int
    commands: list[str] = field(default_factory=lambda: list(COMMANDS))
    """Of the guide, not yet carried out."""

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "AFTERSEND_LISTEN": f"127.0.0.1:{self.public}",
            "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
        }

    def of_the_page(self, *words: str) -> str:
        """A command of the guide, as it stands there."""
        self.commands.remove(" ".join(words))
        return self.typed(*words, "-f", "tenant.yaml")

    def typed(self, *words: str) -> str:
        code, out, err = call_main(words, self.environ)
        assert code == 0, f"{words}\n{out}\n{err}"
        return out

    def document(self, *, suspend: bool) -> None:
        text = TENANT.format(suspend=str(suspend).lower(), sandbox=f"http://127.0.0.1:{self.sandbox}")
        (self.folder / "tenant.yaml").write_text(text)

    def control(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.sandbox}/control/{path}", data=data)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def up(self) -> Any:
        return running("aftersend up -f tenant.yaml", self.environ, self.folder)

    def is_ready(self) -> bool:
        return answers(self.admin, "/readyz")


async def sealed_by_the_merchant(page: Path, words: str, enter: Callable[[str], object]) -> str:
    """What a merchant does who sees nothing but the page; the text that goes into the mail."""
    async with chromium() as browser:
        tab = await browser.new_page()
        await tab.goto(page.as_uri())
        await expect(tab.locator("#words")).to_have_text(words, timeout=30_000)
        for field, value in ENTERED.items():
            await tab.locator(f"#{field}").fill(f" {value}\n")
        enter(await tab.locator("#webhookSignatureKey").input_value())
        await tab.locator("#entered").check()
        await tab.locator("#seal").click()
        await expect(tab.locator("#done")).to_be_visible(timeout=30_000)
        return await tab.locator("#sealed").input_value()


@pytest.mark.timeout(600)
def test_from_an_empty_folder_to_the_first_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Rehearsal(tmp_path, free_port(), free_port(), free_port())
    with running(f"aftersend sandbox --listen 127.0.0.1:{here.sandbox} --orders 40", here.environ, tmp_path):
        words = made_page(here)
        wait_until(lambda: answers(here.sandbox, "/control/state"), "the sandbox answers")
        enter = sealed_by_the_merchant(
            tmp_path / "mueller.html", words, lambda key: here.control("settings", {"signature_key": key})
        )
        text = asyncio.run(enter)
        opened(here, text)
        here.document(suspend=True)
        with here.up():
            wait_until(here.is_ready, "all parts are ready")
            connected(here)
            read_together(here)
        here.document(suspend=False)
        with here.up():
            wait_until(here.is_ready, "all parts are ready")
            first_label(here)
    assert here.commands == []


def made_page(here: Rehearsal) -> str:
    """The platform's part of the handover; the five words."""
    recipients = "".join(here.typed("handover", "keygen", "--recipient", name) for name in ("anna", "ben"))
    (here.folder / "recipients.txt").write_text(recipients)
    here.typed("handover", "page", "--tenant", "mueller", "--recipients", "recipients.txt", "-o", "mueller.html")
    return here.typed("handover", "fingerprint", "--recipients", "recipients.txt").strip()


def opened(here: Rehearsal, text: str) -> None:
    """A reply in a mail program: a greeting, quote marks, other line ends."""
    quoted = "\r\n".join(f"> {line}" for line in text.splitlines())
    (here.folder / "mail.txt").write_text(f"Guten Tag,\r\nanbei der Text.\r\n\r\n{quoted}\r\n\r\n> Viele Grüße\r\n")
    words = ("handover", "open", "mail.txt", "--tenant", "mueller", "--identity", "ben.agekey", "--output", "folder")
    here.typed(*words)
    assert (here.folder / "secrets/sendcloud/secretKey").read_text().strip() == KEYS.secret_key


def connected(here: Rehearsal) -> None:
    """``setup`` changes what it has shown, and ``check`` has nothing to say against it."""
    assert "webhook_active: off -> on" in here.of_the_page("setup", "--dry-run")
    assert "a signed test webhook was accepted" in here.of_the_page("setup", "--yes")
    assert "nothing to do" in here.typed("setup", "-f", "tenant.yaml")
    assert "FAIL" not in here.of_the_page("check")
    assert here.control("journal")["calls"]["sendcloud PATCH v3 /integrations/{id}"] == 1


def read_together(here: Rehearsal) -> None:
    """The dry run decides about every order and sends none, although the tenant is suspended."""
    assert "  transfer  " in here.of_the_page("trigger", "export", "--dry-run")
    assert here.control("state")["incoming"] == 0


def first_label(here: Rehearsal) -> None:
    """One label, printed as the merchant does; its number and the tag are in Afterbuy."""
    assert "export done" in here.of_the_page("trigger", "export", "--wait")
    known = json.loads(here.typed("orders", "--json", "-f", "tenant.yaml"))
    (number, *_) = (each["order"] for each in known if each["state"] == "accepted")
    wait_until(lambda: number in str(here.control("incoming")), "Sendcloud has saved the order")
    here.control(f"incoming/afterbuy-{number}/labels", {})
    wait_until(lambda: here.control("state")["with_tag"] == 1, "the order has its tag")
    here.commands[here.commands.index("orders 4711")] = f"orders {number}"
    wait_until(lambda: "labelled" in here.typed("orders", number, "-f", "tenant.yaml"), "the ledger knows")
    assert "labelled" in here.of_the_page("orders", number)
    report = json.loads(here.typed("report", "--format", "json", "-f", "tenant.yaml"))
    assert (report["labelled"], report["writtenBack"], report["problems"]) == (1, 1, [])
    assert "1" in here.of_the_page("report")
