"""aiohttp quotes malformed HTTP with its name and holds any number of connections; our runner does neither."""

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
    received = await answer(QuietAppRunner(web.Application(), max_connections=9))
    head, _, body = received.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.0 400 Bad Request\r\n")
    assert "Server: \r\n" in head + "\r\n"
    assert body == ""


@pytest.mark.parametrize("leak", ["canary", "Server: Python/", "aiohttp/"])
async def test_the_library_still_needs_it(leak: str) -> None:
    assert leak in await answer(web.AppRunner(web.Application()))


class Connections:
    """A server with room for three, whose handler answers when ``free`` is set."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.asked = 0
        self.dropped = 0
        self.clients: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        app = web.Application()
        app.router.add_post("/", self._answer)
        self.runner = QuietAppRunner(app, max_connections=3, on_full=self._count)

    def _count(self) -> None:
        self.dropped += 1

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        await request.read()
        await self.free.wait()
        return web.Response()

    async def connect(self, name: str, sent: bytes = b"") -> None:
        """Connect; return when the server knows, and has asked the handler if a request was sent."""
        asked = self.asked + bool(sent)
        reader, writer = await asyncio.open_connection(*self.runner.addresses[0][:2])
        writer.write(sent)
        self.clients[name] = reader, writer
        address = writer.get_extra_info("sockname")
        while self.asked < asked or address not in self._known():
            await asyncio.sleep(0.001)
            if reader.at_eof():
                return

    def _known(self) -> list[object]:
        server = self.runner.server
        assert server is not None
        return [handler.peername for handler in server.connections]

    async def closed(self) -> list[str]:
        """The clients whose connections the server has closed, once there is one."""
        while not (found := [name for name, (reader, _) in self.clients.items() if _is_at_end(reader)]):
            await asyncio.sleep(0.001)
        return found


def _is_at_end(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None


WHOLE = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
HALF = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx"


@pytest.mark.parametrize(
    ("held", "newest", "gone"),
    [
        ([b"", b"", b""], b"", "0"),
        ([HALF, b"", b""], WHOLE, "1"),
        ([WHOLE, HALF, HALF], WHOLE, "1"),
        ([WHOLE, WHOLE, b""], HALF, "2"),
        ([WHOLE, WHOLE, WHOLE], b"", "newest"),
    ],
)
async def test_one_too_many_drops_what_has_waited_longest(held: list[bytes], newest: bytes, gone: str) -> None:
    server = Connections()
    await server.runner.setup()
    try:
        await web.TCPSite(server.runner, "127.0.0.1", 0).start()
        for number, sent in enumerate(held):
            await server.connect(str(number), sent)
        await server.connect("newest", newest)
        assert await server.closed() == [gone]
        assert server.dropped == 1
    finally:
        server.free.set()
        for _, writer in server.clients.values():
            writer.close()
        await server.runner.cleanup()
