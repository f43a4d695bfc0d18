"""What the exporter shows: what is due and when, both streams, and what Redis refused to others."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aftersend.service.redis_metrics import RedisMetrics, counter_growth
from aftersend.settings import Scheduler, Settings, read_settings
from aftersend.tenant.document import Spec
from aftersend_exporter.metrics import ExporterGauges, expected
from tests.support.exporter_kit import IDENTITY, ExporterHarness, exporter_harness, tenant


def settings(scheduler: Scheduler = "sweep", backup_target: str = "") -> Settings:
    environ = {
        "AFTERSEND_TENANT_FILE": "t",
        "AFTERSEND_SECRETS_DIR": "s",
        "AFTERSEND_REDIS_URL": "redis://127.0.0.1:1/0",
    }
    return replace(read_settings(environ), scheduler=scheduler, backup_target=backup_target)


@pytest.fixture
async def harness(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    async with exporter_harness(redis_url, tmp_path, orders=5) as found:
        yield found


def gauges(harness: ExporterHarness, **spec: Any) -> ExporterGauges:
    """Those of a fresh process, perhaps with other rules."""
    document = tenant("http://127.0.0.1:1", **spec) if spec else harness.context.tenant
    return ExporterGauges(replace(harness.context, tenant=document), harness.runs, settings())


def value(harness: ExporterHarness, name: str, **labels: str) -> float | None:
    return harness.context.metrics.registry.get_sample_value(f"aftersend_{name}", {"tenant": IDENTITY, **labels})


def due(harness: ExporterHarness, kind: str) -> str:
    """When it is due, as the merchant's clock shows it."""
    found = value(harness, "next_due_timestamp_seconds", kind=kind)
    return datetime.fromtimestamp(found, harness.context.zone).strftime("%d. %H:%M") if found else ""


async def test_a_new_tenant_is_late_only_when_its_first_time_has_passed(harness: ExporterHarness) -> None:
    await gauges(harness).refresh()
    assert [due(harness, kind) for kind in ("export", "sweep", "backup")] == ["24. 11:00", "24. 10:40", "24. 11:10"]
    harness.later(hours=5)
    await gauges(harness).refresh()
    assert due(harness, "export") == "24. 11:00", "a restart does not hide that nothing was exported"


async def test_a_success_makes_the_next_one_due(harness: ExporterHarness) -> None:
    await gauges(harness).refresh()
    harness.later(hours=2, minutes=5)
    assert (await harness.export()).outcome == "done"
    assert (await harness.sweep()).outcome == "done"
    await gauges(harness).refresh()
    assert (due(harness, "export"), due(harness, "sweep")) == ("24. 13:00", "24. 12:40")
    assert due(harness, "backup") == "24. 11:10"


async def test_queues_and_the_last_sweep_stand_in_the_verbose_readiness(harness: ExporterHarness) -> None:
    found = gauges(harness)
    await found.refresh()
    nothing = {"waiting": 0, "delayed": 0, "dead": 0, "oldestMinutes": 0}
    assert found.health.facts == {"queues": {"runs": nothing, "parcels": nothing}}
    assert (await harness.sweep()).outcome == "done"
    await found.refresh()
    assert str(found.health.facts["lastSweep"]).endswith("Z")


async def test_a_failure_does_not(harness: ExporterHarness) -> None:
    await gauges(harness).refresh()
    harness.later(hours=2)
    harness.break_("afterbuy", "http_503", remaining=99)
    assert (await harness.export()).outcome == "failed"
    await gauges(harness).refresh()
    assert due(harness, "export") == "24. 11:00"
    assert value(harness, "runs_total", kind="export", outcome="failed") == 1


async def test_a_tenant_that_is_suspended_or_was_a_moment_ago_expects_no_run(harness: ExporterHarness) -> None:
    await gauges(harness).refresh()
    harness.later(hours=30)
    sleeping = gauges(harness, suspend=True)
    sleeping.context.metrics.next_due.clear()
    await sleeping.refresh()
    assert (due(harness, "export"), due(harness, "sweep"), due(harness, "backup")) == ("", "", "25. 17:10")
    await gauges(harness).refresh()
    assert (due(harness, "export"), due(harness, "sweep")) == ("25. 17:00", "25. 16:40")


