"""How much memory does an export of many orders take?

    python benchmarks/export_memory.py [--orders 50000]

A process of its own simulates both upstreams; this one is the exporter, with an embedded Valkey. Resident memory is
read four times a second: at the start, at its peak, and after a tenth of the orders, since what grows between a tenth
and the end grows with the number of orders. Sendcloud's limits are lifted on both sides, or the export would take six
minutes.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec

from aftersend.afterbuy.client import AfterbuyClient, AfterbuyCredentials
from aftersend.embedded import EmbeddedValkey
from aftersend.ledger.state import TenantState
from aftersend.ledger.store import Ledger
from aftersend.observe import logs
from aftersend.observe.meter import NoMeter
from aftersend.observe.metrics import Metrics
from aftersend.runs import RunRequest
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.client import SendcloudClient, SendcloudCredentials
from aftersend.sendcloud.limits import Bucket, Limit
from aftersend.stream.connection import connect
from aftersend.stream.sealing import Keyring, make_data_keys
from aftersend.stream.stream import Stream
from aftersend.tenant import Tenant
from aftersend_exporter.desk import Desk
from aftersend_exporter.run import export

_PAGE = os.sysconf("SC_PAGE_SIZE")
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
    figures = asyncio.run(measure(options.orders))
    print(json.dumps(figures) if options.json else "\n".join(f"{key:18} {value}" for key, value in figures.items()))
    return 0 if figures["outcome"] == "done" else 1


async def simulate(orders: int) -> None:
    """Both upstreams, until standard input ends."""
    from aftersend_sandbox.seed import seeded_world  # noqa: PLC0415 - the child only
    from aftersend_sandbox.server import running  # noqa: PLC0415

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


async def measure(orders: int) -> dict[str, object]:
    """One export, watched."""
    with tempfile.TemporaryDirectory() as name, upstreams(orders) as address:
        folder = Path(name)
        with EmbeddedValkey(folder / "valkey") as valkey:
            async with desk_at(address, valkey, folder) as desk:
                sight = Sight()
                watch = asyncio.create_task(sight.keep(desk, tenth=orders // 10))
                started = time.monotonic()
                before = resident()
                tally, _ = await export(desk, RunRequest(kind="export"), run="benchmark")
                seconds = time.monotonic() - started
                watch.cancel()
    return {
        "orders": tally.read,
        "sent": tally.sent,
        "outcome": tally.outcome,
        "seconds": round(seconds, 1),
        "orders_per_second": round(tally.read / seconds),
        "start_mb": before,
        "after_a_tenth_mb": sight.tenth,
        "peak_mb": sight.peak,
    }


@dataclass
class Sight:
    """What was seen of this process's memory, in MB."""

    peak: float = 0.0
    tenth: float = 0.0

    async def keep(self, desk: Desk, *, tenth: int) -> None:
        """Note the peak, and the memory after a tenth of the orders."""
        sent = desk.metrics.orders.labels(desk.tenant.identity, "sent", "")
        while True:
            now = resident()
            self.peak = max(self.peak, now)
            if not self.tenth and sent._value.get() >= tenth:  # noqa: SLF001 - the library offers no getter
                self.tenth = now
            await asyncio.sleep(0.25)


def resident() -> float:
    """Resident memory of this process in MB."""
    return round(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6, 1)


@asynccontextmanager
async def desk_at(address: str, valkey: EmbeddedValkey, folder: Path) -> AsyncIterator[Desk]:
    """An exporter's desk without limits."""
    make_data_keys(folder / "data-key")
    keyring = Keyring(SecretFiles(folder / "data-key"))
    tenant = document(address)
    redis = connect(valkey.bare_url, SecretFiles(valkey.secrets), part="exporter")
    async with aiohttp.ClientSession() as session:
        sendcloud = SendcloudClient(
            session, url=tenant.spec.sendcloud.url, credentials=lambda: _SENDCLOUD, meter=NoMeter()
        )
        sendcloud._exchange._writes = sendcloud._exchange._reads = Bucket(_NO_LIMIT)  # noqa: SLF001 - only a benchmark may
        yield Desk(
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
