"""One W3C trace per order, through all processes; no endpoint, no cost.

``span`` is the only door. With tracing off (no ``OTEL_EXPORTER_OTLP_ENDPOINT``) it imports nothing of OpenTelemetry and
merely hands the parent's ``traceparent`` on, so that a trace that somebody else started survives a process without
tracing. With tracing on it makes a span of the SDK, unless the trace was left out at its beginning: then all of it is
left out, at the cost of a look. Either way the current traceparent stands in a context variable, where logs find the
trace id.

Names and attributes follow OpenTelemetry's conventions for HTTP and messaging. A ``process`` span of the stream is a
child of whoever put the event there; where several join (a round of the writer) the first is the parent and the others
are links. Attributes pass an allow-list of keys and carry ids, counts and short words only. Exceptions are recorded by
type and our own code, never by text: texts of libraries quote addresses and numbers.
"""

import os
import re
import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

    from aftersend.observe.sampling import HeadSampler

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool | Sequence[str]

_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_LONGEST = 128
_MOST = 100
_CALM = frozenset({"CancelledError", "Later"})
"""Ends of a span that are no failure."""
_KEYS = {
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

_current: ContextVar[str] = ContextVar("aftersend_traceparent", default="")
_innermost: "ContextVar[Span | None]" = ContextVar("aftersend_span", default=None)
_tenant: ContextVar[str] = ContextVar("aftersend_tenant", default="")
_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None
_head_sampler: "HeadSampler | None" = None


def bind(*, tenant: str) -> None:
    """All spans of the current task, and of the tasks it starts, say which tenant they are for."""
    _tenant.set(tenant)


def current_traceparent() -> str:
    """The traceparent of the innermost span, or an empty text."""
    return _current.get()


def current_trace_id() -> str:
    """The 32 hex digits of the current trace, or an empty text."""
    return _current.get()[3:35]


def sampled_trace_id() -> str:
    """The current trace's 32 hex digits if this process records it (what an exemplar may point at), else ""."""
    innermost = _innermost.get()
    return _current.get()[3:35] if innermost is not None and innermost.is_recording() else ""


def valid_traceparent(text: str) -> str:
    """The text itself if it is a W3C traceparent of version 00, else an empty text."""
    return text if _TRACEPARENT.match(text) else ""


def tracing_enabled(environ: Mapping[str, str] = os.environ) -> bool:
    """True if the environment names an endpoint for traces and does not switch them off."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return False
    return bool(environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))


def start_tracing(service: str, *, exporter: "SpanExporter | None" = None) -> None:
    """Import and start the SDK, if an endpoint is set (or an exporter is given); otherwise do nothing.

    The protocol gRPC is one warning, and traces stay off. ``Misconfigured`` says what else is wrong with the ``OTEL_*``
    variables.
    """
    global _provider, _tracer, _head_sampler  # noqa: PLW0603 - one tracer per process, as in OpenTelemetry itself
    if exporter is None and not tracing_enabled():
        return
    from aftersend.observe.otel_settings import grpc_refused, recorded_share  # noqa: PLC0415 - heavy: only if wanted

    if exporter is None and grpc_refused(os.environ):
        return
    from aftersend.observe.otlp import provider_for  # noqa: PLC0415
    from aftersend.observe.sampling import HeadSampler  # noqa: PLC0415

    _head_sampler = HeadSampler()
    _provider = provider_for(service, os.environ, exporter, ids=_head_sampler)
    _head_sampler.record(recorded_share(os.environ))
    _tracer = _provider.get_tracer("aftersend")


def stop_tracing(*, patience: float = 3) -> None:
    """Send what is left, for at most ``patience`` seconds; blocks, so call it in a thread or after the loop."""
    global _provider, _tracer, _head_sampler
    provider, _provider, _tracer, _head_sampler = _provider, None, None, None
    if provider is not None:  # the SDK's own patience is the exporter's time-out, or none
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(patience)


def add_link(traceparent: str) -> None:
    """The innermost span serves that other trace, too."""
    current = _innermost.get()
    if current is not None and valid_traceparent(traceparent):
        current.add_link(_read(traceparent))


def set_attributes(**attributes: Value) -> None:
    """Add attributes to the innermost span, whoever began it."""
    current = _innermost.get()
    if current is not None:
        current.set_attributes(_allowed(attributes))


def url_attributes(url: str) -> dict[str, Any]:
    """Attributes of a call to this URL: where it goes, without credentials and query."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    where = f"{host}:{parts.port}" if parts.port else host
    return {"address": host, "port": port, "url": f"{parts.scheme}://{where}{parts.path}"}


def messaging(operation: str, *, kind: Literal["send", "process"], stream: str) -> dict[str, str]:
    """Attributes of an operation on a stream."""
    return {"system": "redis", "operation": operation, "operation_type": kind, "stream": stream}


class span:  # noqa: N801 - reads as a statement: with span("export.page")
    """Context manager around one step; ``.traceparent`` is what to hand to whoever continues the trace.

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
        around = _current.get()
        self.traceparent = around if not parent or parent == around else valid_traceparent(parent) or around

    def __enter__(self) -> Self:
        left_out = _head_sampler.left_out(self.traceparent) if _head_sampler is not None else ""
        if left_out:
            self.traceparent = left_out
        elif _tracer is not None:
            self._span = _start(_tracer, self._name, self._kind, self._context(), self._links, self._attributes)
            self.traceparent = _written(self._span)
        self._within = _innermost.set(self._span)
        self._token = _current.set(self.traceparent)
        return self

    def _context(self) -> "Context | None":
        """The parent, as the SDK wants it: the surrounding span itself, or what a traceparent from outside says."""
        from opentelemetry import trace  # noqa: PLC0415 - loaded already, the SDK is running

        around = _innermost.get()
        if around is not None and self.traceparent == _current.get():
            return trace.set_span_in_context(around)
        outside = self.traceparent
        return trace.set_span_in_context(trace.NonRecordingSpan(_read(outside))) if outside else None

    def set(self, **attributes: Value) -> None:
        """Add attributes that became known meanwhile."""
        if self._span is not None:
            self._span.set_attributes(_allowed(attributes))

    def failed(self, kind: str) -> None:
        """The step ended badly without an exception; ``kind`` is a short word or a status."""
        if self._span is not None:
            _mark_failed(self._span, kind)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if self._within is not None:
            _innermost.reset(self._within)
        if self._span is None:
            return
        if kind is not None and kind.__name__ not in _CALM:
            _mark_failed(self._span, kind.__name__, code=str(getattr(error, "code", "")))
        self._span.end()


def _allowed(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {_KEYS[key]: _short(value) for key, value in attributes.items() if key in _KEYS}


def _short(value: Value) -> Value:
    if isinstance(value, str):
        return value[:_LONGEST]
    return value if isinstance(value, int | float) else tuple(str(one)[:_LONGEST] for one in value[:_MOST])


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
        links=[trace.Link(_read(link)) for link in links if valid_traceparent(link)],
        attributes=_allowed({"tenant": _tenant.get(), **attributes} if _tenant.get() else attributes),
        record_exception=False,
        set_status_on_exception=False,
    )


def _read(traceparent: str) -> Any:  # noqa: ANN401 - the type would import the SDK's API
    from opentelemetry import trace  # noqa: PLC0415

    _, trace_id, span_id, flags = traceparent.split("-")
    return trace.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(int(flags, 16))
    )


def _written(span_: "Span") -> str:
    context = span_.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _mark_failed(span_: "Span", kind: str, *, code: str = "") -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span_.set_attribute("error.type", kind[:_LONGEST])
    if code:
        span_.set_attribute("aftersend.error.code", code[:_LONGEST])
    span_.set_status(StatusCode.ERROR, kind[:_LONGEST])
