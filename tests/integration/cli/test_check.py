"""``aftersend check`` against two little servers that answer as the real ones would."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from aftersend.cli import checks
from aftersend.cli.checks import run_checks
from aftersend.cli.findings import Finding
from aftersend.cli.tenant_context import TenantLocation, locate_for_check
from aftersend.cli.upstream_checks import check_webhook, matching
from aftersend.key_files import write_seal_keys
from aftersend.observe.metrics import Metrics
from aftersend.sendcloud.model import Integration
from aftersend.service.admin import AdminServer
from aftersend.service.health import Health
from aftersend.settings import ListenAddress
from aftersend.tenant.document import Tenant
from aftersend.tenant.loading import parse_tenant
from tests.integration.cli.test_cli import Shop
from tests.support.part_kit import TENANT, environment

SUCCESS = """<?xml version="1.0" encoding="utf-8"?><Afterbuy><CallStatus>Success</CallStatus><Result>
<AfterbuyUniversalTimeStamp>{time}</AfterbuyUniversalTimeStamp></Result></Afterbuy>"""
REFUSED = """<?xml version="1.0" encoding="utf-8"?><Afterbuy><CallStatus>Error</CallStatus><Result><ErrorList><Error>
<ErrorCode>7</ErrorCode><ErrorDescription>Käthe</ErrorDescription></Error></ErrorList></Result></Afterbuy>"""
INTEGRATION = {
    "id": 42,
    "shop_name": "J&J Aftersend",
    "type": "api",
    "webhook_active": True,
    "webhook_url": "https://hooks.example/webhooks/sendcloud",
}


class Upstreams:
    """Both sides; tests change what they answer."""

    def __init__(self) -> None:
        self.skew = timedelta()
        self.afterbuy_refuses = False
        self.sendcloud_status = 200
        self.integrations: list[dict[str, Any]] = [INTEGRATION]
        self.port = 0

    async def afterbuy(self, _request: web.Request) -> web.Response:
        time = (datetime.now(UTC) + self.skew).strftime("%d.%m.%Y %H:%M:%S")
        return web.Response(
            text=REFUSED if self.afterbuy_refuses else SUCCESS.format(time=time), content_type="text/xml"
        )

    async def sendcloud(self, _request: web.Request) -> web.Response:
        return web.json_response({"data": self.integrations}, status=self.sendcloud_status)


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    sides = Upstreams()
    app = web.Application()
    app.router.add_post("/afterbuy", sides.afterbuy)
    app.router.add_get("/api/v3/integrations", sides.sendcloud)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sides.port = runner.addresses[0][1]
    yield sides
    await runner.cleanup()


def _tenant(port: int, **replaced: str) -> Tenant:
    text = TENANT.replace("127.0.0.1:9/", f"127.0.0.1:{port}/").replace("integration: 1", "integration: J&J Aftersend")
    for old, new in replaced.items():
        text = text.replace(old, new)
    return parse_tenant(text.encode())


def _location(folder: Path, port: int, redis_url: str = "") -> TenantLocation:
    environment(folder)
    secrets = folder / "secrets"
    for name in ("afterbuy/partnerToken", "afterbuy/accountToken", "sendcloud/publicKey", "sendcloud/secretKey"):
        (secrets / name).parent.mkdir(exist_ok=True)
        (secrets / name).write_text("key")
    return TenantLocation(
        tenant=_tenant(port), redis_url=redis_url, secrets_dir=secrets, redis_secrets=secrets / "redis"
    )


def _by_name(findings: list[Finding]) -> dict[str, Finding]:
    assert len({finding.check for finding in findings}) == len(findings)
    assert "Käthe" not in repr(findings)
    for finding in findings:
        assert finding.ok is True or finding.cure, finding
    return {finding.check: finding for finding in findings}


async def test_all_is_well(tmp_path: Path, redis_url: str, upstreams: Upstreams) -> None:
    found = _by_name(await run_checks(_location(tmp_path, upstreams.port, redis_url)))
    assert {name: finding.ok for name, finding in found.items()} == {
        "addresses": True,
        "afterbuy": True,
        "clock": True,
        "sendcloud": True,
        "integration": True,
        "webhook": True,
        "tag": None,
        "redis": True,
        "data-key": True,
        "signature": True,
    }
    assert "tag_refused" in found["tag"].cure
    assert '"Sendcloud abgeschlossen"' in found["tag"].message
    assert found["integration"].message == "integration 42 found"


@pytest.mark.parametrize(
    ("feedback", "shown"), [("delayed", ", feedback_type delayed"), (None, ""), ("", ""), (["x"], "")]
)
async def test_the_integrations_feedback_type_is_shown(
    tmp_path: Path, upstreams: Upstreams, feedback: Any, shown: str
) -> None:
    upstreams.integrations = [{**INTEGRATION, "feedback_type": feedback}]
    found = _by_name(await run_checks(_location(tmp_path, upstreams.port)))
    assert (found["integration"].ok, found["integration"].message) == (True, f"integration 42 found{shown}")


async def test_refused_credentials_are_one_finding_each(tmp_path: Path, upstreams: Upstreams) -> None:
    upstreams.afterbuy_refuses = True
    upstreams.sendcloud_status = 401
    found = _by_name(await run_checks(_location(tmp_path, upstreams.port)))
    assert found["afterbuy"].message == "credentials refused"
    assert found["sendcloud"].message == "credentials refused"
    assert not {"clock", "integration", "webhook"} & set(found)


async def test_missing_secrets_are_named(tmp_path: Path, upstreams: Upstreams) -> None:
    location = _location(tmp_path, upstreams.port)
    for name in ("afterbuy/accountToken", "sendcloud/secretKey"):
        (location.secrets_dir / name).unlink()
    (location.secrets_dir / "data-key" / "20260101").write_text("broken")
    found = _by_name(await run_checks(location))
    assert "afterbuy/accountToken" in found["afterbuy"].message
    assert "sendcloud/secretKey" in found["sendcloud"].message
    assert found["data-key"].ok is None or found["data-key"].ok is False
    assert found["signature"].ok is False


async def test_a_seal_key_that_belongs_to_no_data_key_is_reported(tmp_path: Path, upstreams: Upstreams) -> None:
    location = _location(tmp_path, upstreams.port)
    write_seal_keys(location.secrets_dir)
    assert _by_name(await run_checks(location))["data-key"].ok is not False
    folder = location.secrets_dir / "seal-key"
    (folder / "20260102").write_bytes((folder / "20260101").read_bytes())
    found = _by_name(await run_checks(location))["data-key"]
    assert (found.ok, "seal-key/20260102" in found.message) == (False, True)


async def test_a_short_signature_key_is_reported(tmp_path: Path, upstreams: Upstreams) -> None:
    location = _location(tmp_path, upstreams.port)
    (location.secrets_dir / "sendcloud" / "webhookSignatureKey").write_text("short")
    found = _by_name(await run_checks(location))["signature"]
    assert (found.ok, found.message) == (False, "1 of webhookSignatureKey ignored: fewer than 16 characters")


async def test_a_host_that_is_not_allowed_gets_no_key(tmp_path: Path, upstreams: Upstreams) -> None:
    location = _location(tmp_path, upstreams.port)
    spec = location.tenant.spec
    elsewhere = msgspec.structs.replace(spec.afterbuy, url="https://elsewhere.example")
    tenant = msgspec.structs.replace(location.tenant, spec=msgspec.structs.replace(spec, afterbuy=elsewhere))
    found = _by_name(await run_checks(replace(location, tenant=tenant)))
    assert (found["addresses"].ok, found["addresses"].message) == (
        False,
        "spec.afterbuy.url: this host is not allowed",
    )
    assert not {"afterbuy", "sendcloud"} & set(found)


@pytest.mark.parametrize("url", ["http://[:::::]/webhooks/sendcloud", "https://host:99999/x"])
async def test_odd_addresses_at_sendcloud_are_another_address(tmp_path: Path, upstreams: Upstreams, url: str) -> None:
    upstreams.integrations = [{**INTEGRATION, "webhook_url": url}]
    found = _by_name(await run_checks(_location(tmp_path, upstreams.port)))
    assert found["webhook"].ok is False


async def test_no_server(tmp_path: Path) -> None:
    found = _by_name(await run_checks(_location(tmp_path, 9, "redis://127.0.0.1:9/0")))
    assert [name for name, finding in found.items() if finding.ok is False] == ["afterbuy", "sendcloud", "redis"]


RECENT: Any = {"refused": 7, "stored": 0, "lastRefused": "2026-11-18T12:00:00.000Z"}


@asynccontextmanager
async def _service(name: str, **facts: Any) -> AsyncIterator[ListenAddress]:
    """A running process that shows these facts of one tenant."""
    health = Health()
    for fact, value in facts.items():
        health.set_fact(fact, value)
    admin = AdminServer(healths={name: health}, metrics=Metrics())
    await admin.start(ListenAddress("127.0.0.1", 0))
    try:
        yield ListenAddress("0.0.0.0", admin.port)
    finally:
        await admin.stop()


async def _refused(location: TenantLocation, admin: ListenAddress) -> Finding:
    return _by_name(await run_checks(location, admin=admin))["refused"]


@pytest.mark.parametrize("name", ["shops.mueller", "shops.mueller webhook"])
async def test_refused_webhooks_are_shown_with_their_cure(tmp_path: Path, upstreams: Upstreams, name: str) -> None:
    """By a service of its own, and by the webhook's part of `aftersend up`."""
    async with _service(name, webhooks=RECENT, webhooksRefusedSince="2026-11-18T11:00:00.000Z") as admin:
        found = await _refused(_location(tmp_path, upstreams.port), admin)
    assert found.ok is False
    assert found.message == (
        "7 webhooks with a wrong signature within the last hour, 0 stored; "
        "since 2026-11-18T11:00:00.000Z, the last one 2026-11-18T12:00:00.000Z"
    )
    assert "webhookSignatureKey" in found.cure


