"""Read request bodies within limits of size, time, concurrency and memory.

The address is public, and a body cannot be verified until it is complete. Real webhooks are a few KB: only what exceeds
``_UNBUDGETED_BYTES`` counts against the shared budget, so a few large bodies cannot keep small ones out.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

MAX_BODY_BYTES: Final = 1024 * 1024
READ_TIMEOUT: Final = 10.0
MAX_CONCURRENT_READS: Final = 512
BUFFER_BUDGET: Final = 16 * 1024 * 1024
_UNBUDGETED_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The response to a webhook; ``outcome`` is the metric's label."""

    outcome: str
    status: int
    retry_after: int = 0

    def to_aiohttp(self) -> web.Response:
        """Build the HTTP response, without a body: the status says all."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        return web.Response(status=self.status, headers={**headers, "Cache-Control": "no-store"})


TOO_LARGE: Final = WebhookResponse("too_large", 413)
TOO_SLOW: Final = WebhookResponse("too_slow", 408)
BROKEN_OFF: Final = WebhookResponse("broken_off", 400)
BUSY: Final = WebhookResponse("busy", 503, retry_after=5)


class BodyReader:
    """Reads the bodies of one path."""

    def __init__(
        self,
        *,
        timeout: float = READ_TIMEOUT,
        max_concurrent: int = MAX_CONCURRENT_READS,
        buffer_budget: int = BUFFER_BUDGET,
    ) -> None:
        self._timeout = timeout
        self._free_reads = max_concurrent
        self._free_bytes = buffer_budget

    async def read(self, request: web.Request) -> bytes | WebhookResponse:
        """Return the whole body, or the response that refuses it."""
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return TOO_LARGE
        if self._free_reads <= 0:
            return BUSY
        self._free_reads -= 1
        try:
            async with asyncio.timeout(self._timeout):
                return await self._read_chunks(request)
        except TimeoutError:
            return TOO_SLOW
        except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError, ConnectionError):
            return BROKEN_OFF
        finally:
            self._free_reads += 1

    async def _read_chunks(self, request: web.Request) -> bytes | WebhookResponse:
        body = bytearray()
        held = 0
        try:
            async for chunk in request.content.iter_any():
                if len(body) + len(chunk) > MAX_BODY_BYTES:
                    return TOO_LARGE
                body += chunk
                more = max(len(body) - _UNBUDGETED_BYTES, 0) - held
                if more > self._free_bytes:
                    return BUSY
                self._free_bytes -= more
                held += more
        finally:
            self._free_bytes += held
        return bytes(body)
