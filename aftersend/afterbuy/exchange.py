"""One call to Afterbuy: send a document, parse the answer as it streams in, raise what it refuses.

There is no retry here: that is the caller's decision. Redirects are not followed, because the keys are in the body.
Every call, however it ends, is counted once with its outcome and its duration, and deducted from the daily budget.

The budget. Afterbuy includes 50,000 calls a day (Berlin time); what happens beyond is unverified, so no call is refused
here: a metric shows what is left and an alert watches it. Every process counts its own calls, since it started or since
midnight, whichever is later.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import aiohttp

from aftersend.afterbuy.answer import AnswerReader, Envelope
from aftersend.afterbuy.errors import status_refusal
from aftersend.afterbuy.model import AFTERBUY
from aftersend.afterbuy.numbers import BERLIN
from aftersend.afterbuy.writing import Document
from aftersend.errors import AftersendError, Transient
from aftersend.observe.meter import CallMeter
from aftersend.observe.traces import set_attributes, span, url_attributes
from aftersend.observe.upstream_call import measured_call

TIMEOUT: Final = aiohttp.ClientTimeout(total=120, sock_connect=10, sock_read=30)
CALLS_PER_DAY: Final = 50_000
_CHUNK: Final = 64 * 1024
_OK: Final = 200
_HEADERS: Final = {"Content-Type": "application/xml; charset=utf-8", "Accept": "application/xml, text/xml"}

FindRefusal = Callable[[Envelope], AftersendError | None]


class DailyBudget:
    """Counts calls per Berlin day."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._day: date | None = None
        self._spent = 0

    def spend(self) -> int:
        """Count one call; returns how many are left today, never below 0."""
        today = self._clock().astimezone(BERLIN).date()
        if today != self._day:
            self._day, self._spent = today, 0
        self._spent += 1
        return max(CALLS_PER_DAY - self._spent, 0)


class AfterbuyExchange:
    """Sends documents to one address."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        meter: CallMeter,
        timeout: aiohttp.ClientTimeout,
    ) -> None:
        self._session = session
        self._url = url
        self._meter = meter
        self._url_attributes = url_attributes(url)
        self._budget = DailyBudget()
        self._timeout = timeout

    async def send(self, document: Document, reader: AnswerReader, *, find_refusal: FindRefusal) -> Envelope:
        """Send one document and return the envelope of a usable answer; records go to the reader.

        Raises the error that ``find_refusal`` returns for the envelope, or ``Transient``.
        """
        name = f"POST afterbuy {document.call}"
        attributes: dict[str, Any] = {"upstream": AFTERBUY, "call": document.call, "method": "POST"}
        client_span = span(name, kind="client", **attributes, **self._url_attributes)
        with measured_call(client_span, self._meter, budget=lambda: (self._budget.spend(), CALLS_PER_DAY)):
            envelope = await self._post(document, reader)
            if refusal := find_refusal(envelope):
                raise refusal
        return envelope

    async def _post(self, document: Document, reader: AnswerReader) -> Envelope:
        try:
            async with self._session.post(
                self._url, data=document.body, headers=_HEADERS, allow_redirects=False, timeout=self._timeout
            ) as response:
                set_attributes(status=response.status)
                if response.status != _OK:
                    raise status_refusal(response.status, retry_after=response.headers.get("Retry-After", ""))
                async for chunk in response.content.iter_chunked(_CHUNK):
                    reader.feed(chunk)
        except TimeoutError:
            raise Transient("timeout", upstream=AFTERBUY) from None
        except (aiohttp.ClientError, OSError) as error:
            error.__traceback__ = None  # aiohttp's reader keeps the error, whose frames hold orders and tokens
            raise Transient("connection", upstream=AFTERBUY) from None
        return reader.finish()
