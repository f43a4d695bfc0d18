"""The operator asks a pod, and nothing that the pod points at."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from aftersend_operator.status.readyz_client import ReadyzClient

PLACE = "127.0.0.11"
"""A pod's address, on which the admin port is free."""


@asynccontextmanager
async def pod(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, PLACE, 9090).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def test_a_redirect_is_not_followed() -> None:
    asked = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(str(request.rel_url))
        if len(asked) > 1:
            return web.Response(text="from elsewhere")
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with pod(elsewhere), aiohttp.ClientSession() as session:
        assert await ReadyzClient(session).fetch(PLACE) == b""
    assert asked == ["/readyz?verbose"]


async def test_a_pod_that_is_not_ready_reports_all_the_same() -> None:
    async def unready(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="{}")

    async with pod(unready), aiohttp.ClientSession() as session:
        assert await ReadyzClient(session).fetch(PLACE) == b"{}"
    async with aiohttp.ClientSession() as session:
        assert await ReadyzClient(session).fetch(PLACE) == b""
