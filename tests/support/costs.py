"""What one unit of work costs, counted and not timed: function calls and round trips to Redis.

A path is run with a few units and with more; the difference is what the additional ones cost, without what a run costs
anyway. Calls of Python and of C are counted in the thread of the path alone: the upstreams and the sender of webhooks
run in other threads. The event loop's own work depends on how the network cuts what it carries, so it is left out.
"""

import asyncio
import selectors
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from aiohttp import web

from benchmarks.stub.__main__ import Upstreams
from tests.support.round_trips import round_trips

Work = Callable[[int], AbstractAsyncContextManager[Callable[[], Awaitable[object]]]]
"""Prepares so many units; what it yields works them off, and that is counted."""
_MORE_TRIPS = 0.25
"""What a slow machine adds: loops that ask Redis by the clock."""
_LOOP = (asyncio.__file__.removesuffix("__init__.py"), selectors.__file__)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one unit."""

    calls: float
    round_trips: float

    def exceeds(self, recorded: "Cost", *, share: float) -> bool:
        """Return whether it is more than the recorded one, by this share of calls or by a quarter of a round trip."""
        return self.calls > recorded.calls * (1 + share) or self.round_trips > recorded.round_trips + _MORE_TRIPS


async def cost_of(work: Work, *, few: int, many: int) -> Cost:
    """Run a path with a few units and with many, after a run that warms up."""
    _, small, large = [await _counted(work, units) for units in (few, few, many)]
    calls, trips = (after - before for before, after in zip(small, large, strict=True))
    return Cost(round(calls / (many - few), 1), round(trips / (many - few), 3))


async def _counted(work: Work, units: int) -> tuple[int, int]:
    async with work(units) as run:
        with round_trips() as trips, _calls() as calls:
            await run()
    return calls[0], trips.count


@contextmanager
def _calls() -> Iterator[list[int]]:
    found = [0]

    def count(frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_call") and not frame.f_code.co_filename.startswith(_LOOP):
            found[0] += 1

    sys.setprofile(count)
    try:
        yield found
    finally:
        sys.setprofile(None)


@contextmanager
def upstreams() -> Iterator[tuple[str, Upstreams]]:
    """The stub of both upstreams in a thread of its own; yields its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        runner, stub = asyncio.run_coroutine_threadsafe(_served(), loop).result()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", stub
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _served() -> tuple[web.AppRunner, Upstreams]:
    stub = Upstreams()
    runner = web.AppRunner(stub.application(), access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, stub


def send(port: int, requests: list[bytes]) -> None:
    """Send requests one after the other over one connection; every answer is a 200 without a body."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for request in requests:
            connection.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 "), answer


def more_calls(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Wrap a function so that each call of it makes so many more."""

    def wrapped(*words: Any, **named: Any) -> Any:
        for _ in range(count):
            _nothing()
        return function(*words, **named)

    return wrapped


def _nothing() -> None:
    """Cost one call."""
