"""A consumer in a process of its own, whose handler kills the process at one certain event.

``python -m tests.support.mortal_consumer URL FOLDER JOURNAL`` consumes until the stream is empty. Each name that was
handled becomes a line of the journal; the event named ``POISON`` ends the process with ``DIED``, as a crash would.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from aftersend.stream.event import Event
from tests.support.stream_kit import NamedParcel, consuming, is_empty, opened, until

POISON: Final = "poison"
DIED: Final = 7


async def main(url: str, folder: Path, journal: Path) -> None:
    """Consume until nothing is left."""

    async def handler(event: Event) -> None:
        name = event.read(NamedParcel).name
        if name == POISON:
            os._exit(DIED)
        await asyncio.sleep(0)
        with journal.open("a") as lines:
            lines.write(f"{name}\n")

    async with opened(url, folder) as stream, consuming(stream, handler, name=f"mortal-{os.getpid()}"):
        await until(lambda: is_empty(stream))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
