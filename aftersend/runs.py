"""Requests for runs, and their results.

A run is an export or a sweep. ``publish`` puts a request on the stream ``runs``; the id of the event is the id of the
run. The exporter stores a summary under ``result:<run id>`` for a day, for every request that the run served, and
``wait_for`` polls that key until its timeout: requester and exporter never need a connection to each other.

Summaries hold counts, times, codes and OrderIDs, nothing else.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import msgspec

from aftersend.errors import Transient
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys
from aftersend.run_reports import OrderDecision, RunHealth, RunKind, RunOutcome, RunSummary

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from aftersend.stream.event import EventType, Source
    from aftersend.stream.stream import Stream

__all__ = [
    "EVENT_TYPES",
    "RESULT_SECONDS",
    "OrderCheck",
    "OrderDecision",
    "RunHealth",
    "RunKind",
    "RunOutcome",
    "RunRequest",
    "RunSummary",
    "publish",
    "result_of",
    "store_result",
    "wait_for",
]
RESULT_SECONDS = 24 * 60 * 60
_POLL_SECONDS = 0.25
EVENT_TYPES: "dict[RunKind, EventType]" = {"export": "export.requested", "sweep": "sweep.requested"}


class RunRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request for a run; equal requests that wait together are served by one run."""

    kind: RunKind
    orders: tuple[str, ...] = ()
    """Export only: these OrderIDs instead of the window."""
    dry_run: bool = False
    """Export only: read and decide, send and store nothing."""
    recovery: bool = False
    """Sweep only: the ledger may be older than Sendcloud; end with the marker."""


class OrderCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """Data of ``order.check``: compare this order with Afterbuy once more; "" is the marker that ends a recovery."""

    order: str
    restored: str = ""
    """Marker only: the fact ``restored`` as it was when the sweep began; another restore since makes it void."""
    since: int = 0
    """Marker only: from where its sweep read, ms since 1970; 0 in markers of older releases."""


async def publish(stream: "Stream", request: RunRequest, *, source: "Source", traceparent: str = "") -> str:
    """Put the request on the stream ``runs``; return the run's id."""
    return await stream.add(EVENT_TYPES[request.kind], source, request, traceparent=traceparent)


async def store_result(redis: "Redis", *, tenant: str, run: str, summary: RunSummary) -> None:
    """Store the summary where ``wait_for`` finds it."""
    with guarded():
        await redis.set(_key(tenant, run), msgspec.json.encode(summary), ex=RESULT_SECONDS)


async def result_of(redis: "Redis", *, tenant: str, run: str) -> RunSummary | None:
    """Return the summary of a run, or None if it is not finished or older than a day."""
    with guarded():
        raw = await redis.get(_key(tenant, run))
    return msgspec.json.decode(cast("bytes", raw), type=RunSummary) if raw is not None else None


async def wait_for(redis: "Redis", *, tenant: str, run: str, timeout: float) -> RunSummary | None:  # noqa: ASYNC109 - its end is an answer, not an error
    """Return the summary of a run as soon as there is one; None after ``timeout`` seconds, even if Redis is away."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        summary = None
        with suppress(Transient):
            summary = await result_of(redis, tenant=tenant, run=run)
        left = deadline - loop.time()
        if summary is not None or left <= 0:
            return summary
        await asyncio.sleep(min(_POLL_SECONDS, left))


def _key(tenant: str, run: str) -> str:
    return Keys(tenant).key("result", run)
