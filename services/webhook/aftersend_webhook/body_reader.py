"""Taking a body in without letting anybody fill the memory.

The address is public, and what comes in is not signed until it is complete. So a body has a largest size and a time by
which it must be here; only so many requests are served at once; and what large bodies hold together is limited. Real
webhooks are a few KB: up to ``_SMALL`` a body always has room, so a few large ones cannot keep them out.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

LARGEST: Final = 1024 * 1024
PATIENCE: Final = 10.0
PLACES: Final = 512
ROOM: Final = 16 * 1024 * 1024
_SMALL: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """How a webhook is answered; ``outcome`` is the metric's label."""

    outcome: str
    status: int
    retry_after: int = 0

    def response(self) -> web.Response:
        """Without body: the sender has nothing to learn beyond the status."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        return web.Response(status=self.status, headers={**headers, "Cache-Control": "no-store"})


TOO_LARGE: Final = Answer("too_large", 413)
TOO_SLOW: Final = Answer("too_slow", 408)
BROKEN_OFF: Final = Answer("broken_off", 400)
BUSY: Final = Answer("busy", 503, retry_after=5)


class Intake:
    """Reads bodies; one for each path."""

    def __init__(self, *, patience: float = PATIENCE, places: int = PLACES, room: int = ROOM) -> None:
        self._patience = patience
        self._places = places
        self._room = room

    async def read(self, request: web.Request) -> bytes | Answer:
        """The whole body, or why it was not taken. The place is free again as soon as it is read."""
        if (request.content_length or 0) > LARGEST:
            return TOO_LARGE
        if self._places <= 0:
            return BUSY
        self._places -= 1
        try:
            async with asyncio.timeout(self._patience):
                return await self._gather(request)
        except TimeoutError:
            return TOO_SLOW
        except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError, ConnectionError):
            return BROKEN_OFF
        finally:
            self._places += 1

    async def _gather(self, request: web.Request) -> bytes | Answer:
        body = bytearray()
        held = 0
        try:
            async for chunk in request.content.iter_any():
                if len(body) + len(chunk) > LARGEST:
                    return TOO_LARGE
                body += chunk
                more = max(len(body) - _SMALL, 0) - held
                if more > self._room:
                    return BUSY
                self._room -= more
                held += more
        finally:
            self._room += held
        return bytes(body)
