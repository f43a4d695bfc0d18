"""A merchant's onboarding from an empty folder to the first tag, against the simulated Afterbuy and Sendcloud.

keys of the platform -> page -> sealed in a browser -> a mail -> opened -> up (suspended) -> setup -> check -> dry run
-> switched on -> first export -> first label -> number and tag in Afterbuy.
"""

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
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

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "AFTERSEND_LISTEN": f"127.0.0.1:{self.public}",
            "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
        }

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
        with urllib.request.urlopen(request, timeout=20) as answer:
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
    assert "webhook_active: off -> on" in here.typed("setup", "-f", "tenant.yaml", "--dry-run")
    assert "a signed test webhook was accepted" in here.typed("setup", "-f", "tenant.yaml", "--yes")
    assert "nothing to do" in here.typed("setup", "-f", "tenant.yaml")
    here.typed("check", "-f", "tenant.yaml")
    assert here.control("journal")["calls"]["sendcloud PATCH v3 /integrations/{id}"] == 1


def read_together(here: Rehearsal) -> None:
    """The dry run decides about every order and sends none, although the tenant is suspended."""
    found = json.loads(here.typed("trigger", "export", "--dry-run", "--json", "-f", "tenant.yaml"))
    assert (found["outcome"], bool(found["orders"])) == ("done", True)
    assert here.control("state")["incoming"] == 0


def first_label(here: Rehearsal) -> None:
    """One label, printed as the merchant does; its number and the tag are in Afterbuy."""
    summary = json.loads(here.typed("trigger", "export", "--wait", "--json", "-f", "tenant.yaml"))
    assert (summary["outcome"], summary["sent"] > 0) == ("done", True)
    wait_until(lambda: here.control("state")["incoming"] == summary["sent"], "Sendcloud has saved the orders")
    order = json.loads(here.typed("orders", "--json", "-f", "tenant.yaml"))
    (number, *_) = (each["order"] for each in order if each["state"] == "accepted")
    here.control(f"incoming/afterbuy-{number}/labels", {})
    wait_until(lambda: here.control("state")["with_tag"] == 1, "the order has its tag")
    assert json.loads(here.typed("orders", number, "--json", "-f", "tenant.yaml"))[0]["state"] == "labelled"
