"""Polling of other processes, which set no event of ours."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]], *, within: float = 120) -> None:
    """Look ten times a second until it holds."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.1)
