"""aiohttp answers malformed HTTP with a quote and its name; our runner answers with the status only."""

import asyncio

import pytest
from aiohttp import web

from aftersend.compat.aiohttp_server import QuietAppRunner

MALFORMED = b"GET http://[canary/ HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(runner: web.AppRunner) -> str:
    """What the runner's server answers to malformed HTTP."""
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(MALFORMED)
        received = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    finally:
        await runner.cleanup()
    return received


async def test_the_status_is_all_that_a_malformed_request_gets() -> None:
    received = await answer(QuietAppRunner(web.Application()))
    head, _, body = received.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.0 400 Bad Request\r\n")
    assert "Server: \r\n" in head + "\r\n"
    assert body == ""


@pytest.mark.parametrize("leak", ["canary", "Server: Python/", "aiohttp/"])
async def test_the_library_still_needs_it(leak: str) -> None:
    assert leak in await answer(web.AppRunner(web.Application()))
