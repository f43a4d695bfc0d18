"""Failed runs come back by themselves: when, how often, until when, and what never does."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aftersend.backoff import Backoff
from aftersend.circuit_breaker import CircuitBreakerTiming
from aftersend.runs import EVENT_TYPES, RunKind, RunRequest, publish, result_of
from aftersend.secrets import SecretFiles
from aftersend.stream.delayed import promote
from aftersend.stream.event import Event
from aftersend.stream.stored_events import stored_events
from aftersend_exporter.requests.circuits import Circuits
from aftersend_exporter.requests.repeats import UNTIL_CLOSED, WAITS
from tests.support.exporter_kit import IDENTITY, ExporterHarness, exporter_harness, run_handler

KINDS: tuple[RunKind, ...] = ("export", "sweep")
SIDE = {"export": "afterbuy", "sweep": "sendcloud"}


@pytest.fixture
async def harness(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    async with exporter_harness(redis_url, tmp_path, orders=5) as found:
        yield found


async def delayed(harness: ExporterHarness) -> dict[str, float]:
    """The delayed requests by type, and in how many seconds they are due."""
    now, micros = await harness.redis.time()
    return {
        event.fields[b"type"].decode(): event.due / 1000 - now - micros / 1e6
        async for event in stored_events(harness.runs, "delayed")
    }


async def due_in(harness: ExporterHarness, kind: RunKind) -> float:
    """Seconds until the only delayed request is due."""
    found = await delayed(harness)
    assert set(found) == {EVENT_TYPES[kind]}
    assert await harness.runs.delayed() == 1
    return found[EVENT_TYPES[kind]]


async def requested(harness: ExporterHarness) -> Event:
    """The oldest request on the stream."""
    [(_, fields), *_] = [entry async for entry in harness.runs.entries()]
    return harness.runs.open(fields)


async def run(harness: ExporterHarness, request: RunRequest, *, source: Any = "cli") -> str:
    """Ask for a run, serve it, and return its outcome."""
    name = await publish(harness.runs, request, source=source)
    return await serve(harness, name)


async def serve(harness: ExporterHarness, name: str = "") -> str:
    event = await requested(harness)
    await harness.handler(event)
    await harness.redis.delete(harness.runs.key)
    summary = await result_of(harness.redis, tenant=IDENTITY, run=name or event.id)
    assert summary is not None
    return summary.outcome


async def repeat_now(harness: ExporterHarness) -> str:
    """Let time pass until the repeat is due, and serve it; return its source."""
    [event] = [found async for found in stored_events(harness.runs, "delayed")]
    await harness.redis.zadd(harness.runs.delayed_key, {event.name: 0})
    await promote(harness.runs)
    source = (await requested(harness)).source
    await serve(harness)
    return source


def count(harness: ExporterHarness, kind: RunKind) -> float:
    labels = {"tenant": IDENTITY, "kind": kind}
    found = harness.context.metrics.registry.get_sample_value("aftersend_run_repeats_total", labels)
    assert found is not None, "it is there before the first repeat"
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failed_run_comes_back_later_and_later_until_one_succeeds(
    harness: ExporterHarness, kind: RunKind
) -> None:
    assert count(harness, kind) == 0
    harness.break_(SIDE[kind], "http_503")
    assert await run(harness, RunRequest(kind=kind)) == "failed"
    for seconds in (*WAITS, WAITS[-1]):
        assert seconds - 30 < await due_in(harness, kind) <= seconds
        assert await repeat_now(harness) == "system"
    assert count(harness, kind) == len(WAITS) + 2
    harness.world.faults.disarm()
    await repeat_now(harness)
    assert await delayed(harness) == {}
    harness.break_(SIDE[kind], "http_503")
    await run(harness, RunRequest(kind=kind))
    assert await due_in(harness, kind) <= WAITS[0], "the count begins anew"


async def test_one_repeat_per_kind_however_many_runs_fail(harness: ExporterHarness) -> None:
    harness.break_("sendcloud", "http_503")
    for _ in range(3):
        await run(harness, RunRequest(kind="export"))
        await run(harness, RunRequest(kind="sweep"), source="system")
    found = await delayed(harness)
    assert set(found) == set(EVENT_TYPES.values())
    assert await harness.runs.delayed() == 2
    assert max(found.values()) <= WAITS[0]
    assert count(harness, "export") == count(harness, "sweep") == 1


async def test_a_run_that_a_person_asks_for_ends_the_repeats_of_its_kind(harness: ExporterHarness) -> None:
    harness.break_("sendcloud", "http_503")
    await run(harness, RunRequest(kind="export"))
    await run(harness, RunRequest(kind="sweep"))
    harness.world.faults.disarm()
    assert await run(harness, RunRequest(kind="export")) == "done"
    assert set(await delayed(harness)) == {"sweep.requested"}


async def test_a_partial_run_ends_them_too(harness: ExporterHarness) -> None:
    harness.break_("afterbuy", "http_503")
    await run(harness, RunRequest(kind="export"))
    harness.world.faults.disarm()
    order = harness.order()
    (order.shipping_address or order.billing).city = ""
    assert await run(harness, RunRequest(kind="export")) == "partial"
    assert await delayed(harness) == {}


@pytest.mark.parametrize("more", [{"dry_run": True}, {"orders": ("611000001",)}])
async def test_dry_runs_and_named_orders_neither_come_back_nor_end_repeats(
    harness: ExporterHarness, more: dict[str, Any]
) -> None:
    harness.break_("afterbuy", "http_503")
    assert await run(harness, RunRequest(kind="export", **more)) == "failed"
    assert await delayed(harness) == {}
    await run(harness, RunRequest(kind="export"))
    harness.world.faults.disarm()
    assert await run(harness, RunRequest(kind="export", **more)) == "done"
    assert set(await delayed(harness)) == {"export.requested"}


async def test_a_suspended_tenant_repeats_nothing(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=5) as harness:
        harness.break_("afterbuy", "http_503")
        await run(harness, RunRequest(kind="export"))
    async with exporter_harness(redis_url, tmp_path, orders=5, suspend=True) as harness:
        assert await run(harness, RunRequest(kind="export")) == "failed"
        assert await delayed(harness) == {}


async def test_a_repeat_is_served_with_equal_requests(harness: ExporterHarness) -> None:
    harness.break_("afterbuy", "http_503")
    await run(harness, RunRequest(kind="export"))
    harness.world.faults.disarm()
    [event] = [found async for found in stored_events(harness.runs, "delayed")]
    await harness.redis.zadd(harness.runs.delayed_key, {event.name: 0})
    await promote(harness.runs)
    asked = await publish(harness.runs, RunRequest(kind="export"), source="cron")
    before = harness.world.journal.calls["sendcloud GET v3 /integrations"]
    repeat = await requested(harness)
    await harness.handler(repeat)
    for name in (asked, repeat.id):
        summary = await result_of(harness.redis, tenant=IDENTITY, run=name)
        assert summary is not None
        assert (summary.run, summary.outcome) == (asked, "done")
    assert harness.world.journal.calls["sendcloud GET v3 /integrations"] == before + 1


# Circuits


def quick_circuits(harness: ExporterHarness, folder: Path) -> Circuits:
    return Circuits(
        afterbuy=harness.context.afterbuy,
        sendcloud=harness.context.sendcloud,
        secrets=lambda name: SecretFiles(folder / name),
        metrics=harness.context.metrics,
        tenant=IDENTITY,
        timing=CircuitBreakerTiming(failures=1, probes=Backoff(0.01, 0.02), refused=Backoff(0.01, 0.02), poll=0.01),
    )


async def close(circuits: Circuits, upstream: str) -> None:
    await circuits._breakers[upstream]._try()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_closing_circuit_makes_the_repeat_due_at_once(
    harness: ExporterHarness, tmp_path: Path, kind: RunKind
) -> None:
    harness.handler = run_handler(harness.context, harness.runs, quick_circuits(harness, tmp_path))
    await harness.handler.repeats.step()
    harness.break_(SIDE[kind], "http_503")
    await run(harness, RunRequest(kind=kind))
    await close(harness.handler.circuits, SIDE[kind])
    await harness.handler.repeats.step()
    assert await due_in(harness, kind) > 30, "the circuit is open"
    harness.world.faults.disarm()
    await close(harness.handler.circuits, SIDE[kind])
    await harness.handler.repeats.step()
    assert await due_in(harness, kind) <= 0


async def test_refused_credentials_wait_for_the_circuit(harness: ExporterHarness, tmp_path: Path) -> None:
    harness.handler = run_handler(harness.context, harness.runs, quick_circuits(harness, tmp_path))
    secret = tmp_path / "sendcloud" / "secretKey"
    right = secret.read_text()
    secret.write_text("wrong")
    for kind in KINDS:
        await run(harness, RunRequest(kind=kind))
    assert {seconds > UNTIL_CLOSED - 60 for seconds in (await delayed(harness)).values()} == {True}
    secret.write_text(right)
    await close(harness.handler.circuits, "sendcloud")
    await harness.handler.repeats.step()
    assert {seconds <= 0 for seconds in (await delayed(harness)).values()} == {True}


async def test_after_a_restart_one_run_tries_the_credentials(harness: ExporterHarness, tmp_path: Path) -> None:
    (tmp_path / "sendcloud" / "secretKey").write_text("wrong")
    await run(harness, RunRequest(kind="export"))
    assert await due_in(harness, "export") > UNTIL_CLOSED - 60
    restarted = run_handler(harness.context, harness.runs, quick_circuits(harness, tmp_path))
    await restarted.repeats.step()
    assert await due_in(harness, "export") <= 0


async def test_a_restart_leaves_other_repeats_alone(harness: ExporterHarness, tmp_path: Path) -> None:
    harness.break_("afterbuy", "http_503")
    await run(harness, RunRequest(kind="export"))
    restarted = run_handler(harness.context, harness.runs, quick_circuits(harness, tmp_path))
    await restarted.repeats.step()
    assert await due_in(harness, "export") > 30


async def test_a_failure_without_an_open_circuit_keeps_its_wait(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=5, integration="Nirgends") as harness:
        await run(harness, RunRequest(kind="export"))
        for _ in range(2):
            await harness.handler.repeats.step()
        assert await due_in(harness, "export") > 30
