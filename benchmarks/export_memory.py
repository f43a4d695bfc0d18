"""How much memory does an export of many orders take?

    python benchmarks/export_memory.py [--orders 50000] [--json]

A process of its own simulates both upstreams; this one is the exporter, with an embedded Valkey. Resident memory is
read four times a second: at the start, at its peak, and after a tenth of the orders, since what grows between a tenth
and the end grows with the number of orders. Sendcloud's limits are lifted on both sides, or the export would take six
minutes.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
from sight.figures import Figure, print_figures
from sight.memory import watching

from aftersend.afterbuy.client import AfterbuyClient, AfterbuyCredentials
from aftersend.backup.collect import Collector
from aftersend.backup.create import Backups
from aftersend.backup.target import open_target
from aftersend.key_files import make_data_keys
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.observe import logs
from aftersend.observe.meter import NoMeter
from aftersend.observe.metrics import Metrics
from aftersend.redis.connection import connect
from aftersend.redis.embedded import EmbeddedValkey
from aftersend.runs import RunRequest
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.client import SendcloudClient, SendcloudCredentials
from aftersend.sendcloud.limits import Limit, RateBucket
from aftersend.stream.stream import Stream
from aftersend.tenant.document import Tenant
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.run import export

_NO_LIMIT = Limit(burst=1_000_000, rate=1_000_000)
_AFTERBUY = AfterbuyCredentials("sandbox-partner", "sandbox-account")
_SENDCLOUD = SendcloudCredentials("sandbox-public", "sandbox-secret")


def main() -> int:
    """Measure, print, and fail if memory grew with the number of orders."""
    parser = argparse.ArgumentParser(description="Resident memory of an export of many orders.")
    parser.add_argument("--orders", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--upstreams", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.upstreams:
        asyncio.run(simulate(options.orders))
        return 0
    logs.configure("json", "error")
    return print_figures(asyncio.run(measure(options.orders)), as_json=options.json)


async def simulate(orders: int) -> None:
    """Both upstreams, until standard input ends."""
    from aftersend_sandbox.seed.account import seeded_world  # noqa: PLC0415 - the child only
    from aftersend_sandbox.server import running  # noqa: PLC0415 - as above

    world = seeded_world(orders, now=datetime.now(UTC))
    limits = world.sendcloud.limits
    limits.writes_per_minute = limits.burst = limits.reads_per_minute = 10_000_000
    async with running(world, host="127.0.0.1", port=0) as sandbox:
        print(sandbox.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def upstreams(orders: int) -> Iterator[str]:
    """The simulated upstreams in a process of their own; yields their address."""
    command = [sys.executable, __file__, "--upstreams", "--orders", str(orders)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


async def measure(orders: int) -> list[Figure]:
    """One export, watched."""
    with tempfile.TemporaryDirectory() as name, upstreams(orders) as address:
        folder = Path(name)
        with EmbeddedValkey(folder / "valkey") as valkey:
            async with context_at(address, valkey, folder) as context:
                empty, started = await used(context), time.monotonic()
                async with watching(lambda: _has_sent(context, orders // 10)) as sight:
                    stats, _ = await export(context, RunRequest(kind="export"), run="benchmark")
                seconds = time.monotonic() - started
                per_order = (await used(context) - empty) / stats.sent
                saved = await backup_size(context, folder / "backups")
    return [
        Figure("orders read", stats.read, ""),
        Figure("orders sent", stats.sent, ""),
        Figure("runs that did not end with done", int(stats.outcome != "done"), "", 0),
        Figure("exported in", round(seconds, 1), "s"),
        Figure("orders per second", round(stats.read / seconds), "1/s"),
        Figure("exporter, at the start", sight.start, "MB"),
        Figure("exporter, after a tenth", sight.tenth, "MB"),
        Figure("exporter, peak", sight.peak, "MB"),
        Figure("exporter, peak over tenth", sight.growth, "", 1.25),
        Figure("Redis per order", round(per_order), "bytes"),
        Figure("backup per order", round(saved / stats.sent), "bytes"),
    ]


async def used(context: ExportContext) -> int:
    """Bytes that Redis holds."""
    return int((await context.parcels.redis.info("memory"))["used_memory"])


async def backup_size(context: ExportContext, folder: Path) -> int:
    """Bytes of one backup."""
    tenant = context.tenant.identity
    backups = Backups(tenant, open_target(str(folder), tenant=tenant, secrets=SecretFiles(folder)), context.keyring)
    collector = Collector.of(context.parcels.redis, tenant=tenant, keyring=context.keyring)
    return (await backups.create(collector, context.state, keep_hours=1)).bytes


async def _has_sent(context: ExportContext, count: int) -> bool:
    sent = context.metrics.orders.labels(context.tenant.identity, "sent", "")
    return bool(sent._value.get() >= count)  # noqa: SLF001 - the library offers no getter


@asynccontextmanager
async def context_at(address: str, valkey: EmbeddedValkey, folder: Path) -> AsyncIterator[ExportContext]:
    """An exporter context without limits."""
    make_data_keys(folder / "data-key")
    keyring = Keyring(SecretFiles(folder / "data-key"))
    tenant = document(address)
    redis = connect(valkey.bare_url, SecretFiles(valkey.secrets), part="exporter")
    async with aiohttp.ClientSession() as session:
        sendcloud = SendcloudClient(
            session, url=tenant.spec.sendcloud.url, credentials=lambda: _SENDCLOUD, meter=NoMeter()
        )
        sendcloud._exchange._writes = sendcloud._exchange._reads = RateBucket(_NO_LIMIT)  # noqa: SLF001 - only a benchmark may
        yield ExportContext(
            tenant=tenant,
            afterbuy=AfterbuyClient(
                session, url=tenant.spec.afterbuy.url, credentials=lambda: _AFTERBUY, meter=NoMeter()
            ),
            sendcloud=sendcloud,
            ledger=Ledger(redis, tenant=tenant.identity, keyring=keyring),
            state=TenantState(redis, tenant=tenant.identity),
            parcels=Stream(redis, tenant=tenant.identity, name="parcels", keyring=keyring),
            keyring=keyring,
            metrics=Metrics(),
            clock=time.time,
        )
    await redis.aclose()


def document(address: str) -> Tenant:
    """A tenant with defaults."""
    spec = {
        "afterbuy": {"url": f"{address}/afterbuy/ABInterface.aspx", "credentials": {"secretName": "a"}},
        "sendcloud": {"url": f"{address}/api", "credentials": {"secretName": "s"}, "integration": "J&J Aftersend"},
    }
    head = {"apiVersion": "aftersend.jj-ideenschmiede.de/v1", "kind": "AftersendTenant"}
    return msgspec.convert({**head, "metadata": {"name": "benchmark"}, "spec": spec}, Tenant)


if __name__ == "__main__":
    sys.exit(main())