@pytest.mark.parametrize(("refused", "stored", "fine"), [(0, 0, True), (0, 9, True), (1, 0, False), (2, 98, True)])
async def test_few_refused_webhooks_are_others(
    tmp_path: Path, upstreams: Upstreams, refused: int, stored: int, *, fine: bool
) -> None:
    async with _service("shops.mueller", webhooks={"refused": refused, "stored": stored}) as admin:
        assert (await _refused(_location(tmp_path, upstreams.port), admin)).ok is fine


@pytest.mark.parametrize("facts", [{}, {"webhooks": "odd"}, {"webhooks": {"refused": "many"}}])
async def test_refused_webhooks_of_another_pod_are_not_known(
    tmp_path: Path, upstreams: Upstreams, facts: dict[str, Any]
) -> None:
    """As in the exporter's pod: the status of the tenant shows them."""
    async with _service("shops.mueller", **facts) as admin:
        found = await _refused(_location(tmp_path, upstreams.port), admin)
    assert found.ok is None
    assert found.cure == "kubectl -n shops get aftersendtenant mueller -o jsonpath='{.status.webhooks}'"


async def test_refused_webhooks_without_a_running_service(tmp_path: Path, upstreams: Upstreams) -> None:
    assert (await _refused(_location(tmp_path, upstreams.port), ListenAddress("127.0.0.1", 9))).ok is None


