"""The writer: takes parcels off the stream and makes Afterbuy show them.

    stream parcels ──> Consumer ──> Handler ──> ledger (merge) ──> Applier ──> Rounds ──> Afterbuy

While the tenant is suspended nothing is read; events wait on the stream. If Afterbuy is down or refuses the
credentials, the circuit breaker stops reading and probes with the cheapest call there is.
"""

import asyncio
import sys

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.afterbuy.credentials import AfterbuyCredentials
from aftersend.afterbuy.model import AFTERBUY
from aftersend.circuit_breaker import Breaker
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.logs import get_logger
from aftersend.observe.meters import StreamMeter, UpstreamMeter
from aftersend.secrets import SecretFiles
from aftersend.service.run import run_part
from aftersend.service.runtime import Part, Runtime
from aftersend.stream.consumer import Consumer
from aftersend.stream.stream import Stream
from aftersend_writer.batcher import ORDERS_PER_ROUND, Applier
from aftersend_writer.handler import Handler
from aftersend_writer.metrics import Gauges
from aftersend_writer.write_back import Rounds

CONCURRENCY = 2 * ORDERS_PER_ROUND
"""One round of twenty at work, another one gathering."""
_LOOP = "writer"
_MAX_SILENCE = 60.0


async def serve(runtime: Runtime) -> None:
    """Write back for one tenant until ``runtime.stop`` is set."""
    ledger = Ledger(runtime.redis, tenant=runtime.identity, keyring=runtime.keyring)
    stream = Stream(runtime.redis, tenant=runtime.identity, name="parcels", keyring=runtime.keyring)
    state = TenantState(runtime.redis, tenant=runtime.identity)
    gauges = Gauges(runtime.identity, runtime.metrics, runtime.health, ledger, state, stream)
    async with asyncio.TaskGroup() as group:
        group.create_task(gauges.run(runtime.stop))
        if runtime.tenant.spec.suspend:
            get_logger().info("suspended")
        else:
            group.create_task(_consume(runtime, ledger, state, stream, gauges))


async def _consume(runtime: Runtime, ledger: Ledger, state: TenantState, stream: Stream, gauges: Gauges) -> None:
    files, wishes = runtime.secrets("afterbuy"), runtime.tenant.spec.write_back
    afterbuy = AfterbuyClient(
        runtime.http,
        url=runtime.tenant.spec.afterbuy.url,
        credentials=lambda: AfterbuyCredentials.read(files),
        meter=UpstreamMeter(runtime.metrics, runtime.identity, AFTERBUY),
    )

    def mac(text: str) -> str:
        return runtime.keyring.mac(text.encode(), purpose="parcel")

    rounds = Rounds(
        ledger=ledger,
        afterbuy=afterbuy,
        wishes=wishes,
        mac=mac,
        meter=gauges,
        recovering=state.recovering,
    )
    applier = Applier(rounds.round, backlog=stream.length)
    handler = Handler(
        ledger=ledger,
        state=state,
        stream=stream,
        applier=applier,
        mac=mac,
        pickup_matters=wishes.mark_shipped == "onPickup",
        foreign=gauges.foreign,
        shown=gauges.shown,
    )
    try:
        await _consumer(runtime, stream, handler, _breaker(afterbuy, files, gauges)).run(runtime.stop)
    finally:
        await applier.close()
        runtime.health.forget(_LOOP)


def _consumer(runtime: Runtime, stream: Stream, handler: Handler, breaker: Breaker) -> Consumer:
    runtime.health.watch(_LOOP, _MAX_SILENCE)
    return Consumer(
        stream,
        handler,
        name=runtime.name,
        meter=StreamMeter(runtime.metrics, runtime.identity, stream.name),
        pulse=lambda: runtime.health.pulse(_LOOP),
        concurrency=CONCURRENCY,
        breaker=breaker,
    )


def _breaker(afterbuy: AfterbuyClient, files: SecretFiles, gauges: Gauges) -> Breaker:
    return Breaker(
        AFTERBUY,
        afterbuy.clock,
        stamp=lambda: [files.optional(name) for name in files.names()],
        on_change=gauges.circuit,
    )


PART = Part("writer", serve)


def main() -> None:
    """The console script ``aftersend-writer``."""
    sys.exit(run_part(PART))
