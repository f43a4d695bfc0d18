"""What goes wrong between a merchant's two systems, met by whole runs: counted, and in the end nothing is missing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aftersend.errors import Transient
from aftersend_sandbox.faults import KINDS
from aftersend_sandbox.rules.judge import judge
from aftersend_sandbox.sendcloud import saving
from tests.support.exporter_kit import IDENTITY, ExporterHarness, exporter_harness
from tests.support.servers import RedisServer

ELSEWHERE = {"latency", "quota", "half_open", "not_saved", "not_shown", "refused_field"}
"""Waited for; a budget; a long silence; twice found out by asking; a refusal of one order: each has its own tests."""
FAULTS = [
    *(("afterbuy", kind, "GetSoldItems") for kind in sorted(set(KINDS["afterbuy"]) - ELSEWHERE)),
    *(("sendcloud", kind, "POST /orders") for kind in sorted(set(KINDS["sendcloud"]) - ELSEWHERE)),
]


@pytest.fixture
async def harness(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    async with exporter_harness(redis_url, tmp_path, orders=20) as found:
        found.world.sendcloud.save_seconds = 0  # else a push that is repeated may meet "still processing" besides
        yield found


async def all_arrived(harness: ExporterHarness) -> bool:
    """A run later the merchant's rules hold, as both simulated systems show it, and each order came once."""
    assert (await harness.export()).outcome == "done"
    harness.later(minutes=15)
    saving.settle(harness.world)
    assert {rule.name: rule.violations for rule in judge(harness.world) if rule.violations} == {}
    return len(harness.world.sendcloud.orders) > 10


def refusals(harness: ExporterHarness, upstream: str) -> float:
    """How many calls the metrics show as refused for now."""
    labels = {"tenant": IDENTITY, "upstream": upstream, "outcome": "transient"}
    return harness.context.metrics.registry.get_sample_value("aftersend_upstream_requests_total", labels) or 0.0


@pytest.mark.parametrize(("upstream", "kind", "call"), FAULTS)
async def test_a_fault_in_an_export_is_counted_and_costs_no_order(
    upstream: str, kind: str, call: str, harness: ExporterHarness
) -> None:
    harness.break_(upstream, kind, remaining=1, calls=(call,))
    await harness.export()
    assert harness.world.faults.struck[f"{upstream}/{kind}"] == 1
    assert refusals(harness, upstream) == 1
    assert await all_arrived(harness)


async def test_a_redis_that_is_full_sends_nothing_that_it_could_not_note(harness: ExporterHarness) -> None:
    await harness.redis.config_set("maxmemory", "1")
    with pytest.raises(Transient) as caught:
        await harness.export()
    assert caught.value.upstream == "redis"
    assert harness.world.journal.pushes == {}
    await harness.redis.config_set("maxmemory", "0")
    assert await all_arrived(harness)


async def test_a_redis_that_dies_while_orders_are_sent_costs_none(own_server: RedisServer, tmp_path: Path) -> None:
    async with exporter_harness(own_server.url, tmp_path, orders=20) as harness:
        push = harness.context.sendcloud.push

        async def dying(orders: Any) -> Any:
            own_server.kill()
            return await push(orders)

        harness.context.sendcloud.push = dying  # type: ignore[method-assign]
        with pytest.raises(Transient) as caught:
            await harness.export()
        assert caught.value.upstream == "redis"
        assert harness.world.journal.pushes
        harness.context.sendcloud.push = push  # type: ignore[method-assign]
        own_server.start()
        assert await all_arrived(harness)
