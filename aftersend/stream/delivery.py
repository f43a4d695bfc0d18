"""The life of entries, from delivery to their end.

    open (unseal) ── handler ── decide ── settle: done | delayed | dead | released

Entries are handled together; each has an outcome of its own (see ``handling``). ``retry.decide`` turns each failure
into a decision. What is done is acknowledged in one call, and what moves away goes in one. Settling applies decisions
in Redis and retries until Redis has confirmed each, however long Redis is away: only then is its slot free again. If
the process dies before that, the entries are still pending, and another consumer handles them once more.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from math import inf
from typing import Final, Protocol, TypeVar
from weakref import WeakSet

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.errors import AftersendError, CredentialsRefused, Later, StoreAway, Transient
from aftersend.observe.logs import get_logger
from aftersend.redis.scripts import ScriptCall
from aftersend.stream.connection_backoff import ConnectionBackoff
from aftersend.stream.dead_letters import burial
from aftersend.stream.delayed import deferral
from aftersend.stream.event import attempt_of, remaining_of, seconds_of, text_of
from aftersend.stream.handling import Attempts, BatchHandler, Outcome, about
from aftersend.stream.pending_entries import PendingEntries, StreamEntry
from aftersend.stream.retry import LONG_SECONDS, SCHEDULE, DeadLetter, Decision, Delay, Done, Release, decide
from aftersend.stream.scripts import MOVE
from aftersend.stream.stream import Stream
from aftersend.stream.upstream_outage import UpstreamOutage

_T = TypeVar("_T")
_DUE_NOW: Final = Delay(0.0, counted=False)
Settlement = tuple[StreamEntry, Decision]
Failure = tuple[StreamEntry, Exception]


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
        self._log = get_logger(stream=stream.name)

    async def handle(self, entries: Sequence[StreamEntry]) -> None:
        """Handle entries together, and settle each."""
        openings = self._openings()
        outcomes = await self._attempts.outcomes(entries)
        self._record(outcomes.values())
        await self.settle([(entry, Done()) for entry in entries if outcomes[entry.id] is None])
        failed = [(entry, error) for entry in entries if (error := outcomes[entry.id]) is not None]
        await self.settle(await self._decisions(failed, openings))

    async def _decisions(self, failed: Sequence[Failure], openings: int) -> list[Settlement]:
        """Decide about entries whose events met errors; before long waits a probe separates an outage from bad luck."""
        settlements = await self._decided(failed)
        long = [place for place, (_, decision) in enumerate(settlements) if self._waits_long(decision)]
        if not long or self._breaker is None:
            return settlements
        if openings != self._openings() and not self._breaker.is_open:
            # they began before the outage ended
            again = [(entry, _soon(decision)) for entry, decision in map(settlements.__getitem__, long)]
        else:
            await self._breaker.check()
            again = await self._decided([failed[place] for place in long])
        for place, settlement in zip(long, again, strict=True):
            settlements[place] = settlement
        return settlements

    def _openings(self) -> int:
        return self._breaker.openings if self._breaker is not None else 0

    def _waits_long(self, decision: Decision) -> bool:
        upstream = self._breaker.upstream if self._breaker is not None else None
        return isinstance(decision, Delay) and decision.upstream == upstream and decision.seconds >= LONG_SECONDS

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Apply decisions in Redis, many in one call, retrying until each is confirmed."""
        for kinds, step in (((Done,), self._done), ((Release,), self._release), ((Delay, DeadLetter), self._move)):
            await self._settle_each([each for each in settlements if isinstance(each[1], kinds)], step)

    async def _settle_each(
        self, settlements: Sequence[Settlement], step: Callable[[Sequence[Settlement]], Awaitable[Sequence[object]]]
    ) -> None:
        """Repeat a step for the entries that Redis has not confirmed."""

        async def attempt() -> None:
            nonlocal settlements
            results = list(zip(settlements, await step(settlements), strict=True))
            settlements = [settlement for settlement, result in results if isinstance(result, Transient)]
            for settlement, result in results:
                if not isinstance(result, Transient):
                    self._settled(*settlement)
            for _, result in results:
                if isinstance(result, Transient):
                    raise result

        if settlements:
            await self._until_confirmed(attempt)

    async def _done(self, settlements: Sequence[Settlement]) -> Sequence[object]:
        await self._pending.done([entry.id for entry, _ in settlements])
        return settlements

    async def _move(self, settlements: Sequence[Settlement]) -> Sequence[object]:
        """Move entries away; one that another consumer holds by now stays there."""
        return await MOVE.run_many(self._stream.redis, [self._move_of(*settlement) for settlement in settlements])

    def _move_of(self, entry: StreamEntry, decision: Decision) -> ScriptCall:
        owner = self._pending.owner(entry)
        if isinstance(decision, DeadLetter):
            return burial(self._stream, owner, entry, decision)
        return deferral(self._stream, owner, entry, decision if isinstance(decision, Delay) else _DUE_NOW)

    async def _release(self, settlements: Sequence[Settlement]) -> Sequence[object]:
        """Give entries back; one that cannot be, since its claim vanished with the stream, is due at once."""
        owned = [entry.id for entry, _ in settlements if self._pending.owner(entry)]
        results: dict[bytes, object] = dict(zip(owned, await self._pending.release_each(owned), strict=True))
        others = [settlement for settlement in settlements if not results.get(settlement[0].id)]
        moved = await self._move(others)
        results |= {entry.id: result for (entry, _), result in zip(others, moved, strict=True)}
        return [results[entry.id] for entry, _ in settlements]

    def _settled(self, entry: StreamEntry, decision: Decision) -> None:
        self._pending.orphans.discard(entry.id)
        if isinstance(decision, Delay | Release):
            self._stream.due_time.within(decision.seconds if isinstance(decision, Delay) else 0)
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

    async def _decided(self, failed: Sequence[Failure]) -> list[Settlement]:
        last_outage = await self._last_outage([error for _, error in failed])
        return [(entry, self._decide(entry, error, last_outage)) for entry, error in failed]

    def _decide(self, entry: StreamEntry, error: Exception, last_outage: float) -> Decision:
        written = seconds_of(text_of(entry.fields, b"time"))
        return decide(
            error,
            attempt=attempt_of(entry.fields),
            disturbed=_may_be_disturbed(error) and (last_outage == inf or (written or inf) < last_outage),
            remaining=remaining_of(entry.fields),
            circuit_open=self._breaker is not None and self._breaker.is_open,
            jitter=random.random(),  # noqa: S311 - no secret
        )

    async def _last_outage(self, errors: Iterable[Exception]) -> float:
        """Return when the upstream was down last, in seconds since 1970; inf = now, 0 if it matters to no error."""
        if self._breaker is None or not any(map(_may_be_disturbed, errors)):
            return 0.0
        return inf if self._breaker.probe_failed else await self._until_confirmed(self._outage.last)

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
                self._log.debug("event_settled", id=text_of(entry.fields, b"id"), outcome=outcome)


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


def _may_be_disturbed(error: Exception) -> bool:
    return not isinstance(error, Later | StoreAway | CredentialsRefused)


def _soon(decision: Decision) -> Decision:
    return replace(decision, seconds=float(SCHEDULE[0]), counted=False) if isinstance(decision, Delay) else decision
