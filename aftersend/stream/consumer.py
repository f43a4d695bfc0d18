"""The consumer: takes events off a stream, hands them to a handler, and loses none whatever happens.

Four loops run side by side and share the *lanes* (how many entries are handled at once):

    read      XREADGROUP as many new entries as lanes are free; pauses while the circuit is open
    reclaim   every second: what others left behind (idle over 45 s), or handed back
    renew     every 15 s: tells Redis that entries in our lanes are still being worked on
    promote   every second: delayed events whose time has come; now and then forgets dead consumers

Each entry goes its own way (``handling``). What the loops add is the care for entries that were delivered before.
Nobody knows why their consumer died; perhaps *they* killed it. So such an entry is handled alone: reading pauses, the
lanes run empty, then exactly one is claimed (claiming is what raises its delivery count) and handled with nothing else
in flight. If it kills this process as well, it took no neighbours along and did not spoil their counts; after the
fifth lonely death it is buried as ``poison``. If the lanes do not run empty in time, because a long run is in one of
them, reading goes on and the lonely one waits for the next opportunity.

A graceful stop reads no more, gives what is in flight some time, and hands the rest back with idle time and delivery
count as if it had never been delivered: the next consumer takes it at once. Redis may go and come back at any time;
each loop waits with growing pauses and resumes by itself. Delivery is at least once; handlers are idempotent.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aftersend.circuit_breaker import Breaker
from aftersend.errors import AftersendError, Transient
from aftersend.observe.logs import get_logger
from aftersend.redis.connection import BLOCK_MS
from aftersend.stream.connection_backoff import Link
from aftersend.stream.delayed import PROMOTE_AT_MOST, promote
from aftersend.stream.delivery import ConsumerMeter, Handler, Handling
from aftersend.stream.pending_entries import Claimed, Claims, Entry
from aftersend.stream.retry import Bury
from aftersend.stream.stream import Stream
from aftersend.stream.task_slots import Lanes
from aftersend.stream.upstream_outage import Outage

LONELY_DEATHS: Final = 5
_BRIEFLY: Final = 0.1
_SHARED_DELIVERIES: Final = 1
"""The first delivery, perhaps beside others, is no evidence against an entry."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All times of a consumer; tests shorten them, nobody else does. Seconds, unless the name says ms."""

    block_ms: int = BLOCK_MS
    idle_ms: int = 45_000
    """An entry untouched for so long has lost its consumer; longer than the longest handling without renewal."""
    reclaim: float = 1.0
    renew: float = 15.0
    """A third of ``idle_ms``: two renewals may fail."""
    promote: float = 1.0
    tidy: float = 60.0
    forget_ms: int = 3_600_000
    """A consumer silent for so long, with nothing pending, is forgotten."""
    patience: float = 45.0
    """How long a lonely entry waits for the lanes to run empty before reading goes on."""
    grace: float = 15.0
    """How long a stop waits for what is in flight."""
    farewell: float = 3.0
    """How long a stop tries to hand back the rest."""


def consumer_name() -> str:
    """Host and process: the same as long as the process lives."""
    return f"{socket.gethostname()}-{os.getpid()}"


