"""One W3C trace per order, through all processes; no endpoint, no cost.

``span`` is the only entry. With tracing off (no ``OTEL_EXPORTER_OTLP_ENDPOINT``) it imports nothing of OpenTelemetry
and passes the parent's ``traceparent`` on, so a trace that began elsewhere survives a process without tracing. With
tracing on it starts a span of the SDK, unless the trace is unsampled (see ``sampling``). Either way the current
traceparent stands in a context variable (``observe.context``), where logs find the trace id.

Names and attributes follow OpenTelemetry's conventions for HTTP and messaging. The parent of a ``process`` span is the
span that sent the event; where several join (a batch of the writer) the first is the parent and the others are links.
Attributes pass an allow-list of keys and carry ids, counts and short words only. Exceptions are recorded by type and
our own code, never by text: texts of libraries quote addresses and numbers.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from contextvars import Token, copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from aftersend.observe.context import SPAN, TENANT, TRACEPARENT, valid_traceparent
from aftersend.observe.otel_settings import grpc_refused, sampling_ratio

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

    from aftersend.observe.sampling import HeadSampler

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool | Sequence[str]

_MAX_LENGTH = 128
_MAX_ITEMS = 100
_NO_FAILURE = frozenset({"CancelledError", "Later"})
"""Exceptions that end a span without marking it as failed."""
_ATTRIBUTES = {
    "address": "server.address",
    "port": "server.port",
    "url": "url.full",
    "url_path": "url.path",
    "template": "url.template",
    "system": "messaging.system",
    "operation": "messaging.operation.name",
    "operation_type": "messaging.operation.type",
    "group": "messaging.consumer.group.name",
    "messages": "messaging.batch.message_count",
    "orders": "aftersend.orders",
    "tenant": "aftersend.tenant",
    "order": "aftersend.order",
    "parcel": "aftersend.parcel",
    "run": "aftersend.run",
    "run_kind": "aftersend.run.kind",
    "event": "messaging.message.id",
    "event_type": "aftersend.event.type",
    "stream": "messaging.destination.name",
    "source": "aftersend.source",
    "attempt": "aftersend.attempt",
    "outcome": "aftersend.outcome",
    "reason": "aftersend.reason",
    "count": "aftersend.count",
    "upstream": "aftersend.upstream",
    "call": "aftersend.call",
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
}

_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None
_head_sampler: "HeadSampler | None" = None


def tracing_enabled(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True if the environment names an endpoint for traces and does not switch them off."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return False
    return bool(environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))


def start_tracing(service: str, *, exporter: "SpanExporter | None" = None) -> None:
    """Import and start the SDK, if an endpoint is set (or an exporter is given); otherwise do nothing.

    The protocol gRPC logs one warning, and traces stay off. ``Misconfigured`` lists other errors of the ``OTEL_*``
    variables.
    """
    global _provider, _tracer, _head_sampler  # noqa: PLW0603 - one tracer per process, as in OpenTelemetry itself
    if exporter is None and (not tracing_enabled() or grpc_refused(os.environ)):
        return
    from aftersend.observe.otlp import provider_for  # noqa: PLC0415 - the SDK costs start-up time and memory
    from aftersend.observe.sampling import HeadSampler  # noqa: PLC0415 - as above

    _head_sampler = HeadSampler()
    _provider = provider_for(service, os.environ, exporter, ids=_head_sampler)
    _head_sampler.set_ratio(sampling_ratio(os.environ))
    _tracer = _provider.get_tracer("aftersend")


def stop_tracing(*, timeout: float = 3) -> None:
    """Send the remaining spans, for at most ``timeout`` seconds; blocks, so call it in a thread or after the loop."""
    global _provider, _tracer, _head_sampler
    provider, _provider, _tracer, _head_sampler = _provider, None, None, None
    if provider is not None:  # the SDK waits for the exporter's time-out, or for ever
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(timeout)


def add_link(traceparent: str) -> None:
    """Link the innermost span to another trace that it serves, too."""
    current = SPAN.get()
    if current is not None and valid_traceparent(traceparent):
        current.add_link(_span_context(traceparent))


def set_attributes(**attributes: Value) -> None:
    """Add attributes to the innermost span."""
    current = SPAN.get()
    if current is not None:
        current.set_attributes(_allowed(attributes))


def url_attributes(url: str) -> dict[str, Any]:
    """Return the attributes of a call to this URL, without credentials and query."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    where = f"{host}:{parts.port}" if parts.port else host
    return {"address": host, "port": port, "url": f"{parts.scheme}://{where}{parts.path}"}


def messaging(operation: str, *, kind: Literal["send", "process"], stream: str) -> dict[str, str]:
    """Return the attributes of an operation on a stream."""
    return {"system": "redis", "operation": operation, "operation_type": kind, "stream": stream}


