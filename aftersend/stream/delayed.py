"""Delayed events: a sorted set beside the stream, by due time.

An event gets there in one step (``move.lua``: written there, acknowledged and deleted here) and comes back in one step
(``promote.lua``). On both ways it keeps id, first, trace and its sealed data; ``attempt`` goes up if the try counted,
``time`` becomes the moment of the move. Redis' own clock says what is due, so processes need not agree about the time.
An event that may be tried early when the circuit of an upstream closes carries the name of that upstream in
``upstream`` (see ``wake_up``).
"""

from typing import Final

from aftersend.redis.connection import guarded
from aftersend.redis.scripts import ScriptCall
from aftersend.stream.event import WAIT_FIELDS, Event, attempt_of, pack, rfc3339
from aftersend.stream.pending_entries import StreamEntry
from aftersend.stream.retry import Delay
from aftersend.stream.scripts import ADD_DELAYED, PROMOTE, flat
from aftersend.stream.stream import Stream

MAX_PROMOTED: Final = 100


def deferral(stream: Stream, owner: str, entry: StreamEntry, delay: Delay) -> ScriptCall:
    """Return the move of an entry to the delayed set."""
    attempt = attempt_of(entry.fields) + (1 if delay.counted else 0)
    fields = {name: value for name, value in entry.fields.items() if name not in WAIT_FIELDS}
    fields |= {b"attempt": b"%d" % attempt, b"time": rfc3339(stream.clock()).encode()}
    if delay.upstream:
        fields[b"upstream"] = delay.upstream.encode()
    args = [stream.group, owner, entry.id, round(delay.seconds * 1000), *flat(fields)]
    return [stream.key, stream.delayed_key], args


async def add_delayed(stream: Stream, event: Event, *, seconds: float) -> None:
    """Add a sealed event that is due in so many seconds."""
    with guarded():
        now, micros = await stream.redis.time()
    due = round((now + seconds) * 1000 + micros / 1000)
    await ADD_DELAYED.run(stream.redis, keys=[stream.delayed_key], args=[due, *flat(pack(event))])
    stream.due_time.within(seconds)


async def promote(stream: Stream) -> int:
    """Move due events back to the stream; returns how many, at most ``MAX_PROMOTED``."""
    keys = [stream.key, stream.delayed_key, stream.dead_key]
    count, next_ms = await PROMOTE.run(stream.redis, keys=keys, args=[MAX_PROMOTED])
    if next_ms >= 0:
        stream.due_time.within(next_ms / 1000)
    return int(count)
