"""Wake up delayed events when their upstream is back, instead of letting each wait for its time.

    circuit closes, or the process starts ──> one event a second is due, the one that waits longest first
    a call succeeds ──> all others are due, in steps over five seconds

Only events that failed at this upstream, for a transient reason and without Retry-After, carry its name in ``upstream``
(see ``retry``): an event without a match, or one that waits for a key, keeps its time. A woken event keeps id, first,
trace and attempt; if more than minutes of its wait were left, ``remaining`` keeps how many ms, and a failure of this
early try goes on waiting for so long and costs no attempt (see ``retry``).

One event a second at first, because a probe that succeeds proves little: an upstream that answers probes and fails at
everything else must not meet all that waits at each closing. Each event is woken once per closing. Without a success
the circuit opens again after a few of them.
"""

from typing import Final

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.stream.event import rfc3339, text_of
from aftersend.stream.retry import SHORT_SECONDS
from aftersend.stream.scripts import WAKE
from aftersend.stream.stored_events import StoredEvent, stored_events
from aftersend.stream.stream import Stream

SPREAD_SECONDS: Final = 5.0
_STEPS: Final = 10
_SHORT_MS: Final = round(SHORT_SECONDS * 1000)
_CHUNK: Final = 500


async def wake_up(stream: Stream, upstream: str, *, before: str = "", most: int | None = None) -> int:
    """Make events that wait for an upstream due within five seconds; returns how many.

    Only those that began to wait ``before`` that moment (RFC 3339); those that have waited longest, at most ``most``.
    """
    found = [event async for event in stored_events(stream, "delayed") if _waits_for(event, upstream, before)]
    found.sort(key=lambda event: text_of(event.fields, b"time"))
    step_ms = SPREAD_SECONDS * 1000 / _STEPS
    args = [
        (event.name, round(event.due), round(number % _STEPS * step_ms)) for number, event in enumerate(found[:most])
    ]
    chunks = [args[start : start + _CHUNK] for start in range(0, len(args), _CHUNK)]
    return sum([await _wake(stream, chunk) for chunk in chunks])


class WakeUps:
    """Decides when the events of one stream are woken up, once a second."""

    def __init__(self, stream: Stream, breaker: CircuitBreaker) -> None:
        self._stream = stream
        self._breaker = breaker
        self._openings = -1
        """Openings whose end was seen; a start counts as one, because the process before may have seen none."""
        self._closed_at = ""
        self._is_over = False

    async def step(self) -> None:
        """Wake up what may be due now; ``Transient`` if Redis is away, and then the next step repeats it."""
        breaker = self._breaker
        if breaker.is_open:
            return
        if breaker.openings != self._openings:
            self._openings, self._closed_at, self._is_over = breaker.openings, rfc3339(self._stream.clock()), False
        if self._is_over:
            return
        if breaker.proven:
            await wake_up(self._stream, breaker.upstream)
            self._is_over = True
        else:
            await wake_up(self._stream, breaker.upstream, before=self._closed_at, most=1)


def _waits_for(event: StoredEvent, upstream: str, before: str) -> bool:
    return text_of(event.fields, b"upstream") == upstream and not (before and text_of(event.fields, b"time") >= before)


async def _wake(stream: Stream, events: list[tuple[bytes, int, int]]) -> int:
    args = [argument for event in events for argument in event]
    return int(await WAKE.run(stream.redis, keys=[stream.delayed_key], args=[_SHORT_MS, *args]))
