"""When a consumer looks again for entries that are due: its sleep while there is nothing to do.

A look says when the earliest delayed event is due; what this process delays later lowers that time. What other
processes do is seen at the latest when the longest sleep is over.
"""

import asyncio
from contextlib import suppress
from math import inf
from typing import Final

from aftersend.loops import first

_MARGIN_SECONDS: Final = 0.005
"""Redis' clock decides, in whole milliseconds: a look that is early by one would be followed by a pause."""

_RESOLUTION_SECONDS: Final = 0.001
"""The event loop ends a wait a little early, by its clock."""


class DueTime:
    """The next look at one stream in this process, by the clock of the event loop."""

    def __init__(self) -> None:
        self._at = inf
        self._earlier = asyncio.Event()

    def reset(self, seconds: float) -> None:
        """Look again after so many seconds, whatever was known before."""
        self._at = asyncio.get_running_loop().time() + seconds

    def within(self, seconds: float) -> None:
        """Look again once an entry is due that is due in so many seconds."""
        at = asyncio.get_running_loop().time() + seconds + _MARGIN_SECONDS
        if at < self._at:
            self._at = at
            self._earlier.set()

    async def wait(self, stop: asyncio.Event, *, at_least: float) -> None:
        """Wait until it is time to look, or ``stop`` is set."""
        clock = asyncio.get_running_loop().time
        soonest = clock() + at_least
        while (seconds := max(self._at, soonest) - clock()) > _RESOLUTION_SECONDS and not stop.is_set():
            self._earlier.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await first(self._earlier, stop)
