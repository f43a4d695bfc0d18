"""Read request bodies within limits of size, time, concurrency and memory.

The address is public, and a body cannot be verified until it is complete. So what is under way may all be a stranger's:
where a limit is reached, the body that has waited longest is dropped, never the newest. A real webhook is a few KB and
complete within milliseconds; only what exceeds ``_UNBUDGETED_BYTES`` counts against the shared budget.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientPayloadError, StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

MAX_BODY_BYTES: Final = 1024 * 1024
READ_TIMEOUT: Final = 10.0
FIRST_BYTE_TIMEOUT: Final = 2.0
"""Sendcloud sends the body together with the head."""
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
        headers = {"Cache-Control": "no-store"}
        if self.retry_after:
            headers["Retry-After"] = str(self.retry_after)
        return web.Response(status=self.status, headers=headers)


TOO_LARGE: Final = WebhookResponse("too_large", 413)
TOO_SLOW: Final = WebhookResponse("too_slow", 408)
BROKEN_OFF: Final = WebhookResponse("broken_off", 400)
BUSY: Final = WebhookResponse("busy", 503, retry_after=5)


@dataclass(slots=True, eq=False)
class _Read:
    """One body under way."""

    deadline: asyncio.Timeout
    begun: float
    held: int = 0
    """Bytes of the shared budget."""
    dropped: bool = False

    def drop(self) -> None:
        """End it now, in favour of another."""
        self.dropped = True
        self.deadline.reschedule(self.begun)


class BodyReader:
    """Reads the bodies of one path."""

    def __init__(
        self,
        *,
        timeout: float = READ_TIMEOUT,
        first_byte: float = FIRST_BYTE_TIMEOUT,
        max_concurrent: int = MAX_CONCURRENT_READS,
        buffer_budget: int = BUFFER_BUDGET,
    ) -> None:
        self._timeout = timeout
        self._first_byte = min(first_byte, timeout)
        self._max_concurrent = max_concurrent
        self._free_bytes = buffer_budget
        self._reads: dict[_Read, None] = {}
        """The longest-waiting first."""

    async def read(self, request: web.BaseRequest) -> bytes | WebhookResponse:
        """Return the whole body, or the response that refuses it."""
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return TOO_LARGE
        if _is_small_and_here(request.content):
            return request.content.read_nowait()
        if len(self._reads) >= self._max_concurrent:
            self._drop(next(iter(self._reads)))
        return await self._wait_for(request)

    async def _wait_for(self, request: web.BaseRequest) -> bytes | WebhookResponse:
        begun = asyncio.get_running_loop().time()
        read = _Read(asyncio.timeout_at(begun + self._first_byte), begun)
        self._reads[read] = None
        try:
            async with read.deadline:
                return await self._read_chunks(request, read)
        except TimeoutError:
            return BUSY if read.dropped else TOO_SLOW
        except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError, ConnectionError) as error:
            error.__traceback__ = None  # aiohttp's reader keeps the error, whose frames hold that reader and the body
            return BROKEN_OFF
        finally:
            self._release(read)

    async def _read_chunks(self, request: web.BaseRequest, read: _Read) -> bytes | WebhookResponse:
        body = bytearray()
        async for chunk in request.content.iter_any():
            if not body:
                read.deadline.reschedule(read.begun + self._timeout)
            if len(body) + len(chunk) > MAX_BODY_BYTES:
                return TOO_LARGE
            body += chunk
            if not self._reserve(read, len(body) - _UNBUDGETED_BYTES):
                return BUSY
        return bytes(body)

    def _reserve(self, read: _Read, wanted: int) -> bool:
        """Take ``wanted`` bytes of the budget in all, if need be from bodies that have waited longer."""
        more = wanted - read.held
        while more > self._free_bytes:
            longest = next((other for other in self._reads if other.held and other is not read), None)
            if longest is None:
                return False
            self._drop(longest)
        if more > 0:
            self._free_bytes -= more
            read.held += more
        return True

    def _drop(self, read: _Read) -> None:
        read.drop()
        self._release(read)

    def _release(self, read: _Read) -> None:
        self._reads.pop(read, None)
        self._free_bytes += read.held
        read.held = 0


def _is_small_and_here(content: StreamReader) -> bool:
    """Return True for a whole body within what is not budgeted: it came with its head, as Sendcloud's do."""
    return content.is_eof() and content.total_bytes <= _UNBUDGETED_BYTES and content.exception() is None
