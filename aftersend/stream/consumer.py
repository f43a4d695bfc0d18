"""The consumer: reads events off a stream, passes them to a handler, and loses none.

Five loops run side by side and share the task slots (how many entries are handled at once):

    read      XREADGROUP as many new entries as slots are free; pauses while the circuit is open
    look      when something is due, at least every 5 s: promotes delayed events and those that a closed circuit wakes
              up, reclaims pending entries of dead consumers (idle over 45 s), and released ones
    renew     every 15 s: renews the claims of entries in flight
    tidy      every minute: deletes consumers that are gone, and dead letters after 90 days
    guard     every 10 s: replaces a stream whose ids are exhausted, counts unread entries that vanished

What one reading brings is handled as one batch, up to the size that the handler takes; nothing is held back to fill
one. Batches run through ``delivery``. What the loops add is care for entries that were delivered before (see
``redelivery``). The cause of their consumer's death is unknown; perhaps one of them crashed it. So they are handled in
*exclusive mode*: reading pauses, the slots run empty, then a small group or a single entry is claimed, which raises its
delivery count, and handled with nothing else in flight. If the slots do not run empty in time, because a long run is in
one of them, reading goes on and the entries wait for the next opportunity.

A graceful stop reads no more, waits some time for what is in flight, and releases the rest with idle time and delivery
count as if it had never been delivered: the next consumer claims it at once. While Redis is away each loop waits with
exponential backoff and resumes by itself. Delivery is at least once; handlers are idempotent.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.errors import AftersendError, Transient
from aftersend.loops import ended, pause, until_reached, with_heartbeat
from aftersend.observe.logs import get_logger
from aftersend.stream.connection_backoff import ConnectionBackoff
from aftersend.stream.dead_letters import DeadLetters
from aftersend.stream.delayed import MAX_PROMOTED, promote
from aftersend.stream.delivery import ConsumerMeter, Delivery
from aftersend.stream.guard import StreamGuard
from aftersend.stream.handling import BatchHandler, Handler, one_by_one
from aftersend.stream.pending_entries import IdleEntry, PendingEntries, StreamEntry
from aftersend.stream.redelivery import SHARED_DELIVERIES, is_poison, next_group, released
from aftersend.stream.retry import DeadLetter
from aftersend.stream.stream import Stream
from aftersend.stream.task_slots import TaskSlots
from aftersend.stream.timing import DEFAULT_TIMING, ConsumerTiming
from aftersend.stream.upstream_outage import UpstreamOutage
from aftersend.stream.wake_up import WakeUps

_GROUP_RETRY_SECONDS: Final = 0.1
_POISON: Final = DeadLetter("poison", "the process died each time")


def consumer_name() -> str:
    """Return host and process id: the same as long as the process lives."""
    return f"{socket.gethostname()}-{os.getpid()}"


class Consumer:
    """One consumer of one stream; it calls ``heartbeat`` whenever reading makes progress or waits for good reason."""

    def __init__(  # noqa: PLR0913 - everything a consumer depends on, by name
        self,
        stream: Stream,
        handler: Handler | BatchHandler,
        *,
        name: str,
        meter: ConsumerMeter,
        heartbeat: Callable[[], None] = lambda: None,
        concurrency: int = 16,
        breaker: CircuitBreaker | None = None,
        timing: ConsumerTiming = DEFAULT_TIMING,
    ) -> None:
        self._stream = stream
        self._breaker = breaker
        self._meter = meter
        self._heartbeat = heartbeat
        self._timing = timing
        self._pending = PendingEntries(stream, name)
        self._slots = TaskSlots(concurrency)
        self._backoff = ConnectionBackoff(stream=stream.name)
        self._outage = UpstreamOutage(stream)
        self._wake_ups = WakeUps(stream, breaker) if breaker is not None else None
        self._guard = StreamGuard(stream)
        self._read_lock = asyncio.Lock()
        self._stop = asyncio.Event()
        self._log = get_logger(stream=stream.name, consumer=name)
        self._shared = asyncio.Event()
        """Set unless an entry is handled in exclusive mode."""
        self._shared.set()
        handler = handler if isinstance(handler, BatchHandler) else one_by_one(handler)
        self._batch_size = handler.size
        self._delivery = Delivery(
            stream,
            handler,
            pending=self._pending,
            breaker=breaker,
            meter=meter,
            backoff=self._backoff,
            on_settled=self._slots.settled,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set; then finish or release what is in flight."""
        self._stop = stop
        await self._begin()
        every = self._timing
        steps = [("read", self._read, 0.0), ("look", self._look, 0.0), ("renew", self._renew, every.renew)]
        steps += [("tidy", self._tidy, every.tidy), ("guard", self._inspect, every.guard)]
        loops = [asyncio.create_task(self._loop(*step)) for step in steps]
        try:
            await stop.wait()
            await self._slots.wait_empty(self._timing.grace)
        finally:
            unfinished = await self._slots.cancel()
            await self._release(unfinished)
            await ended(loops, self._timing.release_seconds)

    async def _begin(self) -> None:
        """Create the group before the loops start; wait for Redis if it is away."""

        async def step() -> None:
            self._heartbeat()
            await self._inspect()  # first, since an entry that is read is missed no more
            await self._pending.ensure_group()
            self._backoff.succeeded("begin")

        await until_reached(step, self._stop, wait=lambda error: self._backoff.failed("begin", error.code))

    async def _loop(self, name: str, step: Callable[[], Awaitable[None]], every: float) -> None:
        while not self._stop.is_set():
            wait = every
            try:
                await step()
                self._backoff.succeeded(name)
            except Transient as error:
                wait = await self._failed(name, error)
            except Exception:  # noqa: BLE001 - a bug in one step must not end the consumer
                self._log.exception("loop_failed", loop=name)
                wait = max(every, self._backoff.failed(name, "unexpected"))
            if wait:
                await pause(self._stop, wait)

    async def _failed(self, name: str, error: Transient) -> float:
        """Return the seconds to wait; a vanished group is created again at once."""
        if error.code != "redis_no_group":
            return self._backoff.failed(name, error.code)
        with suppress(Transient):
            await self._pending.note_orphans(self._slots.ids)
            if await self._pending.ensure_group():
                self._log.warning("group_made_again")
        return _GROUP_RETRY_SECONDS

    # Reading

    async def _read(self) -> None:
        self._heartbeat()
        if self._circuit_is_open():
            await self._wait_until_closed()
        elif not self._slots.free:
            await self._slots.wait_free(1.0)
        else:
            await self._read_new()

    async def _read_new(self) -> None:
        if not self._shared.is_set():
            await with_heartbeat(self._shared.wait(), self._heartbeat)
        async with self._read_lock:
            entries = await self._pending.read(self._slots.free, block_ms=self._timing.block_ms)
            await self._dispatch(entries)

    async def _dispatch(self, entries: list[StreamEntry]) -> None:
        if self._stop.is_set() or self._circuit_is_open():
            await self._release([entry.id for entry in entries])
            return
        for entry in entries:
            self._pending.orphans.discard(entry.id)
        # What is in flight already comes again if the group was created again meanwhile.
        self._start([entry for entry in entries if entry.id not in self._slots])

    def _start(self, entries: list[StreamEntry]) -> None:
        for start in range(0, len(entries), self._batch_size):
            batch = entries[start : start + self._batch_size]
            self._slots.start([entry.id for entry in batch], self._delivery.handle(batch))

    def _circuit_is_open(self) -> bool:
        return self._breaker is not None and self._breaker.is_open

    async def _wait_until_closed(self) -> None:
        assert self._breaker is not None  # noqa: S101 - for the type checker
        self._log.info("reading_paused")
        await with_heartbeat(self._breaker.wait_closed(self._stop), self._heartbeat, meanwhile=self._record_outage)
        self._stream.due_time.within(0)
        self._log.info("reading_resumed")

    async def _record_outage(self) -> None:
        if self._breaker is not None and self._breaker.probe_failed:
            await self._outage.record()

    # Entries that are due

    async def _look(self) -> None:
        """Promote and reclaim what is due, then sleep until the next is."""
        due_time = self._stream.due_time
        due_time.reset(self._timing.look)  # first, since what is delayed meanwhile counts
        await self._promote()
        if not self._circuit_is_open() and await self._reclaim():
            due_time.within(0)
        await due_time.wait(self._stop, at_least=self._timing.due)

    async def _promote(self) -> None:
        if self._wake_ups is not None:
            await self._wake_ups.step()
            if self._wake_ups.is_soon:
                self._stream.due_time.within(0)
        while not self._stop.is_set() and await promote(self._stream) == MAX_PROMOTED:
            continue

    async def _reclaim(self) -> bool:
        """Claim and handle idle entries; True if there were any, for some of them may be left."""
        idle = await self._idle()
        if as_new := released(idle)[: self._slots.free]:
            await self._claim_released(as_new)
        if next_group(idle):
            await self._redeliver_exclusively()
        return bool(idle)

    async def _idle(self) -> list[IdleEntry]:
        idle = await self._pending.idle(self._timing.idle_ms)
        return [found for found in idle if found.id not in self._slots]

    async def _claim_released(self, found: list[IdleEntry]) -> None:
        """Claim released entries, which are as good as new, and handle them beside others."""
        entries = await self._claim(found)
        await self._dispatch([entry for entry in entries if entry.deliveries == SHARED_DELIVERIES])
        await self._release([entry.id for entry in entries if entry.deliveries != SHARED_DELIVERIES])

    async def _redeliver_exclusively(self) -> None:
        """Claim and handle idle entries group by group, each with nothing else in flight."""
        self._shared.clear()
        try:
            async with self._read_lock:
                if await self._slots.wait_empty(self._timing.exclusive_wait):
                    while await self._claim_next_group():
                        await self._slots.wait_empty(None)
        finally:
            self._shared.set()

    async def _claim_next_group(self) -> bool:
        if self._stop.is_set() or self._circuit_is_open():
            return False
        group = next_group(await self._idle())[: self._slots.free]
        entries = await self._claim(group) if group else []
        if self._stop.is_set():
            await self._release([entry.id for entry in entries])
        elif len(entries) == 1 and is_poison(entries[0]):
            self._slots.start([entries[0].id], self._delivery.settle([(entries[0], _POISON)]))
        else:
            self._start(entries)
        return bool(group)

    async def _claim(self, found: list[IdleEntry]) -> list[StreamEntry]:
        """Claim entries that are still idle, as far as none is in flight here; count those that have vanished."""
        claimed = await self._pending.claim(found, self._timing.idle_ms)
        if claimed.vanished:
            self._meter.lost(len(claimed.vanished))
            self._log.critical("events_lost", count=len(claimed.vanished))
        return [entry for entry in claimed.entries if entry.id not in self._slots]

    # Housekeeping

    async def _renew(self) -> None:
        ids = self._slots.ids
        if ids and await self._pending.renew(ids):
            self._log.debug("claims_gone")

    async def _inspect(self) -> None:
        replaced, vanished = await self._guard.inspect()
        if replaced:
            self._meter.replaced()
        if vanished:
            self._meter.lost(vanished)

    async def _tidy(self) -> None:
        await self._pending.delete_idle_consumers(self._timing.forget_ms)
        if expired := await DeadLetters(self._stream).expire():
            self._log.warning("dead_letters_expired", count=expired)

    async def _release(self, ids: list[bytes]) -> None:
        """Release entries; if Redis is away, they grow idle and are claimed by any consumer."""
        if ids:
            with suppress(AftersendError, TimeoutError):
                async with asyncio.timeout(self._timing.release_seconds):
                    await self._pending.release(ids)
            for _ in ids:
                self._meter.handled("handed_back")
