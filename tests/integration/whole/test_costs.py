"""The cost of each hot path does not grow unnoticed: calls and round trips a unit, beside those of ``costs.json``.

A tenth more than recorded fails. If it is intended, or if a path became cheaper: ``--update-contracts``.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from aftersend.observe import logs
from aftersend.sendcloud import exchange
from aftersend.service.runtime import Runtime
from aftersend.settings import Settings, read_settings
from aftersend.stream.handling import MAX_BATCH
from aftersend_exporter.export import page_processor
from aftersend_exporter.main import context_for
from aftersend_exporter.sweep import forwarder
from aftersend_webhook import handler
from aftersend_writer.main import afterbuy_client, handler_for, metrics_of, stores_of
from aftersend_writer.order_update import OrderUpdate
from benchmarks.load import webhook
from benchmarks.ours.export import export_all
from benchmarks.ours.sweep import fill, sweep_all
from benchmarks.ours.tenants import NO_LIMIT, fresh_tenant
from benchmarks.ours.write_back import filled
from benchmarks.stage import SIGNATURE_KEY
from tests.support.costs import Cost, Work, cost_of, more_calls, send, upstreams
from tests.support.exporter_kit import secrets_in, tenant
from tests.support.part_kit import environment, restored_logging
from tests.support.webhook_kit import hooks

RECORDED = Path(__file__).with_name("costs.json")
MORE = 0.1
"""The share that is tolerated: what the network cuts in other places, and nothing else."""
_first = count(1_000_000, 100_000)

Run = Callable[[], Awaitable[object]]


@pytest.fixture(autouse=True)
def as_shipped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Log as the services do; no limit of Sendcloud's."""
    monkeypatch.setattr(exchange, "WRITES", NO_LIMIT)
    monkeypatch.setattr(exchange, "READS", NO_LIMIT)
    with restored_logging():
        logs.configure("json", "info")
        yield


@asynccontextmanager
async def webhooks(redis_url: str, folder: Path) -> AsyncIterator[Work]:
    """Webhooks one after the other."""
    async with hooks(folder, redis_url, key=SIGNATURE_KEY.decode()) as service:
        url = f"http://127.0.0.1:{service.port}/webhooks/sendcloud"

        @asynccontextmanager
        async def work(units: int) -> AsyncIterator[Run]:
            requests = [webhook(url, order) for order in range(units)]
            yield lambda: asyncio.to_thread(send, service.port, requests)

        yield work


@asynccontextmanager
async def exports(redis_url: str, folder: Path) -> AsyncIterator[Work]:
    """Exports of new tenants, Switzerland and missing weights among their orders."""
    with upstreams() as (address, stub):

        @asynccontextmanager
        async def work(units: int) -> AsyncIterator[Run]:
            stub.afterbuy.orders = units
            async with runtime_of("exporter", address, redis_url, folder) as runtime:
                yield lambda: export_all(context_for(runtime))

        yield work


@asynccontextmanager
async def write_backs(redis_url: str, folder: Path) -> AsyncIterator[Work]:
    """Backlogs of labels in batches of a hundred, from the sealed event to the ledger; the consumer has tests itself.

    How many events a consumer gets at once depends on the clock, so the batches are made here.
    """
    with upstreams() as (address, stub):

        @asynccontextmanager
        async def work(units: int) -> AsyncIterator[Run]:
            first = next(_first)
            async with runtime_of("writer", address, redis_url, folder) as runtime:
                stream = await filled(runtime, range(first, first + units))
                stores = stores_of(runtime)
                handler = handler_for(runtime, stores, metrics_of(runtime, stores), afterbuy_client(runtime))

                async def run() -> None:
                    events = [stream.open(fields) async for _, fields in stream.entries()]
                    for start in range(0, units, MAX_BATCH):
                        assert not any(await handler(events[start : start + MAX_BATCH]))

                yield run
                await handler.batcher.close()
            assert len(stub.afterbuy.written.keys() & set(range(first, first + units))) == units

        yield work


@asynccontextmanager
async def sweeps(redis_url: str, folder: Path) -> AsyncIterator[Work]:
    """Sweeps of parcels of which nothing is new."""
    with upstreams() as (address, stub):

        @asynccontextmanager
        async def work(units: int) -> AsyncIterator[Run]:
            stub.sendcloud.parcels = units
            async with runtime_of("exporter", address, redis_url, folder) as runtime:
                context = context_for(runtime)
                await fill(context, stub.sendcloud.first, units)
                yield lambda: sweep_all(context)
                assert await context.parcels.length() == 0

        yield work


@asynccontextmanager
async def runtime_of(part: str, address: str, redis_url: str, folder: Path) -> AsyncIterator[Runtime]:
    """A new tenant with defaults."""
    secrets_in(folder / "secrets")
    settings: Settings = read_settings(environment(folder, AFTERSEND_REDIS_URL=redis_url))
    async with fresh_tenant(part, since=time.time() - 60, document=tenant(address), settings=settings) as runtime:
        yield runtime


PATHS: dict[str, tuple[Any, int, int, tuple[Any, str]]] = {
    "webhook": (webhooks, 20, 60, (handler, "decode_webhook")),
    "order exported": (exports, 100, 300, (page_processor, "push_order")),
    "order written back": (write_backs, 100, 300, (OrderUpdate, "evaluate")),
    "parcel swept": (sweeps, 100, 300, (forwarder, "is_relevant")),
}
"""How a path is run, with how few and how many units, and a function that it calls for each of them."""


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_costs_what_is_recorded(
    path: str, redis_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found = await measured(path, redis_url, tmp_path)
    if request.config.getoption("update_contracts"):
        update(path, found)
    assert not found.exceeds(recorded(path), share=MORE), (
        f"{path}: {found}, recorded {recorded(path)}; if intended: pytest {Path(__file__).name} --update-contracts"
    )


@pytest.mark.parametrize("path", PATHS)
async def test_a_fifth_more_is_noticed(
    path: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, name = PATHS[path][3]
    more = round(recorded(path).calls * 0.2)
    monkeypatch.setattr(place, name, more_calls(getattr(place, name), more))
    assert (await measured(path, redis_url, tmp_path)).exceeds(recorded(path), share=MORE)


async def measured(path: str, redis_url: str, folder: Path) -> Cost:
    run, few, many, _ = PATHS[path]
    async with run(redis_url, folder) as work:
        return await cost_of(work, few=few, many=many)


def recorded(path: str) -> Cost:
    return Cost(**json.loads(RECORDED.read_text())[path])


def update(path: str, found: Cost) -> None:
    known = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    known[path] = {"calls": found.calls, "round_trips": found.round_trips}
    RECORDED.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")
