"""The operator asks a pod, and nothing that the pod points at."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from aftersend_operator.model.ports import ADMIN_PORT
from aftersend_operator.status import readyz_client
from aftersend_operator.status.readyz_client import ReadyzClient
from tests.support.servers import free_host

PLACE = free_host(ADMIN_PORT)
"""A pod's address, on which the admin port is free."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no pod that does not respond."""
    monkeypatch.setattr(readyz_client, "TIMEOUT_SECONDS", 60.0)


@asynccontextmanager
async def pod(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, PLACE, ADMIN_PORT).start()
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

    async with pod(elsewhere):
        assert await ReadyzClient().fetch(PLACE) == b""
    assert asked == ["/readyz?verbose"]


async def test_a_pod_that_is_not_ready_reports_all_the_same() -> None:
    async def unready(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="{}")

    async with pod(unready):
        assert await ReadyzClient().fetch(PLACE) == b"{}"
    assert await ReadyzClient().fetch(PLACE) == b""


async def test_a_long_answer_that_comes_in_pieces_is_read_to_its_end() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b"[", b" " * 20_000, b"]"):
            await response.write(piece)
        return response

    async with pod(slow):
        assert (await ReadyzClient().fetch(PLACE)).split() == [b"[", b"]"]


async def test_an_endless_answer_ends_at_the_limit() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 10_000)

    async with pod(endless):
        assert len(await ReadyzClient().fetch(PLACE)) < 200_000


async def test_a_pod_that_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readyz_client, "TIMEOUT_SECONDS", 0.05)
    released = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async with pod(silent):
        assert await ReadyzClient().fetch(PLACE) == b""
        released.set()
