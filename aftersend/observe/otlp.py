"""Where spans go: OTLP over HTTP or gRPC.

HTTP is the SDK's own exporter. gRPC is ``grpclib``: for one call every few seconds, grpcio would add 18 MB to an image
that is a few MB below its limit. ``Quietly`` stands around either: a collector that is away is worth one line when it
goes and one when it is back. What cannot be sent is dropped; nobody waits for it but a thread of the SDK.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.exceptions import GRPCError, StreamTerminatedError
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator

from aftersend import __version__
from aftersend.errors import Misconfigured
from aftersend.observe.logs import get_logger
from aftersend.observe.otel_settings import complaints, otlp, pairs

_CALL: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_TIMEOUT: Final = "10"
_REFUSED: Final = "the SDK of OpenTelemetry refuses a setting"
_LOUD: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "grpclib", "urllib3")
"""Loggers with a line per batch or span that gets lost."""


def provider_for(
    service: str, environ: Mapping[str, str], exporter: SpanExporter | None = None, *, ids: IdGenerator | None = None
) -> TracerProvider:
    """The SDK, running; ``Misconfigured`` lists all that is wrong with the variables."""
    if wrong := complaints(environ):
        raise Misconfigured("; ".join(wrong))
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    ours = Resource.create({"service.name": service, "service.version": __version__})
    try:
        resource = ours.merge(OTELResourceDetector().detect())
        provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(Quietly(exporter or _exporter(environ))))
    except (ValueError, OSError):
        raise Misconfigured(_REFUSED, cure="compare the OTEL_ variables with its documentation") from None
    return provider


def _exporter(environ: Mapping[str, str]) -> SpanExporter:
    return GrpcExporter(environ) if otlp(environ, "PROTOCOL").lower() == "grpc" else OTLPSpanExporter()


class GrpcExporter(SpanExporter):
    """OTLP over gRPC, with a connection per batch: a batch leaves every few seconds at most."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = urlsplit(otlp(environ, "ENDPOINT"))
        self._host = address.hostname or ""
        self._port = address.port or (443 if address.scheme == "https" else 80)
        self._timeout = float(otlp(environ, "TIMEOUT") or _TIMEOUT)
        self._metadata = pairs(otlp(environ, "HEADERS"))
        self._tls = _tls(environ) if address.scheme == "https" else None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch; a failure is a result, not an error."""
        try:
            asyncio.run(self._send(encode_spans(spans)))
        except (OSError, TimeoutError, GRPCError, StreamTerminatedError):
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    async def _send(self, request: ExportTraceServiceRequest) -> None:
        async with asyncio.timeout(self._timeout), Channel(self._host, self._port, ssl=self._tls) as channel:
            call = UnaryUnaryMethod(channel, _CALL, ExportTraceServiceRequest, ExportTraceServiceResponse)
            await call(request, metadata=self._metadata)


class Quietly(SpanExporter):
    """Tells when sending begins to fail and when it works again, and nothing in between."""

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


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=otlp(environ, "CERTIFICATE") or None)
    context.set_alpn_protocols(["h2"])
    if certificate := otlp(environ, "CLIENT_CERTIFICATE"):
        context.load_cert_chain(certificate, otlp(environ, "CLIENT_KEY") or None)
    return context
