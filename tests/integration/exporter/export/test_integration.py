"""The credentials and the integration of a run: refused, unknown, ambiguous, changed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aftersend_sandbox.world.sendcloud_account import SendcloudIntegration
from aftersend_sandbox.world.world import INTEGRATION_ID
from tests.support.exporter_kit import ExporterHarness, exporter_harness


@pytest.mark.parametrize("fault", ["wrong", "missing"])
async def test_credentials(small: ExporterHarness, tmp_path: Path, fault: str) -> None:
    secret = tmp_path / "afterbuy" / "accountToken"
    secret.write_text("wrong-one" if fault == "wrong" else "")
    summary = await small.export()
    assert (summary.outcome, summary.health.afterbuy) == ("failed", "refused")
    assert summary.health.message
    assert "wrong-one" not in summary.health.message


async def test_an_unknown_integration_fails_clearly(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, integration="Nirgends") as harness:
        summary = await harness.export()
        assert summary.outcome == "failed"
        assert "no integration of that name" in summary.health.message
        assert harness.world.journal.calls["afterbuy GetSoldItems"] == 0


async def test_an_ambiguous_integration_fails_clearly(small: ExporterHarness) -> None:
    small.world.sendcloud.integrations[4712] = SendcloudIntegration(4712, "J&J Aftersend")
    summary = await small.export()
    assert summary.outcome == "failed"
    assert "[4711, 4712]" in summary.health.message


async def test_a_changed_look_up_never_becomes_a_new_key(small: ExporterHarness) -> None:
    await small.export()
    ours = small.world.sendcloud.integrations.pop(INTEGRATION_ID)
    small.world.sendcloud.integrations[5000] = replace(ours, id=5000)
    pushes = sum(small.world.journal.pushes.values())
    summary = await small.export()
    assert summary.outcome == "failed"
    assert "it was 4711" in summary.health.message
    assert sum(small.world.journal.pushes.values()) == pushes


@pytest.mark.parametrize("integration", [INTEGRATION_ID, str(INTEGRATION_ID)])
async def test_a_numeric_integration_is_taken_as_it_is(redis_url: str, tmp_path: Path, integration: Any) -> None:
    async with exporter_harness(redis_url, tmp_path, integration=integration) as harness:
        assert (await harness.export()).outcome == "done"
        assert harness.world.journal.calls["sendcloud GET v3 /integrations"] == 0


async def test_a_wrong_numeric_integration_rejects_no_order(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, integration=1) as harness:
        summary = await harness.export()
        assert (summary.outcome, summary.rejected) == ("failed", 0)
        assert summary.health.message
