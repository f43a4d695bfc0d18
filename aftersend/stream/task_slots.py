"""Task slots: how many entries are handled at the same time, and waiting until a slot or all of them are free."""

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any

from aftersend.observe.logs import get_logger


class TaskSlots:
    """A fixed number of slots, one per entry; the entries of a task leave its slots together."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: dict[asyncio.Task[None], int] = {}
        """How many entries each took."""
        self._entries: dict[bytes, asyncio.Task[None]] = {}
        self._left: set[bytes] = set()
        """Entries that have not reached their end although their tasks were cancelled."""
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        """Number of entries that may still start."""
        return max(self._size - sum(self._tasks.values()), 0)

    @property
    def ids(self) -> list[bytes]:
        """Ids of the entries in flight."""
        return list(self._entries)

    def __contains__(self, entry: object) -> bool:
        return entry in self._entries

    def start(self, entries: Collection[bytes], work: Coroutine[Any, Any, None]) -> None:
        """Handle entries in a task of their own."""
        task = asyncio.create_task(work)
        self._tasks[task] = len(entries)
        self._entries |= dict.fromkeys(entries, task)
        task.add_done_callback(self._ended)

    def settled(self, entry: bytes) -> None:
        """Note that an entry has reached its end before its task has: it is in flight no more."""
        self._entries.pop(entry, None)
        self._left.discard(entry)

    async def wait_free(self, seconds: float) -> None:
        """Wait until a task has ended, at most so many seconds."""
        self._changed.clear()
        if self._tasks:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    async def wait_empty(self, seconds: float | None) -> bool:
        """Wait until nothing is in flight; False if that takes longer than so many seconds (None = for ever)."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        return not self._tasks

    async def cancel(self) -> list[bytes]:
        """Cancel what is still in flight; returns the ids of the entries that have not reached their end."""
        tasks, self._left = set(self._tasks), set(self._entries)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        return sorted(self._left)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        left = [entry for entry, owner in self._entries.items() if owner is task]
        for entry in left:
            del self._entries[entry]
        self._changed.set()
        if not task.cancelled() and task.exception() is not None:
            # The entries stay pending, and the reclaim loop finds them.
            get_logger(entries=[entry.decode() for entry in left]).error("handling_failed", exc_info=task.exception())