async def test_a_wrong_clock(tmp_path: Path, upstreams: Upstreams) -> None:
    upstreams.skew = timedelta(minutes=-5)
    clock = _by_name(await run_checks(_location(tmp_path, upstreams.port)))["clock"]
    assert clock.ok is False
    assert "300 s" in clock.message or "301 s" in clock.message


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ([], "no integration of that name or id (ids of this account: none)"),
        ([{**INTEGRATION, "shop_name": "other"}], "no integration of that name or id (ids of this account: 42)"),
        ([INTEGRATION, {**INTEGRATION, "id": 43}], "2 integrations have that name (ids of this account: 42, 43)"),
    ],
)
async def test_the_integration_is_found_exactly_once(
    known: list[dict[str, Any]], message: str, tmp_path: Path, upstreams: Upstreams
) -> None:
    upstreams.integrations = known
    found = _by_name(await run_checks(_location(tmp_path, upstreams.port)))
    assert (found["integration"].ok, found["integration"].message) == (False, message)
    assert "webhook" not in found


def test_an_integration_is_meant_by_id_or_exact_name() -> None:
    known = [Integration(1, "Shop"), Integration(2, "1"), Integration(3, "Shop 2")]
    assert matching(known, 1) == [known[0]]
    assert matching(known, "Shop") == [known[0]]
    assert matching(known, "1") == [known[1]]


