"""Where the services send their traces: keeps every request of OTLP over HTTP as it came."""

from aiohttp import web


class SpanCollector:
    """Takes spans; ``received`` holds path, headers and body of every request."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def mount(self, app: web.Application) -> None:
        """Serve ``/v1/traces``."""
        app.router.add_post("/v1/traces", self._take)

    async def _take(self, request: web.Request) -> web.Response:
        head = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        self.received.append(f"{request.path_qs}\n{head}\n".encode() + await request.read())
        return web.Response(content_type="application/x-protobuf")
