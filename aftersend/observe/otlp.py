"""Where spans go: OTLP over HTTP, by the SDK's own exporter.

``LogOnChange`` wraps the exporter: one log line when sending begins to fail and one when it works again. Spans that
cannot be sent are dropped; only a thread of the SDK waits for the collector.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator

from aftersend import __version__
from aftersend.errors import Misconfigured
from aftersend.observe.logs import get_logger
from aftersend.observe.otel_settings import setting_errors

_REFUSED: Final = "the SDK of OpenTelemetry refuses a setting"
_LOUD: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "urllib3")
"""Loggers with a line per batch or span that gets lost."""


def provider_for(
    service: str, environ: Mapping[str, str], exporter: SpanExporter | None = None, *, ids: IdGenerator | None = None
) -> TracerProvider:
    """Start the SDK; ``Misconfigured`` lists all that is wrong with the variables."""
    if wrong := setting_errors(environ):
        raise Misconfigured("; ".join(wrong))
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    ours = Resource.create({"service.name": service, "service.version": __version__})
    try:
        resource = ours.merge(OTELResourceDetector().detect())
        provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(LogOnChange(exporter or OTLPSpanExporter())))
    except (ValueError, OSError):
        raise Misconfigured(_REFUSED, cure="compare the OTEL_ variables with its documentation") from None
    return provider


class LogOnChange(SpanExporter):
    """An exporter that logs when sending begins to fail and when it works again, and nothing in between."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._works = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch."""
        result = self._inner.export(spans)
        works = result is SpanExportResult.SUCCESS
        if works is not self._works:
            log = get_logger()
            log.info("spans_sent_again") if works else log.warning("spans_not_sent", count=len(spans))
        self._works = works
        return result

    def shutdown(self) -> None:
        """Send no more."""
        self._inner.shutdown()
