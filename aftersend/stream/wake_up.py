"""Wake up delayed events when their upstream is back, instead of letting each wait for its time.

    circuit closes, or the process starts ──> one event a second is due, the one that waits longest first
    a call succeeds ──> all others are due, in steps over five seconds

Only events that failed at this upstream, for a transient reason and without Retry-After, carry its name in ``upstream``
(see ``retry``): an event without a match, or one that waits for a key, keeps its time. A woken event keeps id, first,
trace and attempt; if more than minutes of its wait were left, ``remaining`` keeps how many ms, and a failure of this
early try goes on waiting for so long and costs no attempt (see ``retry``).

One event a second at first, because a probe that succeeds proves little: an upstream that answers probes and fails at
everything else must not meet all that waits at each closing. Each event is woken once per closing, and not before a
small share of its wait is over: a handful of orders at which the upstream fails for ever would open the circuit each
time. Without a success the circuit opens again after a few of them.
"""

from typing import Final

from aftersend.circuit_breaker import CircuitBreaker
from aftersend.redis.scripts import ScriptArgument
from aftersend.stream.event import rfc3339, seconds_of, text_of
from aftersend.stream.retry import SHORT_SECONDS
from aftersend.stream.scripts import WAKE
from aftersend.stream.stored_events import StoredEvent, stored_events
from aftersend.stream.stream import Stream

SPREAD_SECONDS: Final = 5.0
_STEPS: Final = 10
_SHORT_MS: Final = round(SHORT_SECONDS * 1000)
_CHUNK: Final = 500
_SHARE: Final = 1 / 40
"""45 seconds of half an hour, 15 minutes of ten hours."""


async def wake_up(stream: Stream, upstream: str) -> int:
    """Make all events that wait for an upstream due, in steps over five seconds; returns how many."""
    return await _wake(stream, await _waiting(stream, upstream))


class WakeUps:
    """Decides when the events of one stream are woken up, once a second."""

    def __init__(self, stream: Stream, breaker: CircuitBreaker) -> None:
        self._stream = stream
        self._breaker = breaker
        self._openings = -1
        """Openings whose end was seen; a start counts as one, because the process before may have seen none."""
        self._closed_at = ""
        self._has_candidates = False
        self._is_over = False

    @property
    def is_soon(self) -> bool:
        """Return whether the next step may have something to do in a second."""
        return self._has_candidates and not self._is_over and not self._breaker.is_open

    async def step(self) -> None:
        """Wake up what may be due now; ``Transient`` if Redis is away, and then the next step repeats it."""
        breaker = self._breaker
        if breaker.is_open:
            return
        if breaker.openings != self._openings:
            self._openings, self._closed_at = breaker.openings, rfc3339(self._stream.clock())
            self._has_candidates, self._is_over = True, False
        if self._is_over:
            return
        if breaker.proven:
            await _wake(self._stream, await _waiting(self._stream, breaker.upstream), share=_SHARE)
            self._is_over = True
        elif self._has_candidates:
            await self._wake_one()

    async def _wake_one(self) -> None:
        candidates = await _waiting(self._stream, self._breaker.upstream, before=self._closed_at)
        self._has_candidates = bool(candidates)
        now = self._stream.clock() * 1000
        await _wake(self._stream, [event for event in candidates if _end_of_share(event, _SHARE) <= now][:1])


async def _waiting(stream: Stream, upstream: str, *, before: str = "") -> list[StoredEvent]:
    """Return the events that wait for an upstream, the longest-waiting first; only those that began before a moment."""
    found = [event async for event in stored_events(stream, "delayed") if _waits_for(event, upstream, before)]
    return sorted(found, key=lambda event: text_of(event.fields, b"time"))


async def _wake(stream: Stream, events: list[StoredEvent], *, share: float = 0.0) -> int:
    """Make events due, none before ``share`` of its wait is over; returns how many."""
    now, step = stream.clock() * 1000, SPREAD_SECONDS * 1000 / _STEPS
    count = 0
    for start in range(0, len(events), _CHUNK):
        args: list[ScriptArgument] = [_SHORT_MS]
        for number, event in enumerate(events[start : start + _CHUNK]):
            delay = max(number % _STEPS * step, _end_of_share(event, share) - now)
            args += [event.name, round(event.due), round(delay)]
        count += int(await WAKE.run(stream.redis, keys=[stream.delayed_key], args=args))
    if count:
        stream.due_time.within(0)  # the next look says when the first of them is due
    return count


def _waits_for(event: StoredEvent, upstream: str, before: str) -> bool:
    return text_of(event.fields, b"upstream") == upstream and not (before and text_of(event.fields, b"time") >= before)


def _end_of_share(event: StoredEvent, share: float) -> float:
    """Return when that share of the wait is over, in ms since 1970."""
    began = (seconds_of(text_of(event.fields, b"time")) or 0.0) * 1000
    return began + (event.due - began) * share