@pytest.mark.parametrize(
    ("active", "url", "host", "ok"),
    [
        (True, "https://hooks.example/webhooks/sendcloud", "hooks.example", True),
        (True, "https://hooks.example/webhooks/sendcloud", "Hooks.Example", True),
        (True, "https://hooks.example/webhooks/sendcloud/mueller", "hooks.example", True),
        (True, "https://anything.example/webhooks/sendcloud", None, True),
        (True, "http://127.0.0.1:8080/webhooks/sendcloud", None, True),
        (False, "https://hooks.example/webhooks/sendcloud", "hooks.example", False),
        (True, "", None, False),
        (True, "https://other.example/webhooks/sendcloud", "hooks.example", False),
        (True, "https://hooks.example/webhooks/other", "hooks.example", False),
        (True, "https://hooks.example/webhooks/sendcloudy", "hooks.example", False),
        (True, "http://hooks.example/webhooks/sendcloud", "hooks.example", False),
    ],
)
def test_the_webhook_is_active_and_points_here(*, active: bool, url: str, host: str | None, ok: bool) -> None:
    spec = _tenant(9).spec
    spec = msgspec.structs.replace(spec, webhook=msgspec.structs.replace(spec.webhook, host=host))
    finding = check_webhook(Integration(42, "x", "api", active, url), spec)
    assert finding.ok is ok
    assert bool(finding.cure) is not ok


def test_no_tag_wanted_needs_no_check() -> None:
    spec = _tenant(9).spec
    spec = msgspec.structs.replace(spec, write_back=msgspec.structs.replace(spec.write_back, tag=""))
    assert checks._tag(spec) == Finding("tag", ok=True, message="no tag wanted")


def test_tags_of_problems_are_named_beside_that_of_the_write_back() -> None:
    spec = _tenant(9).spec
    wanted = {"problem_tag": "Bitte ansehen", "problem_tags": {"withdrawn": "Storniert", "conflict": ""}}
    spec = msgspec.structs.replace(spec, write_back=msgspec.structs.replace(spec.write_back, **wanted))
    found = checks._tag(spec)
    assert (found.ok, found.message) == (
        None,
        'no call of Afterbuy shows whether the tag "Sendcloud abgeschlossen", "Bitte ansehen", "Storniert" exists',
    )


async def test_http_beyond_loopback_is_refused_before_any_key_travels(tmp_path: Path) -> None:
    location = _location(tmp_path, 9)
    tenant = _tenant(9, **{"http://127.0.0.1:9/api": "http://sendcloud.example/api"})
    found = _by_name(await run_checks(_with(location, tenant)))
    assert found["addresses"].ok is False
    assert not {"afterbuy", "sendcloud"} & set(found)


def _with(location: TenantLocation, tenant: Tenant) -> TenantLocation:
    return TenantLocation(
        tenant=tenant, redis_url="", secrets_dir=location.secrets_dir, redis_secrets=location.redis_secrets
    )


async def test_a_forgetful_redis(tmp_path: Path, redis_url: str, upstreams: Upstreams) -> None:
    shop = Shop(tmp_path, redis_url)
    await shop.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = _by_name(await run_checks(_location(tmp_path, upstreams.port, redis_url)))
    finally:
        await shop.redis.config_set("maxmemory-policy", "noeviction")
        await shop.redis.aclose()
    assert found["redis"].message == "maxmemory-policy is not noeviction"


def test_before_the_first_up_there_is_no_redis_and_no_key_to_check(tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_text(TENANT)
    location = locate_for_check(file, tmp_path / "data", None, {})
    assert (location.redis_url, location.secrets_dir) == ("", tmp_path / "secrets")
    assert checks._keys(location)[0].ok is None
    assert locate_for_check(file, tmp_path / "data", tmp_path / "own", {}).secrets_dir == tmp_path / "own"


async def test_the_command_prints_every_line_and_what_to_do(
    tmp_path: Path, redis_url: str, upstreams: Upstreams
) -> None:
    shop = Shop(tmp_path, redis_url)
    _location(tmp_path, upstreams.port)
    Path(shop.environ["AFTERSEND_TENANT_FILE"]).write_text(
        TENANT.replace("127.0.0.1:9/", f"127.0.0.1:{upstreams.port}/").replace("integration: 1", "integration: 42")
    )
    code, out, _ = await shop.call("check", "--json")
    assert code == 0
    assert all(set(line) == {"check", "ok", "message", "cure"} for line in json.loads(out))
    upstreams.integrations = []
    code, out, _ = await shop.call("check", "-f", shop.environ["AFTERSEND_TENANT_FILE"])
    assert code == 1
    assert "FAIL  integration" in out
    assert "correct spec.sendcloud.integration" in out
    await shop.redis.aclose()
