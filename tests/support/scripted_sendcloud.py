"""A Sendcloud with scripted responses behind a real socket: it sends them in order and records the requests."""

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
TIMEOUT = aiohttp.ClientTimeout(total=5)

Misbehaviour = Callable[[web.Request], Any]


@dataclass
class ScriptedResponse:
    """One scripted response; ``act`` does something else instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    act: Misbehaviour | None = None


@dataclass
class RecordedRequest:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedSendcloud:
    """Scripted responses, and recorded requests."""

    url: str = ""
    responses: list[ScriptedResponse] = field(default_factory=list)
    requests: list[RecordedRequest] = field(default_factory=list)

    def respond(self, status: int = 200, body: Any = b"", **headers: str) -> None:
        """Script one more response; anything but bytes becomes JSON, underscores in header names become hyphens."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.responses.append(ScriptedResponse(status, raw, named))

    def misbehave(self, act: Misbehaviour) -> None:
        """Misbehave once."""
        self.responses.append(ScriptedResponse(act=act))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(
            RecordedRequest(request.method, request.path, dict(request.query), dict(request.headers), body)
        )
        if not self.responses:
            return web.Response(status=599)
        scripted = self.responses.pop(0)
        if scripted.act is not None:
            answer: web.StreamResponse = await scripted.act(request)
            return answer
        return web.Response(status=scripted.status, body=scripted.body, headers=scripted.headers)


@asynccontextmanager
async def scripted_sendcloud() -> AsyncIterator[ScriptedSendcloud]:
    """A server on the loopback interface."""
    found = ScriptedSendcloud()
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
    url: str, meter: RecordingMeter | None = None, *, timeout: aiohttp.ClientTimeout = TIMEOUT
) -> AsyncIterator[SendcloudClient]:
    """A client with its own session."""
    async with aiohttp.ClientSession() as session:
        yield SendcloudClient(
            session,
            url=url,
            credentials=lambda: SendcloudCredentials(PUBLIC, SECRET),
            meter=meter or RecordingMeter(),
            timeout=timeout,
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
