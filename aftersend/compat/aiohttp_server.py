"""aiohttp 3.14: a server that quotes no request, and that strangers cannot fill with silent connections.

The protocol handler answers what its parser refuses, before any middleware or signal: with the parser's message, which
quotes the input, and with a ``Server`` header. There is no setting or hook for that answer, so ``QuietAppRunner``
replaces the handler. Waits for https://github.com/aio-libs/aiohttp/issues/3287.

The library has no limit on connections either. Beyond ``max_connections`` the one that has waited longest is dropped:
for a request, else for the body of one. Requests that are complete are never dropped; if all are, the newest
connection is.

``QuietHandlerRunner`` is the same for one function without an application, whose routes and signals take a tenth of
what aiohttp spends on a request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler


class _QuietRequestHandler(RequestHandler):
    """One connection that answers malformed HTTP with the status only."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make room for this connection if there are too many."""
        super().connection_made(transport)
        cast("_LimitedServer", self._manager).make_room(self)

    @property
    def waiting_since(self) -> float:
        """When it connected or was last answered; the idle timeout counts from there, too."""
        return self._next_keepalive_close_time

    @property
    def is_silent(self) -> bool:
        """True while no request has come, or none since the last answer."""
        return not (self._request_in_progress or self._messages)

    @property
    def is_incomplete(self) -> bool:
        """True while the body of a request is under way."""
        request = self._current_request
        return request is not None and not request.content.is_eof()

    def drop(self) -> None:
        """Close it at once, without an answer."""
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Log as aiohttp does, and answer without a body."""
        super().handle_error(request, status, exc, message)
        response = web.Response(status=status, headers={hdrs.SERVER: ""})
        response.force_close()
        return response


class _LimitedServer(web.Server):
    max_connections: int
    on_full: Callable[[], object]

    def __call__(self) -> RequestHandler:
        return _QuietRequestHandler(self, loop=self._loop, **self._kwargs)

    def make_room(self, newest: _QuietRequestHandler) -> None:
        """Drop one connection if ``newest`` is one too many."""
        if len(self._connections) <= self.max_connections:
            return
        others = [
            handler
            for handler, transport in self._connections.items()
            if isinstance(handler, _QuietRequestHandler) and handler is not newest and not transport.is_closing()
        ]
        if len(others) >= self.max_connections:
            _longest_waiting(others, newest).drop()
            self.on_full()


def _longest_waiting(others: list[_QuietRequestHandler], newest: _QuietRequestHandler) -> _QuietRequestHandler:
    for candidates in ([h for h in others if h.is_silent], [h for h in others if h.is_incomplete]):
        if candidates:
            return min(candidates, key=lambda handler: handler.waiting_since)
    return newest


class QuietAppRunner(web.AppRunner):
    """An ``AppRunner`` with at most ``max_connections``; ``on_full`` is called for each one that is dropped."""

    def __init__(
        self,
        app: web.Application,
        *,
        max_connections: int,
        on_full: Callable[[], object] = lambda: None,
        **kwargs: Any,  # noqa: ANN401 - the library's
    ) -> None:
        super().__init__(app, **kwargs)
        self._limits = {"max_connections": max_connections, "on_full": on_full}

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _LimitedServer  # the application makes the server itself, without a way to choose its class
        vars(server).update(self._limits)
        return server


class QuietHandlerRunner(web.BaseRunner):
    """A ``QuietAppRunner`` of one function that answers every request, ``Expect`` included."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        *,
        max_connections: int,
        on_full: Callable[[], object] = lambda: None,
        **kwargs: Any,  # noqa: ANN401 - the library's
    ) -> None:
        super().__init__(**kwargs)
        self._handler = handler
        self._limits = {"max_connections": max_connections, "on_full": on_full}

    async def _make_server(self) -> web.Server:
        server = _LimitedServer(self._handler, request_factory=_QuietRequest.of, **self._kwargs)
        vars(server).update(self._limits)
        return server

    async def shutdown(self) -> None:
        """Do nothing: there is no application with hooks."""

    async def _cleanup_server(self) -> None:
        pass


class _QuietRequest(web.BaseRequest):
    """A request whose answer does not name the server."""

    @classmethod
    def of(cls, message: Any, payload: Any, protocol: RequestHandler, writer: Any, task: Any) -> "_QuietRequest":  # noqa: ANN401 - the library's
        return cls(message, payload, protocol, writer, task, asyncio.get_running_loop())

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.pop(hdrs.SERVER, None)
