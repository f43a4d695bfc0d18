"""What happens to a webhook: a short list of questions, in an order that others rely on.

    POST? ─no─> 405
    over 1 MiB? ─yes─> 413          too slow or broken off: 408, 400; too many at once: 503
    a key to verify with? ─no─> 503
    signed? ─no─> 401
    readable, with a parcel id? ─no─> 400
    anything to do? ─no─> 200       Redis is not asked
    stored and confirmed? ─no─> 503 with Retry-After
    ─yes─> 200

Every answer is counted. Nothing is sorted out here because it came twice: that is the consumer's part. The answer says
"stored" only after Redis confirmed, so whatever happens afterwards, the event is safe.

Log lines hold ids and Sendcloud's own words. Before the signature is known to be right nothing of the request is
logged, and only one line per outcome and minute, since anybody can cause it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from aftersend.errors import AftersendError, Transient
from aftersend.ledger.match import PREFIX, is_order_id
from aftersend.observe.logs import get_logger
from aftersend.observe.meters import exemplar
from aftersend.observe.metrics import Metrics
from aftersend.observe.traces import span
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.errors import Malformed
from aftersend.sendcloud.model import ParcelEvent
from aftersend.sendcloud.parcel import Ignored, decode_webhook
from aftersend.stream.stream import Stream
from aftersend_webhook.body_reader import Answer, Intake
from aftersend_webhook.signatures import HEADER, is_signed, signature_keys

WRONG_METHOD: Final = Answer("wrong_method", 405)
NO_KEY: Final = Answer("no_key", 503, retry_after=60)
WRONG_SIGNATURE: Final = Answer("wrong_signature", 401)
MALFORMED: Final = Answer("malformed", 400)
STORED: Final = Answer("stored", 200)
FAILED: Final = Answer("failed", 503, retry_after=60)
_OUR_FAULT: Final = 500
_FROM_ZERO: Final = ("stored", "not_stored", "failed", "no_key", "busy", "wrong_signature")
"""Shown before the first of them: Prometheus sees no increase in a series that begins with it."""
_STORE_PATIENCE: Final = 5.0
STORES: Final = 16
"""So many at a time, each with a connection of its own, which stays; the others wait, within their patience."""
_RETRY_SECONDS: Final = 30
_QUIET_SECONDS: Final = 60.0


class Receiver:
    """Answers the webhooks of one tenant."""

    def __init__(
        self,
        *,
        tenant: str,
        keys: SecretFiles,
        stream: Stream,
        metrics: Metrics,
        intake: Intake | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tenant = tenant
        self._keys = keys
        self._stream = stream
        self._metrics = metrics
        self._seconds = metrics.webhook_seconds.labels(tenant)
        for outcome in _FROM_ZERO:
            metrics.webhooks.labels(tenant, outcome)
        self._intake = intake or Intake()
        self._clock = clock
        self._log = get_logger(tenant=tenant, part="webhook")
        self._stores = asyncio.Semaphore(STORES)
        self._said: dict[str, float] = {}

    async def handle(self, request: web.Request) -> web.Response:
        """One request, answered and counted."""
        try:
            answer = await self._answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, Sendcloud shall come back, and no text may get out
            self._log.error("webhook_failed", exc_info=error)
            answer = FAILED
        self._metrics.webhooks.labels(self._tenant, answer.outcome).inc()
        response = answer.response()
        if answer is WRONG_METHOD:
            response.headers["Allow"] = "POST"
        return response

    async def _answer(self, request: web.Request) -> Answer:
        began = time.monotonic()
        if request.method != "POST":
            return WRONG_METHOD
        body = await self._intake.read(request)
        if isinstance(body, Answer):
            return self._unproven(body)
        keys = signature_keys(self._keys)
        if not keys:
            return self._unproven(NO_KEY)
        if not is_signed(body, request.headers.get(HEADER, ""), keys):
            return self._unproven(WRONG_SIGNATURE)
        about = {"method": "POST", "route": request.path, "url_path": request.path}
        parent = request.headers.get("traceparent", "")
        with span(f"POST {request.path}", kind="server", parent=parent, tenant=self._tenant, **about) as trace:
            answer = await self._proven(body, trace.traceparent)
            trace.set(outcome=answer.outcome, status=answer.status)
            if answer.status >= _OUR_FAULT:
                trace.failed(str(answer.status))
            self._seconds.observe(time.monotonic() - began, exemplar())
        return answer

    async def _proven(self, body: bytes, traceparent: str) -> Answer:
        """What to do with a body that Sendcloud signed."""
        try:
            found = decode_webhook(body, received=int(self._clock() * 1000))
        except Malformed as error:
            self._log.warning("webhook_malformed", code=error.code, path=error.path)
            return MALFORMED
        if isinstance(found, Ignored):
            self._log.info("webhook_ignored", reason=found.reason, action=found.action)
            return Answer(f"ignored_{found.reason}", 200)
        return await self._store(found, traceparent)

    async def _store(self, event: ParcelEvent, traceparent: str) -> Answer:
        try:
            async with asyncio.timeout(_STORE_PATIENCE), self._stores:
                name = await self._stream.add("parcel.changed", "webhook", event, traceparent=traceparent)
        except TimeoutError:
            return self._not_stored(Transient("redis_too_slow", upstream="redis"))
        except AftersendError as error:
            return self._not_stored(error)
        self._log.info("webhook_stored", event_id=name, parcel=event.parcel, status=event.status, order=_order(event))
        return STORED

    def _not_stored(self, error: AftersendError) -> Answer:
        self._seldom("webhook_not_stored", error=error)
        told = error.retry_after if isinstance(error, Transient) else None
        return Answer("not_stored", 503, retry_after=int(told or _RETRY_SECONDS))

    def _unproven(self, answer: Answer) -> Answer:
        self._seldom("webhook_refused", outcome=answer.outcome, http=answer.status)
        return answer

    def _seldom(self, event: str, **told: object) -> None:
        """One line a minute is enough for what comes in floods; the metric counts them all."""
        now = time.monotonic()
        kind = f"{event} {told}"
        if now - self._said.get(kind, float("-inf")) >= _QUIET_SECONDS:
            self._said[kind] = now
            self._log.warning(event, **told)


def _order(event: ParcelEvent) -> str:
    """The OrderID, if it is one of ours; somebody else's order number is none of our business."""
    order = event.external_order_id.removeprefix(PREFIX)
    return order if event.external_order_id.startswith(PREFIX) and is_order_id(order) else ""
