"""Handlers of events, and one try of the events in some entries.

A handler takes one event, and returns or raises; or it takes many, and returns what each of them met. Whatever it
does, each entry gets an outcome of its own. If a handler of many fails as a whole in a way that need not concern them
all, each is tried alone: one event that reveals a bug takes no other along.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from aftersend.errors import AftersendError, CredentialsRefused, Misconfigured, Transient
from aftersend.observe.logs import get_logger
from aftersend.observe.traces import OpenSpan, messaging, span
from aftersend.stream.event import Event, attempt_of, text_of
from aftersend.stream.pending_entries import StreamEntry
from aftersend.stream.stream import Stream

MAX_BATCH: Final = 100
Handler = Callable[[Event], Awaitable[None]]
"""Returns if done, else raises an error of ``aftersend.errors``. Idempotent: delivery is at least once."""
Outcome = Exception | None
"""What an event met; None = done."""
_CONCERN_ALL: Final = (Transient, CredentialsRefused, Misconfigured)


@dataclass(frozen=True, slots=True)
class BatchHandler:
    """A handler of up to ``size`` events at once; ``handle`` returns the outcomes in the order of the events.

    Idempotent like a handler of one, and the order of the events means nothing.
    """

    handle: Callable[[Sequence[Event]], Awaitable[Sequence[Outcome]]]
    size: int = MAX_BATCH


def one_by_one(handler: Handler) -> BatchHandler:
    """Return a handler of single events as one of batches of one."""

    async def handle(events: Sequence[Event]) -> Sequence[Outcome]:
        for event in events:
            await handler(event)
        return [None for _ in events]

    return BatchHandler(handle, size=1)


class Attempts:
    """Tries the events of entries of one stream."""

    def __init__(self, stream: Stream, handler: BatchHandler) -> None:
        self._stream = stream
        self._handler = handler
        self._log = get_logger(stream=stream.name)

    async def outcomes(self, entries: Sequence[StreamEntry]) -> dict[bytes, Outcome]:
        """Open and handle events, and return the outcome of each entry; never raises, unless it is cancelled."""
        events: dict[bytes, Event] = {}
        failed: dict[bytes, Outcome] = {}
        for entry in entries:
            try:
                events[entry.id] = self._stream.open(entry.fields)
            except Exception as error:  # noqa: BLE001 - whatever is in an entry, the consumer goes on
                failed[entry.id] = error
        outcomes = failed | (await self._handled(events) if events else {})
        for entry in entries:
            self._log_unexpected(entry, outcomes[entry.id])
        return outcomes

    async def _handled(self, events: Mapping[bytes, Event]) -> dict[bytes, Outcome]:
        if len(events) > 1:
            outcomes = await self._handled_together(events)
            if outcomes is not None:
                return outcomes
        return {entry: await self._handled_alone(event) for entry, event in events.items()}

    async def _handled_alone(self, event: Event) -> Outcome:
        try:
            with self._span(event) as traced:
                (outcome,) = await self._handler.handle([replace(event, traceparent=traced.traceparent)])
                _raise(outcome)
        except asyncio.CancelledError as cancelled:
            return _unless_stopping(cancelled)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the consumer goes on
            return error
        return None

    async def _handled_together(self, events: Mapping[bytes, Event]) -> dict[bytes, Outcome] | None:
        """Return the outcomes; None if the handler failed in a way that need not concern all events."""
        spans = {entry: OpenSpan(self._span(event)) for entry, event in events.items()}
        outcomes: Mapping[bytes, Outcome] = {}
        try:
            traced = [replace(event, traceparent=spans[entry].traceparent) for entry, event in events.items()]
            outcomes = dict(zip(events, await self._handler.handle(traced), strict=True))
        except asyncio.CancelledError as cancelled:
            _unless_stopping(cancelled)
            return None
        except _CONCERN_ALL as error:
            outcomes = dict.fromkeys(events, error)
        except Exception:  # noqa: BLE001 - each is tried alone, and what it meets is logged there
            return None
        finally:
            for entry, opened in spans.items():
                opened.end(outcomes.get(entry))
        return dict(outcomes)

    def _span(self, event: Event) -> span:
        return span(
            f"process {self._stream.name}",
            kind="consumer",
            parent=event.traceparent,
            group=self._stream.group,
            event=event.id,
            event_type=event.type,
            source=event.source,
            attempt=event.attempt,
            **messaging("process", kind="process", stream=self._stream.name),
        )

    def _log_unexpected(self, entry: StreamEntry, outcome: Outcome) -> None:
        if outcome is not None and not isinstance(outcome, AftersendError):
            self._log.error("handler_failed", **about(entry), exc_info=outcome)


def _raise(outcome: Outcome) -> None:
    """Raise what a handler returned, so that the span around it has failed."""
    if outcome is not None:
        raise outcome


def about(entry: StreamEntry) -> dict[str, object]:
    """Return what logs say about an entry."""
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