class Consumer:
    """One consumer of one stream. ``pulse`` is called whenever reading makes progress or waits for good reason."""

    def __init__(  # noqa: PLR0913 - everything a consumer depends on, by name
        self,
        stream: Stream,
        handler: Handler,
        *,
        name: str,
        meter: ConsumerMeter,
        pulse: Callable[[], None] = lambda: None,
        concurrency: int = 16,
        breaker: Breaker | None = None,
        timing: Timing = Timing(),
    ) -> None:
        self._stream = stream
        self._breaker = breaker
        self._meter = meter
        self._pulse = pulse
        self._timing = timing
        self._claims = Claims(stream, name)
        self._lanes = Lanes(concurrency)
        self._link = Link(stream=stream.name)
        self._outage = Outage(stream)
        self._intake = asyncio.Lock()
        self._stop = asyncio.Event()
        self._log = get_logger(stream=stream.name, consumer=name)
        self._company = asyncio.Event()
        self._company.set()
        self._handling = Handling(stream, handler, claims=self._claims, breaker=breaker, meter=meter, link=self._link)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set; then finish or hand back what is in flight."""
        self._stop = stop
        await self._begin()
        loops = [
            asyncio.create_task(self._loop("read", self._read, 0.0)),
            asyncio.create_task(self._loop("reclaim", self._reclaim, self._timing.reclaim)),
            asyncio.create_task(self._loop("renew", self._renew, self._timing.renew)),
            asyncio.create_task(self._loop("promote", self._promote, self._timing.promote)),
            asyncio.create_task(self._loop("tidy", self._tidy, self._timing.tidy)),
        ]
        try:
            await stop.wait()
            await self._lanes.emptied(self._timing.grace)
        finally:
            unfinished = await self._lanes.cancel()
            await self._hand_back(unfinished)
            await _ended(loops, self._timing.farewell)

    async def _begin(self) -> None:
        """The group is there before the loops start; if Redis is not, wait for it."""
        while not self._stop.is_set():
            self._pulse()
            try:
                await self._claims.ensure_group()
            except Transient as error:
                await self._rest(self._link.failed("begin", error.code))
            else:
                self._link.works("begin")
                return

    async def _loop(self, name: str, step: Callable[[], Awaitable[None]], every: float) -> None:
        while not self._stop.is_set():
            wait = every
            try:
                await step()
                self._link.works(name)
            except Transient as error:
                wait = await self._failed(name, error)
            except Exception:  # noqa: BLE001 - a bug in one step must not end the consumer
                self._log.exception("loop_failed", loop=name)
                wait = max(every, self._link.failed(name, "unexpected"))
            if wait:
                await self._rest(wait)

    async def _failed(self, name: str, error: Transient) -> float:
        """Everything takes a pause, but a vanished group is made again at once."""
        if error.code != "redis_no_group":
            return self._link.failed(name, error.code)
        with suppress(Transient):
            await self._claims.note_orphans(self._lanes.ids)
            if await self._claims.ensure_group():
                self._log.warning("group_made_again")
        return _BRIEFLY

    # Reading

    async def _read(self) -> None:
        self._pulse()
        if self._circuit_is_open():
            await self._other_side_is_back()
        elif not self._lanes.free:
            await self._lanes.freed(1.0)
        else:
            await self._read_new()

    async def _read_new(self) -> None:
        if not self._company.is_set():
            await self._pulsing(self._company.wait())
        async with self._intake:
            entries = await self._claims.read(self._lanes.free, block_ms=self._timing.block_ms)
            await self._dispatch(entries)

    async def _dispatch(self, entries: list[Entry]) -> None:
        if self._stop.is_set() or self._circuit_is_open():
            await self._hand_back([entry.id for entry in entries])
        else:
            for entry in entries:
                self._claims.orphans.discard(entry.id)
                if entry.id not in self._lanes:  # else the group was made again while we are at it
                    self._lanes.start(entry.id, self._handling.handle(entry))

    def _circuit_is_open(self) -> bool:
        return self._breaker is not None and self._breaker.is_open

    async def _other_side_is_back(self) -> None:
        assert self._breaker is not None  # noqa: S101 - for the type checker
        self._log.info("reading_paused")
        await self._pulsing(self._breaker.wait_closed(self._stop), self._note_outage)
        self._log.info("reading_resumed")

    async def _note_outage(self) -> None:
        if self._breaker is not None and self._breaker.confirmed:
            await self._outage.note()

    # Entries that were delivered before

    async def _reclaim(self) -> None:
        if self._circuit_is_open():
            return
        overdue = [found for found in await self._claims.overdue(self._timing.idle_ms) if found.id not in self._lanes]
        for found in overdue:
            if found.deliveries == 0 and self._lanes.free:
                await self._take_back(found.id)
        if any(found.deliveries > 0 for found in overdue):
            await self._lonely_ones()

    async def _take_back(self, entry_id: bytes) -> None:
        """What was handed back is as good as new and joins the others."""
        entry = self._found(await self._claims.claim(self._timing.idle_ms, start=entry_id))
        if entry is None or entry.id in self._lanes:
            return
        if entry.deliveries == _SHARED_DELIVERIES:
            await self._dispatch([entry])
        else:
            await self._hand_back([entry.id])

    async def _lonely_ones(self) -> None:
        """One after the other, each with nothing else in flight, however long it takes."""
        self._company.clear()
        try:
            async with self._intake:
                if await self._lanes.emptied(self._timing.patience):
                    while await self._next_alone():
                        await self._lanes.emptied(None)
        finally:
            self._company.set()

    async def _next_alone(self) -> bool:
        if self._stop.is_set() or self._circuit_is_open():
            return False
        entry = self._found(await self._claims.claim(self._timing.idle_ms))
        if entry is not None and self._stop.is_set():
            await self._hand_back([entry.id])
        elif entry is not None:
            self._lanes.start(entry.id, self._alone(entry))
        return entry is not None

    async def _alone(self, entry: Entry) -> None:
        deaths = entry.deliveries - _SHARED_DELIVERIES - 1
        if deaths >= LONELY_DEATHS:
            await self._handling.settle(entry, Bury("poison", "the process died each time"))
        else:
            await self._handling.handle(entry)

    def _found(self, claimed: Claimed) -> Entry | None:
        if claimed.vanished:
            self._meter.lost(len(claimed.vanished))
            self._log.critical("events_lost", count=len(claimed.vanished))
        return claimed.entry

    # Housekeeping

    async def _renew(self) -> None:
        ids = self._lanes.ids
        if ids and await self._claims.renew(ids):
            self._log.debug("claims_gone")

    async def _promote(self) -> None:
        moved = PROMOTE_AT_MOST
        while moved == PROMOTE_AT_MOST and not self._stop.is_set():
            moved = await promote(self._stream)

    async def _tidy(self) -> None:
        await self._claims.tidy(self._timing.forget_ms)

    async def _hand_back(self, ids: list[bytes]) -> None:
        """If Redis is away there is nothing to do: whoever finds them idle takes them."""
        if ids:
            with suppress(AftersendError, TimeoutError):
                async with asyncio.timeout(self._timing.farewell):
                    await self._claims.hand_back(ids)
            for _ in ids:
                self._meter.handled("handed_back")

    async def _pulsing(self, wait: Awaitable[object], meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        """Wait for something that may rightly take long, and show all the while that this loop is alive."""
        task = asyncio.ensure_future(wait)
        try:
            while not (await asyncio.wait({task}, timeout=1.0))[0]:
                self._pulse()
                if meanwhile is not None:
                    await meanwhile()
            task.result()
        finally:
            task.cancel()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


async def _ended(loops: list[asyncio.Task[None]], patience: float) -> None:
    """Loops end by themselves within one blocking read; whatever hangs in a dead link is cut off."""
    _, hanging = await asyncio.wait(loops, timeout=patience)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
