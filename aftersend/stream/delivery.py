"""The life of entries, from delivery to their end.

    open (unseal) ── handler ── decide ── settle: done | delayed | dead | released

Entries are handled together; each has an outcome of its own (see ``handling``). What is done is acknowledged in one
call. ``retry.decide`` turns each failure into a decision. Settling applies the decision in Redis and retries until
Redis has confirmed it, however long Redis is away: only then are the slots free again. If the process dies before that,
the entries are still pending, and another consumer handles them once more.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeGuard, TypeVar
from weakref import WeakSet

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.errors import AftersendError, CredentialsRefused, Later, StoreAway, Transient
from aftersend.observe.logs import get_logger
from aftersend.stream.connection_backoff import ConnectionBackoff
from aftersend.stream.dead_letters import move_to_dead_letters
from aftersend.stream.delayed import defer
from aftersend.stream.event import attempt_of, remaining_of, text_of
from aftersend.stream.handling import Attempts, BatchHandler, Outcome, about
from aftersend.stream.pending_entries import PendingEntries, StreamEntry
from aftersend.stream.retry import LONG_SECONDS, SCHEDULE, DeadLetter, Decision, Delay, Done, Release, decide
from aftersend.stream.stream import Stream
from aftersend.stream.upstream_outage import UpstreamOutage

_T = TypeVar("_T")
_CONCURRENT_MOVES: Final = 10
"""Of the entries of a batch that are not done."""


class ConsumerMeter(Protocol):
    """Counts the outcomes of events."""

    def handled(self, outcome: str) -> None:
        """Count an entry that was settled: ``done``, ``later``, ``retried``, ``handed_back`` or ``dead``."""

    def lost(self, count: int) -> None:
        """Count entries that vanished unhandled."""

    def replaced(self) -> None:
        """Count a stream that was replaced because its ids were exhausted."""


class Delivery:
    """Handles and settles entries for one consumer; ``on_settled`` is called with the id of each."""

    def __init__(  # noqa: PLR0913 - everything that settling depends on, by name
        self,
        stream: Stream,
        handler: BatchHandler,
        *,
        pending: PendingEntries,
        breaker: CircuitBreaker | None,
        meter: ConsumerMeter,
        backoff: ConnectionBackoff,
        on_settled: Callable[[bytes], None],
    ) -> None:
        self._stream = stream
        self._attempts = Attempts(stream, handler)
        self._pending = pending
        self._breaker = breaker
        self._meter = meter
        self._backoff = backoff
        self._outage = UpstreamOutage(stream)
        self._recorded: WeakSet[AftersendError] = WeakSet()
        """Errors that the circuit breaker knows: the events of one call share its error."""
        self._on_settled = on_settled
        self._moves = asyncio.Semaphore(_CONCURRENT_MOVES)
        self._log = get_logger(stream=stream.name)

    async def handle(self, entries: Sequence[StreamEntry]) -> None:
        """Handle entries together, and settle each."""
        openings = self._openings()
        outcomes = await self._attempts.outcomes(entries)
        self._record(outcomes.values())
        await self._finish([entry for entry in entries if outcomes[entry.id] is None])
        failed = [(entry, error) for entry in entries if (error := outcomes[entry.id]) is not None]
        settling = (self._settle_failed(entry, error, openings) for entry, error in failed)
        for unexpected in filter(None, await asyncio.gather(*settling, return_exceptions=True)):
            raise unexpected

    async def _settle_failed(self, entry: StreamEntry, error: Exception, openings: int) -> None:
        """Settle an entry whose event met an error."""
        async with self._moves:
            decision = await self._decide(entry, error)
            if self._breaker is not None and _waits_long(decision, self._breaker.upstream):
                if openings != self._openings() and not self._breaker.is_open:
                    # it began before the outage ended
                    decision = replace(decision, seconds=float(SCHEDULE[0]), counted=False)
                else:
                    await self._breaker.check()
                    decision = await self._decide(entry, error)
            await self.settle(entry, decision)

    def _openings(self) -> int:
        return self._breaker.openings if self._breaker is not None else 0

    async def settle(self, entry: StreamEntry, decision: Decision) -> None:
        """Apply the decision in Redis, retrying until it is confirmed."""
        match decision:
            case Done():
                await self._until_confirmed(lambda: self._pending.done([entry.id]))
            case Delay():
                await self._until_confirmed(lambda: defer(self._stream, self._pending.owner(entry), entry, decision))
            case DeadLetter():
                await self._until_confirmed(
                    lambda: move_to_dead_letters(self._stream, self._pending.owner(entry), entry, decision)
                )
            case Release():
                await self._until_confirmed(lambda: self._release(entry))
        self._settled(entry, decision)

    async def _finish(self, entries: Sequence[StreamEntry]) -> None:
        """Acknowledge and delete entries that are done, in one call."""
        if entries:
            await self._until_confirmed(lambda: self._pending.done([entry.id for entry in entries]))
        for entry in entries:
            self._settled(entry, Done())

    def _settled(self, entry: StreamEntry, decision: Decision) -> None:
        self._pending.orphans.discard(entry.id)
        self._on_settled(entry.id)
        self._log_outcome(entry, decision)

    def _record(self, outcomes: Collection[Outcome]) -> None:
        """Report results to the circuit breaker: one failed call is one failure, however many events it served."""
        if self._breaker is None:
            return
        if None in outcomes:
            self._breaker.record(None)
        for error in outcomes:
            if error is not None and error not in self._recorded:
                self._breaker.record(error)
                if isinstance(error, AftersendError):
                    self._recorded.add(error)

    async def _decide(self, entry: StreamEntry, error: Exception) -> Decision:
        return decide(
            error,
            attempt=attempt_of(entry.fields),
            disturbed=await self._disturbed(entry, error),
            remaining=remaining_of(entry.fields),
            circuit_open=self._breaker is not None and self._breaker.is_open,
            jitter=random.random(),  # noqa: S311 - no secret
        )

    async def _disturbed(self, entry: StreamEntry, error: Exception) -> bool:
        if self._breaker is None or isinstance(error, Later | StoreAway | CredentialsRefused):
            return False
        if self._breaker.probe_failed:
            return True
        return await self._until_confirmed(lambda: self._outage.since(text_of(entry.fields, b"time")))

    async def _release(self, entry: StreamEntry) -> object:
        owner = self._pending.owner(entry)
        if owner and await self._pending.release([entry.id]):
            return True
        return await defer(self._stream, owner, entry, Delay(0.0, counted=False))

    async def _until_confirmed(self, step: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            try:
                result = await step()
            except Transient as error:
                await asyncio.sleep(self._backoff.failed("settle", error.code))
            else:
                self._backoff.succeeded("settle")
                return result

    def _log_outcome(self, entry: StreamEntry, decision: Decision) -> None:
        outcome = _outcome(decision)
        self._meter.handled(outcome)
        match decision:
            case DeadLetter():
                self._log.error("event_dead", **about(entry), reason=decision.reason, code=decision.error)
            case Delay(counted=True):
                self._log.warning(
                    "event_delayed", **about(entry), code=decision.error, seconds=round(decision.seconds, 1)
                )
            case _:
                self._log.debug("event_settled", **about(entry), outcome=outcome)


def _outcome(decision: Decision) -> str:
    match decision:
        case Done():
            return "done"
        case Delay():
            return "retried" if decision.counted else "later"
        case Release():
            return "handed_back"
        case DeadLetter():
            return "dead"


def _waits_long(decision: Decision, upstream: str) -> TypeGuard[Delay]:
    return isinstance(decision, Delay) and decision.upstream == upstream and decision.seconds >= LONG_SECONDS
