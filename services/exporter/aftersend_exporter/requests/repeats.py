"""Failed runs come back by themselves: at most one delayed request per kind of run, until such a run does not fail.

    run failed ──> a request on ``runs:delayed``: due in 1, 2, 5, then every 10 minutes
                     ├── every circuit that the run needs is closed again: due at once
                     └── credentials were refused: due only then
    run not failed, one that a person asked for, too ──> the delayed request goes

The request is like any other, with the source ``system``: it coalesces with equal ones and survives restarts. The field
``repeat.<kind>`` of the tenant's state names it and counts the failures in a row. After a start no circuit is known to
be open, so a request that waits for one is due at once. A dry run and a run for named orders do not come back, and end
no repeats.
"""

import asyncio
from contextlib import suppress
from typing import Final, get_args

from aftersend.errors import Transient
from aftersend.ledger.tenant_state import StateField, TenantState
from aftersend.loops import first, pause
from aftersend.observe.logs import get_logger
from aftersend.observe.metrics import Metrics
from aftersend.redis.connection import guarded
from aftersend.runs import EVENT_TYPES, RunKind, RunRequest, RunSummary
from aftersend.stream.delayed import add_delayed
from aftersend.stream.stored_events import StoredEvent, stored_events
from aftersend.stream.stream import Stream
from aftersend_exporter.requests.circuits import Circuits

WAITS: Final = (60.0, 120.0, 300.0, 600.0)
"""Seconds after the first, second, … failed run; then always the last."""
UNTIL_CLOSED: Final = 10 * 365 * 86400.0
_CHECK_SECONDS: Final = 1.0
_FIELDS: Final[dict[RunKind, StateField]] = {"export": "repeat.export", "sweep": "repeat.sweep"}


class RunRepeats:
    """The repeats of one tenant's failed runs."""

    def __init__(self, runs: Stream, state: TenantState, circuits: Circuits, metrics: Metrics) -> None:
        self._runs = runs
        self._state = state
        self._circuits = circuits
        self._counters = {kind: metrics.run_repeats.labels(runs.tenant, kind) for kind in _FIELDS}
        self._started = False
        self._waiting: set[RunKind] = set()
        """Kinds of run that failed while a circuit which they need is open."""
        self._to_check = asyncio.Event()
        self._to_check.set()
        self._log = get_logger()

    async def run_ended(self, request: RunRequest, summary: RunSummary) -> None:
        """Plan the repeat of a failed run, or end the repeats of its kind."""
        if request.dry_run or request.orders:
            return
        if summary.outcome == "failed":
            await self._plan(summary)
        else:
            await self.end(request.kind)

    async def end(self, kind: RunKind) -> None:
        """Remove the delayed request of a kind, and forget its failures."""
        _, name = await self._known(kind)
        for found in await self._delayed(name):
            with guarded():
                await self._runs.redis.zrem(self._runs.delayed_key, found.name)
        if name:
            await self._state.delete(_FIELDS[kind])
        self._waiting.discard(kind)

    async def keep(self, stop: asyncio.Event) -> None:
        """Make repeats due when their circuits have closed, until ``stop``; without any there is nothing to look at."""
        while await first(self._to_check, stop):
            with suppress(Transient):
                await self.step()
            await pause(stop, _CHECK_SECONDS)

    async def step(self) -> None:
        """Make those repeats due whose circuits have closed; ``Transient`` leaves it to the next step."""
        if not self._started:
            for kind in get_args(RunKind):
                await self._make_due(kind, later_than=WAITS[-1])
            self._started = True
        for kind in sorted(self._waiting):
            if self._circuits.closed_for(kind):
                await self._make_due(kind)
                self._waiting.discard(kind)
        if not self._waiting:
            self._to_check.clear()

    async def _plan(self, summary: RunSummary) -> None:
        kind = summary.kind
        is_open = not self._circuits.closed_for(kind)
        failures, name = await self._known(kind)
        if not await self._delayed(name):
            refused = is_open and "refused" in (summary.health.afterbuy, summary.health.sendcloud)
            seconds = UNTIL_CLOSED if refused else WAITS[min(failures, len(WAITS) - 1)]
            await self._delay(kind, seconds, failures=failures + 1)
        if is_open:
            self._waiting.add(kind)
            self._to_check.set()

    async def _delay(self, kind: RunKind, seconds: float, *, failures: int) -> None:
        """Add the request; its name is stored first, so that a crash in between leaves none that is unknown."""
        event = self._runs.new_event(EVENT_TYPES[kind], "system", RunRequest(kind=kind))
        await self._state.set(_FIELDS[kind], f"{failures} {event.id}")
        await add_delayed(self._runs, event, seconds=seconds)
        self._counters[kind].inc()
        self._log.warning("run_repeats", kind=kind, failures=failures, seconds=seconds)

    async def _make_due(self, kind: RunKind, *, later_than: float = 0.0) -> None:
        """Make the delayed request of a kind due, if it waits longer than so many seconds."""
        _, name = await self._known(kind)
        for found in await self._delayed(name):
            with guarded():
                seconds, _ = await self._runs.redis.time()
                if found.due / 1000 - seconds > later_than:
                    await self._runs.redis.zadd(self._runs.delayed_key, {found.name: seconds * 1000}, xx=True)
                    self._runs.due_time.within(0)

    async def _known(self, kind: RunKind) -> tuple[int, str]:
        """Return how many runs of a kind have failed in a row, and the name of the last repeat."""
        failures, _, name = (await self._state.get(_FIELDS[kind]) or "").partition(" ")
        return (int(failures), name) if failures.isdecimal() else (0, "")

    async def _delayed(self, name: str) -> list[StoredEvent]:
        if not name:
            return []
        return [
            found async for found in stored_events(self._runs, "delayed") if found.fields.get(b"id") == name.encode()
        ]
