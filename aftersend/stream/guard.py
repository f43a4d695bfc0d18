"""Notice what a stolen Redis user of a producer can do to a stream, and undo what can be undone.

Such a user may XADD and nothing else, but XADD takes an id and a length. With the highest id there is, every later XADD
is refused, for good; so the entries move to a fresh stream of the same name. With ``MAXLEN = 1`` unread entries are
deleted; the sweep brings their parcels again, and here they are counted. What was read already and is gone shows when
it is claimed (``pending_entries``).
"""

from typing import Final

from aftersend.observe.logs import get_logger
from aftersend.redis.scripts import ScriptArgument
from aftersend.stream.scripts import GUARD
from aftersend.stream.stream import Stream

MAX_AHEAD_MS: Final = 3_600_000
"""Redis' own ids never are ahead of its clock, unless that was set back."""


class StreamGuard:
    """Looks after one stream for its consumer."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._missing = 0
        self._log = get_logger(stream=stream.name)

    async def inspect(self) -> tuple[bool, int]:
        """Replace the stream if its ids are exhausted; returns whether it was, and how many unread entries vanished."""
        args: list[ScriptArgument] = [self._stream.group, MAX_AHEAD_MS]
        moved, missing = await GUARD.run(self._stream.redis, keys=[self._stream.key], args=args)
        vanished, self._missing = max(0, int(missing) - self._missing), int(missing)
        if moved >= 0:
            self._log.critical("stream_replaced", count=int(moved))
        if vanished:
            self._log.critical("events_lost", count=vanished)
        return moved >= 0, vanished
