"""One W3C trace per order, through all processes; no endpoint, no cost.

``span`` is the only door. With tracing off (no ``OTEL_EXPORTER_OTLP_ENDPOINT``) it imports nothing of OpenTelemetry and
merely hands the parent's ``traceparent`` on, so that a trace that somebody else started survives a process without
tracing. With tracing on it makes a span of the SDK. Either way the current traceparent stands in a context variable,
where logs find the trace id.

Attributes pass an allow-list of keys and carry ids, counts and short words only. Exceptions are recorded by type,
never by text: texts of libraries quote addresses and numbers.
"""

import os
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool

_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_LONGEST = 128
_KEYS = {
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
    "upstream": "server.address",
    "call": "aftersend.call",
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
}

_current: ContextVar[str] = ContextVar("aftersend_traceparent", default="")
_provider: "TracerProvider | None" = None


def current_traceparent() -> str:
    """The traceparent of the innermost span, or an empty text."""
    return _current.get()


def current_trace_id() -> str:
    """The 32 hex digits of the current trace, or an empty text."""
    return _current.get()[3:35]


def sampled_trace_id() -> str:
    """The current trace's 32 hex digits if this process records it (what an exemplar may point at), else ""."""
    current = _current.get()
    return current[3:35] if _provider is not None and current[53:] and int(current[53:], 16) & 1 else ""


def valid_traceparent(text: str) -> str:
    """The text itself if it is a W3C traceparent of version 00, else an empty text."""
    return text if _TRACEPARENT.match(text) else ""


def wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """True if the environment names an endpoint for traces and does not switch them off."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return False
    return bool(environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))


def start_tracing(service: str, *, exporter: "SpanExporter | None" = None) -> None:
    """Import and start the SDK, if an endpoint is set (or an exporter is given); otherwise do nothing."""
    global _provider  # noqa: PLW0603 - one tracer per process, as in OpenTelemetry itself
    if exporter is None and not wanted():
        return
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - heavy: only if wanted
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        exporter = OTLPSpanExporter()
    name = os.environ.get("OTEL_SERVICE_NAME") or service
    _provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(exporter))


def stop_tracing(*, patience: float = 3) -> None:
    """Send what is left, for at most ``patience`` seconds; blocks, so call it in a thread or after the loop."""
    global _provider
    provider, _provider = _provider, None
    if provider is not None:
        provider.force_flush(int(patience * 1000))
        provider.shutdown()


class span:  # noqa: N801 - reads as a statement: with span("export.page")
    """Context manager around one step; ``.traceparent`` is what to hand to whoever continues the trace.

    ``parent`` is a traceparent from outside (a stream entry, a header); without one the surrounding span is the parent.
    ``links`` name other traces that this step serves, as a batch does.
    """

    __slots__ = ("_attributes", "_kind", "_links", "_name", "_span", "_token", "traceparent")

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
        self.traceparent = valid_traceparent(parent) or _current.get()

    def __enter__(self) -> Self:
        if _provider is not None:
            self._span = _start(
                _provider, self._name, self._kind, self.traceparent, links=self._links, attributes=self._attributes
            )
            self.traceparent = _written(self._span)
        self._token = _current.set(self.traceparent)
        return self

    def set(self, **attributes: Value) -> None:
        """Add attributes that became known meanwhile."""
        if self._span is not None:
            self._span.set_attributes(_allowed(attributes))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if self._span is not None:
            if kind is not None:
                _mark_failed(self._span, kind)
            self._span.end()


def _allowed(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {
        _KEYS[key]: value[:_LONGEST] if isinstance(value, str) else value
        for key, value in attributes.items()
        if key in _KEYS and isinstance(value, str | int | float)
    }


def _start(
    provider: "TracerProvider",
    name: str,
    kind: str,
    parent: str,
    *,
    links: Sequence[str],
    attributes: Mapping[str, Value],
) -> "Span":
    from opentelemetry import trace  # noqa: PLC0415 - loaded already, the SDK is running

    return provider.get_tracer("aftersend").start_span(
        name,
        context=trace.set_span_in_context(trace.NonRecordingSpan(_read(parent))) if parent else None,
        kind=trace.SpanKind[kind.upper()],
        links=[trace.Link(_read(link)) for link in links if valid_traceparent(link)],
        attributes=_allowed(attributes),
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


def _mark_failed(span_: "Span", kind: type[BaseException]) -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span_.set_attribute("error.type", kind.__name__)
    span_.set_status(StatusCode.ERROR, kind.__name__)
