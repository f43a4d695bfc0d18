"""Events that wait for their time: a sorted set beside the stream, by due time.

An event gets there in one step (``move.lua``: written there, acknowledged and deleted here) and comes back in one step
(``promote.lua``). On both ways it keeps id, first, trace and its sealed data; ``attempt`` goes up if the try counted,
``time`` becomes the moment of the move. Redis' own clock says what is due, so processes need not agree about the time.
"""

from typing import Final

from aftersend.redis.scripts import ScriptArgument, run_script
from aftersend.stream.event import attempt_of, rfc3339
from aftersend.stream.pending_entries import StreamEntry
from aftersend.stream.retry import Delay
from aftersend.stream.stream import Stream

PROMOTE_AT_MOST: Final = 100


async def defer(stream: Stream, owner: str, entry: StreamEntry, delay: Delay) -> bool:
    """Move an entry to the delayed set; False if somebody else holds it by now."""
    attempt = attempt_of(entry.fields) + (1 if delay.counted else 0)
    fields = {**entry.fields, b"attempt": b"%d" % attempt, b"time": rfc3339(stream.clock()).encode()}
    args: list[ScriptArgument] = [stream.group, owner, entry.id, round(delay.seconds * 1000)]
    for name, value in fields.items():
        args += (name, value)
    return bool(await run_script(stream.redis, "move", keys=[stream.key, stream.delayed_key], args=args))


async def promote(stream: Stream) -> int:
    """Put what is due back on the stream; returns how many, at most ``PROMOTE_AT_MOST``."""
    keys = [stream.key, stream.delayed_key, stream.dead_key]
    return int(await run_script(stream.redis, "promote", keys=keys, args=[PROMOTE_AT_MOST]))
