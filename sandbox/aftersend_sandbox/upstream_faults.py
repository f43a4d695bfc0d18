"""Apply the faults that an HTTP upstream can have, before and after a call is processed.

``before`` answers in place of the call (or only delays it), ``after`` loses the answer of one that was carried out. A
half-open connection keeps the request until the caller gives up; a huge answer is streamed, so the sandbox stays small.
"""

import asyncio
from typing import Final

from aiohttp import web

from aftersend_sandbox.faults import ArmedFault
from aftersend_sandbox.world.world import World

PAGE: Final = (
    "<!DOCTYPE html>\r\n<html><head><title>Wartungsarbeiten</title></head>\r\n<body><h1>Wir sind gleich zur&uuml;ck"
    "</h1><p>Service Unavailable<br></body></html>\r\n"
)

_ENTITIES: Final = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB: Final = (
    f'<?xml version="1.0" encoding="utf-8"?><!DOCTYPE lolz [<!ENTITY l0 "lol">{_ENTITIES}]>'
    "<Afterbuy><CallStatus>Success</CallStatus><Result><AfterbuyTimeStamp>&l9;</AfterbuyTimeStamp></Result></Afterbuy>"
).encode()

HALF_OPEN_SECONDS: Final = 3600.0
_CHUNK: Final = 65_536

_STATUS: Final = {"http_500": 500, "http_502": 502, "http_503": 503}
_KINDS: Final = ("half_open", "reset", *_STATUS, "html", "huge", "empty", "empty_429", "truncated", "entity_bomb")


async def before(
    request: web.Request, world: World, upstream: str, call: str, *, maintenance: bytes = b""
) -> web.StreamResponse | None:
    """Apply latency, then the first armed fault that strikes; None if the call is to be handled.

    ``maintenance`` is the document that stands for the HTML page where the switch ``maintenance`` says so.
    """
    if fault := world.faults.strikes(upstream, "latency", call):
        await asyncio.sleep(fault.seconds)
    struck = world.faults.any_of(upstream, _KINDS, call)
    return await _answer(request, world, upstream, *struck, maintenance) if struck else None


def after(request: web.Request, world: World, upstream: str, call: str) -> bool:
    """Return True if the answer is lost: the connection is gone already."""
    if world.faults.strikes(upstream, "lost_answer", call) is None:
        return False
    drop(request)
    return True


def drop(request: web.Request) -> None:
    """Reset the caller's connection."""
    if request.transport is not None:
        request.transport.abort()


async def _answer(
    request: web.Request, world: World, upstream: str, kind: str, fault: ArmedFault, maintenance: bytes
) -> web.StreamResponse:
    if kind == "half_open":
        await asyncio.sleep(fault.seconds or HALF_OPEN_SECONDS)
        drop(request)
    elif kind == "reset":
        drop(request)
    elif kind == "huge":
        return await _stream(request, upstream, fault.size)
    elif kind in _STATUS:
        return _page(_STATUS[kind])
    elif kind == "html":
        if upstream == "afterbuy" and world.switches.maintenance == "code_13":
            return web.Response(body=maintenance, content_type="text/xml", charset="utf-8")
        return _page(503 if upstream == "afterbuy" and world.switches.maintenance == "html_503" else 200)
    return _bytes(upstream, kind)


def _page(status: int) -> web.Response:
    return web.Response(text=PAGE, status=status, content_type="text/html", charset="utf-8")


def _bytes(upstream: str, kind: str) -> web.Response:
    if upstream == "sendcloud":
        bodies = {"truncated": b'{"data":[{"id":"664","order_id":"after'}
        return web.Response(
            body=bodies.get(kind, b""), status=429 if kind == "empty_429" else 200, content_type="application/json"
        )
    bodies = {"entity_bomb": BOMB, "truncated": _head() + b"<Order><OrderID>61"}
    return web.Response(body=bodies.get(kind, b""), content_type="text/xml", charset="utf-8")


def _head() -> bytes:
    return (
        b'<?xml version="1.0" encoding="utf-8"?>\r\n<Afterbuy><CallStatus>Success</CallStatus><Result>'
        b"<HasMoreItems>0</HasMoreItems><Orders>"
    )


async def _stream(request: web.Request, upstream: str, size: int) -> web.StreamResponse:
    """Stream ``size`` bytes of a valid beginning without an end."""
    response = web.StreamResponse()
    response.content_type = "text/xml" if upstream == "afterbuy" else "application/json"
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(_head() if upstream == "afterbuy" else b'{"data":[')
    unit = b"<Order><Memo>x</Memo></Order>" if upstream == "afterbuy" else b'{"id":"1"},'
    chunk = unit * (_CHUNK // len(unit))
    for _ in range(max(size // len(chunk), 1)):
        await response.write(chunk)
    await response.write_eof()
    return response
