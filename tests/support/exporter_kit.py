"""An exporter for tests: both simulated upstreams over HTTP, a real server for the ledger, one clock for all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
from aiohttp import web
from redis.asyncio import Redis

from aftersend.afterbuy.client import AfterbuyClient, AfterbuyCredentials
from aftersend.key_files import make_data_keys
from aftersend.ledger.entry import Entry
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.meters import UpstreamMeter
from aftersend.observe.metrics import Metrics
from aftersend.redis.connection import connect
from aftersend.runs import RunRequest, RunSummary
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.client import SendcloudClient, SendcloudCredentials
from aftersend.sendcloud.limits import RateBucket
from aftersend.sendcloud.model import ParcelEvent
from aftersend.stream.event import Event
from aftersend.stream.stream import Stream
from aftersend.tenant.document import Tenant
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.run import export
from aftersend_exporter.requests.circuits import Circuits
from aftersend_exporter.requests.coalescing import RequestCoalescer
from aftersend_exporter.requests.handler import RunHandler
from aftersend_exporter.requests.repeats import RunRepeats
from aftersend_exporter.sweep.run import sweep
from aftersend_sandbox.afterbuy.server import PATH, AfterbuyServer
from aftersend_sandbox.clock import SandboxClock
from aftersend_sandbox.faults import ArmedFault
from aftersend_sandbox.rules.judge import judge
from aftersend_sandbox.seed.account import seeded_world
from aftersend_sandbox.sendcloud import saving
from aftersend_sandbox.sendcloud.panel import Panel
from aftersend_sandbox.sendcloud.server import SendcloudServer
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.sendcloud_account import SendcloudOrder, SendcloudParcel
from aftersend_sandbox.world.world import INTEGRATION_ID, World
from tests.support.short_trouble import ShortTrouble, timing_out

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
IDENTITY = "shops.mueller"


class LostWebhooks:
    """Every webhook is lost."""

    def parcel_changed(self, parcel: SendcloudParcel) -> None:
        """Send nothing."""


@dataclass(slots=True)
class ExporterHarness:
    """One merchant's exporter and the two worlds it works between."""

    world: World
    panel: Panel
    context: ExportContext
    runs: Stream
    redis: Redis
    handler: RunHandler

    async def export(self, **request: Any) -> RunSummary:
        """One export run."""
        _, summary = await export(self.context, RunRequest(kind="export", **request), run="run-1")
        return summary

    async def sweep(self, **request: Any) -> RunSummary:
        """One sweep."""
        _, summary = await sweep(self.context, RunRequest(kind="sweep", **request), run="sweep-1")
        return summary

    async def entry(self, order: AfterbuyOrder) -> Entry:
        """What the ledger knows."""
        found = await self.context.ledger.get(str(order.order_id))
        assert found is not None
        return found

    async def problem(self, order: AfterbuyOrder) -> str:
        """Code and path of an order's problem."""
        found = (await self.entry(order)).problem
        return f"{found.code} {found.path}".strip() if found else ""

    def order(self, scenario: str = "shop") -> AfterbuyOrder:
        """The first order of a scenario."""
        return next(order for order in self.world.afterbuy.orders if order.scenario == scenario)

    def incoming(self, order: AfterbuyOrder) -> SendcloudOrder | None:
        """The order as Sendcloud shows it once everything is saved."""
        saving.settle(self.world, everything=True)
        return self.world.sendcloud.orders.get((INTEGRATION_ID, f"afterbuy-{order.order_id}"))

    def saved(self, order: AfterbuyOrder) -> SendcloudOrder:
        """The same, and it must be there."""
        found = self.incoming(order)
        assert found is not None
        return found

    def pushes(self, order: AfterbuyOrder) -> int:
        """How often it was pushed and accepted."""
        return self.world.journal.pushes[f"afterbuy-{order.order_id}"]

    def broken_rules(self) -> dict[str, tuple[str, ...]]:
        """The merchant's rules as the sandbox judges them, from both simulated systems alone."""
        saving.settle(self.world)
        return {rule.name: rule.violations for rule in judge(self.world) if rule.violations}

    def break_(self, upstream: str, kind: str, **fault: Any) -> None:
        """Arm a fault."""
        self.world.faults.arm(upstream, kind, ArmedFault(**fault))

    def later(self, **step: float) -> None:
        """Let time pass, on all clocks."""
        self.world.clock.advance(timedelta(**step))

    async def parcel_events(self) -> list[ParcelEvent]:
        """What the sweep put on the stream."""
        return [event.read(ParcelEvent) for event in await self.events() if event.type == "parcel.changed"]

    async def checks(self) -> list[str]:
        """Orders to check that lie on the stream; "" is the marker."""
        found = [event for event in await self.events() if event.type == "order.check"]
        return [msgspec.json.decode(event.data)["order"] for event in found]

    async def events(self) -> list[Event]:
        """Everything on the stream ``parcels``."""
        entries: Any = await self.redis.xrange(self.context.parcels.key)
        return [self.context.parcels.open(fields) for _, fields in entries]


def tenant(address: str, **spec: Any) -> Tenant:
    """The merchant's document, with defaults but for the addresses."""
    return msgspec.convert(
        {
            "apiVersion": "aftersend.jj-ideenschmiede.de/v1",
            "kind": "AftersendTenant",
            "metadata": {"name": "mueller", "namespace": "shops"},
            "spec": {
                "afterbuy": {"url": f"{address}{PATH}", "credentials": {"secretName": "a"}},
                "sendcloud": {
                    "url": f"{address}/api",
                    "credentials": {"secretName": "s"},
                    "integration": spec.pop("integration", "J&J Aftersend"),
                },
                **spec,
            },
        },
        Tenant,
    )


