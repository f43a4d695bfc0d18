"""The writer: reads parcel events from the stream and writes them back to Afterbuy.

    stream parcels ──> Consumer ──> ParcelEventHandler ──> ledger (merge) ──> OrderBatcher ──> OrderWriter ──> Afterbuy

While the tenant is suspended nothing is read; events wait on the stream. If Afterbuy is down or refuses the
credentials, the circuit breaker stops reading and probes with the cheapest call there is. The same call tries new keys.
"""

import asyncio
import sys
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.afterbuy.model import AFTERBUY
from aftersend.afterbuy.reading import read_written_order
from aftersend.circuit_breaker import CircuitBreaker, keep_credentials_checked
from aftersend.ledger.problem_tag import is_tag_due
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.logs import get_logger
from aftersend.observe.meters import StreamMeter, UpstreamMeter
from aftersend.secrets import SecretFiles
from aftersend.service.run import run_part
from aftersend.service.runtime import Part, Runtime
from aftersend.stream.consumer import Consumer
from aftersend.stream.handling import MAX_BATCH, BatchHandler
from aftersend.stream.stream import Stream
from aftersend_writer.batcher import OrderBatcher
from aftersend_writer.handler import ParcelEventHandler
from aftersend_writer.metrics import WriterMetrics
from aftersend_writer.write_back import OrderWriter

CONCURRENCY = 3 * MAX_BATCH
"""Two batches being written, another one read and merged."""
_LOOP = "writer"
_MAX_SILENCE = 60.0


@dataclass(frozen=True, slots=True)
class TenantStores:
    """What Redis keeps of one tenant."""

    ledger: Ledger
    state: TenantState
    stream: Stream


def stores_of(runtime: Runtime) -> TenantStores:
    """Open the ledger, the state and the stream of parcels."""
    zone = ZoneInfo(runtime.tenant.spec.time_zone)
    return TenantStores(
        ledger=Ledger(runtime.redis, tenant=runtime.identity, keyring=runtime.keyring, zone=zone),
        state=TenantState(runtime.redis, tenant=runtime.identity),
        stream=Stream(runtime.redis, tenant=runtime.identity, name="parcels", keyring=runtime.keyring),
    )


def metrics_of(runtime: Runtime, stores: TenantStores) -> WriterMetrics:
    """Make the metrics of one tenant."""
    return WriterMetrics(runtime.identity, runtime.metrics, runtime.health, stores.ledger, stores.state, stores.stream)


async def serve(runtime: Runtime) -> None:
    """Write back for one tenant until ``runtime.stop`` is set."""
    stores = stores_of(runtime)
    metrics = metrics_of(runtime, stores)
    async with asyncio.TaskGroup() as group:
        group.create_task(metrics.run(runtime.stop))
        if runtime.tenant.spec.suspend:
            get_logger().info("suspended")
        else:
            group.create_task(_consume(runtime, stores, metrics))


async def _consume(runtime: Runtime, stores: TenantStores, metrics: WriterMetrics) -> None:
    """Handle events of the stream, and keep the circuit breaker's credentials checked."""
    afterbuy = afterbuy_client(runtime)
    handler = handler_for(runtime, stores, metrics, afterbuy)
    breaker = _breaker(afterbuy, runtime.secrets("afterbuy"), metrics)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_credentials_checked(breaker, runtime.stop))
            group.create_task(_consumer(runtime, stores.stream, handler, breaker).run(runtime.stop))
    finally:
        await handler.batcher.close()
        runtime.health.unregister_loop(_LOOP)


def afterbuy_client(runtime: Runtime) -> AfterbuyClient:
    """Make the client, which maps no more of an order than a write-back needs."""
    files = runtime.secrets("afterbuy")
    return AfterbuyClient(
        runtime.http,
        url=runtime.tenant.spec.afterbuy.url,
        credentials=lambda: AfterbuyCredentials.read(files),
        meter=UpstreamMeter(runtime.metrics, runtime.identity, AFTERBUY),
        read=read_written_order,
    )


def handler_for(
    runtime: Runtime, stores: TenantStores, metrics: WriterMetrics, afterbuy: AfterbuyClient
) -> ParcelEventHandler:
    """Put the handler of events together with what writes their orders back."""
    settings = runtime.tenant.spec.write_back

    def mac(text: str) -> str:
        return runtime.keyring.mac(text.encode(), purpose="parcel")

    writer = OrderWriter(ledger=stores.ledger, afterbuy=afterbuy, settings=settings, mac=mac, meter=metrics)
    return ParcelEventHandler(
        ledger=stores.ledger,
        state=stores.state,
        stream=stores.stream,
        batcher=OrderBatcher(writer.write_batch, backlog=stores.stream.length),
        mac=mac,
        pickup_matters=settings.mark_shipped == "onPickup",
        is_tag_due=partial(is_tag_due, settings=settings),
        on_foreign=metrics.count_foreign,
        on_too_old=metrics.count_too_old,
        on_forgotten=metrics.count_forgotten,
        on_written=metrics.record_written,
    )


def _consumer(runtime: Runtime, stream: Stream, handler: ParcelEventHandler, breaker: CircuitBreaker) -> Consumer:
    runtime.health.register_loop(_LOOP, _MAX_SILENCE)
    return Consumer(
        stream,
        BatchHandler(handler),
        name=runtime.name,
        meter=StreamMeter(runtime.metrics, runtime.identity, stream.name),
        heartbeat=lambda: runtime.health.heartbeat(_LOOP),
        concurrency=CONCURRENCY,
        breaker=breaker,
    )


def _breaker(afterbuy: AfterbuyClient, files: SecretFiles, metrics: WriterMetrics) -> CircuitBreaker:
    return CircuitBreaker(
        AFTERBUY,
        afterbuy.clock,
        secrets_version=lambda: [files.optional(name) for name in files.names()],
        on_change=metrics.show_circuit,
    )


PART = Part("writer", serve, {"afterbuy": ("partnerToken", "accountToken")})


def main() -> None:
    """Run the console script ``aftersend-writer``."""
    sys.exit(run_part(PART))
