"""A fresh tenant for each task, with the resources that its service would have.

A tenant of its own has keys of its own: nothing has to be deleted between two tasks, and nothing is known yet.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import msgspec

from aftersend.ledger.tenant_state import TenantState
from aftersend.observe import logs, traces
from aftersend.sendcloud import exchange
from aftersend.sendcloud.limits import Limit
from aftersend.service.runtime import Runtime, Shared, http_session, runtime_for
from aftersend.settings import Settings, read_settings
from aftersend.stream.event import rfc3339
from aftersend.tenant.document import Tenant
from aftersend.tenant.loading import load_tenant
from benchmarks.ours.without import leave_out

NO_LIMIT = Limit(burst=10**9, rate=1e9)
_numbers = count(1)


def prepare(part: str, *, limited: bool = False) -> None:
    """Set up the process as its service does; ``limited`` keeps the pace of Sendcloud's rate limits."""
    settings = read_settings(os.environ)
    logs.configure(settings.log_format, settings.log_level)
    traces.start_tracing(f"aftersend-{part}")
    leave_out(os.environ)
    if not limited:
        exchange.WRITES = exchange.READS = NO_LIMIT  # type: ignore[attr-defined]  # only a measurement may


@asynccontextmanager
async def fresh_tenant(
    part: str, *, since: float, document: Tenant | None = None, settings: Settings | None = None
) -> AsyncIterator[Runtime]:
    """The runtime of a tenant that needs no recovery, and whose last sweep was at ``since`` (seconds since 1970)."""
    settings = settings or read_settings(os.environ)
    document = document or load_tenant(settings.tenant_file)
    name = f"{document.metadata.name}-{os.getpid()}-{next(_numbers)}"
    tenant = msgspec.structs.replace(document, metadata=msgspec.structs.replace(document.metadata, name=name))
    async with (
        http_session() as session,
        runtime_for(tenant=tenant, settings=settings, shared=Shared(http=session), part=part) as runtime,
    ):
        state = TenantState(runtime.redis, tenant=tenant.identity)
        await state.set("recovered", "1")
        await state.set("sweep.cursor", rfc3339(since))
        yield runtime
