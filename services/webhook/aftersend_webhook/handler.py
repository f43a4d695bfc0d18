"""Handle a webhook: a short list of checks, whose order is part of the contract.

    POST? ─no─> 405
    over 1 MiB? ─yes─> 413          too slow or broken off: 408, 400; dropped for another one: 503
    a key to verify with? ─no─> 503
    signed? ─no─> 401
    readable, with a parcel id? ─no─> 400
    not over 90 days old? ─no─> 200
    anything to do? ─no─> 200       Redis is not asked
    stored and confirmed by Redis? ─no─> 503 with Retry-After
    ─yes─> 200

Every response is counted. There is no deduplication here: the consumer makes duplicates harmless. The response is 200
``stored`` only after Redis confirmed, so the event survives whatever happens afterwards.

Log lines hold ids and Sendcloud's own words. Until the signature is verified nothing of the request is logged, and only
one line per outcome and minute, since the requests may come from anywhere.
"""

import asyncio
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Final

from aiohttp import web

from aftersend.errors import AftersendError, Transient
from aftersend.observe.logs import get_logger
from aftersend.observe.meters import exemplar
from aftersend.observe.metrics import Metrics
from aftersend.observe.throttle import LogThrottle
from aftersend.observe.traces import span
from aftersend.order_ids import order_id_of
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.credentials import SignatureKeys
from aftersend.sendcloud.errors import Malformed
from aftersend.sendcloud.model import ParcelEvent
from aftersend.sendcloud.parcel import Ignored, IgnoredReason, decode_webhook
from aftersend.stream.stream import Stream
from aftersend_webhook.body_reader import BodyReader, WebhookResponse
from aftersend_webhook.recent import RecentWebhooks
from aftersend_webhook.signatures import HEADER, is_signed

WRONG_METHOD: Final = WebhookResponse("wrong_method", 405)
NO_KEY: Final = WebhookResponse("no_key", 503, retry_after=60)
WRONG_SIGNATURE: Final = WebhookResponse("wrong_signature", 401)
MALFORMED: Final = WebhookResponse("malformed", 400)
TOO_OLD: Final = WebhookResponse("too_old", 200)
STORED: Final = WebhookResponse("stored", 200)
FAILED: Final = WebhookResponse("failed", 503, retry_after=60)
_SERVER_ERROR: Final = 500
_INITIAL_OUTCOMES: Final = ("stored", "not_stored", "failed", "no_key", "busy", "wrong_signature", "too_old")
"""Series that exist from the start: Prometheus sees no increase in a series that begins with its first event."""
_STORE_TIMEOUT: Final = 5.0
_RETRY_AFTER: Final = 30


class WebhookHandler:
    """Handles the webhooks of one tenant."""

    def __init__(
        self,
        *,
        tenant: str,
        keys: SecretFiles,
        stream: Stream,
        metrics: Metrics,
        body_reader: BodyReader | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tenant = tenant
        self._keys = keys
        self._stream = stream
        self._seconds = metrics.webhook_seconds.labels(tenant)
        self._count = cache(partial(metrics.webhooks.labels, tenant))
        for outcome in _INITIAL_OUTCOMES:
            self._count(outcome)
        self._body_reader = body_reader or BodyReader()
        self._clock = clock
        self.recent = RecentWebhooks(clock)
        self._log = get_logger(tenant=tenant, part="webhook")
        self._throttle = LogThrottle()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Respond to one request and count the outcome."""
        try:
            answer = await self._respond(request)
        except Exception as error:  # noqa: BLE001 - Sendcloud must retry, and no text of the error may leave the process
            self._log.error("webhook_failed", exc_info=error)
            answer = FAILED
        self._count(answer.outcome).inc()
        self.recent.record(answer.outcome)
        response = answer.to_aiohttp()
        if answer is WRONG_METHOD:
            response.headers["Allow"] = "POST"
        return response

    async def _respond(self, request: web.BaseRequest) -> WebhookResponse:
        began = time.monotonic()
        if request.method != "POST":
            return WRONG_METHOD
        body = await self._body_reader.read(request)
        if isinstance(body, WebhookResponse):
            return self._reject(body)
        keys = SignatureKeys.read(self._keys)
        if keys.too_short:
            self._log_throttled("signature_key_ignored", reason="too_short", count=keys.too_short)
        if not keys.usable:
            return self._reject(NO_KEY)
        if not is_signed(body, request.headers.get(HEADER, ""), keys.usable):
            return self._reject(WRONG_SIGNATURE)
        attributes = {"method": "POST", "route": request.path, "url_path": request.path}
        parent = request.headers.get("traceparent", "")
        with span(f"POST {request.path}", kind="server", parent=parent, tenant=self._tenant, **attributes) as trace:
            answer = await self._process(body, trace.traceparent)
            trace.set(outcome=answer.outcome, status=answer.status)
            if answer.status >= _SERVER_ERROR:
                trace.failed(str(answer.status))
            self._seconds.observe(time.monotonic() - began, exemplar())
        return answer

    async def _process(self, body: bytes, traceparent: str) -> WebhookResponse:
        """Decode a body with a verified signature, and store its event."""
        try:
            found = decode_webhook(body, received=int(self._clock() * 1000))
        except Malformed as error:
            self._log.warning("webhook_malformed", code=error.code, path=error.path)
            return MALFORMED
        if isinstance(found, Ignored) and found.reason is IgnoredReason.TOO_OLD:
            self._log.warning("webhook_too_old", action=found.action)
            return TOO_OLD
        if isinstance(found, Ignored):
            self._log.info("webhook_ignored", reason=found.reason, action=found.action)
            return WebhookResponse(f"ignored_{found.reason}", 200)
        return await self._store(found, traceparent)

    async def _store(self, event: ParcelEvent, traceparent: str) -> WebhookResponse:
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                name = await self._stream.add("parcel.changed", "webhook", event, traceparent=traceparent)
        except TimeoutError:
            return self._not_stored(Transient("redis_too_slow", upstream="redis"))
        except AftersendError as error:
            return self._not_stored(error)
        order = order_id_of(event.external_order_id)  # empty for other systems: their numbers are not logged
        self._log.info("webhook_stored", event_id=name, parcel=event.parcel, status=event.status, order=order)
        return STORED

    def _not_stored(self, error: AftersendError) -> WebhookResponse:
        self._log_throttled("webhook_not_stored", error=error)
        wanted = error.retry_after if isinstance(error, Transient) else None
        return WebhookResponse("not_stored", 503, retry_after=int(wanted or _RETRY_AFTER))

    def _reject(self, answer: WebhookResponse) -> WebhookResponse:
        self._log_throttled("webhook_refused", outcome=answer.outcome, http=answer.status)
        return answer

    def _log_throttled(self, event: str, **fields: object) -> None:
        """Log a warning once a minute for each event and fields; the metric counts every one."""
        if self._throttle.suppressed(f"{event} {fields}") is not None:
            self._log.warning(event, **fields)