class span:  # noqa: N801 - reads as a statement: with span("export.page")
    """Context manager around one step; ``.traceparent`` is what a stream entry or a header carries on.

    ``parent`` is a traceparent from outside (a stream entry, a header); without one the surrounding span is the parent.
    ``links`` name other traces that this step serves, as a batch does.
    """

    __slots__ = ("_attributes", "_kind", "_links", "_name", "_span", "_token", "_within", "traceparent")

    def __init__(
        self,
        name: str,
        *,
        kind: SpanKind = "internal",
        parent: str = "",
        links: Sequence[str] = (),
        **attributes: Value,
    ) -> None:
        self._name = name
        self._kind = kind
        self._links = links
        self._attributes = attributes
        self._span: Span | None = None
        self._token: Token[str] | None = None
        self._within: Token[Span | None] | None = None
        around = TRACEPARENT.get()
        self.traceparent = around if not parent or parent == around else valid_traceparent(parent) or around

    def __enter__(self) -> Self:
        unsampled = _head_sampler.unsampled(self.traceparent) if _head_sampler is not None else ""
        if unsampled:
            self.traceparent = unsampled
        elif _tracer is not None:
            self._span = _start(_tracer, self._name, self._kind, self._context(), self._links, self._attributes)
            self.traceparent = _format_traceparent(self._span)
        self._within = SPAN.set(self._span)
        self._token = TRACEPARENT.set(self.traceparent)
        return self

    def _context(self) -> "Context | None":
        """Return the parent for the SDK: the surrounding span, or a remote one from a traceparent."""
        from opentelemetry import trace  # noqa: PLC0415 - loaded already, the SDK is running

        around = SPAN.get()
        if around is not None and self.traceparent == TRACEPARENT.get():
            return trace.set_span_in_context(around)
        outside = self.traceparent
        return trace.set_span_in_context(trace.NonRecordingSpan(_span_context(outside))) if outside else None

    def set(self, **attributes: Value) -> None:
        """Add attributes that became known after the start."""
        if self._span is not None:
            self._span.set_attributes(_allowed(attributes))

    def failed(self, kind: str) -> None:
        """Mark the step as failed without an exception; ``kind`` is a short word or a status."""
        if self._span is not None:
            _mark_failed(self._span, kind)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            TRACEPARENT.reset(self._token)
        if self._within is not None:
            SPAN.reset(self._within)
        if self._span is None:
            return
        if kind is not None and kind.__name__ not in _NO_FAILURE:
            _mark_failed(self._span, kind.__name__, code=str(getattr(error, "code", "")))
        self._span.end()


class OpenSpan:
    """A span that is entered beside others, without surrounding what runs: that of one event among many."""

    __slots__ = ("_context", "_span", "traceparent")

    def __init__(self, opened: span) -> None:
        self._span, self._context = opened, copy_context()
        self._context.run(opened.__enter__)
        self.traceparent = opened.traceparent

    def end(self, error: Exception | None) -> None:
        """End it, failed by an error or not."""
        self._context.run(self._span.__exit__, type(error) if error else None, error, None)


def _allowed(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {_ATTRIBUTES[key]: _short(value) for key, value in attributes.items() if key in _ATTRIBUTES}


def _short(value: Value) -> Value:
    if isinstance(value, str):
        return value[:_MAX_LENGTH]
    return value if isinstance(value, int | float) else tuple(str(one)[:_MAX_LENGTH] for one in value[:_MAX_ITEMS])


def _start(
    tracer: "Tracer",
    name: str,
    kind: str,
    parent: "Context | None",
    links: Sequence[str],
    attributes: Mapping[str, Value],
) -> "Span":
    from opentelemetry import trace  # noqa: PLC0415 - loaded already, the SDK is running

    return tracer.start_span(
        name,
        context=parent,
        kind=trace.SpanKind[kind.upper()],
        links=[trace.Link(_span_context(link)) for link in links if valid_traceparent(link)],
        attributes=_allowed({"tenant": TENANT.get(), **attributes} if TENANT.get() else attributes),
        record_exception=False,
        set_status_on_exception=False,
    )


def _span_context(traceparent: str) -> Any:  # noqa: ANN401 - the type would import the SDK's API
    from opentelemetry import trace  # noqa: PLC0415 - as above

    _, trace_id, span_id, flags = traceparent.split("-")
    return trace.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(int(flags, 16))
    )


def _format_traceparent(span_: "Span") -> str:
    context = span_.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _mark_failed(span_: "Span", kind: str, *, code: str = "") -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - as above

    span_.set_attribute("error.type", kind[:_MAX_LENGTH])
    if code:
        span_.set_attribute("aftersend.error.code", code[:_MAX_LENGTH])
    span_.set_status(StatusCode.ERROR, kind[:_MAX_LENGTH])
