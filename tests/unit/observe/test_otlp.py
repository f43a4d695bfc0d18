"""Sending spans: to a real receiver, to a silent one, and with settings that make no sense."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from aftersend.errors import Misconfigured
from aftersend.observe import traces
from aftersend.observe.context import sampled_trace_id
from aftersend.observe.otel_settings import setting_errors
from aftersend.observe.otlp import LogOnChange
from aftersend.observe.traces import span
from tests.support.otlp_receiver import OtlpReceiver, receiving

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpReceiver]:
    with receiving() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
        yield received


def test_the_standard_variables_are_heard(collector: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=se%20cret")
    traces.start_tracing("ignored")
    with span("step", order="4711"):
        pass
    traces.stop_tracing()
    ((seen,), (headers,)) = (collector.spans, collector.headers)
    assert (seen.service, seen.name, seen.about["aftersend.order"]) == ("shop", "step", "4711")
    assert headers["x-key"] == "se cret"


def test_the_sampler_decides(collector: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    traces.start_tracing("test")
    with span("unsampled") as unsampled:
        assert sampled_trace_id() == ""
    with span("sampled", parent=unsampled.traceparent[:-1] + "1"):
        pass
    traces.stop_tracing()
    assert [seen.name for seen in collector.spans] == ["sampled"]


class Moody(SpanExporter):
    """Answers one export after the other: + is success."""

    def __init__(self, answers: str) -> None:
        self._answers = list(answers)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        assert not spans
        return SpanExportResult.SUCCESS if self._answers.pop(0) == "+" else SpanExportResult.FAILURE


def test_a_collector_that_goes_and_comes_back_is_two_lines() -> None:
    with structlog.testing.capture_logs() as said:
        sending = LogOnChange(Moody("+---++"))
        for _ in range(6):
            sending.export(())
    assert [line["event"] for line in said] == ["spans_not_sent", "spans_sent_again"]


BUSY = """
from aftersend.observe import traces
traces.start_tracing("test")
for _ in range(100):
    with traces.span("step"):
        pass
traces.stop_tracing(timeout=0.1)
"""


def test_a_silent_collector_is_not_waited_for() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
            "OTEL_BSP_MAX_QUEUE_SIZE": "10",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5",
        }
        ended = subprocess.run([sys.executable, "-c", BUSY], env=environ, capture_output=True, check=False, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "use http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "thrift"}, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is wrong"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "use a URL such as http://collector:4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:99999"}, "use a URL such as http://collector:4318"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, "use seconds"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "Bearer geheim"}, "use name=value"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zip"}, "use one of none, gzip, deflate"),
        ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nonexistent"}, "use the path of a file"),
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, "use one of otlp, none"),
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "use one of always_on"),
        ({"OTEL_TRACES_SAMPLER_ARG": "10%"}, "use a number from 0 to 1"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "blue"}, "use name=value"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "use a whole number"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "10"}, "use at most OTEL_BSP_MAX_QUEUE_SIZE"),
    ],
)
def test_nonsense_is_named_and_not_quoted(environ: dict[str, str], said: str) -> None:
    (complaint,) = setting_errors(ENDPOINT | environ)
    assert said in complaint
    assert "geheim" not in complaint


@pytest.mark.parametrize(
    ("environ", "setting"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": " GRPC ", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": " "},
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "gRPC"},
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        ),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"},
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ),
    ],
)
def test_grpc_is_one_warning_with_the_cure_and_no_traces(
    environ: dict[str, str], setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (ENDPOINT | environ).items():
        monkeypatch.setenv(name, value)
    with structlog.testing.capture_logs() as said:
        traces.start_tracing("test")
    (line,) = said
    assert (line["event"], line["log_level"], line["setting"]) == ("traces_off", "warning", setting)
    assert "http/protobuf" in line["cure"]
    assert "4318" in line["cure"]
    assert traces._provider is None


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_grpc_without_wish_for_traces_says_nothing(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with structlog.testing.capture_logs() as said:
        traces.start_tracing("test")
    assert not said


def test_a_share_that_is_no_number_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "10%"}
    for name, value in (ENDPOINT | wrong).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match="use a number from 0 to 1"):
        traces.start_tracing("test")


def test_all_setting_errors_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (ENDPOINT | {"OTEL_TRACES_SAMPLER": "x", "OTEL_EXPORTER_OTLP_TIMEOUT": "x"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match=r"TIMEOUT is wrong.*SAMPLER is wrong"):
        traces.start_tracing("test")
