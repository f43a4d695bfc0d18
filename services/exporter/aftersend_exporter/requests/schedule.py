"""The exporter's own scheduler: five cron fields, in the tenant's time zone.

The next time is computed from the last one, not from now, so a run that fell due while no exporter was up is noticed;
however many were missed, one makes up for them. Waiting happens in short slices, because a clock may be set and a
laptop may sleep. While the circuit of an upstream is open, the run waits; as soon as it closes, one run follows.

Several exporters of one tenant may run the same schedule: equal requests are served by one run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim

from aftersend.errors import AftersendError
from aftersend.loops import every, pause
from aftersend.observe.logs import get_logger

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

SLICE_SECONDS: Final = 15.0


class ScheduleClock(Protocol):
    """Time, and waiting for it; tests have one of their own."""

    def now(self) -> datetime:
        """Return the present time, aware."""

    async def wait(self, stop: asyncio.Event, seconds: float) -> bool:
        """Wait ``seconds``, or until ``stop``; True while there is reason to go on."""


class WallClock:
    """The clock of the system."""

    def now(self) -> datetime:
        """Return the present time, UTC."""
        return datetime.now(UTC)

    async def wait(self, stop: asyncio.Event, seconds: float) -> bool:
        """Wait in real time."""
        return await pause(stop, seconds)


def next_time(schedule: str, *, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first time of the schedule after a moment, UTC."""
    return next(CronSim(schedule, after.astimezone(zone))).astimezone(UTC)


@dataclass(slots=True)
class Schedule:
    """One schedule of one tenant."""

    kind: str
    cron: str
    zone: ZoneInfo
    trigger: Callable[[], Awaitable[object]]
    """Do or request what is due; if it raises ``AftersendError``, the run stays due."""
    may_run: Callable[[], bool]
    clock: ScheduleClock = field(default_factory=WallClock)
    log: "FilteringBoundLogger" = field(default_factory=get_logger)
    _due: datetime = field(default=datetime.max.replace(tzinfo=UTC), init=False)

    async def keep(self, stop: asyncio.Event, *, last: datetime | None, heartbeat: Callable[[], None]) -> None:
        """Trigger runs when they are due, until ``stop``; ``last`` is when the last one was."""
        self._due = next_time(self.cron, after=last or self.clock.now(), zone=self.zone)
        await every(self._slice, self._trigger_if_due, stop, heartbeat=heartbeat, wait=self.clock.wait)

    async def _trigger_if_due(self) -> None:
        """Trigger one run, however many times were missed; an error leaves it due."""
        if self.clock.now() < self._due or not self.may_run():
            return
        try:
            await self.trigger()
        except AftersendError as error:
            self.log.warning("schedule_waits", kind=self.kind, code=error.code)
            return
        self._due = next_time(self.cron, after=max(self._due, self.clock.now()), zone=self.zone)

    def _slice(self) -> float:
        left = (self._due - self.clock.now()) / timedelta(seconds=1)
        return min(left, SLICE_SECONDS) if left > 0 else 1.0