@asynccontextmanager
async def served(world: World, trouble: ShortTrouble | None = None) -> AsyncIterator[tuple[str, Panel]]:
    """Both upstreams of a world on one address."""
    panel = Panel(world, LostWebhooks())
    app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[trouble.middleware] if trouble else ())
    AfterbuyServer(world).add_to(app)
    SendcloudServer(world, panel).add_to(app)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", panel
    finally:
        await runner.cleanup()


def secrets_in(folder: Path) -> Path:
    """Working secrets of the sandbox."""
    files = {
        "afterbuy": {"partnerToken": "sandbox-partner", "accountToken": "sandbox-account"},
        "sendcloud": {"publicKey": "sandbox-public", "secretKey": "sandbox-secret"},
    }
    for name, keys in files.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for key, value in keys.items():
            (folder / name / key).write_text(value)
    make_data_keys(folder / "data-key")
    return folder


@asynccontextmanager
async def exporter_harness(
    redis_url: str,
    folder: Path,
    *,
    world: World | None = None,
    orders: int = 20,
    settled: bool = True,
    trouble: ShortTrouble | None = None,
    **spec: Any,
) -> AsyncIterator[ExporterHarness]:
    """Everything of one exporter; ``settled`` is a tenant that needs no recovery. Time passes by ``later`` alone."""
    world = world or seeded_world(orders, now=NOW)
    world.clock = SandboxClock(base=world.clock.now().timestamp)
    world.sendcloud.limits.writes_per_minute = world.sendcloud.limits.burst = 10_000
    world.sendcloud.limits.reads_per_minute = 100_000
    secrets_in(folder)
    redis = connect(redis_url, SecretFiles(folder / "redis"), part="exporter")
    traces = [timing_out(world)] if trouble else []
    async with (
        served(world, trouble) as (address, panel),
        aiohttp.ClientSession(trace_configs=traces) as session,
    ):
        context = context_at(address, session, redis, folder, world, **spec)
        if settled:
            await context.state.set("recovered", "1")
            await context.state.set("sweep.cursor", "2026-11-24T09:00:00.000Z")
        runs = Stream(redis, tenant=IDENTITY, name="runs", keyring=context.keyring)
        circuits = Circuits(
            afterbuy=context.afterbuy,
            sendcloud=context.sendcloud,
            secrets=lambda name: SecretFiles(folder / name),
            metrics=context.metrics,
            tenant=IDENTITY,
        )
        try:
            yield ExporterHarness(world, panel, context, runs, redis, run_handler(context, runs, circuits))
        finally:
            await redis.aclose()


def run_handler(context: ExportContext, runs: Stream, circuits: Circuits) -> RunHandler:
    """The handler of one exporter's requests."""
    repeats = RunRepeats(runs, context.state, circuits, context.metrics)
    return RunHandler(context, RequestCoalescer(runs.redis, runs=runs), circuits, repeats)


def context_at(
    address: str, session: aiohttp.ClientSession, redis: Redis, folder: Path, world: World, **spec: Any
) -> ExportContext:
    """An exporter context whose every clock is the world's."""
    keyring = Keyring(SecretFiles(folder / "data-key"))
    document = tenant(address, **spec)
    metrics = Metrics()
    files = {name: SecretFiles(folder / name) for name in ("afterbuy", "sendcloud")}
    return ExportContext(
        tenant=document,
        afterbuy=AfterbuyClient(
            session,
            url=document.spec.afterbuy.url,
            credentials=lambda: AfterbuyCredentials.read(files["afterbuy"]),
            meter=UpstreamMeter(metrics, IDENTITY, "afterbuy"),
        ),
        sendcloud=SendcloudClient(
            session,
            url=document.spec.sendcloud.url,
            credentials=lambda: SendcloudCredentials.read(files["sendcloud"]),
            meter=UpstreamMeter(metrics, IDENTITY, "sendcloud"),
            clock=world.clock.seconds,
            new_bucket=partial(RateBucket, clock=world.clock.seconds, sleep=virtual_sleep(world)),
        ),
        ledger=Ledger(
            redis,
            tenant=IDENTITY,
            keyring=keyring,
            clock=world.clock.seconds,
            zone=ZoneInfo(document.spec.time_zone),
        ),
        state=TenantState(redis, tenant=IDENTITY),
        parcels=Stream(redis, tenant=IDENTITY, name="parcels", keyring=keyring),
        keyring=keyring,
        metrics=metrics,
        clock=world.clock.seconds,
        pause=virtual_pause(world),
    )


def virtual_sleep(world: World) -> Callable[[float], Awaitable[None]]:
    """Waiting that takes no time but the world's."""

    async def sleep(seconds: float) -> None:
        world.clock.advance(timedelta(seconds=seconds))

    return sleep


def virtual_pause(world: World) -> Callable[[asyncio.Event, float], Awaitable[bool]]:
    """The same, unless the process has to end."""

    async def pause(stop: asyncio.Event, seconds: float) -> bool:
        if not stop.is_set():
            world.clock.advance(timedelta(seconds=seconds))
        return not stop.is_set()

    return pause
