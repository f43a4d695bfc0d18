"""What every step of a run needs: the tenant's rules, both clients, the ledger and the clock."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar, get_args
from zoneinfo import ZoneInfo

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.call_retries import CallRetries, Repeat, once
from aftersend.errors import Later
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import pause
from aftersend.observe.logs import get_logger
from aftersend.observe.metrics import Metrics
from aftersend.redis.lease import Lease
from aftersend.sealing import Keyring
from aftersend.sendcloud.client import SendcloudClient
from aftersend.stream.stream import Stream
from aftersend.tenant.document import Tenant
from aftersend_exporter.rules.eligibility import SkipReason
from aftersend_exporter.rules.transitions import TOO_LATE

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_CONCURRENCY = 16
_DAY_MS = 86_400_000
_In = TypeVar("_In")
_Out = TypeVar("_Out")
_INITIAL_SERIES: Final = (
    *((outcome, "") for outcome in ("sent", "unchanged", "rejected", "retried")),
    *(("skipped", reason) for reason in (*get_args(SkipReason), TOO_LATE)),
)


@dataclass(frozen=True, slots=True)
class ExportContext:
    """One tenant's exporter. ``clock`` returns seconds since 1970."""

    tenant: Tenant
    afterbuy: AfterbuyClient
    sendcloud: SendcloudClient
    ledger: Ledger
    state: TenantState
    parcels: Stream
    keyring: Keyring
    metrics: Metrics
    clock: Callable[[], float]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process has to end."""
    pause: Callable[[asyncio.Event, float], Awaitable[bool]] = pause
    """Wait so many seconds, or until the event is set; False then."""
    repeat: Repeat = once
    """Makes a call to an upstream; in a run as often as it takes."""
    lease: Lease | None = None
    """The lease of the present run; None outside of runs."""
    log: "FilteringBoundLogger" = field(default_factory=get_logger)

    def __post_init__(self) -> None:
        """Create all series at 0: Prometheus sees no increase in a series whose first value is 1."""
        name = self.tenant.identity
        for outcome, reason in _INITIAL_SERIES:
            self.metrics.orders.labels(name, outcome, reason)
        for kind in ("export", "sweep"):
            for outcome in ("done", "partial", "failed"):
                self.metrics.runs.labels(name, kind, outcome)

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone of the merchant's days and schedules."""
        return ZoneInfo(self.tenant.spec.time_zone)

    @property
    def recheck_period_ms(self) -> int:
        """Return how long orders are rechecked, in ms."""
        return self.tenant.spec.export.window.catch_up_days * _DAY_MS

    def now(self) -> datetime:
        """Return the present time, UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def now_ms(self) -> int:
        """Return the present time in ms since 1970."""
        return int(self.clock() * 1000)

    def mac(self, plain: bytes) -> str:
        """Return the keyed fingerprint of an order."""
        return self.keyring.mac(plain, purpose="order")

    async def check_lease(self) -> None:
        """Raise ``Later`` if another exporter took this run over."""
        if self.lease is not None:
            await self.lease.check()

    def repeating_calls(self) -> "ExportContext":
        """Return the context of one run, whose calls are repeated while they fail for transient reasons."""
        repeat = CallRetries(wait=self._wait_in_run, clock=self.clock)
        return replace(
            self,
            repeat=repeat,
            afterbuy=self.afterbuy.repeating(repeat),
            sendcloud=self.sendcloud.repeating(repeat),
        )

    async def _wait_in_run(self, seconds: float) -> None:
        """Wait between two tries; ``Later`` if the process ends, or another exporter took the run over."""
        if not await self.pause(self.stop, seconds):
            raise Later("stopping")
        await self.check_lease()


async def gather_limited(items: Iterable[_In], work: Callable[[_In], Awaitable[_Out]]) -> list[_Out]:
    """Await ``work`` for every item, 16 at a time; results in the order of the items, the first error ends it."""
    gate = asyncio.Semaphore(_CONCURRENCY)

    async def one(item: _In) -> _Out:
        async with gate:
            return await work(item)

    tasks = [asyncio.ensure_future(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
