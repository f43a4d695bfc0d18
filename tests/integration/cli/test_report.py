"""``aftersend report`` on a ledger as the services leave it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis.asyncio
from msgspec.structs import replace

from aftersend.ledger.entry import Entry, Held, Notice, Problem
from aftersend.ledger.merge import merge
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.report.collect import collect
from aftersend.report.merchant_report import MerchantReport
from aftersend.report.period import ReportPeriod
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.tenant.loading import load_tenant
from tests.support.chromium import chromium
from tests.support.ledger_kit import mac, parcel
from tests.support.part_kit import call_main, environment

TENANT = "shops.mueller"
BERLIN = ZoneInfo("Europe/Berlin")


class ReportedShop:
    """A tenant with a ledger that counts."""

    def __init__(self, folder: Path, url: str) -> None:
        self.environ = environment(folder, AFTERSEND_REDIS_URL=url) | {"COLUMNS": "200"}
        self.redis = redis.asyncio.Redis.from_url(url)
        self.now = datetime.now(UTC)
        keyring = Keyring(SecretFiles(folder / "secrets" / "data-key"))
        self.ledger = Ledger(self.redis, tenant=TENANT, keyring=keyring, zone=BERLIN, clock=self.clock)
        self.state = TenantState(self.redis, tenant=TENANT)
        self.tenant = load_tenant(folder / "tenant.yaml")

    def clock(self) -> float:
        return self.now.timestamp()

    @property
    def ms(self) -> int:
        return int(self.clock() * 1000)

    async def sold(self, order: str, *, took: int = 4) -> None:
        """An order that goes its whole way."""
        sent = await self.ledger.change(
            order, lambda entry: replace(entry, state="accepted", fingerprint="f", pushed=self.ms)
        )
        label = parcel(order, time=self.ms, received=self.ms)
        labelled = await self.ledger.change_many({order: lambda entry: merge(entry, label, mac)}, known={order: sent})
        self.now += timedelta(seconds=took)
        done = {"AdditionalInfo": "mark"}
        await self.ledger.change_many(
            {order: lambda entry: replace(entry, applied=entry.observed, lagging=0, written=done)}, known=labelled
        )

    async def order(self, name: str, **changes: Any) -> None:
        await self.ledger.change(name, lambda _: Entry(order=name, **changes))

    async def trouble(self) -> None:
        await self.order("700200", state="problem", problem=Problem("rejected", self.ms, "shipping_address.city"))
        await self.order("700201", state="accepted", notices=(Notice("state_missing", self.ms, "state"),))
        await self.order("700202", watched=self.ms, held=Held("unpaid", self.ms))
        await self.order("700203", held=Held("unpaid", self.ms), problem=Problem("given_up", self.ms, "unpaid"))

    async def report(self, days: int = 7, **spec: Any) -> MerchantReport:
        tenant = replace(self.tenant, spec=replace(self.tenant.spec, **spec))
        period = ReportPeriod(self.now.astimezone(BERLIN), days)
        return await collect(self.ledger, self.state, tenant, period, language="en")

    async def call(self, *words: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(call_main, ("report", *words), self.environ)


@pytest.fixture
async def shop(tmp_path: Path, redis_url: str) -> AsyncIterator[ReportedShop]:
    found = ReportedShop(tmp_path, redis_url)
    yield found
    await found.redis.aclose()


async def test_a_calm_week_is_three_lines_in_both_languages(shop: ReportedShop) -> None:
    shop.now -= timedelta(days=1)
    for order, took in (("700100", 3), ("700101", 5), ("700102", 130)):
        await shop.sold(order, took=took)
    for lang, calm in (("de", "Nichts zu tun"), ("en", "Nothing to do")):
        code, out, err = await shop.call("--lang", lang)
        assert (code, err) == (0, "")
        _, figures, last = out.splitlines()
        assert figures.startswith("3 ")
        assert last.startswith(calm)
    assert "usually 5 seconds, at most 2 minutes" in figures


async def test_json_names_every_order_with_what_to_do(shop: ReportedShop) -> None:
    await shop.trouble()
    code, out, _ = await shop.call("--format", "json", "--since", "30d", "--lang", "en")
    found = json.loads(out)
    assert code == 0
    assert {name: [(line["order"], line["code"], line["path"]) for line in found[name]] for name in LISTS} == {
        "problems": [("700200", "rejected", "shipping_address.city"), ("700203", "given_up", "unpaid")],
        "notices": [("700201", "state_missing", "state")],
        "held": [("700202", "unpaid", "")],
    }
    assert all(line["meaning"] and line["cure"] for name in LISTS for line in found[name])
    assert found["labelToAfterbuy"] == {"median": None, "slowest": None}


LISTS = ("problems", "notices", "held")


@pytest.mark.parametrize("since", ["31d", "0d", "week", "7"])
async def test_a_wrong_period_ends_with_2_and_a_cure(since: str, shop: ReportedShop) -> None:
    code, out, err = await shop.call("--since", since)
    assert (code, out) == (2, "")
    assert "use 1d to 30d, such as 7d" in err


async def test_only_the_days_of_the_period_count(shop: ReportedShop) -> None:
    today = datetime(2026, 11, 30, 12, 10, tzinfo=UTC)  # a day before is the day before: at no change of the clocks
    for days in (8, 7, 1, 0):
        shop.now = today - timedelta(days=days)
        await shop.sold(str(700_300 + days), took=0)
    assert (await shop.report()).sent == 3
    assert (await shop.report(days=30)).sent == 4
    assert (await shop.report(days=1)).sent == 2


async def test_runs_that_are_overdue_now_are_missed(shop: ReportedShop) -> None:
    shop.now = datetime(2026, 11, 30, 12, 10, tzinfo=UTC)
    assert (await shop.report()).missed == 0, "a new tenant, before its first run"
    await shop.ledger.days.add({"export.missed": 2, "export.failed": 1, "sweep.done": 9})
    for kind in ("export", "sweep"):
        await shop.state.set(f"success.{kind}", str(shop.ms - 2 * 3_600_000))  # type: ignore[arg-type]
    found = await shop.report()
    assert (found.export.missed, found.export.failed) == (2 + 1, 1)
    assert (found.sweep.missed, found.sweep.done) == (5, 9)
    await shop.state.set("quiet", str(shop.ms - 60_000))
    assert (await shop.report()).export.missed == 2
    suspended = await shop.report(suspend=True)
    assert (suspended.export.missed, suspended.is_calm) == (2, False)


async def test_the_page_is_shown_on_a_phone_and_breaks_no_policy(shop: ReportedShop, tmp_path: Path) -> None:
    await shop.trouble()
    code, page, _ = await shop.call("--format", "html")
    assert code == 0
    file, seen = tmp_path / "report.html", list[str]()
    file.write_text(page)
    async with chromium() as browser:
        for width in (390, 1280):
            shown = await browser.new_page(viewport={"width": width, "height": 800})
            shown.on("console", lambda message: seen.append(message.text))
            shown.on("request", lambda request: seen.extend([request.url] if request.url != file.as_uri() else []))
            await shown.goto(file.as_uri())
            assert await shown.evaluate("document.documentElement.scrollWidth") <= width
            assert await shown.evaluate("getComputedStyle(document.querySelector('.figures')).display") == "grid"
            assert await shown.locator(".problems article").count() == 2
    assert seen == []
