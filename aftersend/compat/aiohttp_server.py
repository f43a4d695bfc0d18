"""aiohttp 3.14: an answer to malformed HTTP without a quote of the request and without a Server header.

The protocol handler answers what its parser refuses, before any middleware or signal: with the parser's message, which
quotes the input, and with a ``Server`` header. There is no setting or hook for that answer, so ``QuietAppRunner``
replaces the handler. Waits for https://github.com/aio-libs/aiohttp/issues/3287.
"""

from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler


class _QuietRequestHandler(RequestHandler):
    """One connection that answers malformed HTTP with the status only."""

    __slots__ = ()

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


class _QuietServer(web.Server):
    def __call__(self) -> RequestHandler:
        return _QuietRequestHandler(self, loop=self._loop, **self._kwargs)


class QuietAppRunner(web.AppRunner):
    """An ``AppRunner`` whose connections answer malformed HTTP with the status only."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _QuietServer  # the application makes the server itself, without a way to choose its class
        return server
