"""Backups that the exporter makes by itself, and what it shows of the last one."""

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp

from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.metrics import Metrics
from aftersend.service.health import Health
from aftersend.service.listener import PublicListener
from aftersend.service.runtime import Runtime, secret_folders
from aftersend.settings import read_settings
from aftersend.tenant.loading import load_tenant
from aftersend_exporter.backups import back_up, show_last
from tests.support.backup_kit import BackedUpTenant, shop
from tests.support.part_kit import environment


def _runtime(at: BackedUpTenant, folder: Path, http: aiohttp.ClientSession, target: str) -> Runtime:
    environ = environment(folder, AFTERSEND_BACKUP_TARGET=target)
    return Runtime(
        tenant=load_tenant(folder / "tenant.yaml"),
        identity=at.tenant,
        settings=read_settings(environ),
        secrets=secret_folders(folder),
        redis=at.redis,
        keyring=at.keyring,
        http=http,
        metrics=Metrics(),
        health=Health(),
        public=PublicListener(),
        stop=asyncio.Event(),
    )


def _shown(runtime: Runtime) -> float | None:
    labels = {"tenant": runtime.identity, "kind": "backup"}
    return runtime.metrics.registry.get_sample_value("aftersend_last_success_timestamp_seconds", labels)


async def test_a_backup_is_made_and_shown_and_failures_are_reported(redis_url: str, tmp_path: Path) -> None:
    async with shop(redis_url, tmp_path) as mueller, aiohttp.ClientSession() as http:
        runtime = _runtime(mueller, tmp_path, http, str(tmp_path / "backups"))
        await show_last(runtime)
        assert _shown(runtime) is None
        await back_up(runtime)
        (made,) = await mueller.backups.list()
        assert await mueller.backups.verify(made)
        assert runtime.health.facts["backup"] == "ok"
        assert runtime.health.facts["lastBackup"]
        assert _shown(runtime)
        broken = replace(runtime, settings=replace(runtime.settings, backup_target="/proc/none"))
        await back_up(broken)
        assert "/proc/none" in str(broken.health.facts["backup"])
        async with TenantState(mueller.redis, tenant=mueller.tenant).lease("backup"):
            await back_up(runtime)
        assert await mueller.backups.list() == [made], "another process held the lease"
