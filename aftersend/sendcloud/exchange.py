"""One call to Sendcloud, from the bucket to a decoded answer.

    bucket ──> request (no redirects) ──> body, at most 32 MiB ──> refusal by status ──> JSON of the expected shape

Nothing is retried here: errors leave typed (see ``errors``), and whoever owns the work decides. Every call is counted
once, with its outcome and its duration, and shown as a span under its path. ``budget`` tells how many writes could go
right now, because they run out long before reads do.

The API answers on IPv4 only, and refuses a GET with a body.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Final, Generic, TypeVar

import aiohttp
from yarl import URL

from aftersend.errors import AftersendError, CredentialsRefused, Misconfigured, Rejected, Transient
from aftersend.observe.meter import CallMeter
from aftersend.observe.traces import set_attributes, span, url_attributes
from aftersend.sendcloud import lenient
from aftersend.sendcloud.credentials import SendcloudCredentials
from aftersend.sendcloud.errors import TOO_MANY, Malformed, refusal, retry_after
from aftersend.sendcloud.limits import READS, WRITES, Bucket
from aftersend.sendcloud.model import SENDCLOUD

LARGEST_BODY: Final = 32 * 1024 * 1024
PATIENCE: Final = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
_CHUNK: Final = 64 * 1024
_KINDS: Final = {Transient: "transient", CredentialsRefused: "credentials", Rejected: "rejected", Misconfigured: "own"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Question(Generic[_T]):
    """What to ask; an answer of shape ``kind`` is expected."""

    method: str
    path: str
    """Below the API's address, version included; a template without values, so it may name spans."""
    kind: type[_T]
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    batch: int | None = None
    """How many orders ``body`` holds; None marks a read."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[_T]):
    """A 2xx answer."""

    content: _T = field(repr=False)
    date: datetime | None
    """Sendcloud's clock (``Date`` header), aware; None if it did not tell."""
    next_url: str = field(repr=False)
    """v3 lists: the next page as the ``Link`` header has it, or empty. Not to be trusted beyond its cursor."""


class Exchange:
    """Asks one account's API."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        credentials: Callable[[], SendcloudCredentials],
        meter: CallMeter,
        patience: aiohttp.ClientTimeout,
    ) -> None:
        self._session = session
        self._base = URL(url.rstrip("/"))
        self._credentials = credentials
        self._meter = meter
        self._patience = patience
        self._reads = Bucket(READS)
        self._writes = Bucket(WRITES)

    async def ask(self, question: Question[_T]) -> Answer[_T]:
        """The answer to one question; raises what ``errors`` says."""
        bucket = self._reads if question.batch is None else self._writes
        await bucket.take()
        started = time.monotonic()
        outcome = "cancelled"
        name = f"{question.method} sendcloud {question.path}"
        about = {"upstream": SENDCLOUD, "method": question.method, "template": question.path}
        with span(name, kind="client", **about, **url_attributes(str(self._url(question)))) as trace:
            try:
                answer = await self._request(question, bucket)
                outcome = "ok"
            except AftersendError as error:
                outcome = outcome_of(error)
                raise
            finally:
                trace.set(outcome=outcome)
                self._meter.observe(outcome, time.monotonic() - started)
                self._meter.budget(self._writes.remaining, WRITES.burst)
        return answer

    async def _request(self, question: Question[_T], bucket: Bucket) -> Answer[_T]:
        try:
            async with self._session.request(
                question.method,
                self._url(question).with_query(question.query),
                headers=self._headers(question),
                data=None if question.body is None else BytesIO(question.body),  # streamed: it may be large
                allow_redirects=False,
                timeout=self._patience,
            ) as response:
                return await _judged(response, question, bucket)
        except TimeoutError:
            raise Transient("timeout", upstream=SENDCLOUD) from None
        except (aiohttp.ClientError, OSError):
            raise Transient("connection", upstream=SENDCLOUD) from None

    def _url(self, question: Question[_T]) -> URL:
        return self._base.joinpath(*question.path.strip("/").split("/"))

    def _headers(self, question: Question[_T]) -> dict[str, str]:
        headers = {"Authorization": self._credentials().authorization, "Accept": "application/json"}
        return headers if question.body is None else {**headers, "Content-Type": "application/json"}


async def _judged(response: aiohttp.ClientResponse, question: Question[_T], bucket: Bucket) -> Answer[_T]:
    """The status decides before anything of the body is believed."""
    set_attributes(status=response.status)
    if response.status == TOO_MANY:
        bucket.refused(retry_after(response.headers))
    body = await _bounded(response)
    if not 200 <= response.status < 300:  # noqa: PLR2004 - the 2xx
        raise refusal(response.status, response.headers, body, batch=question.batch)
    bucket.accepted()
    try:
        content = lenient.decode(body, question.kind)
    except Malformed as malformed:
        raise Transient("unreadable_answer", upstream=SENDCLOUD, path=malformed.path) from None
    return Answer(content, _date(response.headers.get("Date", "")), _next_url(response))


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, decompressed, up to the limit."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > LARGEST_BODY:
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
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def outcome_of(error: AftersendError) -> str:
    """One word for the metric."""
    return next((word for kind, word in _KINDS.items() if isinstance(error, kind)), "bug")