async def test_backups_of_a_suspended_tenant_may_be_late(harness: ExporterHarness) -> None:
    await harness.context.state.set("success.backup", str(harness.context.now_ms()))
    harness.later(hours=30)
    await gauges(harness, suspend=True).refresh()
    assert due(harness, "backup") == "24. 11:10"


@pytest.mark.parametrize(
    ("suspend", "scheduler", "target", "kinds"),
    [
        (False, "sweep", "", ["backup", "export", "sweep"]),
        (False, "all", "/backups", ["backup", "export", "sweep"]),
        (False, "all", "", ["export", "sweep"]),
        (False, "none", "", ["backup", "export"]),
        (True, "sweep", "", ["backup"]),
        (True, "all", "", []),
    ],
)
def test_what_is_expected(*, suspend: bool, scheduler: Scheduler, target: str, kinds: list[str]) -> None:
    spec: Spec = tenant("http://127.0.0.1:1", suspend=suspend).spec
    assert sorted(expected(spec, settings(scheduler, target))) == kinds


async def test_both_streams_are_shown_so_that_a_dead_writer_is_seen(harness: ExporterHarness) -> None:
    await harness.context.parcels.add("parcel.changed", "webhook", harness.context.tenant)
    await gauges(harness).refresh()
    assert value(harness, "stream_length", stream="parcels") == 1
    assert value(harness, "stream_length", stream="runs") == 0
    assert value(harness, "stream_pending", stream="parcels") == 0
    assert value(harness, "events_delayed", stream="parcels") == 0
    assert value(harness, "dead_letters", stream="runs") == 0
    age = value(harness, "event_age_seconds", stream="parcels")
    assert age is not None
    assert 0 <= age < 60


@pytest.mark.parametrize(("before", "now", "more"), [(0, 0, 0), (2, 5, 3), (5, 5, 0), (5, 2, 2), (5, 0, 0)])
def test_a_counter_of_redis_may_begin_anew(before: int, now: int, more: int) -> None:
    assert counter_growth(before, now) == more


async def test_what_redis_refused_to_others_is_counted(harness: ExporterHarness, redis_url: str) -> None:
    figures = RedisMetrics(harness.redis, harness.context.metrics, IDENTITY)
    await figures.refresh()
    counts = "acl_access_denied_auth" in await harness.redis.info("stats")  # Redis 7.0 does not
    assert value(harness, "redis_denied_total", kind="login") == (0 if counts else None)
    await harness.redis.execute_command("ACL", "SETUSER", "guest", "on", ">guest", "~own", "+get", "&none", "+publish")
    async with Redis.from_url(redis_url, username="guest", password="wrong", protocol=2, driver_info=None) as stranger:
        assert await refused(stranger, "GET", "own")
    async with Redis.from_url(redis_url, username="guest", password="guest", protocol=2, driver_info=None) as guest:
        assert await refused(guest, "KEYS", "*")
        assert await refused(guest, "GET", "other")
        assert await refused(guest, "PUBLISH", "channel", "x")
        await figures.refresh()
        assert value(harness, "redis_clients") == 2
    kinds = ("login", "command", "key", "channel")
    assert [value(harness, "redis_denied_total", kind=kind) for kind in kinds] == [1 if counts else None] * 4


async def refused(client: Redis, *words: str) -> bool:
    try:
        await client.execute_command(*words)
    except RedisError:
        return True
    return False


async def test_how_full_redis_is(harness: ExporterHarness) -> None:
    await gauges(harness).refresh()
    assert value(harness, "redis_memory_ratio") == 0, "no limit, never full"
    used = (await harness.redis.info("memory"))["used_memory"]
    await harness.redis.config_set("maxmemory", used * 2)
    await gauges(harness).refresh()
    assert value(harness, "redis_memory_ratio") == pytest.approx(0.5, abs=0.1)
    await harness.redis.config_set("maxmemory", 0)
