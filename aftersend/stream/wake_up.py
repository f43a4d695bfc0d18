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


async def wake_up(
    stream: Stream, upstream: str, *, before: str = "", most: int | None = None, share: float = 0.0
) -> int:
    """Make events that wait for an upstream due, in steps over five seconds; returns how many.

    Only those that began to wait ``before`` that moment (RFC 3339). None is due before ``share`` of its wait is over.
    With ``most``, only so many of those whose share is over, the ones that have waited longest.
    """
    found = [event async for event in stored_events(stream, "delayed") if _waits_for(event, upstream, before)]
    found.sort(key=lambda event: text_of(event.fields, b"time"))
    now, step = stream.clock() * 1000, SPREAD_SECONDS * 1000 / _STEPS
    rests = [max(_end_of_share(event, share) - now, 0.0) for event in found]
    if most is not None:
        found = [event for event, rest in zip(found, rests, strict=True) if not rest][:most]
        rests = [0.0] * len(found)
    args = [
        (event.name, round(event.due), round(max(rest, number % _STEPS * step)))
        for number, (event, rest) in enumerate(zip(found, rests, strict=True))
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
            await wake_up(self._stream, breaker.upstream, share=_SHARE)
            self._is_over = True
        else:
            await wake_up(self._stream, breaker.upstream, before=self._closed_at, most=1, share=_SHARE)


def _waits_for(event: StoredEvent, upstream: str, before: str) -> bool:
    return text_of(event.fields, b"upstream") == upstream and not (before and text_of(event.fields, b"time") >= before)


def _end_of_share(event: StoredEvent, share: float) -> float:
    """Return when that share of the wait is over, in ms since 1970."""
    began = (seconds_of(text_of(event.fields, b"time")) or 0.0) * 1000
    return began + (event.due - began) * share


async def _wake(stream: Stream, events: list[tuple[bytes, int, int]]) -> int:
    args = [argument for event in events for argument in event]
    return int(await WAKE.run(stream.redis, keys=[stream.delayed_key], args=[_SHORT_MS, *args]))
