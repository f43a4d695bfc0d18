"""The life of one entry, from delivery to its end.

    open (unseal) ── handler ── decide ── settle: done | delayed | dead | released

Opening and handling may fail in any way; ``retry.decide`` turns each failure into a decision. Settling applies the
decision in Redis and retries until Redis has confirmed it, however long Redis is away: only then is the slot free
again. If the process dies before that, the entry is still pending, and another consumer handles it once more.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol, TypeGuard, TypeVar
from weakref import WeakSet

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.errors import AftersendError, CredentialsRefused, Later, StoreAway, Transient
from aftersend.observe.logs import get_logger
from aftersend.observe.traces import messaging, span
from aftersend.stream.connection_backoff import ConnectionBackoff
from aftersend.stream.dead_letters import move_to_dead_letters
from aftersend.stream.delayed import defer
from aftersend.stream.event import Event, attempt_of, remaining_of, text_of
from aftersend.stream.pending_entries import PendingEntries, StreamEntry
from aftersend.stream.retry import LONG_SECONDS, SCHEDULE, DeadLetter, Decision, Delay, Done, Release, decide
from aftersend.stream.stream import Stream
from aftersend.stream.upstream_outage import UpstreamOutage

_T = TypeVar("_T")
Handler = Callable[[Event], Awaitable[None]]
"""Returns if done, else raises an error of ``aftersend.errors``. Idempotent: delivery is at least once."""


class ConsumerMeter(Protocol):
    """Counts the outcomes of events."""

    def handled(self, outcome: str) -> None:
        """Count an entry that was settled: ``done``, ``later``, ``retried``, ``handed_back`` or ``dead``."""

    def lost(self, count: int) -> None:
        """Count entries that vanished unhandled."""

    def replaced(self) -> None:
        """Count a stream that was replaced because its ids were exhausted."""


class Delivery:
    """Handles and settles single entries for one consumer."""

    def __init__(
        self,
        stream: Stream,
        handler: Handler,
        *,
        pending: PendingEntries,
        breaker: CircuitBreaker | None,
        meter: ConsumerMeter,
        backoff: ConnectionBackoff,
    ) -> None:
        self._stream = stream
        self._handler = handler
        self._pending = pending
        self._breaker = breaker
        self._meter = meter
        self._backoff = backoff
        self._outage = UpstreamOutage(stream)
        self._recorded: WeakSet[AftersendError] = WeakSet()
        """Errors that the circuit breaker knows: the events of one call share its error."""
        self._log = get_logger(stream=stream.name)

    async def handle(self, entry: StreamEntry) -> None:
        """Handle one entry and settle it."""
        openings = self._openings()
        error = await self._try(entry)
        self._record(error)
        decision = await self._decide(entry, error)
        if self._breaker is not None and _waits_long(decision, self._breaker.upstream):
            if openings != self._openings() and not self._breaker.is_open:
                decision = replace(decision, seconds=float(SCHEDULE[0]), counted=False)  # began before the outage ended
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
        self._pending.orphans.discard(entry.id)
        self._log_outcome(entry, decision)

    async def _try(self, entry: StreamEntry) -> Exception | None:
        parent = text_of(entry.fields, b"traceparent")
        try:
            event = self._stream.open(entry.fields)
            with span(
                f"process {self._stream.name}",
                kind="consumer",
                parent=parent,
                group=self._stream.group,
                event=event.id,
                event_type=event.type,
                source=event.source,
                attempt=event.attempt,
                **messaging("process", kind="process", stream=self._stream.name),
            ):
                await self._handler(event)
        except asyncio.CancelledError as cancelled:
            return _unless_stopping(cancelled)
        except AftersendError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the consumer goes on
            self._log.exception("handler_failed", **_about(entry))
            return error
        return None

    def _record(self, error: Exception | None) -> None:
        """Report the result to the circuit breaker: one failed call is one failure, however many events it served."""
        if self._breaker is not None and error not in self._recorded:
            self._breaker.record(error)
            if isinstance(error, AftersendError):
                self._recorded.add(error)

    async def _decide(self, entry: StreamEntry, error: Exception | None) -> Decision:
        return decide(
            error,
            attempt=attempt_of(entry.fields),
            disturbed=await self._disturbed(entry, error),
            remaining=remaining_of(entry.fields),
            circuit_open=self._breaker is not None and self._breaker.is_open,
            jitter=random.random(),  # noqa: S311 - no secret
        )

    async def _disturbed(self, entry: StreamEntry, error: Exception | None) -> bool:
        if self._breaker is None or error is None or isinstance(error, Later | StoreAway | CredentialsRefused):
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
                self._log.error("event_dead", **_about(entry), reason=decision.reason, code=decision.error)
            case Delay(counted=True):
                self._log.warning(
                    "event_delayed", **_about(entry), code=decision.error, seconds=round(decision.seconds, 1)
                )
            case _:
                self._log.debug("event_settled", **_about(entry), outcome=outcome)


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


def _about(entry: StreamEntry) -> dict[str, object]:
    return {
        "id": text_of(entry.fields, b"id"),
        "type": text_of(entry.fields, b"type"),
        "entry": entry.id.decode(),
        "attempt": attempt_of(entry.fields),
        "deliveries": entry.deliveries,
    }


def _unless_stopping(cancelled: asyncio.CancelledError) -> Exception:
    """Return the failure of a handler that cancelled itself; re-raise if the consumer is being stopped."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise cancelled
    return Transient("cancelled")
