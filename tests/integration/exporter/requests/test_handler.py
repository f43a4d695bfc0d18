"""Requests on the stream ``runs``: coalescing, leases, results, circuits, and the service as a whole."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftersend.backoff import Backoff
from aftersend.circuit_breaker import CircuitBreakerTiming
from aftersend.errors import CredentialsRefused, Later, Rejected, Transient
from aftersend.runs import RunRequest, RunSummary, publish, result_of, wait_for
from aftersend.secrets import SecretFiles
from aftersend.service.runtime import Shared, http_session, runtime_for
from aftersend.settings import Settings, read_settings
from aftersend.stream.consumer import Consumer
from aftersend.stream.event import Event
from aftersend.stream.timing import ConsumerTiming
from aftersend_exporter import main as service
from aftersend_exporter.requests.circuits import Circuits
from aftersend_exporter.requests.coalescing import RequestCoalescer
from tests.support.exporter_kit import IDENTITY, ExporterHarness, exporter_harness, run_handler, tenant

EXPORT = RunRequest(kind="export")
QUICK = ConsumerTiming(block_ms=50, look=0.1, due=0.1, grace=2.0)


@pytest.fixture
async def harness(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    async with exporter_harness(redis_url, tmp_path, orders=20) as found:
        yield found


class Meter:
    """A meter that counts nothing."""

    def handled(self, outcome: str) -> None:
        """One event came to an end."""

    def replaced(self) -> None:
        raise AssertionError

    def lost(self, count: int) -> None:
        raise AssertionError(f"{count} events were lost")


@asynccontextmanager
async def consuming(*places: ExporterHarness) -> AsyncIterator[None]:
    """Exporters at work, one per harness."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number, harness in enumerate(places):
            consumer = Consumer(harness.runs, harness.handler, name=f"exporter-{number}", meter=Meter(), timing=QUICK)
            group.create_task(consumer.run(stop))
        try:
            yield
        finally:
            stop.set()


async def ask(harness: ExporterHarness, request: RunRequest = EXPORT, **different: Any) -> str:
    return await publish(harness.runs, request, source="cli", **different)


async def result(harness: ExporterHarness, run: str) -> RunSummary:
    found = await wait_for(harness.redis, tenant=IDENTITY, run=run, timeout=30)
    assert found is not None
    return found


def event(request: RunRequest = EXPORT, **different: Any) -> Event:
    fields: dict[str, Any] = {
        "id": "01996c3f-0000-7000-8000-000000000001",
        "type": f"{request.kind}.requested",
        "time": "2026-11-24T09:30:00.000Z",
        "source": "cli",
        "attempt": 1,
        "first": "2026-11-24T09:30:00.000Z",
        "traceparent": "",
        "data": msgspec.json.encode(request),
    }
    return Event(**{**fields, **different})


async def test_five_requests_are_served_by_one_run(harness: ExporterHarness) -> None:
    runs = [await ask(harness) for _ in range(5)]
    async with consuming(harness):
        summaries = [await result(harness, run) for run in runs]
        await condition(harness.runs.delayed, lambda delayed: delayed == 0)
        await condition(harness.runs.length, lambda length: length == 0)
    assert summaries == summaries[:1] * 5
    assert (summaries[0].run, summaries[0].outcome) == (max(runs), "done"), "the newest runs"
    assert harness.world.journal.calls["afterbuy GetSoldItems"] == 2, "the window, and the highest OrderID"


async def test_requests_that_differ_run_apart(harness: ExporterHarness) -> None:
    order = str(harness.order().order_id)
    requests = [EXPORT, replace_(EXPORT, orders=(order,)), replace_(EXPORT, dry_run=True), RunRequest(kind="sweep")]
    runs = [await ask(harness, request) for request in requests]
    async with consuming(harness):
        summaries = [await result(harness, run) for run in runs]
    assert [summary.run for summary in summaries] == runs
    assert [summary.kind for summary in summaries] == ["export", "export", "export", "sweep"]
    assert summaries[1].read == 1
    assert summaries[2].orders


def replace_(request: RunRequest, **different: Any) -> RunRequest:
    return msgspec.structs.replace(request, **different)


