"""One export of everything that the stub shows, for a new tenant; ``limited`` keeps to Sendcloud's limits.

With ``stored`` the answer says how many bytes an order takes in Redis and in a backup.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from aftersend.backup.collect import Collector
from aftersend.backup.create import Backups
from aftersend.backup.target import open_target
from aftersend.runs import RunRequest
from aftersend.secrets import SecretFiles
from aftersend.service.runtime import Runtime
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.run import export
from aftersend_exporter.main import context_for
from benchmarks.ours.tenants import fresh_tenant, prepare
from benchmarks.worker import Stopwatch, Task, answer_tasks


async def work(task: Task) -> Task:
    """Run one export."""
    async with fresh_tenant("exporter", since=time.time()) as runtime:
        context, empty = context_for(runtime), await _used(runtime)
        watch = Stopwatch()
        sent = await export_all(context)
        found = watch.over(sent)
        if task.get("stored"):
            found["redis"] = (await _used(runtime) - empty) / sent
            found["backup"] = await _backup_size(context) / sent
        return found


async def export_all(context: ExportContext) -> int:
    """Run one export; returns how many orders were sent."""
    stats, summary = await export(context, RunRequest(kind="export"), run="benchmark")
    assert summary.outcome == "done", summary
    return stats.sent


async def _used(runtime: Runtime) -> int:
    return int((await runtime.redis.info("memory"))["used_memory"])


async def _backup_size(context: ExportContext) -> int:
    tenant = context.tenant.identity
    with tempfile.TemporaryDirectory() as folder:
        target = open_target(folder, tenant=tenant, secrets=SecretFiles(Path(folder)))
        collector = Collector.of(context.parcels.redis, tenant=tenant, keyring=context.keyring)
        return (await Backups(tenant, target, context.keyring).create(collector, context.state, keep_hours=1)).bytes


if __name__ == "__main__":
    prepare("exporter", limited="limited" in sys.argv)
    asyncio.run(answer_tasks(work))
