"""One call to Afterbuy: send a document, read the answer while it arrives, say what it means.

No retry happens here: whoever calls knows what is at stake. Redirects are not followed, because the keys travel in the
body. Every call, however it ends, is counted once with its outcome and its duration, and taken off the day's budget.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import aiohttp

from aftersend.afterbuy.answer import AnswerReader, Envelope
from aftersend.afterbuy.budget import CALLS_PER_DAY, DailyBudget
from aftersend.afterbuy.errors import status_refusal
from aftersend.afterbuy.model import AFTERBUY
from aftersend.afterbuy.writing import Document
from aftersend.errors import AftersendError, CredentialsRefused, Rejected, Transient
from aftersend.observe.meter import CallMeter
from aftersend.observe.traces import set_attributes, span, url_attributes

PATIENCE: Final = aiohttp.ClientTimeout(total=120, sock_connect=10, sock_read=30)

_CHUNK: Final = 64 * 1024
_OK: Final = 200
_HEADERS: Final = {"Content-Type": "application/xml; charset=utf-8", "Accept": "application/xml, text/xml"}

Judge = Callable[[Envelope], AftersendError | None]


class Exchange:
    """Sends documents to one address."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        meter: CallMeter,
        patience: aiohttp.ClientTimeout,
    ) -> None:
        self._session = session
        self._url = url
        self._meter = meter
        self._url_attributes = url_attributes(url)
        self._budget = DailyBudget()
        self._patience = patience

    async def ask(self, document: Document, reader: AnswerReader, *, judge: Judge) -> Envelope:
        """The envelope of a usable answer; records went to the reader. Raises what ``judge`` says, or ``Transient``."""
        started = time.monotonic()
        outcome = "cancelled"
        name = f"POST afterbuy {document.call}"
        about: dict[str, Any] = {"upstream": AFTERBUY, "call": document.call, "method": "POST", **self._url_attributes}
        with span(name, kind="client", **about) as trace:
            try:
                envelope = await self._post(document, reader)
                if refusal := judge(envelope):
                    raise refusal
                outcome = "ok"
            except AftersendError as error:
                outcome = outcome_of(error)
                raise
            finally:
                trace.set(outcome=outcome)
                self._meter.observe(outcome, time.monotonic() - started)
                self._meter.budget(self._budget.spend(), CALLS_PER_DAY)
        return envelope

    async def _post(self, document: Document, reader: AnswerReader) -> Envelope:
        try:
            async with self._session.post(
                self._url, data=document.body, headers=_HEADERS, allow_redirects=False, timeout=self._patience
            ) as response:
                set_attributes(status=response.status)
                if response.status != _OK:
                    raise status_refusal(response.status, retry_after=response.headers.get("Retry-After", ""))
                async for chunk in response.content.iter_chunked(_CHUNK):
                    reader.feed(chunk)
        except TimeoutError:
            raise Transient("timeout", upstream=AFTERBUY) from None
        except (aiohttp.ClientError, OSError):
            raise Transient("connection", upstream=AFTERBUY) from None
        return reader.finish()


def outcome_of(error: AftersendError) -> str:
    """One word for the metric."""
    if isinstance(error, Transient):
        return "transient"
    if isinstance(error, CredentialsRefused):
        return "credentials"
    return "rejected" if isinstance(error, Rejected) else "bug"