async def test_a_request_during_a_run_waits_for_the_next(harness: ExporterHarness) -> None:
    """It may ask for an order that the present run has read already."""
    entered, go_on = asyncio.Event(), asyncio.Event()
    between = harness.context.afterbuy.orders_between

    async def slowly(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async for page in between(*args, **kwargs):
            entered.set()
            await go_on.wait()
            yield page

    harness.context.afterbuy.orders_between = slowly  # type: ignore[method-assign]
    first = await ask(harness)
    async with consuming(harness):
        async with asyncio.timeout(30):
            await entered.wait()
        late = [await ask(harness) for _ in range(3)]
        await condition(harness.runs.delayed, lambda delayed: delayed == 3)
        go_on.set()
        summaries = [await result(harness, run) for run in [first, *late]]
    assert [summary.run for summary in summaries] == [first, *[max(late)] * 3]
    assert (summaries[0].sent > 0, summaries[1].sent) == (True, 0)


async def condition(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> None:
    async with asyncio.timeout(30):
        while not wanted(await look()):
            await asyncio.sleep(0.02)


async def test_two_exporters_at_once(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, orders=300) as one:
        other = replace(one, handler=run_handler(one.context, one.runs, one.handler.circuits))
        runs = [await ask(one) for _ in range(6)]
        async with consuming(one, other):
            summaries = [await result(one, run) for run in runs]
        assert {summary.outcome for summary in summaries} == {"done"}
        assert set(one.world.journal.pushes.values()) == {1}


async def test_a_held_lease_means_later(harness: ExporterHarness) -> None:
    async with harness.context.state.lease("export"):
        with pytest.raises(Later):
            await harness.handler(event())
        await harness.handler(event(RunRequest(kind="sweep"), id="01996c3f-0000-7000-8000-000000000002"))
    await harness.handler(event())
    assert await result_of(harness.redis, tenant=IDENTITY, run=event().id)


async def test_a_lost_lease_ends_the_run_before_it_sends(harness: ExporterHarness) -> None:
    between = harness.context.afterbuy.orders_between

    async def robbed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async for page in between(*args, **kwargs):
            yield page
        await harness.redis.set(f"aftersend:{{{IDENTITY}}}:lease:export", "another token")

    harness.context.afterbuy.orders_between = robbed  # type: ignore[method-assign]
    with pytest.raises(Later):
        await harness.handler(event())
    assert harness.world.journal.calls["sendcloud POST /orders"] == 0
    assert await result_of(harness.redis, tenant=IDENTITY, run=event().id) is None


async def test_a_redelivered_request_that_was_served_is_done(harness: ExporterHarness) -> None:
    await harness.handler(event())
    calls = harness.world.journal.calls.copy()
    await harness.handler(event())
    assert harness.world.journal.calls == calls


async def test_nonsense_is_dead_at_once(harness: ExporterHarness) -> None:
    with pytest.raises(Rejected):
        await harness.handler(event(data=b"{}"))
    with pytest.raises(Rejected):
        await harness.handler(event(type="sweep.requested"))


async def test_unreadable_neighbours_do_not_disturb(harness: ExporterHarness) -> None:
    await harness.redis.xadd(harness.runs.key, {"v": "9"})
    await harness.redis.xadd(harness.runs.key, {"nonsense": "1"})
    await harness.handler(event())
    assert await result_of(harness.redis, tenant=IDENTITY, run=event().id)


async def test_more_requests_than_one_look_takes(harness: ExporterHarness) -> None:
    coalescer = RequestCoalescer(harness.redis, runs=harness.runs)
    runs = await harness.runs.add_many("export.requested", "cli", [EXPORT] * 250)
    assert await coalescer.equal_to(EXPORT, run=runs[0]) == sorted(runs)


async def test_a_suspended_tenant_answers_at_once(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, suspend=True) as harness:
        await harness.handler(event())
        summary = await result(harness, event().id)
        assert (summary.outcome, harness.world.journal.calls) == ("failed", {})
        assert "suspended" in summary.health.message


async def test_a_suspended_tenant_shows_what_it_would_send(redis_url: str, tmp_path: Path) -> None:
    """People read it together before they switch on."""
    async with exporter_harness(redis_url, tmp_path, suspend=True) as harness:
        asked = event(RunRequest(kind="export", dry_run=True))
        await harness.handler(asked)
        summary = await result(harness, asked.id)
        assert (summary.outcome, bool(summary.orders)) == ("done", True)
        assert not harness.world.sendcloud.orders


async def test_redis_trouble_brings_the_request_back(harness: ExporterHarness) -> None:
    async def away() -> Any:
        raise Transient("redis_unavailable", upstream="redis")

    harness.context.ledger.counts = away  # type: ignore[method-assign]
    with pytest.raises(Transient):
        await harness.handler(event())
    assert await result_of(harness.redis, tenant=IDENTITY, run=event().id) is None


async def test_a_wait_without_an_answer_times_out() -> None:
    class Silent:
        async def get(self, _key: str) -> None:
            return None

    assert await wait_for(Silent(), tenant=IDENTITY, run="x", timeout=0.3) is None  # type: ignore[arg-type]


# Circuits


def circuits(harness: ExporterHarness, folder: Path) -> Circuits:
    return Circuits(
        afterbuy=harness.context.afterbuy,
        sendcloud=harness.context.sendcloud,
        secrets=lambda name: SecretFiles(folder / name),
        metrics=harness.context.metrics,
        tenant=IDENTITY,
        timing=CircuitBreakerTiming(failures=1, probes=Backoff(0.05, 360.0, 0.2), poll=0.05),
    )


async def test_a_failed_run_opens_the_circuit_and_a_probe_closes_it(harness: ExporterHarness, tmp_path: Path) -> None:
    harness.break_("afterbuy", "code_14")
    handler = run_handler(harness.context, harness.runs, circuits(harness, tmp_path))
    await handler(event())
    assert not handler.circuits.closed_for("export")
    assert handler.circuits.closed_for("sweep")
    assert handler.circuits.states() == {"afterbuy": "suspended"}, "Sendcloud was not called yet"
    labels = {"tenant": IDENTITY, "upstream": "afterbuy"}
    assert harness.context.metrics.registry.get_sample_value("aftersend_circuit_open", labels) == 1

    stop = asyncio.Event()
    keeper = asyncio.create_task(handler.circuits.keep(stop))
    harness.world.faults.disarm()
    await condition(truth(lambda: handler.circuits.closed_for("export")), bool)
    stop.set()
    await keeper
    assert handler.circuits.states() == {"afterbuy": "ok"}
    assert harness.context.metrics.registry.get_sample_value("aftersend_circuit_open", labels) == 0


def truth(look: Callable[[], bool]) -> Callable[[], Any]:
    async def found() -> bool:
        return look()

    return found


async def test_refused_credentials_wait_for_a_new_secret(harness: ExporterHarness, tmp_path: Path) -> None:
    secret = tmp_path / "sendcloud" / "secretKey"
    right = secret.read_text()
    secret.write_text("wrong")
    handler = run_handler(harness.context, harness.runs, circuits(harness, tmp_path))
    await handler(event())
    assert not handler.circuits.closed_for("sweep")
    stop = asyncio.Event()
    keeper = asyncio.create_task(handler.circuits.keep(stop))
    secret.write_text(right)
    await condition(truth(lambda: handler.circuits.closed_for("sweep")), bool)
    stop.set()
    await keeper


async def test_a_wrong_integration_is_no_fault_of_the_keys(redis_url: str, tmp_path: Path) -> None:
    """The next run tries again; no credentials count as refused."""
    async with exporter_harness(redis_url, tmp_path, integration="Nirgends") as harness:
        handler = run_handler(harness.context, harness.runs, circuits(harness, tmp_path))
        await handler(event())
        assert handler.circuits.closed_for("export")
        found = await result(harness, event().id)
    assert (found.outcome, "no integration of that name" in found.health.message) == ("failed", True)


async def test_a_requested_run_that_gets_through_closes_the_circuit(harness: ExporterHarness, tmp_path: Path) -> None:
    handler = run_handler(harness.context, harness.runs, circuits(harness, tmp_path))
    handler.circuits._breakers["afterbuy"].record(CredentialsRefused("code_8", upstream="afterbuy"))
    assert not handler.circuits.closed_for("export")
    stop = asyncio.Event()
    keeper = asyncio.create_task(handler.circuits.keep(stop))
    await handler(event())
    await condition(truth(lambda: handler.circuits.closed_for("export")), bool)
    stop.set()
    await keeper


# The service


def settings(redis_url: str, folder: Path, scheduler: str) -> Settings:
    return read_settings(
        {
            "AFTERSEND_TENANT_FILE": str(folder / "tenant.yaml"),
            "AFTERSEND_SECRETS_DIR": str(folder),
            "AFTERSEND_REDIS_URL": redis_url,
            "AFTERSEND_SCHEDULER": scheduler,
        }
    )


@asynccontextmanager
async def serving(
    harness: ExporterHarness, redis_url: str, folder: Path, scheduler: str = "none", **spec: Any
) -> AsyncIterator[Any]:
    """The whole service in this process, until the block ends."""
    address = harness.context.tenant.spec.afterbuy.url.partition("/afterbuy")[0]
    async with http_session() as http:
        shared = Shared(http=http)
        document = tenant(address, **spec)
        async with runtime_for(
            tenant=document, settings=settings(redis_url, folder, scheduler), shared=shared, part="exporter"
        ) as runtime:
            task = asyncio.create_task(service.serve(runtime))
            try:
                yield runtime
            finally:
                shared.stop.set()
                async with asyncio.timeout(25):
                    await task


async def test_the_service_serves(harness: ExporterHarness, redis_url: str, tmp_path: Path) -> None:
    async with serving(harness, redis_url, tmp_path) as runtime:
        run = await ask(harness)
        summary = await result(harness, run)
        assert summary.outcome == "done"
        assert runtime.health.stalled() == {}
        registry = runtime.metrics.registry
        await condition(
            truth(
                lambda: registry.get_sample_value("aftersend_dead_letters", {"tenant": IDENTITY, "stream": "runs"}) == 0
            ),
            bool,
        )


async def test_the_last_export_stands_in_the_verbose_readiness_but_no_dry_run(
    harness: ExporterHarness, redis_url: str, tmp_path: Path
) -> None:
    async with serving(harness, redis_url, tmp_path) as runtime:
        await result(harness, await ask(harness, RunRequest(kind="export", dry_run=True)))
        run = await ask(harness)
        await result(harness, run)
        await condition(truth(lambda: "export" in runtime.health.facts), bool)
        fact: Any = runtime.health.facts["export"]
        assert (fact["time"][-1], msgspec.convert(fact, RunSummary).run) == ("Z", run)
        assert runtime.health.facts["circuits"] == {"afterbuy": "ok", "sendcloud": "ok"}


async def test_a_new_tenant_recovers_without_any_schedule(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, settled=False) as harness, serving(harness, redis_url, tmp_path):
        await condition(lambda: harness.context.state.get("sweep.cursor"), bool)
        assert await harness.checks() == [""]


async def test_missed_schedules_are_made_up_for(harness: ExporterHarness, redis_url: str, tmp_path: Path) -> None:
    await harness.context.state.set("export.start", "1700000000000")
    await harness.context.state.set("success.sweep", "1700000000000")
    async with serving(harness, redis_url, tmp_path, scheduler="all"):
        await condition(lambda: harness.context.state.get("success.export"), bool)
        await condition(lambda: harness.context.state.get("success.sweep"), lambda ms: ms != "1700000000000")
    assert harness.world.journal.calls["afterbuy GetSoldItems"] >= 1


@pytest.mark.parametrize("scheduler", ["all", "none"])
async def test_a_run_with_refused_keys_comes_back_when_they_are_corrected(
    harness: ExporterHarness, redis_url: str, tmp_path: Path, scheduler: str
) -> None:
    """It was asked for by the own schedule of the service, or by a person."""
    secret = tmp_path / "afterbuy" / "accountToken"
    right = secret.read_text()
    secret.write_text("wrong")
    await harness.context.state.set("export.start", "1700000000000")
    async with serving(harness, redis_url, tmp_path, scheduler=scheduler) as runtime:
        if scheduler == "none":
            assert (await result(harness, await ask(harness))).outcome == "failed"
        labels = {"tenant": IDENTITY, "kind": "export"}
        repeats = partial(runtime.metrics.registry.get_sample_value, "aftersend_run_repeats_total", labels)
        await condition(truth(lambda: repeats() == 1), bool)
        assert await harness.runs.delayed() == 1
        secret.write_text(right)
        await condition(lambda: harness.context.state.get("success.export"), bool)
        await condition(harness.runs.delayed, lambda delayed: delayed == 0)


async def test_a_suspended_tenant_has_no_schedules(redis_url: str, tmp_path: Path) -> None:
    async with exporter_harness(redis_url, tmp_path, settled=False) as harness:
        await harness.context.state.set("export.start", "1700000000000")
        async with serving(harness, redis_url, tmp_path, scheduler="all", suspend=True):
            summary = await result(harness, await ask(harness))
        assert summary.outcome == "failed"
        assert harness.world.journal.calls == {}


async def test_redis_may_be_away_at_the_start(harness: ExporterHarness, tmp_path: Path) -> None:
    async with serving(harness, "redis://127.0.0.1:9/0", tmp_path, scheduler="all") as runtime:
        await asyncio.sleep(0)
        assert not runtime.stop.is_set()
