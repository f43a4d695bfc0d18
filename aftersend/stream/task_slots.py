"""Task slots: how many entries are handled at the same time, and waiting until a slot or all of them are free."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from aftersend.observe.logs import get_logger


class TaskSlots:
    """A fixed number of tasks, one per entry."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        """Number of entries that may still start."""
        return max(self._size - len(self._tasks), 0)

    @property
    def ids(self) -> list[bytes]:
        """Ids of the entries in flight."""
        return list(self._tasks)

    def __contains__(self, entry: object) -> bool:
        return entry in self._tasks

    def start(self, entry: bytes, work: Coroutine[Any, Any, None]) -> None:
        """Handle one entry in a task of its own."""
        task = asyncio.create_task(work)
        self._tasks[entry] = task
        task.add_done_callback(lambda done: self._ended(entry, done))

    async def wait_free(self, seconds: float) -> None:
        """Wait until an entry is finished, at most so many seconds."""
        self._changed.clear()
        if self._tasks:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    async def wait_empty(self, seconds: float | None) -> bool:
        """Wait until nothing is in flight; False if that takes longer than so many seconds (None = for ever)."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        return not self._tasks

    async def cancel(self) -> list[bytes]:
        """Cancel what is still in flight; returns the ids of these entries."""
        tasks = dict(self._tasks)
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks.values())
        return list(tasks)

    def _ended(self, entry: bytes, task: asyncio.Task[None]) -> None:
        self._tasks.pop(entry, None)
        self._changed.set()
        if not task.cancelled() and task.exception() is not None:
            # The entry stays pending, and the reclaim loop finds it.
            get_logger(entry=entry.decode()).error("handling_failed", exc_info=task.exception())
