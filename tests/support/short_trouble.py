"""Transient errors of both upstreams, as what answers a request in the place of the sandbox, a few times in a row."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Final

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from aftersend_sandbox.world.world import World
from tests.support.scripted_afterbuy import errors

IN_A_ROW: Final = 4
_TIMED_OUT: Final = 599
_READ_SECONDS: Final = 30.0
Answer = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]


def _status(status: int, body: str = "<html>Wartung</html>", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_request: web.Request, _handler: Handler) -> web.StreamResponse:
        return web.Response(status=status, text=body, headers=named)

    return answer


async def _reset(request: web.Request, _handler: Handler) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _lost_answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    return await _reset(request, handler)


async def _time_out(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    return web.Response(status=_TIMED_OUT)


async def _late_answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    return web.Response(status=_TIMED_OUT)


_STATUSES: Final = {f"http_{status}": _status(status) for status in (500, 502, 503)}
_CONNECTIONS: Final = {"unparsable": _status(200), "reset": _reset}
_BUSY: Final = '{"errors": [{"code": "invalid", "detail": "We are still processing a previous request."}]}'
QUICK: Final[dict[str, dict[str, Answer]]] = {
    "afterbuy": {
        **{f"code_{code}": _status(200, errors(code)) for code in (13, 14, 52, 999)},
        **_STATUSES,
        **_CONNECTIONS,
    },
    "sendcloud": {
        **_STATUSES,
        **_CONNECTIONS,
        "lost_answer": _lost_answer,
        "still_processing": _status(400, _BUSY),
    },
}
"""Errors that come at once: a run survives four of them at each of its calls."""
LATE_ANSWER: Final = _late_answer
"""A time-out of what was carried out."""
SLOW: Final[dict[str, dict[str, Answer]]] = {
    "afterbuy": {"time_out": _time_out},
    "sendcloud": {
        "time_out": _time_out,
        "429_empty": _status(429, ""),
        "429_retry_after": _status(429, "", Retry_After="20"),
    },
}
"""Errors that cost half a minute each: a run survives four of them at one of its calls."""


@dataclass(slots=True)
class ShortTrouble:
    """Answers the first tries of each request to one upstream; with ``call``, of the first request of that call."""

    upstream: str
    answer: Answer
    call: str = ""
    met: Counter[str] = field(default_factory=Counter)
    """How often each call met it."""
    _tries: Counter[tuple[str, bytes]] = field(default_factory=Counter)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer in the place of the sandbox, or let the request pass."""
        upstream, call = await _named(request)
        if upstream != self.upstream or self.call not in ("", call):
            return await handler(request)
        key = (request.path_qs, await request.read())
        if self._tries[key] >= IN_A_ROW or (self.call and self._tries and key not in self._tries):
            return await handler(request)
        self._tries[key] += 1
        self.met[call] += 1
        return await self.answer(request, handler)


def timing_out(world: World) -> aiohttp.TraceConfig:
    """Let a client see a time-out where the server marks one, without waiting for it."""
    config = aiohttp.TraceConfig()

    async def look(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        if params.response.status == _TIMED_OUT:
            world.clock.advance(timedelta(seconds=_READ_SECONDS))
            raise TimeoutError

    config.on_request_end.append(look)
    return config


async def _named(request: web.Request) -> tuple[str, str]:
    """Return the upstream and the call: one name for each thing that a run wants to know."""
    if request.path.startswith("/api/"):
        return "sendcloud", _sendcloud_call(request)
    return "afterbuy", _afterbuy_call(await request.read())


def _afterbuy_call(body: bytes) -> str:
    marks = {b"GetShopProducts": "products", b"RangeID": "next page", b"DateFilter": "window"}
    return next((call for mark, call in marks.items() if mark in body), "orders by id")


def _sendcloud_call(request: web.Request) -> str:
    if request.method == "POST":
        return "push"
    match request.path.split("/")[-1]:
        case "integrations":
            return "integrations"
        case "orders":
            return "one order" if "order_id" in request.query else "orders"
        case _ if "order_number" in request.query:
            return "parcels of an order"
    return "next parcels" if "cursor" in request.query else "parcels"
