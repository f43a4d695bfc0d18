"""A Sendcloud for tests that knows nothing: it hands out the answers that a test has laid ready, in order."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from aftersend.sendcloud.client import SendcloudClient, SendcloudCredentials
from tests.support.recording_meter import RecordingMeter

PUBLIC, SECRET = "public-key", "secret-key"
AUTHORIZATION = "Basic " + base64.b64encode(f"{PUBLIC}:{SECRET}".encode()).decode()
PATIENCE = aiohttp.ClientTimeout(total=5)

Act = Callable[[web.Request], Any]


@dataclass
class Ready:
    """One prepared answer; ``act`` does something else instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    act: Act | None = None


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Counter:
    """What lies ready, and what was asked."""

    url: str = ""
    ready: list[Ready] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def lay(self, status: int = 200, body: Any = b"", **headers: str) -> None:
        """One more answer; anything but bytes becomes JSON, underscores in header names become hyphens."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.ready.append(Ready(status, raw, named))

    def do(self, act: Act) -> None:
        """Misbehave once."""
        self.ready.append(Ready(act=act))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers), body))
        if not self.ready:
            return web.Response(status=599)
        ready = self.ready.pop(0)
        if ready.act is not None:
            answer: web.StreamResponse = await ready.act(request)
            return answer
        return web.Response(status=ready.status, body=ready.body, headers=ready.headers)


@asynccontextmanager
async def counter() -> AsyncIterator[Counter]:
    """A server on the loopback interface."""
    found = Counter()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", found.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    try:
        yield found
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(
    url: str, tally: RecordingMeter | None = None, *, patience: aiohttp.ClientTimeout = PATIENCE
) -> AsyncIterator[SendcloudClient]:
    """A client with its own session."""
    async with aiohttp.ClientSession() as session:
        yield SendcloudClient(
            session,
            url=url,
            credentials=lambda: SendcloudCredentials(PUBLIC, SECRET),
            meter=tally or RecordingMeter(),
            patience=patience,
            clock=lambda: 1_795_600_000.5,
        )


async def reset(request: web.Request) -> web.StreamResponse:
    """Cut the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hang(_request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def half(request: web.Request) -> web.StreamResponse:
    """Promise more than comes."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"data": [')
    assert request.transport is not None
    request.transport.abort()
    return response
