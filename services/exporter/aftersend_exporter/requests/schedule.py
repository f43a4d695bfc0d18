"""The tenant's own schedules: five cron fields, in the tenant's time zone.

The next time is computed from the last one, not from now, so a run that fell due while nobody was there is noticed;
however many were missed, one makes up for them. Waiting happens in short slices, because a clock may be set and a
laptop may sleep. While the circuit of an upstream is open, the run waits; as soon as it closes, one run follows.

Several exporters of one tenant may keep the same schedule: equal requests are served by one run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim

from aftersend.errors import AftersendError
from aftersend.loops import pause
from aftersend.observe.logs import get_logger

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

SLICE_SECONDS: Final = 15.0


class ScheduleClock(Protocol):
    """Time, and waiting for it."""

    def now(self) -> datetime:
        """The present moment, aware."""

    async def wait(self, stop: asyncio.Event, seconds: float) -> bool:
        """Wait so long, or until ``stop``; True while there is reason to go on."""


class WallClock:
    """The real one."""

    def now(self) -> datetime:
        """The present moment, UTC."""
        return datetime.now(UTC)

    async def wait(self, stop: asyncio.Event, seconds: float) -> bool:
        """Really wait."""
        return await pause(stop, seconds)


def next_time(schedule: str, *, after: datetime, zone: ZoneInfo) -> datetime:
    """The first time of the schedule after a moment, UTC."""
    return next(CronSim(schedule, after.astimezone(zone))).astimezone(UTC)


@dataclass(slots=True)
class Schedule:
    """Keeps one schedule of one tenant."""

    kind: str
    cron: str
    zone: ZoneInfo
    ask: Callable[[], Awaitable[object]]
    """Does or requests what is due; ``AftersendError`` = it stays due."""
    may_run: Callable[[], bool]
    clock: ScheduleClock = field(default_factory=WallClock)
    log: "FilteringBoundLogger" = field(default_factory=get_logger)

    async def keep(self, stop: asyncio.Event, *, last: datetime | None, heartbeat: Callable[[], None]) -> None:
        """Ask for runs when they are due, until ``stop``; ``last`` is when the last one was."""
        due = next_time(self.cron, after=last or self.clock.now(), zone=self.zone)
        while True:
            heartbeat()
            if self.clock.now() >= due and self.may_run():
                due = await self._ask(due)
            if not await self.clock.wait(stop, self._slice(due)):
                return

    async def _ask(self, due: datetime) -> datetime:
        """One request, however many times were missed; if Redis is away, the time stays due."""
        try:
            await self.ask()
        except AftersendError as error:
            self.log.warning("schedule_waits", kind=self.kind, code=error.code)
            return due
        return next_time(self.cron, after=max(due, self.clock.now()), zone=self.zone)

    def _slice(self, due: datetime) -> float:
        left = (due - self.clock.now()) / timedelta(seconds=1)
        return min(left, SLICE_SECONDS) if left > 0 else 1.0
