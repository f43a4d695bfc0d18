"""How much memory does the writer need to drain a backlog, and how fast is it?

    python benchmarks/backlog_memory.py [--events 10000] [--json]

The writer is switched off while one event per order is put on the stream, as after a night without Afterbuy. Then it is
started, and its resident memory is read four times a second until the stream is empty: at the peak, and after a tenth
of the events, since what grows between a tenth and the end grows with the backlog.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from sight.figures import Figure, print_figures
from sight.memory import watching
from sight.waiting import until

from aftersend.ledger.tenant_state import TenantState
from aftersend.redis.connection import connect
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import ParcelEvent
from aftersend.stream.stream import Stream
from aftersend_demo.environment import TENANT, DemoEnvironment
from aftersend_demo.sandbox_control import SandboxControl

_LABEL = 1000


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Resident memory of the writer while it drains a backlog.")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return print_figures(asyncio.run(measure(options.events)), as_json=options.json)


async def measure(events: int) -> list[Figure]:
    """One backlog, watched."""
    with tempfile.TemporaryDirectory() as name, DemoEnvironment(Path(name), orders=events) as demo:
        writer = demo.children["writer"]
        writer.stop()
        redis = connect(demo.valkey.bare_url, SecretFiles(demo.valkey.secrets), part="writer")
        stream = Stream(
            redis, tenant=TENANT, name="parcels", keyring=Keyring(SecretFiles(demo.secrets_dir / "data-key"))
        )
        async with aiohttp.ClientSession() as http:
            control = SandboxControl(http, url=demo.sandbox_url)
            await _recovered(control, demo, TenantState(redis, tenant=TENANT))
            await _fill(stream, [str(order["order_id"]) for order in await control.orders()])
            before, started = (await control.counts())["numbers in Afterbuy"], time.monotonic()
            writer.start()
            async with watching(lambda: _at_most(stream, events * 9 // 10), writer.pid) as sight:
                await until(lambda: _at_most(stream, 0), within=3600)
            seconds, after = time.monotonic() - started, (await control.counts())["numbers in Afterbuy"]
        await redis.aclose()
    return [
        Figure("events", events, ""),
        Figure("orders with a number before", before, ""),
        Figure("orders with a number after", after, ""),
        Figure("drained in", round(seconds, 1), "s"),
        Figure("orders per second", round(events / seconds), "1/s"),
        Figure("writer, after a tenth", sight.tenth, "MB"),
        Figure("writer, peak", sight.peak, "MB"),
        Figure("writer, peak over tenth", sight.growth, "", 1.25),
    ]


async def _recovered(control: SandboxControl, demo: DemoEnvironment, state: TenantState) -> None:
    """Wait for the first sweep of the exporter, and end the recovery in the writer's place: nothing was lost."""

    async def swept() -> bool:
        return await control.answers(demo.ready_url("exporter")) and await state.get("sweep.cursor") is not None

    await until(swept, within=300)
    await state.set("recovered", "1")


async def _fill(stream: Stream, orders: list[str]) -> None:
    """One label for every order, just printed."""
    now = int(time.time() * 1000)
    await stream.add_many(
        "parcel.changed",
        "webhook",
        (
            ParcelEvent(
                parcel=str(10_000 + place),
                status=_LABEL,
                time=now,
                received=now,
                number=f"00340434{place:012}",
                url=f"https://tracking.example/{place}",
                carrier="dhl_de",
                external_order_id=f"afterbuy-{order}",
            )
            for place, order in enumerate(orders)
        ),
    )


async def _at_most(stream: Stream, count: int) -> bool:
    return await stream.length() + await stream.delayed() <= count


if __name__ == "__main__":
    sys.exit(main())
