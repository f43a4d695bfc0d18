"""One call to Sendcloud, from the rate limit to a decoded response.

    bucket ──> request (no redirects) ──> body, at most 32 MiB ──> refusal by status ──> JSON of the expected shape

There is no retry here: errors are typed (see ``errors``), and the caller decides. Every call is counted once, with its
outcome and its duration, and traced as a span under its path. ``budget`` shows how many writes could be sent right now,
because they run out long before reads do.

The API answers on IPv4 only, and refuses a GET with a body.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Final, Generic, TypeVar

import aiohttp
from yarl import URL

from aftersend.errors import Transient
from aftersend.observe.meter import CallMeter
from aftersend.observe.traces import set_attributes, span, url_attributes
from aftersend.observe.upstream_call import measured_call
from aftersend.sendcloud import lenient
from aftersend.sendcloud.credentials import SendcloudCredentials
from aftersend.sendcloud.errors import TOO_MANY, Malformed, refusal, retry_after
from aftersend.sendcloud.limits import READS, WRITES, Limit, RateBucket
from aftersend.sendcloud.model import SENDCLOUD

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
_CHUNK: Final = 64 * 1024
_NO_CONTENT: Final = b"null"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SendcloudRequest(Generic[_T]):
    """A request; a response of shape ``kind`` is expected."""

    method: str
    path: str
    """Below the API's address, version included; a template without values, so it may name spans."""
    kind: type[_T]
    values: Mapping[str, str] = field(default_factory=dict)
    """What stands in the braces of ``path``."""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    batch: int | None = None
    """How many orders ``body`` holds, 0 for a write of something else; None marks a read."""


@dataclass(frozen=True, slots=True)
class SendcloudResponse(Generic[_T]):
    """A 2xx response."""

    content: _T = field(repr=False)
    date: datetime | None
    """Sendcloud's clock (``Date`` header), UTC; None if it is missing or unreadable."""
    next_url: str = field(repr=False)
    """v3 lists: the next page as the ``Link`` header has it, or empty. Not to be trusted beyond its cursor."""


class SendcloudExchange:
    """Sends requests to one account's API."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        credentials: Callable[[], SendcloudCredentials],
        meter: CallMeter,
        timeout: aiohttp.ClientTimeout,
        new_bucket: Callable[[Limit], RateBucket],
    ) -> None:
        self._session = session
        self._base = URL(url.rstrip("/"))
        self._credentials = credentials
        self._meter = meter
        self._timeout = timeout
        self._reads = new_bucket(READS)
        self._writes = new_bucket(WRITES)

    async def send(self, request: SendcloudRequest[_T]) -> SendcloudResponse[_T]:
        """Send one request and return its response; raises the errors of ``errors``."""
        bucket = self._reads if request.batch is None else self._writes
        await bucket.take()
        name = f"{request.method} sendcloud {request.path}"
        attributes = {"upstream": SENDCLOUD, "method": request.method, "template": request.path}
        client_span = span(name, kind="client", **attributes, **url_attributes(str(self._url(request))))
        with measured_call(client_span, self._meter, budget=lambda: (self._writes.remaining, WRITES.burst)):
            return await self._request(request, bucket)

    async def _request(self, request: SendcloudRequest[_T], bucket: RateBucket) -> SendcloudResponse[_T]:
        try:
            async with self._session.request(
                request.method,
                self._url(request).with_query(request.query),
                headers=self._headers(request),
                data=None if request.body is None else BytesIO(request.body),  # streamed: it may be large
                allow_redirects=False,
                timeout=self._timeout,
            ) as response:
                return await _decode_response(response, request, bucket)
        except TimeoutError:
            raise Transient("timeout", upstream=SENDCLOUD) from None
        except (aiohttp.ClientError, OSError) as error:
            error.__traceback__ = None  # aiohttp's reader keeps the error, whose frames hold addresses and keys
            raise Transient("connection", upstream=SENDCLOUD) from None

    def _url(self, request: SendcloudRequest[_T]) -> URL:
        return self._base.joinpath(*request.path.format_map(request.values).strip("/").split("/"))

    def _headers(self, request: SendcloudRequest[_T]) -> dict[str, str]:
        headers = {"Authorization": self._credentials().authorization, "Accept": "application/json"}
        return headers if request.body is None else {**headers, "Content-Type": "application/json"}


async def _decode_response(
    response: aiohttp.ClientResponse, request: SendcloudRequest[_T], bucket: RateBucket
) -> SendcloudResponse[_T]:
    """Check the status, then decode the body."""
    set_attributes(status=response.status)
    if response.status == TOO_MANY:
        bucket.refused(retry_after(response.headers))
    body = await _read_body(response)
    if not 200 <= response.status < 300:  # noqa: PLR2004 - the 2xx
        raise refusal(response.status, response.headers, body, batch=request.batch)
    bucket.accepted()
    try:
        content = lenient.decode(body or _NO_CONTENT, request.kind)
    except Malformed as malformed:
        raise Transient("unreadable_answer", upstream=SENDCLOUD, path=malformed.path) from None
    return SendcloudResponse(content, _date(response.headers.get("Date", "")), _next_url(response))


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    """Read the body, decompressed, up to the limit."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Transient("answer_too_large", upstream=SENDCLOUD)
    return bytes(body)


def _next_url(response: aiohttp.ClientResponse) -> str:
    with suppress(ValueError):
        following = response.links.get("next")
        return str(following["url"]) if following else ""
    raise Transient("unreadable_paging", upstream=SENDCLOUD)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
