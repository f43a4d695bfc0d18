"""Figures that are read from Redis when they are to be shown, and not while no one looks.

An idle tenant costs nothing this way. One reading serves all who ask within ``MAX_AGE_SECONDS``. It is waited for, but
not for long: while Redis is slow or away, the figures before are shown.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Final

from aftersend.errors import Transient
from aftersend.observe.logs import get_logger

MAX_AGE_SECONDS: Final = 5.0
WAIT_SECONDS: Final = 2.0
"""Below the timeouts of those who ask; a reading that takes longer goes on for the next one."""


class OnDemand:
    """One reading; its log lines are those of the tenant that it was made for."""

    def __init__(self, read: Callable[[], Awaitable[object]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._context = copy_context()
        self._began = float("-inf")
        self._task: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Read, unless the last reading is recent; wait for a reading that is under way."""
        if (self._task is None or self._task.done()) and self._clock() - self._began >= MAX_AGE_SECONDS:
            self._began = self._clock()
            self._task = asyncio.create_task(self._run(), context=self._context)
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=WAIT_SECONDS)

    def cancel(self) -> None:
        """End a reading that is under way: what it reads belongs to a part that has ended."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._read()
        except (Transient, OSError) as error:
            get_logger().debug("figures_not_read", error=type(error).__name__)
        except Exception:  # noqa: BLE001 - a bug in a figure must not end a probe
            get_logger().exception("figures_failed")
