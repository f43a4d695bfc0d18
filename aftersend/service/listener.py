"""The public listener: serve the paths that parts mount, and nothing else.

One process has one public listener, however many tenants it serves. It opens its port when the first path is mounted,
so services without a webhook never listen. Unknown paths get 404 for every method, answers carry no Server header and
never quote the request, and requests are not logged. The handler reads the body, because it limits bytes while reading.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import HttpVersion11, hdrs, web

from aftersend.compat.aiohttp_server import QuietAppRunner, QuietHandlerRunner
from aftersend.errors import Misconfigured
from aftersend.loops import first
from aftersend.observe.logs import get_logger
from aftersend.observe.throttle import LogThrottle
from aftersend.service.process_limits import max_connections
from aftersend.settings import ListenAddress

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_SHUTDOWN_SECONDS = 8.0
_BACKLOG = 128
_IDLE_SECONDS = 75.0
"""Also the time to send a request's head. Longer than proxies keep idle connections, or they would use a closed one."""


class HttpSite:
    """One aiohttp application, or one function that answers everything, on one address."""

    def __init__(self, served: web.Application | Handler) -> None:
        self._throttle = LogThrottle()
        options: dict[str, Any] = {
            "max_connections": max_connections(),
            "on_full": self._on_full,
            "access_log": None,
            "handle_signals": False,
            "shutdown_timeout": _SHUTDOWN_SECONDS,
            "keepalive_timeout": _IDLE_SECONDS,
            "auto_decompress": False,  # signatures cover the bytes as sent; a bomb stays packed
        }
        self._runner: web.BaseRunner
        if isinstance(served, web.Application):
            served.on_response_prepare.append(_say_little)
            self._runner = QuietAppRunner(served, **options)
        else:
            self._runner = QuietHandlerRunner(served, **options)

    @property
    def port(self) -> int:
        """The port in use; 0 while not listening."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else 0

    async def start(self, address: ListenAddress, *, setting: str) -> None:
        """Listen; ``Misconfigured`` names the setting if the address cannot be used."""
        await self._runner.setup()
        try:
            backlog = min(_BACKLOG, max_connections())  # asyncio accepts as many at once
            await web.TCPSite(self._runner, address.host, address.port, backlog=backlog).start()
        except OSError as error:
            await self._runner.cleanup()
            raise Misconfigured(
                f"cannot listen on {address.host}:{address.port} ({type(error).__name__})",
                cure=f"set {setting} to a free address of this machine",
            ) from None

    async def stop(self) -> None:
        """Accept no more requests, finish those in flight."""
        await self._runner.cleanup()

    def _on_full(self) -> None:
        left_out = self._throttle.suppressed("connections_dropped")
        if left_out is not None:
            get_logger().warning("connections_dropped", port=self.port, at_once=max_connections(), more=left_out)


class PublicListener:
    """The listener of one process for all webhooks of its tenants."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._mounted = asyncio.Event()
        self._site = HttpSite(self._dispatch)

    def mount(self, path: str, handler: Handler) -> None:
        """Serve ``path`` (exact, all methods) with ``handler``; a part that restarts replaces its handler."""
        self._handlers[path] = handler
        self._mounted.set()

    @property
    def port(self) -> int:
        """The port in use; 0 while not listening."""
        return self._site.port

    async def serve(self, address: ListenAddress, stop: asyncio.Event) -> None:
        """Listen from the first mount until ``stop``; returns when the last request has been answered."""
        if not await first(self._mounted, stop):
            return
        await self._site.start(address, setting="AFTERSEND_LISTEN")
        get_logger().info("listening", port=self.port, paths=sorted(self._handlers))
        try:
            await stop.wait()
        finally:
            await self._site.stop()

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        if hdrs.EXPECT in request.headers and not await _continued(request):
            return web.Response(status=417)
        handler = self._handlers.get(request.raw_path.partition("?")[0])  # as sent: %2F is no slash
        if handler is None:
            return web.Response(status=404)
        return await handler(request)


async def _continued(request: web.BaseRequest) -> bool:
    """Ask for the body of a client that waits for that; False if it expects anything else."""
    if request.version != HttpVersion11:
        return True
    if request.headers[hdrs.EXPECT].lower() != "100-continue":
        return False
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # of the answer, which begins after it
    await request.writer.drain()
    return True


async def _say_little(_request: web.Request, response: web.StreamResponse) -> None:
    """Remove the name of the server, and what the library quotes of the request."""
    response.headers.pop(hdrs.SERVER, None)
    if isinstance(response, web.HTTPExpectationFailed):
        response.text = ""
