"""The page in a real browser, from a file and by https: what a merchant enters leaves it sealed and in no other way."""

import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from aftersend.handover.letter import open_letter
from aftersend.handover.page import Language, render_page
from aftersend.handover.recipients import fingerprint, read_identities, read_recipients
from aftersend_operator.model.certificates import new_authority, new_server
from tests.support.chromium import chromium
from tests.support.handover_kit import Recipients, two_recipients

HOST = "handover.example"
ENTERED = {
    "PartnerToken": "partner-canary-8f1c",
    "AccountToken": "account-canary-77d2",
    "Public Key": "public-canary-1a2b",
    "Secret Key": "secret-canary-3c4d",
}
LEFT_BEHIND = """async () => JSON.stringify([
    document.documentElement.outerHTML,
    [...document.querySelectorAll("input, textarea")].map((each) => each.value),
    {...localStorage}, {...sessionStorage}, document.cookie, location.href, document.title,
    (await indexedDB.databases()).length, history.state, window.name,
])"""
expect.set_options(timeout=30_000)  # a busy machine may need more than five seconds


@pytest.fixture
def recipients(tmp_path: Path) -> Recipients:
    return two_recipients(tmp_path)


def page_for(recipients: Recipients, language: Language = "de") -> bytes:
    return render_page(tenant="mueller", recipients=read_recipients(recipients.file), language=language)


@asynccontextmanager
async def served(content: bytes, folder: Path, *, tls: bool) -> AsyncIterator[str]:
    """The page at an address, over https with a certificate of its own or over plain http."""
    context = None
    if tls:
        now = datetime.now(UTC)
        pair = new_server(new_authority("test", now=now), [HOST], now=now)
        (folder / "pair.pem").write_bytes(pair.certificate + pair.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "pair.pem")

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type="text/html", charset="utf-8")

    application = web.Application()
    application.router.add_get("/mueller.html", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http{'s' if tls else ''}://{HOST}:{port}/mueller.html"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Page]:
    """The page, open; a request beside its own, a violated policy, or a line on the console fails the test."""
    seen: list[str] = []
    async with chromium(f"--host-resolver-rules=MAP {HOST} 127.0.0.1") as browser:
        page = await browser.new_page(ignore_https_errors=True, accept_downloads=True)
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.on("request", lambda request: seen.append(request.url))
        await page.goto(url)
        yield page
    assert [each for each in seen if not each.startswith("blob:")] == [url]


async def fill(page: Page) -> str:
    """Enter everything, with the blanks that copying brings; returns the signature key that the page has made."""
    for label, value in ENTERED.items():
        await page.get_by_label(label, exact=False).first.fill(f"  {value}\t ")
    key = await page.locator("#webhookSignatureKey").input_value()
    await page.locator("#entered").check()
    return key


@asynccontextmanager
async def place(kind: str, content: bytes, folder: Path) -> AsyncIterator[str]:
    if kind == "file":
        (folder / "mueller.html").write_bytes(content)
        yield (folder / "mueller.html").as_uri()
    else:
        async with served(content, folder, tls=kind == "https") as url:
            yield url


@pytest.mark.parametrize("kind", ["file", "https"])
async def test_what_is_entered_leaves_the_page_only_sealed(kind: str, recipients: Recipients, tmp_path: Path) -> None:
    async with place(kind, page_for(recipients), tmp_path) as url, visiting(url) as page:
        await expect(page.locator("#words")).to_have_text(fingerprint(read_recipients(recipients.file)))
        key = await fill(page)
        await page.locator("#seal").click()
        await expect(page.locator("#done")).to_be_visible()
        sealed = await page.locator("#sealed").input_value()
        left = await page.evaluate(LEFT_BEHIND)
        async with page.expect_download() as download:
            await page.locator("#save").click()
        file = tmp_path / "mueller.age"
        await (await download.value).save_as(file)
    assert re.fullmatch(r"[0-9a-f]{64}", key)
    assert not [secret for secret in (*ENTERED.values(), key) if secret in left]
    assert file.read_text() == sealed
    for identity in recipients.identities:
        found = open_letter(file, tenant="mueller", identities=read_identities(identity))
        assert [*found.files()["afterbuy"].values(), *found.files()["sendcloud"].values()] == [*ENTERED.values(), key]
        stock = subprocess.run(["age", "-d", "-i", identity, file], capture_output=True, check=True)
        assert b"secret-canary-3c4d" in stock.stdout


@pytest.mark.parametrize(
    ("label", "value", "said"),
    [
        ("PartnerToken", "", "Please fill in: PartnerToken"),
        ("AccountToken", "two words", "AccountToken"),
        ("Secret Key", "schlüssel", "Secret Key"),
        ("Public Key", "x" * 201, "Is too long: Public Key"),
        ("PartnerID", "12a", "digits only: PartnerID"),
    ],
)
async def test_what_is_no_key_is_named_and_nothing_is_lost(
    label: str, value: str, said: str, recipients: Recipients, tmp_path: Path
) -> None:
    async with place("file", page_for(recipients, "en"), tmp_path) as url, visiting(url) as page:
        await fill(page)
        await page.get_by_label(label, exact=False).first.fill(value)
        await page.locator("#seal").click()
        await expect(page.locator("#problem")).to_contain_text(said)
        assert await page.locator("#done").is_hidden()
        await page.get_by_label(label, exact=False).first.fill("" if label == "PartnerID" else "a-good-one")
        await page.locator("#seal").click()
        await expect(page.locator("#done")).to_be_visible()


async def test_the_signature_key_must_have_been_entered(recipients: Recipients, tmp_path: Path) -> None:
    async with place("file", page_for(recipients), tmp_path) as url, visiting(url) as page:
        await fill(page)
        await page.locator("#entered").uncheck()
        await page.locator("#seal").click()
        await expect(page.locator("#problem")).to_contain_text("Webhook Signature Key")


async def test_each_visit_makes_another_key(recipients: Recipients, tmp_path: Path) -> None:
    async with place("file", page_for(recipients), tmp_path) as url:
        keys = []
        for _ in range(2):
            async with visiting(url) as page:
                await expect(page.locator("#words")).not_to_have_text("…")
                keys.append(await page.locator("#webhookSignatureKey").input_value())
    assert len(set(keys)) == 2


async def test_plain_http_is_explained_instead_of_sealing_badly(recipients: Recipients, tmp_path: Path) -> None:
    async with place("http", page_for(recipients), tmp_path) as url, visiting(url) as page:
        await expect(page.locator("#no-crypto")).to_be_visible()
        assert await page.locator("#form").is_hidden()
