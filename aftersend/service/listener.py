"""The public address: paths that parts mount, and nothing else.

One process has one public listener, however many tenants it serves. It opens its port when the first path is mounted,
so that services without a webhook never listen. Unknown paths get 404 whatever the method, answers carry no banner and
never quote what was asked, and nothing is logged about a request. Bodies are left to the handler: it counts bytes while
reading.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from aftersend.errors import Misconfigured
from aftersend.loops import first
from aftersend.observe.logs import get_logger
from aftersend.settings import Address

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST_BODY = 1024 * 1024
_SHUTDOWN_SECONDS = 8.0
_IDLE_SECONDS = 75.0
"""Also the time to send a request's head. Longer than proxies keep idle connections, or they would use a closed one."""


class _Connection(RequestHandler):
    """One connection. aiohttp answers what is no HTTP by quoting it, under a banner; this one only says the status."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Log as aiohttp does, answer without words."""
        super().handle_error(request, status, exc, message)
        response = web.Response(status=status, headers={hdrs.SERVER: ""})
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        return server


class Site:
    """One aiohttp application on one address."""

    def __init__(self, app: web.Application) -> None:
        app.on_response_prepare.append(_without_banner)
        self._runner = _Runner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            keepalive_timeout=_IDLE_SECONDS,
            auto_decompress=False,  # signatures are made over what was sent, and nobody sends bombs that stay packed
        )

    @property
    def port(self) -> int:
        """The port that is really in use; 0 while not listening."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else 0

    async def start(self, address: Address, *, setting: str) -> None:
        """Listen; ``Misconfigured`` names the setting if that is impossible."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, address.host, address.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise Misconfigured(
                f"cannot listen on {address.host}:{address.port} ({type(error).__name__})",
                cure=f"set {setting} to a free address of this machine",
            ) from None

    async def stop(self) -> None:
        """Take no more requests, finish those under way."""
        await self._runner.cleanup()


class PublicListener:
    """Where the outside world may knock."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._mounted = asyncio.Event()
        self._app = web.Application(client_max_size=LARGEST_BODY)
        self._app.router.add_route("*", "/{path:.*}", self._dispatch)
        self._site = Site(self._app)

    def mount(self, path: str, handler: Handler) -> None:
        """Serve ``path`` (exactly, all methods) with ``handler``; one that starts again takes its place back."""
        self._handlers[path] = handler
        self._mounted.set()

    @property
    def port(self) -> int:
        """The port that is really in use; 0 while not listening."""
        return self._site.port

    async def serve(self, address: Address, stop: asyncio.Event) -> None:
        """Listen from the first mount until ``stop``; returns when the last request has been answered."""
        if not await first(self._mounted, stop):
            return
        await self._site.start(address, setting="AFTERSEND_LISTEN")
        get_logger().info("listening", port=self.port, paths=sorted(self._handlers))
        try:
            await stop.wait()
        finally:
            await self._site.stop()

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        handler = self._handlers.get(request.path)
        if handler is None:
            return web.Response(status=404)
        return await handler(request)


async def _without_banner(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop(hdrs.SERVER, None)
