"""Sweeps of parcels that the ledger knows already and that Afterbuy shows: ``parcels``, from order ``first`` on."""

import asyncio
import time
from functools import partial

import msgspec

from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from aftersend.runs import RunRequest
from aftersend.sendcloud.model import ParcelEvent
from aftersend.sendcloud.parcel import swept_event
from aftersend_exporter.context import ExportContext
from aftersend_exporter.main import context_for
from aftersend_exporter.sweep.run import sweep
from benchmarks.ours.tenants import fresh_tenant, prepare
from benchmarks.stub.sendcloud import FIRST_PARCEL, parcel
from benchmarks.worker import Stopwatch, Task, answer_tasks

_CHUNK = 500


async def work(task: Task) -> Task:
    """Fill the ledger, then sweep ``times`` times."""
    first, parcels, times = task["first"], task["parcels"], task["times"]
    async with fresh_tenant("exporter", since=time.time() - 3600) as runtime:
        context = context_for(runtime)
        await fill(context, first, parcels)
        watch = Stopwatch()
        for _ in range(times):
            assert await sweep_all(context) == parcels
        return watch.over(times * parcels) | {"forwarded": await context.parcels.length()}


async def sweep_all(context: ExportContext) -> int:
    """Run one sweep; returns how many parcels were read."""
    stats, summary = await sweep(context, RunRequest(kind="sweep"), run="benchmark")
    assert summary.outcome == "done", summary
    return stats.read


async def fill(context: ExportContext, first: int, parcels: int) -> None:
    """Let the ledger know parcels that Afterbuy shows."""
    for start in range(0, parcels, _CHUNK):
        found = range(start, min(start + _CHUNK, parcels))
        events = [swept_event(_body(first, place), received=context.now_ms()) for place in found]
        changes = {
            str(first + place): partial(_shown, context, event) for place, event in zip(found, events, strict=True)
        }
        await context.ledger.change_many(changes)


def _body(first: int, place: int) -> bytes:
    return msgspec.json.encode(parcel(FIRST_PARCEL + place, first + place))


def _shown(context: ExportContext, event: ParcelEvent, entry: Entry) -> Entry:
    """The entry of an order whose parcel was written back."""

    def mac(text: str) -> str:
        return context.keyring.mac(text.encode(), purpose="parcel")

    merged = merge(entry, event, mac)
    return msgspec.structs.replace(merged, applied=merged.observed, lagging=0)


if __name__ == "__main__":
    prepare("exporter")
    asyncio.run(answer_tasks(work))
