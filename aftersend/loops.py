"""Waiting that ends when the process ends, the periodic loop of every service, and calls side by side."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from aftersend.errors import Transient

_T = TypeVar("_T")
_Item = TypeVar("_Item")


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait ``seconds``, or less if ``stop`` is set meanwhile; True while there is reason to go on."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return True
    return False


async def first(wanted: asyncio.Event, other: asyncio.Event) -> bool:
    """Wait for either event; True if it was ``wanted`` and not ``other``."""
    waits = [asyncio.create_task(event.wait()) for event in (wanted, other)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return not other.is_set()


async def every(
    seconds: float | Callable[[], float],
    step: Callable[[], Awaitable[object]],
    stop: asyncio.Event,
    *,
    heartbeat: Callable[[], None] | None = None,
    wait: Callable[[asyncio.Event, float], Awaitable[bool]] = pause,
) -> None:
    """Run ``step`` at once and then every ``seconds`` until ``stop`` is set, at least once in any case.

    ``heartbeat`` is called before each step. A ``Transient`` or ``OSError`` ends its step only: the next may find Redis
    or the upstream back, or a free file descriptor. Every other error ends the loop. If ``seconds`` is a function, it
    is called after each step.
    """
    while True:
        if heartbeat is not None:
            heartbeat()
        with suppress(Transient, OSError):
            await step()
        if not await wait(stop, seconds() if callable(seconds) else seconds):
            return


async def until_reached(
    step: Callable[[], Awaitable[_T]], stop: asyncio.Event, *, wait: Callable[[Transient], float]
) -> _T | None:
    """Repeat ``step`` until it raises no ``Transient``, and return its result; None if ``stop`` is set before.

    ``wait`` returns the seconds until the next one.
    """
    while not stop.is_set():
        try:
            return await step()
        except Transient as error:
            await pause(stop, wait(error))
    return None


async def with_heartbeat(
    work: Awaitable[_T],
    heartbeat: Callable[[], None],
    *,
    seconds: float = 1.0,
    meanwhile: Callable[[], Awaitable[object]] | None = None,
) -> _T:
    """Wait for something that may rightly take long; every so many seconds ``heartbeat`` and ``meanwhile`` are called.

    What still runs is cancelled with the caller.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=seconds))[0]:
            heartbeat()
            if meanwhile is not None:
                await meanwhile()
        return task.result()
    finally:
        task.cancel()


async def ended(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait for loops that end by themselves; cancel what hangs, in a dead connection for example."""
    _, hanging = await asyncio.wait(tasks, timeout=seconds)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def one_ahead(items: AsyncIterator[_Item]) -> AsyncGenerator[_Item, None]:
    """Yield items, the next one being fetched meanwhile; an error is raised where it occurred, after what came before.

    To be closed (``contextlib.aclosing``): what is being fetched ends with it.
    """
    upcoming = asyncio.ensure_future(anext(items))
    try:
        with suppress(StopAsyncIteration):
            while True:
                item = await upcoming
                upcoming = asyncio.ensure_future(anext(items))
                yield item
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)


async def side_by_side(calls: Iterable[Coroutine[None, None, None]], *, most: int) -> None:
    """Await ``most`` calls at a time; none outlives this one, whatever another raises."""
    gate = asyncio.Semaphore(most)

    async def run(call: Coroutine[None, None, None]) -> None:
        async with gate:
            await call

    tasks = [asyncio.create_task(run(call)) for call in calls]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
