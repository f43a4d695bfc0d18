"""Resident memory of a process, watched from outside or from within."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident(pid: int | None = None) -> float:
    """Resident memory in MB (10^6 bytes) of a process; of this one without ``pid``."""
    statm = Path(f"/proc/{pid or 'self'}/statm").read_text()
    return round(int(statm.split()[1]) * _PAGE / 1e6, 1)


@dataclass
class Sight:
    """What was seen: in the beginning, after a tenth of the work, at the peak. What grows after the tenth grows on."""

    start: float
    tenth: float = 0.0
    peak: float = 0.0

    @property
    def growth(self) -> float:
        """Peak over the memory after a tenth of the work."""
        return round(self.peak / self.tenth, 2) if self.tenth else float("inf")


@asynccontextmanager
async def watching(done: Callable[[], Awaitable[bool]], pid: int | None = None) -> AsyncIterator[Sight]:
    """Look four times a second; ``done`` returns whether a tenth of the work is done."""
    sight = Sight(start=resident(pid))

    async def look() -> None:
        while True:
            sight.peak = max(sight.peak, resident(pid))
            if not sight.tenth and await done():
                sight.tenth = sight.peak
            await asyncio.sleep(0.25)

    task = asyncio.create_task(look())
    try:
        yield sight
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
